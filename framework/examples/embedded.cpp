// In a program that has an io_context of its own: the server is one more thing that runs on it, and
// takes no signals and no threads.
#include <coserve/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;

// The host's own work.
asio::awaitable<void> count_seconds() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (unsigned passed = 1;; ++passed) {
        timer.expires_after(std::chrono::seconds(1));
        co_await timer.async_wait(asio::use_awaitable);
        std::cout << "up for " << passed << " s" << std::endl;
    }
}

int main(int argc, char** argv) {
    asio::io_context host;

    coserve::server server(host.get_executor());
    server.registry().add("echo", [](coserve::frame_stream& stream) -> coserve::task<> {
        while (auto request = co_await stream.read_frame())
            co_await stream.write_frame(*request);
    });
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listener = server.listen("echo=tcp://127.0.0.1:" + port);
    std::cout << listener.url() << std::endl;

    asio::signal_set signals(host, SIGINT, SIGTERM);
    signals.async_wait([&](auto, int) { server.stop(); });

    asio::co_spawn(host, count_seconds(), [](std::exception_ptr) {});
    asio::co_spawn(host, server.serve(), [&](std::exception_ptr error) {
        if (error)
            std::rethrow_exception(error);
        std::cout << "drained" << std::endl;
        host.stop();
    });
    host.run();
}
