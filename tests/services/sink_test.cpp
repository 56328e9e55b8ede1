#include <coserve/services/line_output.hpp>
#include <coserve/services/sink.hpp>

#include <coserve/testing/handler_session.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

using coserve::frame_stream;
using coserve::line_output;
using coserve::sink;
using coserve::task;
using coserve::testing::session;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::size_t page = 4096;

/// What stands in for standard output: a pipe of one page. Its writing end blocks, as that does.
class one_page_pipe {
public:
    one_page_pipe() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0 || ::fcntl(ends_[0], F_SETFL, O_NONBLOCK) != 0 ||
            ::fcntl(ends_[1], F_SETPIPE_SZ, page) < 0)
            throw std::system_error(errno, std::generic_category(), "a pipe");
    }

    ~one_page_pipe() {
        close_reader();
        ::close(ends_[1]);
    }

    one_page_pipe(const one_page_pipe&) = delete;
    one_page_pipe& operator=(const one_page_pipe&) = delete;

    int writer() const { return ends_[1]; }

    void fill() {
        const std::string text(page, '.');
        ASSERT_EQ(::write(ends_[1], text.data(), text.size()), ssize_t{page});
    }

    /// All that is there.
    std::string read() {
        std::string text;
        std::array<char, page> part;
        for (ssize_t n; (n = ::read(ends_[0], part.data(), part.size())) > 0;)
            text.append(part.data(), static_cast<std::size_t>(n));
        return text;
    }

    void close_reader() {
        if (ends_[0] >= 0)
            ::close(ends_[0]);
        ends_[0] = -1;
    }

private:
    std::array<int, 2> ends_{};
};

task<> send(frame_stream& client, std::vector<std::string> payloads) {
    for (const std::string& p : payloads)
        co_await client.write_frame(p);
    co_await client.flush();
}

class sink_test : public testing::Test {
protected:
    /// Reads the output until it ends like that.
    std::string read_up_to(coserve::testing::handler_session& s, std::string_view end) {
        std::string text;
        coserve::testing::run_until(s.context(), [&] {
            text += output_.read();
            return text.ends_with(end);
        });
        return text;
    }

    one_page_pipe output_;
    line_output lines_{output_.writer()};
};

TEST_F(sink_test, shows_each_frame_and_answers_none) {
    session<sink> s("", {}, lines_);
    s.run(send(s.client(), {"hello", "", "two\nlines"}));
    EXPECT_EQ(read_up_to(s, "lines\n"), "hello\n\ntwo\\x0alines\n");
    s.client().close();
    s.run_to_end();
    EXPECT_EQ(s.wire().in_flight(coserve::testing::memory_wire::end::client), 0U);
    EXPECT_THAT(s.log(), testing::IsEmpty());
}

TEST_F(sink_test, shows_what_could_forge_a_line_or_is_no_text_escaped) {
    session<sink> s("", {}, lines_);
    s.run(send(s.client(), {"a\r\n\x1b[2J", "C:\\x", "\xcb\xa7\xb1\xc6."}));
    EXPECT_EQ(read_up_to(s, ".\n"), "a\\x0d\\x0a\\x1b[2J\nC:\\x\n\xcb\xa7\\xb1\\xc6.\n");
}

TEST_F(sink_test, takes_a_character_in_two_frames) {
    session<sink> s("encoding=gbk", {}, lines_);
    s.run(send(s.client(), {"a\xcb", "\xa7\xb1", "\xc6", "\xcb"}));
    EXPECT_EQ(read_up_to(s, "逼\n"), "a\n帅\n逼\n");
    s.client().close();
    s.run_to_end();
    EXPECT_EQ(output_.read(), "\\xcb\n");
}

TEST_F(sink_test, knows_its_encodings) {
    EXPECT_THAT(
        [&] { session<sink>("encoding=GKB", {}, lines_); },
        ThrowsMessage<coserve::configuration_error>(HasSubstr("did you mean GBK?"))
    );
}

TEST_F(sink_test, waits_while_the_output_is_full) {
    session<sink> s("", {}, lines_);
    session<sink> other("", {}, lines_);
    output_.fill();
    s.run(send(s.client(), {"hello", "again"}));
    s.settle();
    other.run(send(other.client(), {"other"}));
    other.settle();
    EXPECT_EQ(output_.read(), std::string(page, '.'));
    EXPECT_EQ(read_up_to(s, "again\n"), "hello\nagain\n");
    EXPECT_EQ(read_up_to(other, "other\n"), "other\n");
}

TEST_F(sink_test, writes_a_line_that_is_longer_than_the_output_takes_at_once) {
    session<sink> s("", {}, lines_);
    session<sink> other("", {}, lines_);
    const std::string text(10 * page + 1, 'x');
    s.run(send(s.client(), {text, "end"}));
    s.settle();
    other.run(send(other.client(), {"other"}));
    other.settle();
    EXPECT_EQ(read_up_to(s, "end\n"), text + "\nend\n");
    EXPECT_EQ(read_up_to(other, "other\n"), "other\n");
}

TEST_F(sink_test, ends_a_line_whose_connection_is_gone) {
    const std::string text(2 * page, 'x');
    {
        session<sink> s("", {}, lines_);
        s.run(send(s.client(), {text}));
        s.settle();
    }
    EXPECT_EQ(output_.read(), std::string(page, 'x'));
    session<sink> other("", {}, lines_);
    other.run(send(other.client(), {"other"}));
    EXPECT_EQ(read_up_to(other, "other\n"), std::string(page, 'x') + "\nother\n");
}

TEST_F(sink_test, loses_the_connection_where_nothing_can_be_written) {
    session<sink> s("", {}, lines_);
    output_.close_reader();
    s.run(send(s.client(), {"hello"}));
    s.client().close();
    EXPECT_THAT(
        [&] { s.run_to_end(); }, ThrowsMessage<std::runtime_error>(HasSubstr("Broken pipe"))
    );
    ASSERT_EQ(s.log().size(), 1U);
    EXPECT_THAT(s.log()[0], HasSubstr("cannot write to the output: Broken pipe"));
}

}  // namespace
