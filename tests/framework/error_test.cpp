#include <coserve/error.hpp>

#include <gtest/gtest.h>

#include <cerrno>

#include <set>
#include <string>
#include <system_error>

namespace coserve {
namespace {

constexpr int last = static_cast<int>(errc::file_too_short);

TEST(error_test, is_of_the_category_coserve) {
    const error_code code = errc::timeout;
    EXPECT_STREQ(code.category().name(), "coserve");
    EXPECT_EQ(code.category(), error_category());
    EXPECT_EQ(code.value(), static_cast<int>(errc::timeout));
    EXPECT_TRUE(code.failed());
    EXPECT_NE(code, errc::idle_timeout);
}

TEST(error_test, each_value_has_a_sentence_of_its_own) {
    std::set<std::string> seen;
    for (int value = 1; value <= last; ++value) {
        const std::string message = error_category().message(value);
        EXPECT_NE(message, "unknown error") << value;
        EXPECT_GE(message.size(), 20u) << message;
        EXPECT_EQ(message.find_first_of(".\n"), message.npos) << message;
        EXPECT_TRUE(seen.insert(message).second) << message;
        char unused[1];
        EXPECT_EQ(error_category().message(value, unused, sizeof unused), message);
    }
    EXPECT_EQ(error_category().message(last + 1), "unknown error");
    EXPECT_EQ(error_category().message(0), "unknown error");
}

TEST(error_test, is_thrown_as_a_system_error) {
    try {
        throw system_error(errc::frame_too_long);
    } catch (const boost::system::system_error& e) {
        EXPECT_EQ(e.code(), errc::frame_too_long);
        EXPECT_NE(
            std::string(e.what()).find("the frame is longer than the maximum"), std::string::npos
        );
    }
}

TEST(error_test, has_a_reason_without_codes) {
    EXPECT_EQ(reason_of(system_error(errc::closed)), "this side has closed the stream");
    EXPECT_EQ(
        reason_of(system_error(errc::truncated_frame, "3 of 4 bytes")),
        "3 of 4 bytes: the stream ended inside a frame"
    );
    const error_code reset(ECONNRESET, boost::system::system_category());
    EXPECT_EQ(reason_of(system_error(reset)), reset.message());
}

TEST(error_test, converts_to_the_standards_errors) {
    const std::error_code code = error_code(errc::closed);
    EXPECT_STREQ(code.category().name(), "coserve");
    EXPECT_EQ(code.message(), "this side has closed the stream");
    EXPECT_EQ(code, std::error_code(error_code(errc::closed)));
}

TEST(error_test, a_configuration_mistake_is_an_invalid_argument) {
    try {
        throw configuration_error("echo: mode=loud: must be upper or verbatim");
    } catch (const std::invalid_argument& e) {
        EXPECT_STREQ(e.what(), "echo: mode=loud: must be upper or verbatim");
    }
}

}  // namespace
}  // namespace coserve
