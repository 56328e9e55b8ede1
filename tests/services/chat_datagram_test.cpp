#include "protocol/chat_datagram.hpp"
#include "protocol/chat_name.hpp"
#include "protocol/sequence_window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes)
        out += {digits[static_cast<unsigned char>(c) >> 4], digits[c & 15]};
    return out;
}

template <class Datagram>
std::string written(const Datagram& d) {
    std::string out = "what was there before";
    write_chat(out, d);
    return out;
}

chat_cookie some_cookie() {
    chat_cookie c{};
    std::ranges::fill(c, std::byte{0xc0});
    return c;
}

const std::string c16 = "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0";

// ---- the bytes, as docs/wire.md has them

TEST(chat_datagram_test, requests_have_these_bytes) {
    EXPECT_EQ(
        hex(written(chat_join{0x0807060504030201, some_cookie(), "tea", "Ann"})),
        "ff0101"
        "0102030405060708" +
            c16 +
            "03746561"
            "03416e6e"
    );
    EXPECT_EQ(
        hex(written(chat_leave{0x1122334455667788})),
        "ff0102"
        "8877665544332211"
    );
    EXPECT_EQ(
        hex(written(chat_message{0x11, 2, "hi"})),
        "ff0103"
        "1100000000000000"
        "0200000000000000"
        "6869"
    );
    EXPECT_EQ(
        hex(written(chat_heartbeat{0x11, 7})),
        "ff0104"
        "1100000000000000"
        "07000000"
    );
    EXPECT_EQ(
        hex(written(chat_who{0x11, 8})),
        "ff0105"
        "1100000000000000"
        "08000000"
    );
}

TEST(chat_datagram_test, replies_have_these_bytes) {
    EXPECT_EQ(
        hex(written(chat_challenge{1, some_cookie()})),
        "ff0181"
        "0100000000000000" +
            c16
    );
    EXPECT_EQ(
        hex(written(chat_welcome{1, 2, 3, 4, 5000, 6, 1200})),
        "ff0182"
        "0100000000000000"
        "0200000000000000"
        "0300000000000000"
        "0400000000000000"
        "88130000"
        "06000000"
        "b0040000"
    );
    EXPECT_EQ(
        hex(written(chat_refused{chat_refusal::name_taken, 1})),
        "ff0183"
        "03"
        "0100000000000000"
    );
    EXPECT_EQ(
        hex(written(chat_delivery{3, 4, 5, "Ann", "hi"})),
        "ff0184"
        "0300000000000000"
        "0400000000000000"
        "0500000000000000"
        "03416e6e"
        "6869"
    );
    EXPECT_EQ(
        hex(written(chat_notice{3, 4, chat_notice::what::left, "Ann"})),
        "ff0185"
        "02"
        "0300000000000000"
        "0400000000000000"
        "03416e6e"
    );
    EXPECT_EQ(
        hex(written(chat_alive{2, 7, 6, 9})),
        "ff0186"
        "0200000000000000"
        "07000000"
        "06000000"
        "0900000000000000"
    );
    std::string names;
    append_chat_name(names, "Ann");
    append_chat_name(names, "Bo");
    EXPECT_EQ(
        hex(written(chat_names{2, 8, 2, names})),
        "ff0187"
        "0200000000000000"
        "08000000"
        "02000000"
        "03416e6e"
        "02426f"
    );
    EXPECT_EQ(
        hex(written(chat_left{2})),
        "ff0188"
        "0200000000000000"
    );
}

// ---- reading

template <class T>
T request(const std::string& bytes) {
    return std::get<T>(read_chat_request(bytes_of(bytes)).value());
}

template <class T>
T reply(const std::string& bytes) {
    return std::get<T>(read_chat_reply(bytes_of(bytes)).value());
}

