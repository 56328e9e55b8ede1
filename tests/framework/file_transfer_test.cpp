#include "file_transfer.hpp"

#include "unique_fd.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace coserve {
namespace {

struct sockets {
    sockets() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        near = unique_fd(ends[0]);
        far = unique_fd(ends[1]);
    }

    unique_fd near, far;
};

/// Over TCP, which alone has urgent bytes.
sockets connected() {
    sockets pair;
    const unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), where, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), where, &size), 0);
    pair.far = unique_fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(pair.far.get(), where, size), 0);
    pair.near =
        unique_fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return pair;
}

unique_fd new_file(int flags = 0) {
    unique_fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0600));
    EXPECT_TRUE(file);
    return file;
}

std::string content(int file) {
    std::string text(std::size_t{1} << 20, '\0');
    const ssize_t size = ::pread(file, text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
}

std::string numbers(std::size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += std::to_string(i);
    text.resize(size);
    return text;
}

/// As long as it lives, no descriptor can be had beyond those that are open.
class no_more_descriptors {
public:
    no_more_descriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit few = before_;
        const unique_fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        few.rlim_cur = static_cast<rlim_t>(next.get());
        ::setrlimit(RLIMIT_NOFILE, &few);
    }

    no_more_descriptors(const no_more_descriptors&) = delete;
    no_more_descriptors& operator=(const no_more_descriptors&) = delete;

    ~no_more_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// On a thread of its own, which has no pipe yet.
file_transfer splice_afresh(int socket, int file, std::uint64_t size) {
    file_transfer result;
    std::thread([&] { result = splice_to_file(socket, file, size); }).join();
    return result;
}

TEST(file_transfer_test, copies_where_there_is_no_pipe) {
    const sockets s;
    const unique_fd file = new_file();
    const std::string sent = numbers(100'000);
    ASSERT_EQ(::send(s.far.get(), sent.data(), sent.size(), 0), 100'000);
    file_transfer result;
    {
        const no_more_descriptors none;
        ASSERT_LT(::dup(0), 0);
        result = splice_afresh(s.near.get(), file.get(), 200'000);
    }
    EXPECT_EQ(result.size, sent.size());
    EXPECT_EQ(result.file_error, 0);
    EXPECT_EQ(result.socket_error, EAGAIN);
    EXPECT_EQ(content(file.get()), sent);
}

TEST(file_transfer_test, copies_into_a_file_that_the_kernel_does_not_splice_to) {
    const sockets s;
    const unique_fd file = new_file(O_APPEND);
    const std::string sent = numbers(100'000);
    ASSERT_EQ(::send(s.far.get(), sent.data(), sent.size(), 0), 100'000);
    for (const std::uint64_t size : {60'000U, 40'000U}) {
        const file_transfer result = splice_afresh(s.near.get(), file.get(), size);
        EXPECT_EQ(result.size, size);
        EXPECT_EQ(result.file_error, 0);
        EXPECT_EQ(result.socket_error, 0);
    }
    EXPECT_EQ(content(file.get()), sent);
}

TEST(file_transfer_test, says_what_is_wrong_with_a_file) {
    const sockets s;
    ASSERT_EQ(::send(s.far.get(), "hello", 5, 0), 5);
    EXPECT_EQ(splice_afresh(s.near.get(), -1, 5).file_error, EBADF);
}

/// What is behind it makes the socket readable, and no splice comes past it.
TEST(file_transfer_test, stops_before_an_urgent_byte) {
    const sockets pair = connected();
    const std::string sent = numbers(160 << 10);
    std::jthread sender([&] {
        EXPECT_EQ(::send(pair.far.get(), sent.data(), sent.size(), 0), ssize_t(sent.size()));
        EXPECT_EQ(::send(pair.far.get(), "more!", 5, MSG_OOB), 5);
        EXPECT_EQ(::send(pair.far.get(), "behind", 6, 0), 6);
    });
    const unique_fd file = new_file();
    std::uint64_t got = 0;
    file_transfer moved;
    do {
        pollfd readable{pair.near.get(), POLLIN, 0};
        ASSERT_EQ(::poll(&readable, 1, 10'000), 1);
        moved = splice_to_file(pair.near.get(), file.get(), 1 << 20);
        EXPECT_EQ(moved.socket_error, EAGAIN);
        got += moved.size;
    } while (moved.size != 0);
    sender.join();
    EXPECT_EQ(got, sent.size() + 4);  // the urgent byte is "!"
    EXPECT_EQ(content(file.get()).substr(0, sent.size()), sent);
}

}  // namespace
}  // namespace coserve
