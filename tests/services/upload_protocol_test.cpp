#include "protocol/marker_end.hpp"
#include "protocol/upload_header.hpp"
#include "protocol/upload_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

using coserve::bad_upload_header;
using coserve::marker_end;
using coserve::numbered_name;
using coserve::parse_upload_header;
using coserve::parse_upload_reply;
using coserve::to_json;
using coserve::upload_error;
using coserve::upload_header;
using coserve::upload_reply;
using testing::HasSubstr;
using testing::Throws;
using testing::ThrowsMessage;

const std::string digest(64, 'a');

// ---- headers

TEST(upload_header_test, is_written_as_json_dumps_does) {
    upload_header h;
    h.file_name = "性感美女在线发牌.mp4";
    h.file_size = 254031692;
    h.message = "注意身体哦";
    const std::string text = to_json(h);
    EXPECT_EQ(text.size(), 134U);
    EXPECT_EQ(
        text,
        R"({"file_name": "\u6027\u611f\u7f8e\u5973\u5728\u7ebf\u53d1\u724c.mp4", "file_size": 254031692, )"
        R"("msg": "\u6ce8\u610f\u8eab\u4f53\u54e6"})"
    );
    h = {.file_name = "\"\\\b\f\n\r\t\x01\x7f🎲é", .file_size = 0};
    EXPECT_EQ(
        to_json(h),
        "{\"file_name\": \"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\\ud83c\\udfb2\\u00e9\", "
        "\"file_size\": 0}"
    );
}

TEST(upload_header_test, is_read_as_it_was_written) {
    upload_header h;
    h.file_name = "🎲 é.txt";
    h.file_size = (std::uint64_t{1} << 63) - 1;
    h.message = "two\nlines";
    h.reply = h.resume = true;
    h.sha256 = digest;
    const upload_header got = parse_upload_header(to_json(h));
    EXPECT_EQ(got.file_name, h.file_name);
    EXPECT_EQ(got.file_size, h.file_size);
    EXPECT_EQ(got.message, h.message);
    EXPECT_TRUE(got.reply);
    EXPECT_TRUE(got.resume);
    EXPECT_EQ(got.sha256, digest);
}

TEST(upload_header_test, takes_the_tutorials_spelling_and_unknown_keys) {
    const auto h =
        parse_upload_header(R"({"fiel_name": "a", "file_size": 3, "md5": [1, {"x": 2}]})");
    EXPECT_EQ(h.file_name, "a");
    EXPECT_EQ(h.file_size, 3U);
    EXPECT_FALSE(h.reply);
}

TEST(upload_header_test, takes_digits_of_either_case) {
    const std::string text =
        R"({"file_name": "a", "file_size": 3, "sha256": ")" + std::string(64, 'A') + "\"}";
    EXPECT_EQ(parse_upload_header(text).sha256, digest);
}

struct refused {
    const char* text;
    const char* fragment;
};

class refused_header_test : public testing::TestWithParam<refused> {};

TEST_P(refused_header_test, names_what_is_wrong) {
    EXPECT_THAT(
        [] { parse_upload_header(GetParam().text); },
        ThrowsMessage<bad_upload_header>(HasSubstr(GetParam().fragment))
    ) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    ,
    refused_header_test,
    testing::Values(
        refused{R"({"file_name": "a", "file_size": 435413543654364364546546544445})", "file_size"},
        refused{R"({"file_name": "a", "file_size": 9223372036854775808})", "file_size"},
        refused{R"({"file_name": "a", "file_size": -1})", "file_size"},
        refused{R"({"file_name": "a", "file_size": 1.5})", "file_size"},
        refused{R"({"file_name": "a", "file_size": 1e2})", "file_size"},
        refused{R"({"file_name": "a", "file_size": true})", "file_size"},
        refused{R"({"file_name": "a", "file_size": "1"})", "file_size"},
        refused{R"({"file_name": "a", "file_size": null})", "file_size"},
        refused{R"({"file_name": "a"})", "file_size: is missing"},
        refused{R"({"file_size": 1})", "file_name: is missing"},
        refused{R"({"file_name": 1, "file_size": 1})", "file_name"},
        refused{R"({"file_name": "a\u0000b", "file_size": 1})", "file_name"},
        refused{R"({"file_name": "../a", "file_size": 1})", "file_name"},
        refused{R"({"file_name": "a", "fiel_name": "a", "file_size": 1})", "fiel_name"},
        refused{R"({"file_name": "a", "file_name": "b", "file_size": 1})", "file_name"},
        refused{R"({"file_name": "a", "file_size": 1, "file_size": 1})", "file_size"},
        refused{R"({"file_name": "a", "file_size": 1, "reply": 1})", "reply"},
        refused{R"({"file_name": "a", "file_size": 1, "sha256": "abc"})", "sha256"},
        refused{R"({"file_name": "a", "file_size": 1, "sha256": ""})", "sha256"},
        refused{R"({"file_name": "a", "file_size": 1, "resume": true})", "resume"},
        refused{R"([])", "JSON object"},
        refused{R"({"file_name": "a", "file_size": 1)", "JSON object"},
        refused{"", "JSON object"}
    )
);

TEST(upload_header_test, refuses_no_file_for_what_is_said_beside_it) {
    for (const std::string_view message : {"null", "1", "-1.5", "true", "[\"a\"]", "{}"}) {
        const std::string text =
            R"({"file_name": "a", "file_size": 1, "msg": )" + std::string(message) + '}';
        EXPECT_EQ(parse_upload_header(text).message, "") << message;
    }
    const upload_header h =
        parse_upload_header(R"({"file_name": "a", "file_size": 1, "msg": "a\u0000b"})");
    EXPECT_EQ(h.message, std::string("a\0b", 3));
}

