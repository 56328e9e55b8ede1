#include <loads/payload.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace coserve_bench {
namespace {

std::string upper(std::string_view text) {
    std::string result;
    for (const char c : text)
        result += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return result;
}

TEST(payload_test, is_as_long_as_asked_and_lower_case) {
    for (const std::size_t size : {0, 1, 9, 14, 64, 10'000}) {
        payload p(size, verification::full);
        const std::string request(p.request(size, 3, 14));
        EXPECT_EQ(request.size(), size);
        EXPECT_EQ(request.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string::npos);
    }
}

TEST(payload_test, full_takes_the_request_and_its_upper_case_alone) {
    payload p(64, verification::full);
    const std::string request(p.request(64, 7, 1'000'000));
    EXPECT_TRUE(p.is_reply(request, 64, 7, 1'000'000));
    EXPECT_TRUE(p.is_reply(upper(request), 64, 7, 1'000'000));
    EXPECT_FALSE(p.is_reply(request, 64, 7, 1'000'001));
    EXPECT_FALSE(p.is_reply(request, 64, 8, 1'000'000));
    EXPECT_FALSE(p.is_reply(request.substr(1), 64, 7, 1'000'000));
    EXPECT_FALSE(p.is_reply(request + "x", 64, 7, 1'000'000));
    std::string wrong = request;
    wrong.back() = '!';
    EXPECT_FALSE(p.is_reply(wrong, 64, 7, 1'000'000));
}

TEST(payload_test, full_tells_the_requests_of_a_connection_apart) {
    payload p(4, verification::full);
    std::set<std::string> seen;
    for (std::uint64_t i = 0; i < std::uint64_t{26} * 26 * 26; ++i)
        EXPECT_TRUE(seen.emplace(p.request(4, 0, i)).second) << i;
}

TEST(payload_test, length_takes_anything_as_long) {
    payload p(3, verification::length);
    EXPECT_TRUE(p.is_reply("???", 3, 0, 0));
    EXPECT_FALSE(p.is_reply("??", 3, 0, 0));
}

TEST(payload_test, off_takes_anything) {
    payload p(3, verification::off);
    EXPECT_TRUE(p.is_reply("", 3, 0, 0));
}

}  // namespace
}  // namespace coserve_bench
