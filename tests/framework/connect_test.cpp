#include "plain_peer.hpp"

#include <coserve/connect.hpp>
#include <coserve/testing/loopback_server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::loopback_server;

/// A socket that listens, accepts nothing by itself, and belongs to the test.
class plain_listener {
public:
    explicit plain_listener(int backlog = 16) {
        socket_ = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const at = reinterpret_cast<sockaddr*>(&address);
        checked(::bind(socket_, at, size), "bind");
        checked(::listen(socket_, backlog), "listen");
        checked(::getsockname(socket_, at, &size), "getsockname");
        port_ = ntohs(address.sin_port);
    }

    plain_listener(const plain_listener&) = delete;
    plain_listener& operator=(const plain_listener&) = delete;

    ~plain_listener() { ::close(socket_); }

    std::string url(const std::string& host = "127.0.0.1") const {
        return "tcp://" + host + ":" + std::to_string(port_);
    }

private:
    int socket_;
    std::uint16_t port_;
};

/// On the heap, because co_spawn wants something that can be made empty.
task<std::unique_ptr<frame_stream>> dial(std::string url, duration limit) {
    auto stream = co_await connect(url, limit);
    co_return std::make_unique<frame_stream>(std::move(stream));
}

task<std::string> dial_and_ask(std::string url, std::string question) {
    auto stream = co_await connect(url, 20s);
    co_await stream.write_frame(question);
    const auto answer = co_await stream.read_frame();
    co_return answer ? std::string(answer->text()) : "(the end)";
}

std::string run(task<std::string> work) {
    io_context context;
    return testing::run_coroutine(context, std::move(work));
}

/// How connecting fails.
std::pair<error_code, std::string> failure(const std::string& url, duration limit = 20s) {
    io_context context;
    try {
        testing::run_coroutine(context, dial(url, limit));
    } catch (const system_error& e) {
        return {e.code(), e.what()};
    }
    return {{}, "none"};
}

void add_echo(registry& r) {
    r.add("echo", [](frame_stream& stream) -> task<> {
        while (auto f = co_await stream.read_frame())
            co_await stream.write_frame(*f);
    });
    r.add("name", [](frame_stream& stream) -> task<> {
        co_await stream.write_frame(stream.peer().to_string());
        co_await stream.read_frame();
    });
}

// ---- where to

TEST(connect_test, over_tcp) {
    loopback_server s(&add_echo, "echo");
    EXPECT_EQ(run(dial_and_ask(s.url(), "hello")), "hello");
}

TEST(connect_test, over_a_unix_socket) {
    const temporary_directory directory;
    server s({.cores = 1, .log = nullptr});
    add_echo(s.registry());
    const auto at = s.listen("name=unix:" + directory / "x.sock");
    std::thread runner([&] { s.run(); });
    EXPECT_EQ(run(dial_and_ask(at.url(), "")), "unix:pid=" + std::to_string(::getpid()));
    s.stop();
    runner.join();
}

TEST(connect_test, by_name) {
    loopback_server s(&add_echo, "echo");
    const std::string port = s.url().substr(s.url().rfind(':'));
    EXPECT_EQ(run(dial_and_ask("tcp://localhost" + port, "hello")), "hello");
}

TEST(connect_test, knows_both_ends) {
    loopback_server s(&add_echo, "name");
    io_context context;
    const auto stream = testing::run_coroutine(context, dial(s.url(), 20s));
    EXPECT_EQ("tcp://" + stream->peer().to_string(), s.url());
    const auto read = [](frame_stream& from) -> task<std::string> {
        const auto f = co_await from.read_frame();
        co_return std::string(f->text());
    };
    EXPECT_EQ(testing::run_coroutine(context, read(*stream)), stream->local().to_string());
}

