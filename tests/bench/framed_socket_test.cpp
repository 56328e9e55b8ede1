#include "loopback_listener.hpp"

#include <loads/encode.hpp>
#include <loads/framed_socket.hpp>

#include <coserve/error.hpp>

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include <poll.h>

namespace coserve_bench {
namespace {

using arrival = framed_socket::arrival;

constexpr int limit_ms = 20'000;

class framed_socket_test : public testing::Test {
protected:
    void connect(const std::string& query = {}) {
        const stream_target target(listener_.of_plan(query));
        socket_.open(target.addresses.front());
        await(POLLOUT);
        socket_.check_connected();
        socket_.begin(target.codecs);
        peer_ = listener_.accept();
    }

    void await(short events) const {
        pollfd one{socket_.descriptor(), events, 0};
        ASSERT_EQ(::poll(&one, 1, limit_ms), 1);
    }

    arrival receive() {
        await(POLLIN);
        return socket_.receive();
    }

    /// What is there, and its rest kept.
    void take_frames(std::vector<std::string>& frames) {
        while (const auto frame = socket_.next_frame())
            frames.emplace_back(frame->text());
        socket_.keep_rest();
        // Another socket of the thread has its turn.
        std::fill(room_.input.begin(), room_.input.end(), std::byte{'?'});
    }

    loopback_listener listener_;
    boost::asio::io_context context_;
    boost::asio::ip::tcp::socket peer_{context_};
    transfer_room room_;
    framed_socket socket_{room_};
};

const std::string two_frames("\3\0\0\0abc\2\0\0\0de", 13);

TEST_F(framed_socket_test, gives_the_same_frames_in_any_split) {
    connect();
    for (std::size_t first = 1; first < two_frames.size(); ++first) {
        std::vector<std::string> frames;
        write_all(peer_, two_frames.substr(0, first));
        ASSERT_EQ(receive(), arrival::some);
        take_frames(frames);
        EXPECT_LT(frames.size(), 2U);
        write_all(peer_, two_frames.substr(first));
        ASSERT_EQ(receive(), arrival::some);
        take_frames(frames);
        EXPECT_EQ(frames, (std::vector<std::string>{"abc", "de"}));
    }
    EXPECT_EQ(socket_.receive(), arrival::none);
}

TEST_F(framed_socket_test, gives_a_frame_that_is_longer_than_its_room) {
    connect();
    const std::string payload(3 * room_.input.size() + 17, 'x');
    std::string bytes;
    encode(*stream_target(listener_.of_plan()).codecs.write(), payload, bytes);
    std::jthread writing([&] { write_all(peer_, bytes + two_frames); });
    std::vector<std::string> frames;
    while (frames.size() < 3 && receive() == arrival::some)
        take_frames(frames);
    EXPECT_EQ(frames, (std::vector<std::string>{payload, "abc", "de"}));
}

TEST_F(framed_socket_test, gives_bytes_without_framing) {
    connect("?framing=raw");
    write_all(peer_, "abcde");
    ASSERT_EQ(receive(), arrival::some);
    EXPECT_EQ(socket_.next_bytes(2)->text(), "ab");
    EXPECT_FALSE(socket_.next_bytes(4));
    socket_.keep_rest();
    write_all(peer_, "f");
    ASSERT_EQ(receive(), arrival::some);
    EXPECT_EQ(socket_.next_bytes(4)->text(), "cdef");
}

TEST_F(framed_socket_test, tells_of_the_end_and_of_what_is_no_frame) {
    connect();
    write_all(peer_, std::string("\xff\xff\xff\x7f", 4));
    ASSERT_EQ(receive(), arrival::some);
    EXPECT_FALSE(socket_.next_frame());
    EXPECT_THROW(socket_.keep_rest(), coserve::system_error);
    peer_.close();
    EXPECT_EQ(receive(), arrival::end);
}

TEST_F(framed_socket_test, gives_the_frames_in_front_of_what_is_none) {
    connect();
    write_all(peer_, two_frames + std::string("\xff\xff\xff\x7f", 4));
    ASSERT_EQ(receive(), arrival::some);
    EXPECT_EQ(socket_.next_frame()->text(), "abc");
    EXPECT_EQ(socket_.next_frame()->text(), "de");
    EXPECT_FALSE(socket_.next_frame());
    EXPECT_THROW(socket_.keep_rest(), coserve::system_error);
}

TEST_F(framed_socket_test, leaves_out_frames_that_are_dropped) {
    connect("?max-frame=3&on-too-long=skip");
    std::vector<std::string> frames;
    write_all(peer_, std::string("\4\0\0\0long", 8) + two_frames);
    while (frames.size() < 2 && receive() == arrival::some)
        take_frames(frames);
    EXPECT_EQ(frames, (std::vector<std::string>{"abc", "de"}));
}

TEST_F(framed_socket_test, sends_what_was_queued_in_one) {
    connect();
    socket_.queue("abc");
    socket_.queue("de");
    EXPECT_EQ(socket_.queued(), two_frames.size());
    EXPECT_TRUE(socket_.send());
    EXPECT_EQ(socket_.queued(), 0U);
    EXPECT_EQ(read_exactly(peer_, two_frames.size()), two_frames);
}

TEST_F(framed_socket_test, sends_alike_frames_as_they_lie) {
    connect();
    const std::string one("\1\0\0\0x", 5), row = one + one + one + one;
    socket_.queue_alike(row, one.size());
    socket_.queue_alike(row, 2 * one.size());
    EXPECT_EQ(socket_.queued(), 3 * one.size());
    EXPECT_TRUE(socket_.send());
    socket_.queue_alike(row, one.size());
    EXPECT_TRUE(socket_.send());
    EXPECT_EQ(read_exactly(peer_, row.size()), row);
}

TEST_F(framed_socket_test, keeps_what_the_kernel_does_not_take) {
    connect();
    const std::string large(std::size_t{16} << 20, 'L'), one("\1\0\0\0x", 5);
    std::string expected;
    encode(*stream_target(listener_.of_plan()).codecs.write(), large, expected);
    socket_.queue(large);
    EXPECT_FALSE(socket_.send());
    EXPECT_GT(socket_.queued(), 0U);
    socket_.queue("abc");
    socket_.queue_alike(one, one.size());
    expected += two_frames.substr(0, 7) + one;
    std::string read;
    std::jthread reading([&] { read = read_exactly(peer_, expected.size()); });
    while (!socket_.send())
        await(POLLOUT);
    reading.join();
    EXPECT_EQ(socket_.queued(), 0U);
    EXPECT_TRUE(read == expected);
    socket_.queue("abc");
    EXPECT_TRUE(socket_.send());
    EXPECT_EQ(read_exactly(peer_, 7), two_frames.substr(0, 7));
}

TEST_F(framed_socket_test, forgets_all_when_it_is_opened_again) {
    connect();
    write_all(peer_, two_frames.substr(0, 5));
    ASSERT_EQ(receive(), arrival::some);
    std::vector<std::string> frames;
    take_frames(frames);
    socket_.queue("never sent");
    socket_.close();
    connect();
    EXPECT_EQ(socket_.queued(), 0U);
    write_all(peer_, two_frames);
    ASSERT_EQ(receive(), arrival::some);
    take_frames(frames);
    EXPECT_EQ(frames, (std::vector<std::string>{"abc", "de"}));
}

}  // namespace
}  // namespace coserve_bench