TEST(upload_header_test, says_whether_a_refused_one_wants_a_reply) {
    const auto wants_reply = [](std::string_view text) {
        try {
            parse_upload_header(text);
        } catch (const bad_upload_header& e) {
            return e.wants_reply;
        }
        ADD_FAILURE() << text;
        return false;
    };
    EXPECT_TRUE(wants_reply(R"({"file_name": "..", "file_size": 1, "reply": true})"));
    EXPECT_TRUE(wants_reply(R"({"file_size": -1, "reply": true})"));
    EXPECT_FALSE(wants_reply(R"({"file_size": -1})"));
    EXPECT_FALSE(wants_reply(R"({"file_size": 1, "reply": 1})"));
    EXPECT_FALSE(wants_reply("no JSON"));
}

// ---- replies

TEST(upload_reply_test, is_read_as_it_was_written) {
    upload_reply ready;
    ready.offset = 7;
    EXPECT_EQ(to_json(ready), R"({"status": "ready", "offset": 7})");
    EXPECT_EQ(parse_upload_reply(to_json(ready)).offset, 7U);

    upload_reply stored;
    stored.what = upload_reply::kind::stored;
    stored.file_name = "a (1)";
    stored.size = 3;
    stored.sha256 = digest;
    const upload_reply got = parse_upload_reply(to_json(stored));
    EXPECT_EQ(got.what, upload_reply::kind::stored);
    EXPECT_EQ(got.file_name, "a (1)");
    EXPECT_EQ(got.size, 3U);
    EXPECT_EQ(got.sha256, digest);

    upload_reply refused;
    refused.what = upload_reply::kind::refused;
    refused.error = "exists";
    refused.message = "it is there";
    EXPECT_EQ(to_json(refused), R"({"error": "exists", "message": "it is there"})");
    EXPECT_EQ(parse_upload_reply(to_json(refused)).error, "exists");
}

TEST(upload_reply_test, is_refused_where_it_means_nothing) {
    for (const char* text :
         {"",
          "{}",
          R"({"status": "soon"})",
          R"({"status": "ready", "offset": -1})",
          R"({"error": 1})"})
        EXPECT_THAT([&] { parse_upload_reply(text); }, Throws<upload_error>()) << text;
}

// ---- names

TEST(upload_name_test, may_be_of_any_script) {
    for (const char* name :
         {"a", "a b", "性感美女在线发牌.mp4", "é", "🎲", "a..b", "CON", "-rf", "%2f", "~"})
        EXPECT_NO_THROW(coserve::check_upload_name(name)) << name;
    EXPECT_NO_THROW(coserve::check_upload_name(std::string(200, 'x')));
}

TEST(upload_name_test, is_one_plain_component) {
    for (const std::string_view name :
         {std::string_view(""),
          std::string_view("."),
          std::string_view(".."),
          std::string_view(".a"),
          std::string_view("a/b"),
          std::string_view("/a"),
          std::string_view("a\\b"),
          std::string_view("a\0b", 3),
          std::string_view("a\nb"),
          std::string_view("\x7f"),
          std::string_view("\xc2\x85"),
          std::string_view("\xe2\x80\xa8"),
          std::string_view("\xe2\x80\xae"
                           "gpj.exe"),
          std::string_view("a."),
          std::string_view("a "),
          std::string_view(" a"),
          std::string_view("\xff"),
          std::string_view("\xc0\xaf"),
          std::string_view("\xe0\x80\xaf"),
          std::string_view("\xed\xa0\x80"),
          std::string_view("\xf4\x90\x80\x80"),
          std::string_view("\xe5\xb8")})
        EXPECT_THAT(
            [&] { coserve::check_upload_name(name); },
            ThrowsMessage<upload_error>(HasSubstr("file_name"))
        ) << name;
    EXPECT_THROW(coserve::check_upload_name(std::string(201, 'x')), upload_error);
}

TEST(upload_name_test, has_its_number_before_the_extension) {
    EXPECT_EQ(numbered_name("a.txt", 1), "a (1).txt");
    EXPECT_EQ(numbered_name("a", 12), "a (12)");
    EXPECT_EQ(numbered_name("a.tar.gz", 2), "a.tar (2).gz");
}

// ---- the marker's end

constexpr std::string_view end_text = "##发送完毕";

/// What a stream comes to in pieces of that size.
std::optional<std::uint64_t> file_size(std::string_view stream, std::size_t piece) {
    marker_end end;
    while (!stream.empty()) {
        const auto part = stream.substr(0, piece);
        end.feed(std::as_bytes(std::span(part)));
        stream.remove_prefix(part.size());
    }
    return end.file_size();
}

TEST(marker_end_test, is_the_last_in_any_split) {
    for (const std::string& file :
         {std::string(),
          std::string("#"),
          std::string("##"),
          std::string(100, '#'),
          std::string(end_text),
          std::string(end_text) + std::string(end_text),
          std::string("发送完毕"),
          std::string("abc"),
          std::string(end_text.substr(0, 9))})
        for (std::size_t piece = 1; piece <= file.size() + end_text.size(); ++piece)
            EXPECT_EQ(file_size(file + std::string(end_text), piece), file.size()) << file;
}

TEST(marker_end_test, is_missing_in_any_other_stream) {
    for (const std::string& stream :
         {std::string(),
          std::string("##"),
          std::string("abc##"),
          std::string("发送完毕"),
          std::string("#发送完毕"),
          std::string(end_text) + "\n",
          std::string(end_text).substr(1),
          std::string(end_text.substr(0, end_text.size() - 1))})
        for (std::size_t piece = 1; piece <= stream.size() + 1; ++piece)
            EXPECT_EQ(file_size(stream, piece), std::nullopt) << stream;
}

}  // namespace