TEST(connect_test, takes_the_listeners_framing_keys) {
    for (const std::string query :
         {"?framing=raw", "?framing=length-prefix&width=2", "?framing=length-prefix&order=big"}) {
        loopback_server s(&add_echo, "echo", query.substr(1));
        EXPECT_EQ(run(dial_and_ask(s.url() + query, "hello")), "hello") << query;
    }
}

TEST(connect_test, takes_limits) {
    loopback_server s(&add_echo, "echo");
    try {
        run(dial_and_ask(s.url() + "?max-send-frame=4", "hello"));
        FAIL();
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), errc::frame_too_long);
    }
    try {
        run(dial_and_ask(s.url() + "?max-frame=4", "hello"));
        FAIL();
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), errc::frame_too_long);
    }
}

/// Descriptors that are open, with their flags.
std::map<int, int> descriptors() {
    std::map<int, int> flags;
    for (int fd = 0; fd < 4096; ++fd)
        if (const int f = ::fcntl(fd, F_GETFD); f >= 0)
            flags.emplace(fd, f);
    return flags;
}

TEST(connect_test, children_inherit_nothing) {
    const temporary_directory directory;
    server s({.cores = 1, .log = nullptr});
    add_echo(s.registry());
    const auto local = s.listen("echo=unix:" + directory / "x.sock");
    const plain_listener tcp;
    for (const std::string& url : {local.url(), tcp.url()}) {
        io_context context;
        const auto before = descriptors();
        const auto stream = testing::run_coroutine(context, dial(url, 20s));
        int sockets = 0;
        for (const auto& [fd, flags] : descriptors()) {
            if (before.contains(fd))
                continue;
            EXPECT_TRUE(flags & FD_CLOEXEC) << fd;
            struct stat what{};
            checked(::fstat(fd, &what), "fstat");
            if (S_ISSOCK(what.st_mode)) {
                ++sockets;
                EXPECT_TRUE(::fcntl(fd, F_GETFL) & O_NONBLOCK);
            }
        }
        EXPECT_EQ(sockets, 1) << url;
    }
}

// ---- what is wrong with a URL is said in the call

TEST(connect_test, refuses_a_wrong_url_in_the_call) {
    const auto refusal = [](const char* url) -> std::string {
        try {
            const task<frame_stream> never_awaited = connect(url, 1s);
        } catch (const configuration_error& e) {
            return e.what();
        }
        return "none";
    };
    EXPECT_THAT(refusal("127.0.0.1:7700"), HasSubstr("tcp://HOST:PORT"));
    EXPECT_THAT(refusal("tcp://127.0.0.1"), HasSubstr("no port"));
    EXPECT_THAT(refusal("udp://127.0.0.1:7700"), HasSubstr("a stream needs tcp:// or unix:"));
    EXPECT_THAT(
        refusal("tcp://127.0.0.1:7700?framing=morse"),
        AllOf(HasSubstr("morse"), HasSubstr("length-prefix"))
    );
    EXPECT_THAT(refusal("tcp://127.0.0.1:7700?mode=upper"), HasSubstr("mode"));
    EXPECT_THAT(refusal("tcp://127.0.0.1:7700?max-frame=much"), HasSubstr("max-frame=much"));
}

// ---- failures at run time

TEST(connect_test, names_what_refuses_it) {
    std::string url;
    {
        const plain_listener listener;
        url = listener.url();
    }
    const auto [code, what] = failure(url);
    EXPECT_EQ(code, boost::system::errc::connection_refused);
    EXPECT_THAT(what, HasSubstr(url));
}

TEST(connect_test, names_a_path_that_is_not_there) {
    const temporary_directory directory;
    const auto [code, what] = failure("unix:" + directory / "missing");
    EXPECT_EQ(code, boost::system::errc::no_such_file_or_directory);
    EXPECT_THAT(what, HasSubstr("missing"));
}

TEST(connect_test, names_a_host_that_is_not_there) {
    const auto [code, what] = failure("tcp://no-such-host.invalid:7700");
    EXPECT_TRUE(code);
    EXPECT_NE(code, errc::timeout);
    EXPECT_THAT(what, HasSubstr("no-such-host.invalid"));
}

