#include <coserve/logger.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace coserve {
namespace {

std::string line(std::string_view message, std::vector<log_field> fields) {
    return log_text({log_level::warning, message, fields});
}

TEST(logger_test, names_its_levels) {
    EXPECT_EQ(to_string(log_level::debug), "debug");
    EXPECT_EQ(to_string(log_level::info), "info");
    EXPECT_EQ(to_string(log_level::warning), "warning");
    EXPECT_EQ(to_string(log_level::error), "error");
}

TEST(logger_test, writes_a_message_and_its_fields) {
    EXPECT_EQ(line("ready", {}), "ready");
    EXPECT_EQ(
        line("connection ended", {{"peer", "127.0.0.1:4242"}, {"reason", "the stream ended"}}),
        "connection ended peer=127.0.0.1:4242 reason=\"the stream ended\""
    );
    EXPECT_EQ(line("x", {{"empty", ""}}), "x empty=\"\"");
}

TEST(logger_test, escapes_control_characters) {
    EXPECT_EQ(line("a\nb", {{"k", "c\r\td"}}), "a\\x0ab k=c\\x0d\\x09d");
    EXPECT_EQ(line("x", {{"k", std::string_view("\0\x1f\x7f", 3)}}), "x k=\\x00\\x1f\\x7f");
    EXPECT_EQ(line("x", {{"k", "\\x0a"}}), "x k=\\x5cx0a");
    EXPECT_EQ(line("x", {{"k\n", "v"}}), "x k\\x0a=v");
    // CSI as one character.
    EXPECT_EQ(
        line(
            "x",
            {{"k",
              "\xc2\x9b"
              "31m"}}
        ),
        "x k=\\xc2\\x9b31m"
    );
}

TEST(logger_test, escapes_what_is_no_utf_8) {
    EXPECT_EQ(line("x", {{"k", "\xc2\xa0\xc2"}}), "x k=\xc2\xa0\\xc2");
}

TEST(logger_test, leaves_other_text_alone) {
    EXPECT_EQ(line("x", {{"k", "性感"}}), "x k=性感");
    EXPECT_EQ(line("x", {{"k", "\xc2\xa0"}}), "x k=\xc2\xa0");
    EXPECT_EQ(line("x", {{"k", "~!a=b"}}), "x k=~!a=b");
}

TEST(logger_test, a_value_cannot_pass_for_a_field) {
    EXPECT_EQ(line("x", {{"k", "v\" peer=\"1.2.3.4"}}), "x k=\"v\\x22 peer=\\x221.2.3.4\"");
    EXPECT_EQ(line("x", {{"k", "v peer=1"}}), "x k=\"v peer=1\"");
    EXPECT_EQ(line("x", {{"k", "\""}}), "x k=\\x22");
}

/// What `use` writes to stderr, one element for each write.
template <class F>
std::vector<std::string> stderr_of(F use) {
    int ends[2];
    // As packets, so that each read gives what one write wrote.
    EXPECT_EQ(::pipe2(ends, O_DIRECT | O_CLOEXEC), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    use();
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    ::close(ends[1]);
    std::vector<std::string> writes;
    char buffer[4096];
    for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        writes.emplace_back(buffer, static_cast<std::size_t>(size));
    ::close(ends[0]);
    return writes;
}

TEST(logger_test, writes_warnings_and_errors_to_stderr_one_write_each) {
    const auto writes = stderr_of([] {
        for (const auto level :
             {log_level::debug, log_level::info, log_level::warning, log_level::error}) {
            const log_field field{"peer", "a b"};
            log_to_stderr({level, "it happened", {&field, 1}});
        }
    });
    EXPECT_EQ(
        writes,
        (std::vector<std::string>{
            "warning: it happened peer=\"a b\"\n", "error: it happened peer=\"a b\"\n"
        })
    );
}

}  // namespace
}  // namespace coserve
