#include <coserve/services/ascii_upper.hpp>
#include <coserve/services/bundled.hpp>
#include <coserve/services/echo.hpp>

#include <coserve/error.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/testing/datagram_session.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using coserve::bytes;
using coserve::echo;

/// All 256 values, over and over, beginning with `first`.
bytes every_value(std::size_t size, std::size_t first) {
    bytes b(size);
    for (std::size_t i = 0; i < size; ++i)
        b[i] = static_cast<std::byte>(first + i);
    return b;
}

bytes python_upper(bytes b) {
    for (std::byte& c : b)
        if (std::byte{'a'} <= c && c <= std::byte{'z'})
            c = static_cast<std::byte>(std::to_integer<int>(c) - 'a' + 'A');
    return b;
}

std::string upper(std::string text) {
    const auto data = reinterpret_cast<std::byte*>(text.data());
    return std::string(coserve::ascii_upper({data, text.size()}).text());
}

TEST(ascii_upper_test, raises_letters_only) {
    EXPECT_EQ(upper("Hello, world 123 @[`{~"), "HELLO, WORLD 123 @[`{~");
    EXPECT_EQ(upper(""), "");
}

TEST(ascii_upper_test, leaves_every_byte_of_other_encodings_alone) {
    EXPECT_EQ(upper("阿宸真帅 é ß ÿ"), "阿宸真帅 é ß ÿ");
    EXPECT_EQ(upper("\xcb\xa7\xb1\xc6"), "\xcb\xa7\xb1\xc6");
}

TEST(ascii_upper_test, treats_every_byte_at_every_length_and_alignment_as_python_does) {
    for (std::size_t size = 0; size <= 200; ++size) {
        for (std::size_t alignment = 0; alignment < 64; ++alignment) {
            const bytes text = every_value(size, size + 64 * alignment);
            bytes around(alignment + size + 64, std::byte{'q'});
            const auto begin = around.begin() + static_cast<std::ptrdiff_t>(alignment);
            std::ranges::copy(text, begin);
            const coserve::frame raised = coserve::ascii_upper({around.data() + alignment, size});
            ASSERT_EQ(raised.copy(), python_upper(text)) << size << " bytes at " << alignment;
            const bytes before(alignment, std::byte{'q'});
            const bytes after(64, std::byte{'q'});
            ASSERT_TRUE(std::equal(before.begin(), before.end(), around.begin()));
            ASSERT_TRUE(std::equal(after.begin(), after.end(), around.end() - 64));
        }
    }
}

echo::options read_options(std::vector<coserve::option> given) {
    coserve::option_reader reader("echo=tcp://127.0.0.1:0", std::move(given));
    echo::options options;
    options.read(reader);
    reader.finish();
    return options;
}

TEST(echo_options_test, default_to_upper_case) {
    EXPECT_EQ(read_options({}).reply, echo::mode::upper);
}

TEST(echo_options_test, take_either_mode) {
    EXPECT_EQ(read_options({{"mode", "upper"}}).reply, echo::mode::upper);
    EXPECT_EQ(read_options({{"mode", "verbatim"}}).reply, echo::mode::verbatim);
}

TEST(echo_options_test, name_what_they_do_not_know) {
    using testing::AllOf;
    using testing::HasSubstr;
    using testing::ThrowsMessage;
    EXPECT_THAT(
        [] { read_options({{"mode", "lower"}}); },
        ThrowsMessage<coserve::configuration_error>(
            AllOf(HasSubstr("mode=lower"), HasSubstr("upper or verbatim"))
        )
    );
    EXPECT_THAT(
        [] { read_options({{"node", "upper"}}); },
        ThrowsMessage<coserve::configuration_error>(AllOf(HasSubstr("\"node\""), HasSubstr("mode")))
    );
}

TEST(bundled_services_test, are_found_by_name) {
    coserve::registry services;
    coserve::add_bundled_services(services);
    coserve::option_reader reader({}, {});
    for (const char* name : {"echo", "sink"})
        EXPECT_NE(services.find(name)(reader)(), nullptr) << name;
    for (const char* name : {"chat", "echo"})
        EXPECT_NE(services.find_datagrams(name)(reader).make_handler(), nullptr) << name;
    EXPECT_THROW(services.find("ecco"), coserve::configuration_error);
}

// ---- over UDP

using datagrams = coserve::testing::datagram_session<coserve::datagram_echo>;
using ::testing::ElementsAre;

TEST(datagram_echo_test, answers_each_in_upper_case) {
    datagrams echo;
    echo.send(echo.peer(1), "Hello, 阿宸");
    echo.send(echo.peer(2), "");
    EXPECT_THAT(echo.received(echo.peer(1)), ElementsAre("HELLO, 阿宸"));
    EXPECT_THAT(echo.received(echo.peer(2)), ElementsAre(""));
}

TEST(datagram_echo_test, answers_as_it_came) {
    datagrams echo("mode=verbatim");
    echo.send(echo.peer(1), "Hello");
    EXPECT_THAT(echo.received(echo.peer(1)), ElementsAre("Hello"));
}

TEST(datagram_echo_test, does_not_answer_what_was_cut) {
    datagrams echo("max-datagram=4");
    echo.send(echo.peer(1), "12345");
    echo.send(echo.peer(1), "1234");
    EXPECT_THAT(echo.received(echo.peer(1)), ElementsAre("1234"));
    EXPECT_EQ(echo.server().stats().datagrams.truncated, 1U);
}

}  // namespace