/// A listener whose backlog is full answers nobody.
class full_listener {
public:
    full_listener() {
        for (int i = 0; i < 4; ++i) {
            const int socket =
                checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
            sockets_.push_back(socket);
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            address.sin_port = htons(parse_url(listener_.url()).port);
            static_cast<void>(
                ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address)
            );
        }
    }

    full_listener(const full_listener&) = delete;
    full_listener& operator=(const full_listener&) = delete;

    ~full_listener() {
        for (const int s : sockets_)
            ::close(s);
    }

    std::string url() const { return listener_.url(); }

private:
    plain_listener listener_{0};
    std::vector<int> sockets_;
};

TEST(connect_test, runs_out_of_time) {
    const full_listener full;
    const auto begin = std::chrono::steady_clock::now();
    const auto [code, what] = failure(full.url(), 50ms);
    EXPECT_EQ(code, errc::timeout);
    EXPECT_THAT(what, HasSubstr(full.url()));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
}

TEST(connect_test, can_be_cancelled) {
    const full_listener full;
    io_context context;
    asio::cancellation_signal stop;
    std::optional<error_code> ended;
    auto on_end = [&](std::exception_ptr error, auto&&...) {
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const system_error& e) {
            ended = e.code();
        }
    };
    const auto attempt = [](std::string url) -> task<> { auto stream = co_await connect(url, 1h); };
    asio::co_spawn(context, attempt(full.url()), asio::bind_cancellation_slot(stop.slot(), on_end));
    context.run_for(20ms);
    EXPECT_FALSE(ended);
    stop.emit(asio::cancellation_type::terminal);
    testing::run_until(context, [&] { return ended.has_value(); });
    EXPECT_EQ(*ended, asio::error::operation_aborted);
}

TEST(connect_test, is_dropped_with_its_context) {
    const full_listener full;
    const auto held = std::make_shared<int>();
    {
        io_context context;
        const auto attempt = [](std::string url, std::shared_ptr<int>) -> task<> {
            auto stream = co_await connect(url, 1h);
        };
        asio::co_spawn(context, attempt(full.url(), held), [](std::exception_ptr) {});
        context.run_for(20ms);
        EXPECT_EQ(held.use_count(), 2);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(connect_test, needs_an_io_contexts_own_executor) {
    const plain_listener listener;
    io_context context;
    std::exception_ptr error;
    asio::co_spawn(
        asio::make_strand(context),
        dial(listener.url(), 1s),
        [&](std::exception_ptr e, const auto&) { error = std::move(e); }
    );
    context.run_for(20s);
    ASSERT_TRUE(error);
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        EXPECT_EQ(e.code(), errc::wrong_executor);
    }
}

/// The limit may run out in the very turn in which the connection is made: then either may win, and
/// nothing of the other is left.
TEST(connect_test, and_its_limit_may_end_together) {
    const temporary_directory directory;
    const std::string path = directory / "x.sock";
    const int local = checked(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    checked(::bind(local, reinterpret_cast<sockaddr*>(&address), sizeof address), "bind");
    checked(::listen(local, 4096), "listen");
    const plain_listener tcp(4096);
    int made = 0, late = 0;
    for (const std::string& url : {"unix:" + path, tcp.url()})
        for (const duration limit :
             std::initializer_list<duration>{0ms, 1us, 10us, 50us, 100us, 300us, 1ms})
            for (int i = 0; i < 20; ++i) {
                const auto [code, what] = failure(url, limit);
                EXPECT_THAT(code, AnyOf(error_code(), make_error_code(errc::timeout)));
                EXPECT_THAT(what, HasSubstr(code ? url : "none"));
                ++(code ? late : made);
            }
    EXPECT_EQ(made + late, 280);
    ::close(local);
}

}  // namespace
}  // namespace coserve