TEST(chat_datagram_test, reads_the_requests_that_it_writes) {
    const std::string join = written(chat_join{~0ULL, some_cookie(), "茶", "阿宸"});
    EXPECT_EQ(request<chat_join>(join).attempt, ~0ULL);
    EXPECT_EQ(request<chat_join>(join).cookie, some_cookie());
    EXPECT_EQ(request<chat_join>(join).room, "茶");
    EXPECT_EQ(request<chat_join>(join).name, "阿宸");
    EXPECT_EQ(request<chat_leave>(written(chat_leave{5})).token, 5U);
    const std::string message = written(chat_message{5, 1ULL << 63, "hi"});
    EXPECT_EQ(request<chat_message>(message).sequence, 1ULL << 63);
    EXPECT_EQ(request<chat_message>(message).text, "hi");
    EXPECT_EQ(request<chat_message>(written(chat_message{5, 1, ""})).text, "");
    EXPECT_EQ(request<chat_heartbeat>(written(chat_heartbeat{5, 6})).number, 6U);
    EXPECT_EQ(request<chat_who>(written(chat_who{5, 6})).token, 5U);
}

TEST(chat_datagram_test, reads_the_replies_that_it_writes) {
    const auto welcome = reply<chat_welcome>(written(chat_welcome{1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(welcome.token, 2U);
    EXPECT_EQ(welcome.longest_text, 7U);
    const auto refused = reply<chat_refused>(written(chat_refused{chat_refusal::ending, 8}));
    EXPECT_EQ(refused.reason, chat_refusal::ending);
    const std::string bytes = written(chat_delivery{3, 4, 5, "Ann", std::string(60'000, 'x')});
    EXPECT_EQ(reply<chat_delivery>(bytes).name, "Ann");
    EXPECT_EQ(reply<chat_delivery>(bytes).text.size(), 60'000U);
    const std::string left = written(chat_notice{3, 4, chat_notice::what::left, "Ann"});
    EXPECT_EQ(reply<chat_notice>(left).happened, chat_notice::what::left);
    EXPECT_EQ(reply<chat_alive>(written(chat_alive{1, 2, 3, 1ULL << 40})).dropped, 1ULL << 40);
}

TEST(chat_datagram_test, takes_names_one_by_one) {
    std::string packed;
    for (const char* const name : {"Ann", "", "阿宸"})
        append_chat_name(packed, name);
    const std::string bytes = written(chat_names{1, 2, 3, packed});
    std::vector<std::string> names;
    for (std::string_view rest = reply<chat_names>(bytes).names; !rest.empty();)
        names.emplace_back(take_chat_name(rest).value());
    EXPECT_EQ(names, (std::vector<std::string>{"Ann", "", "阿宸"}));
}

std::vector<std::string> fixed_requests() {
    return {
        written(chat_join{1, some_cookie(), "tea", "Ann"}),
        written(chat_leave{1}),
        written(chat_heartbeat{1, 2}),
        written(chat_who{1, 2}),
    };
}

std::vector<std::string> fixed_replies() {
    return {
        written(chat_challenge{1, some_cookie()}),
        written(chat_welcome{1, 2, 3, 4, 5, 6, 7}),
        written(chat_refused{chat_refusal::bad_name, 1}),
        written(chat_notice{1, 2, chat_notice::what::joined, "Ann"}),
        written(chat_alive{1, 2, 3, 4}),
        written(chat_left{1}),
    };
}

TEST(chat_datagram_test, refuses_what_is_too_short_or_too_long) {
    for (const std::string& whole : fixed_requests()) {
        ASSERT_TRUE(read_chat_request(bytes_of(whole)));
        EXPECT_FALSE(read_chat_request(bytes_of(whole + 'x'))) << hex(whole);
        EXPECT_FALSE(read_chat_reply(bytes_of(whole))) << hex(whole);
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_FALSE(read_chat_request(bytes_of(whole).first(size))) << hex(whole) << size;
    }
    for (const std::string& whole : fixed_replies()) {
        ASSERT_TRUE(read_chat_reply(bytes_of(whole)));
        EXPECT_FALSE(read_chat_reply(bytes_of(whole + 'x'))) << hex(whole);
        EXPECT_FALSE(read_chat_request(bytes_of(whole))) << hex(whole);
        for (std::size_t size = 0; size < whole.size(); ++size)
            EXPECT_FALSE(read_chat_reply(bytes_of(whole).first(size))) << hex(whole) << size;
    }
}

TEST(chat_datagram_test, refuses_a_message_without_its_head) {
    const std::string message = written(chat_message{1, 2, ""});
    const std::string delivery = written(chat_delivery{1, 2, 3, "Ann", ""});
    for (std::size_t size = 0; size < message.size(); ++size)
        EXPECT_FALSE(read_chat_request(bytes_of(message).first(size)));
    for (std::size_t size = 0; size < delivery.size(); ++size)
        EXPECT_FALSE(read_chat_reply(bytes_of(delivery).first(size)));
}

TEST(chat_datagram_test, refuses_other_versions_and_kinds) {
    std::string bytes = written(chat_leave{1});
    for (const auto& [at, value] :
         {std::pair(0, '\xfe'), std::pair(1, '\x02'), std::pair(2, '\x06')}) {
        std::string other = bytes;
        other[static_cast<std::size_t>(at)] = value;
        EXPECT_FALSE(read_chat_request(bytes_of(other))) << at;
    }
    std::string notice = written(chat_notice{1, 2, chat_notice::what::left, "Ann"});
    notice[3] = 3;
    EXPECT_FALSE(read_chat_reply(bytes_of(notice)));
    std::string names = written(chat_names{
        1,
        2,
        1,
        "\x04"
        "Ann"
    });
    EXPECT_FALSE(read_chat_reply(bytes_of(names)));
}

TEST(chat_datagram_test, nothing_sent_to_strangers_is_longer_than_what_they_sent) {
    const std::size_t join = written(chat_join{1, {}, "", ""}).size();
    EXPECT_LE(written(chat_challenge{}).size(), join);
    const std::size_t refused = written(chat_refused{}).size();
    for (const std::size_t size :
         {join,
          written(chat_message{}).size(),
          written(chat_heartbeat{}).size(),
          written(chat_who{}).size()})
        EXPECT_LE(refused, size);
    EXPECT_LE(written(chat_left{}).size(), written(chat_leave{}).size());
}

TEST(chat_datagram_test, the_longest_texts_fit_one_datagram) {
    const std::string name(longest_chat_name, 'n');
    const std::string near(longest_near_chat_text, 't'), far(longest_far_chat_text, 't');
    EXPECT_EQ(written(chat_delivery{1, 2, 3, name, near}).size(), longest_chat_datagram);
    constexpr std::size_t ethernet = 1500, headers_of_ipv6 = 48;
    EXPECT_LE(written(chat_delivery{1, 2, 3, name, far}).size(), ethernet - headers_of_ipv6);
}

// ---- names

TEST(chat_name_test, is_short_and_visible) {
    for (const std::string good : {"a", "Ann Lee", "阿宸", "127.0.0.1:80", "a|b", "😀"})
        EXPECT_TRUE(is_chat_name(good)) << good;
    for (const std::string_view bad : std::vector<std::string_view>{
             "",
             " a",
             "a ",
             "a\nb",
             "\x7f",
             std::string_view("a\0b", 3),
             "\xc2\x85",
             "\xe2\x80\xae"
             "x",
             "\xe2\x80\xa8",
             "\xff",
             "\xc0\x80",
             "\xed\xa0\x80",
             "\xe9\x98",
             "Ann的消息hi"
         })
        EXPECT_FALSE(is_chat_name(bad)) << hex(bad);
    EXPECT_TRUE(is_chat_name(std::string(64, 'x')));
    EXPECT_FALSE(is_chat_name(std::string(65, 'x')));
    EXPECT_FALSE(is_chat_name(std::string(62, 'x') + "阿"));
}

TEST(chat_name_test, is_what_it_looks_like) {
    for (const std::string_view unseen :
         {"\u00ad", "\u034f", "\u061c", "\u115f",     "\u1160",     "\u17b4",
          "\u17b5", "\u180e", "\u200b", "\u200e",     "\u200f",     "\u2060",
          "\u2064", "\u2065", "\u206a", "\u206f",     "\u3164",     "\ufeff",
          "\uffa0", "\ufff9", "\ufffb", "\U000e0000", "\U000e0041", "\U000e007f"}) {
        const std::string c(unseen);
        for (const std::string& bad : {c, c + "Ann", "An" + c + "n", "Ann" + c})
            EXPECT_FALSE(is_chat_name(bad)) << hex(bad);
    }
    for (const std::string good : {"\u00ae", "\u2010", "\u2070", "\u3131", "\ufffd"})
        EXPECT_TRUE(is_chat_name(good)) << hex(good);
}

TEST(chat_name_test, has_blanks_of_no_script_around) {
    for (const std::string_view blank :
         {" ", "\u00a0", "\u1680", "\u2000", "\u200a", "\u202f", "\u205f", "\u2800", "\u3000"}) {
        const std::string b(blank);
        for (const std::string& bad : {b, b + b, b + "Ann", "Ann" + b})
            EXPECT_FALSE(is_chat_name(bad)) << hex(bad);
        EXPECT_TRUE(is_chat_name("Ann" + b + "Lee")) << hex(b);
        EXPECT_TRUE(is_chat_name("Ann" + b + b + "Lee")) << hex(b);
    }
}

TEST(chat_name_test, has_joiners_only_where_they_join) {
    for (const std::string joiner : {"\u200c", "\u200d"}) {
        EXPECT_TRUE(is_chat_name("می" + joiner + "خواهم"));
        EXPECT_TRUE(is_chat_name("👨" + joiner + "👩" + joiner + "👧"));
        EXPECT_TRUE(is_chat_name("❤\ufe0f" + joiner + "🔥"));
        for (const std::string& bad :
             {joiner,
              joiner + "a",
              "a" + joiner,
              "a" + joiner + joiner + "b",
              "a " + joiner + "b",
              "a" + joiner + " b"})
            EXPECT_FALSE(is_chat_name(bad)) << hex(bad);
    }
    EXPECT_TRUE(is_chat_name("葛\U000e0100城"));
    for (const std::string bad : {"\ufe0f", "\U000e0100", "a \ufe0f", "\ufe0f的"})
        EXPECT_FALSE(is_chat_name(bad)) << hex(bad);
}

TEST(chat_name_test, stands_before_the_mark_in_a_plain_text) {
    EXPECT_EQ(plain_chat_name("客户端1的消息hello"), "客户端1");
    EXPECT_EQ(plain_chat_name("客户端1的消息"), "客户端1");
    EXPECT_EQ(plain_chat_name("a的消息b的消息c"), "a");
    const std::string longest(64, 'x');
    EXPECT_EQ(plain_chat_name(longest + "的消息"), longest);
    for (const std::string& none :
         {std::string(),
          std::string("hello"),
          std::string("的消息hello"),
          longest + "x的消息",
          std::string("a\x01的消息"),
          std::string("\xbf\xcd的消息")})
        EXPECT_EQ(plain_chat_name(none), std::nullopt) << none;
}

// ---- what was there before

using place = sequence_window::place;

TEST(sequence_window_test, tells_gaps_late_ones_and_duplicates) {
    sequence_window w;
    EXPECT_EQ(w.see(5).where, place::ahead);
    EXPECT_EQ(w.see(5).where, place::known);
    EXPECT_EQ(w.see(6).skipped, 0U);
    EXPECT_EQ(w.see(9).skipped, 2U);
    EXPECT_EQ(w.see(7).where, place::late);
    EXPECT_EQ(w.see(7).where, place::known);
    EXPECT_EQ(w.see(8).where, place::late);
    EXPECT_EQ(w.see(4).where, place::late);
    EXPECT_EQ(w.see(4).where, place::known);
}

TEST(sequence_window_test, takes_what_is_too_far_behind_for_known) {
    sequence_window w;
    w.see(100);
    EXPECT_EQ(w.see(37).where, place::late);
    EXPECT_EQ(w.see(36).where, place::known);
    EXPECT_EQ(w.see(163).skipped, 62U);
    EXPECT_EQ(w.see(100).where, place::known);
    EXPECT_EQ(w.see(101).where, place::late);
    EXPECT_EQ(w.see(164).where, place::ahead);
    EXPECT_EQ(w.see(100).where, place::known);
}

TEST(sequence_window_test, has_no_trouble_with_the_largest_numbers) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    sequence_window w;
    EXPECT_EQ(w.see(0).skipped, 0U);
    EXPECT_EQ(w.see(most).skipped, most - 1);
    EXPECT_EQ(w.see(most).where, place::known);
    EXPECT_EQ(w.see(most - 1).where, place::late);
    EXPECT_EQ(w.see(0).where, place::known);
}

}  // namespace
}  // namespace coserve
