#include <coserve/units.hpp>

#include <gtest/gtest.h>

#include <clocale>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

namespace coserve {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

TEST(units_test, reads_sizes) {
    EXPECT_EQ(parse_size("0"), 0u);
    EXPECT_EQ(parse_size("512"), 512u);
    EXPECT_EQ(parse_size("007"), 7u);
    EXPECT_EQ(parse_size("1KiB"), 1024u);
    EXPECT_EQ(parse_size("64KiB"), 65536u);
    EXPECT_EQ(parse_size("16MiB"), 16777216u);
    EXPECT_EQ(parse_size("3GiB"), 3221225472u);
    EXPECT_EQ(parse_size("0GiB"), 0u);
}

TEST(units_test, reads_sizes_up_to64_bits) {
    EXPECT_EQ(parse_size("18446744073709551615"), highest);
    EXPECT_EQ(parse_size("18446744073709551616"), std::nullopt);
    EXPECT_EQ(parse_size("17179869183GiB"), 17179869183u * (std::uint64_t{1} << 30));
    EXPECT_EQ(parse_size("17179869184GiB"), std::nullopt);
    EXPECT_EQ(parse_size("18014398509481984KiB"), std::nullopt);
    EXPECT_EQ(parse_size("99999999999999999999999"), std::nullopt);
}

TEST(units_test, refuses_what_is_no_size) {
    for (const auto* text :
         {"",
          " ",
          "KiB",
          "-1",
          "+1",
          " 1",
          "1 ",
          "1 KiB",
          "1kib",
          "1KB",
          "1K",
          "1KiBs",
          "1.5MiB",
          "0x10",
          "1e3",
          "1,000",
          "1TiB"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
    EXPECT_EQ(parse_size(std::string_view("1\0", 2)), std::nullopt);
    EXPECT_EQ(parse_size(std::string_view("12KiB").substr(0, 2)), 12u);
}

TEST(units_test, reads_times) {
    EXPECT_EQ(parse_time("0"), 0ns);
    EXPECT_EQ(parse_time("10"), 10s);
    EXPECT_EQ(parse_time("250us"), 250us);
    EXPECT_EQ(parse_time("500ms"), 500ms);
    EXPECT_EQ(parse_time("10s"), 10s);
    EXPECT_EQ(parse_time("5m"), 5min);
    EXPECT_EQ(parse_time("1h"), 1h);
    EXPECT_EQ(parse_time("0h"), 0ns);
}

TEST(units_test, reads_fractions_exactly) {
    EXPECT_EQ(parse_time("1.5s"), 1500ms);
    EXPECT_EQ(parse_time("1.5"), 1500ms);
    EXPECT_EQ(parse_time("0.1s"), 100ms);
    EXPECT_EQ(parse_time("0.25m"), 15s);
    EXPECT_EQ(parse_time("1.000000001s"), 1'000'000'001ns);
    EXPECT_EQ(parse_time("0.001us"), 1ns);
    EXPECT_EQ(parse_time("0.00000000005m"), 3ns);
    EXPECT_EQ(parse_time("0.0000000000025h"), 9ns);
    EXPECT_EQ(parse_time("0.0001220703125h"), nanoseconds(439'453'125));
    EXPECT_EQ(parse_time("2.50000000000000000000000000000000s"), 2500ms);
    EXPECT_EQ(parse_time("7.00s"), 7s);
}

TEST(units_test, refuses_a_part_of_a_nanosecond) {
    for (const auto* text :
         {"0.0000000001s",
          "1.0000000005",
          "0.0005us",
          "0.0000000000000000000000000000001h",
          "0.00000000001m",
          "0.33333333333333h"})
        EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

TEST(units_test, reads_times_up_to63_bits) {
    EXPECT_EQ(parse_time("9223372036.854775807s"), nanoseconds::max());
    EXPECT_EQ(parse_time("9223372036.854775808s"), std::nullopt);
    EXPECT_EQ(parse_time("9223372037"), std::nullopt);
    EXPECT_EQ(parse_time("2562047h"), nanoseconds(2'562'047 * 3'600'000'000'000));
    EXPECT_EQ(parse_time("2562048h"), std::nullopt);
    EXPECT_EQ(parse_time("2562047.9h"), std::nullopt);
    // Whole hours that wrap around 64 bits to something small.
    EXPECT_EQ(parse_time("5124096h"), std::nullopt);
    EXPECT_EQ(parse_time("18446744073709551616us"), std::nullopt);
}

TEST(units_test, refuses_what_is_no_time) {
    for (const auto* text : {"",      "s",      "ms",   ".",   ".5",  ".5s",  "1.",   "1.s",
                             "1.5.s", "1.5.5s", "-1s",  "+1s", " 1s", "1 s",  "1S",   "1sec",
                             "1ns",   "1d",     "1e3s", "inf", "nan", "0x1s", "1,5s", "1s2"})
        EXPECT_EQ(parse_time(text), std::nullopt) << text;
    EXPECT_EQ(parse_time(std::string_view("1s\0", 3)), std::nullopt);
    EXPECT_EQ(parse_time(std::string_view("1.5s").substr(0, 3)), 1500ms);
    EXPECT_EQ(parse_time(std::string_view("1.59s").substr(0, 3)), 1500ms);
}

TEST(units_test, does_not_ask_the_locale) {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    std::setlocale(LC_ALL, "de_DE.UTF-8");
    EXPECT_EQ(parse_time("1.5s"), 1500ms);
    EXPECT_EQ(format_time(1ns), "0.001us");
    std::setlocale(LC_ALL, before.c_str());
}

TEST(units_test, writes_sizes) {
    EXPECT_EQ(format_size(0), "0");
    EXPECT_EQ(format_size(1), "1");
    EXPECT_EQ(format_size(1000), "1000");
    EXPECT_EQ(format_size(1023), "1023");
    EXPECT_EQ(format_size(1024), "1KiB");
    EXPECT_EQ(format_size(1025), "1025");
    EXPECT_EQ(format_size(65536), "64KiB");
    EXPECT_EQ(format_size(1536ULL * 1024), "1536KiB");
    EXPECT_EQ(format_size(16 << 20), "16MiB");
    EXPECT_EQ(format_size(std::uint64_t{1} << 40), "1024GiB");
    EXPECT_EQ(format_size(highest), "18446744073709551615");
}

TEST(units_test, writes_times) {
    EXPECT_EQ(format_time(0ns), "0s");
    EXPECT_EQ(format_time(1ns), "0.001us");
    EXPECT_EQ(format_time(1010ns), "1.01us");
    EXPECT_EQ(format_time(1us), "1us");
    EXPECT_EQ(format_time(1500us), "1500us");
    EXPECT_EQ(format_time(500ms), "500ms");
    EXPECT_EQ(format_time(1500ms), "1500ms");
    EXPECT_EQ(format_time(10s), "10s");
    EXPECT_EQ(format_time(60s), "1m");
    EXPECT_EQ(format_time(90s), "90s");
    EXPECT_EQ(format_time(3600s), "1h");
    EXPECT_EQ(format_time(36h), "36h");
    EXPECT_EQ(format_time(-500ms), "-500ms");
    EXPECT_EQ(format_time(nanoseconds::max()), "9223372036854775.807us");
    EXPECT_EQ(format_time(nanoseconds::min()), "-9223372036854775.808us");
}

TEST(units_test, reads_back_what_it_writes) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 20'000; ++i) {
        const std::uint64_t units[] = {
            1, 1'000, 1'000'000, 1'000'000'000, 60'000'000'000, 3'600'000'000'000
        };
        const std::uint64_t size = random() >> (random() % 64) << (random() % 40);
        EXPECT_EQ(parse_size(format_size(size)), size);
        const nanoseconds time((random() >> (1 + random() % 63)) / units[random() % 6] * units[0]);
        EXPECT_EQ(parse_time(format_time(time)), time);
        const std::uint64_t unit = units[random() % 6];
        const nanoseconds whole((random() >> 1) / unit * unit);
        EXPECT_EQ(parse_time(format_time(whole)), whole);
    }
}

}  // namespace
}  // namespace coserve
