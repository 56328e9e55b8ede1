// Servers that are destroyed at any time, before and after their context, with connections in every
// state. The sanitizers look on.
#include "plain_client.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <optional>
#include <thread>

namespace coserve::faults {
namespace {

using namespace std::chrono_literals;

// Waits for something of every kind.
class waits final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&waits::on_the_clock, this);
        tasks().spawn(&waits::on_asio, this);
        tasks().spawn(&waits::on_the_peer, this);
        while (auto request = co_await read_frame())
            co_await write_frame(*request);
    }

    task<> on_the_clock() { co_await sleep(100s); }

    task<> on_asio() {
        asio::steady_timer timer(co_await asio::this_coro::executor, 100s);
        co_await timer.async_wait(asio::use_awaitable);
    }

    task<> on_the_peer() { co_await stream().closed(); }

    task<> finish() override {
        auto work = [this] { ended_ = true; };
        co_await run_blocking(work);
    }

    bool ended_ = false;
};

server_options quiet() {
    server_options options;
    options.log = nullptr;
    options.cores = 2;
    options.drain_timeout = 0ms;
    return options;
}

void ignore(const std::exception_ptr&) {}

// An idle one, one within a frame, one with a reply it does not read.
std::vector<plain_client> connect_some(const std::string& url) {
    std::vector<plain_client> clients;
    for (const std::string& bytes :
         {std::string(), std::string("\x05\0\0\0he", 6), framed("hello")}) {
        clients.emplace_back(url);
        clients.back().send(bytes);
    }
    return clients;
}

TEST(Lifetime, AServerOnAHostsContextMayEndBeforeItOrAfterIt) {
    for (int i = 0; i < 1000; ++i) {
        std::optional<io_context> host(std::in_place, 1);
        std::optional<server> s(std::in_place, host->get_executor(), quiet());
        s->registry().add<waits>("waits");
        const std::string url = s->listen("waits=tcp://127.0.0.1:0").url();
        asio::co_spawn(*host, s->serve(), ignore);
        const auto clients = connect_some(url);
        host->poll();
        switch (i % 4) {
        case 0:
            s.reset();
            host.reset();
            break;
        case 1:
            host.reset();
            s.reset();
            break;
        case 2:
            s.reset();
            host->restart();
            host->poll();
            host.reset();
            break;
        case 3:
            s->stop();
            host->restart();
            host->poll();
            host.reset();
            break;
        }
    }
}

TEST(Lifetime, AServerOnItsOwnCoresMayEndInAnyState) {
    for (int i = 0; i < 200; ++i) {
        std::optional<server> s(std::in_place, quiet());
        s->registry().add<waits>("waits");
        const std::string url = s->listen("waits=tcp://127.0.0.1:0").url();
        const auto clients = connect_some(url);
        if (i % 2 == 0)
            continue;  // never run: they wait in the backlog
        std::thread runs([&] { s->run(); });
        plain_client answered(url);
        ASSERT_TRUE(answered.send(framed("hello")));
        ASSERT_EQ(answered.receive(9), framed("hello"));
        s->handle().stop();
        runs.join();
    }
}

}  // namespace
}  // namespace coserve::faults
