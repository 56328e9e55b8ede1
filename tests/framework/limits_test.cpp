#include <coserve/limits.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kibibyte = 1024;
constexpr std::size_t mebibyte = 1024 * kibibyte;

stream_limits read(std::vector<option> given, stream_limits limits = {}) {
    option_reader reader("echo", std::move(given));
    limits.read(reader);
    reader.finish();
    return limits;
}

std::string mistake(std::vector<option> given) {
    try {
        read(std::move(given));
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(stream_limits_test, have_their_defaults) {
    const stream_limits limits = read({});
    EXPECT_EQ(limits.max_frame, 16 * mebibyte);
    EXPECT_EQ(limits.max_send_frame, 16 * mebibyte);
    EXPECT_EQ(limits.frame_timeout, 10s);
    EXPECT_EQ(limits.first_frame_timeout, 0s);
    EXPECT_EQ(limits.idle_timeout, 0s);
    EXPECT_EQ(limits.write_timeout, 30s);
    EXPECT_EQ(limits.high_water, 64 * kibibyte);
    EXPECT_EQ(limits.low_water, 32 * kibibyte);
}

TEST(stream_limits_test, are_read_from_their_keys) {
    const stream_limits limits = read(
        {{"max-frame", "1"},
         {"max-send-frame", "4GiB"},
         {"frame-timeout", "0"},
         {"first-frame-timeout", "30s"},
         {"idle-timeout", "1m"},
         {"write-timeout", "250ms"},
         {"high-water", "1MiB"},
         {"low-water", "1MiB"}}
    );
    EXPECT_EQ(limits.max_frame, 1u);
    EXPECT_EQ(limits.max_send_frame, 4096 * mebibyte);
    EXPECT_EQ(limits.frame_timeout, 0s);
    EXPECT_EQ(limits.first_frame_timeout, 30s);
    EXPECT_EQ(limits.idle_timeout, 60s);
    EXPECT_EQ(limits.write_timeout, 250ms);
    EXPECT_EQ(limits.high_water, mebibyte);
    EXPECT_EQ(limits.low_water, mebibyte);
}

TEST(stream_limits_test, keep_what_the_program_set_before) {
    const stream_limits limits = read({{"max-frame", "7"}}, {.max_frame = 5, .idle_timeout = 9s});
    EXPECT_EQ(limits.max_frame, 7u);
    EXPECT_EQ(limits.idle_timeout, 9s);
}

TEST(stream_limits_test, are_checked) {
    const std::string sizes = ", such as 512, 64KiB or 16MiB";
    EXPECT_EQ(
        mistake({{"max-frame", "0"}}), "echo: max-frame=0: must be a size from 1 to 4GiB" + sizes
    );
    EXPECT_EQ(
        mistake({{"max-send-frame", "5GiB"}}),
        "echo: max-send-frame=5GiB: must be a size from 1 to 4GiB" + sizes
    );
    EXPECT_EQ(
        mistake({{"high-water", "0"}}), "echo: high-water=0: must be a size from 1 to 1GiB" + sizes
    );
    EXPECT_EQ(
        mistake({{"idle-timeout", "-1s"}}),
        "echo: idle-timeout=-1s: must be a time from 0s to 8760h, such as 500ms, 10s or 5m"
    );
    EXPECT_EQ(
        mistake({{"max-frames", "1"}}),
        "echo: unknown key \"max-frames\"; the known keys are max-frame, max-send-frame, "
        "frame-timeout, first-frame-timeout, idle-timeout, write-timeout, high-water, low-water"
    );
}

TEST(stream_limits_test, low_water_is_not_above_high_water) {
    EXPECT_EQ(
        mistake({{"low-water", "65537"}}),
        "echo: low-water=65537: must be at most high-water, which is 64KiB"
    );
    // It is the default that is too much.
    EXPECT_EQ(
        mistake({{"high-water", "1KiB"}}),
        "echo: low-water: must be at most high-water, which is 1KiB"
    );
    EXPECT_EQ(read({{"low-water", "0"}}).low_water, 0u);
    EXPECT_EQ(read({{"low-water", "64KiB"}}).low_water, 64 * kibibyte);
    EXPECT_EQ(read({{"low-water", "1KiB"}, {"high-water", "1KiB"}}).high_water, kibibyte);
}

TEST(stream_limits_test, give_a_long_frame_more_time) {
    const stream_limits limits;
    EXPECT_EQ(limits.time_for_frame(0), 10s);
    EXPECT_EQ(limits.time_for_frame(32 * kibibyte), 10500ms);
    EXPECT_EQ(limits.time_for_frame(64 * kibibyte), 11s);
    EXPECT_EQ(limits.time_for_frame(96 * kibibyte), 11500ms);
    EXPECT_EQ(limits.time_for_frame(16 * mebibyte), 266s);
    EXPECT_EQ(limits.time_for_frame(1), 10s + 15258ns);
}

TEST(stream_limits_test, the_time_for_a_frame_does_not_overflow) {
    EXPECT_EQ(stream_limits{}.time_for_frame(UINT64_MAX), longest_time);
    EXPECT_EQ((stream_limits{.frame_timeout = duration::max()}).time_for_frame(1), longest_time);
}

TEST(stream_limits_test, without_a_timeout_no_frame_has_one) {
    EXPECT_EQ((stream_limits{.frame_timeout = 0s}).time_for_frame(16 * mebibyte), 0s);
}

}  // namespace
}  // namespace coserve
