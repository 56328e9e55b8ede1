// Servers that begin and end, a thousand times in one process, with connections in every state.
#include "../framework/plain_peer.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;

std::atomic<int> handlers_alive = 0, begun = 0;

/// Waits, in one way or another.
class waiting final : public stream_handler {
public:
    enum class what { read, sleep, closed, tasks, join, blocking, timer, writing };

    struct options {
        what where = what::read;

        void read(option_reader& reader) {
            reader.choice(
                "at",
                where,
                {{"read", what::read},
                 {"sleep", what::sleep},
                 {"closed", what::closed},
                 {"tasks", what::tasks},
                 {"join", what::join},
                 {"blocking", what::blocking},
                 {"timer", what::timer},
                 {"writing", what::writing}},
                "what it waits for"
            );
        }
    };

    explicit waiting(const options& o) : where_(o.where) { ++handlers_alive; }

    ~waiting() override { --handlers_alive; }

private:
    task<> handle() override {
        ++begun;
        switch (where_) {
        case what::read:
            co_await read_frame();
            break;
        case what::sleep:
            co_await sleep(1h);
            break;
        case what::closed:
            co_await stream().closed();
            break;
        case what::tasks:
            spawn_all();
            co_await read_frame();
            break;
        case what::join:
            spawn_all();  // and joins them where it returns
            break;
        case what::blocking: {
            auto work = [] { return 1; };
            for (;;)
                co_await run_blocking(work);
        }
        case what::timer:
            co_await wait_on_asio();
            break;
        case what::writing: {
            const std::string much(100'000, 'x');
            for (;;)
                co_await write_frame(much);
        }
        }
    }

    void spawn_all() {
        tasks().spawn(&waiting::rest, this);
        tasks().spawn(&waiting::nest, this);
        tasks().spawn(&waiting::wait_on_asio, this);
    }

    task<> rest() { co_await sleep(1h); }

    task<> nest() {
        const auto any = co_await asio::this_coro::executor;
        task_group group(context_of(any).get_executor());
        group.spawn(&waiting::rest, this);
        co_await group.join();
    }

    task<> wait_on_asio() {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
        co_await timer.async_wait(asio::use_awaitable);
    }

    what where_;
};

constexpr std::array all_states{
    "read", "sleep", "closed", "tasks", "join", "blocking", "timer", "writing"
};

/// A listener and a peer for each state.
struct crowd {
    explicit crowd(server& s) {
        s.registry().add<waiting>("wait");
        for (const char* at : all_states)
            urls.push_back(s.listen(std::string("wait=tcp://127.0.0.1:0?at=") + at).url());
    }

    void connect() {
        for (const std::string& url : urls)
            peers.emplace_back(url);
    }

    static bool is_there(const server& s) { return s.stats().active == all_states.size(); }

    std::vector<std::string> urls;
    std::vector<plain_peer> peers;
};

server_options quiet(unsigned cores = 1) {
    return {
        .cores = cores, .drain_timeout = {}, .blocking_threads = 1, .log = [](const log_record&) {}
    };
}

class lifetime_test : public ::testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(handlers_alive, 0);
        EXPECT_EQ(open_descriptors(), descriptors_);
    }

    const std::size_t descriptors_ = open_descriptors();
};

TEST_F(lifetime_test, servers_that_never_run) {
    for (int i = 0; i < 100; ++i) {
        server s(quiet(1 + static_cast<unsigned>(i % 3)));
        crowd c(s);
        c.connect();
        if (i % 2)
            s.stop();
    }
}

TEST_F(lifetime_test, servers_on_cores_of_their_own) {
    for (int i = 0; i < 300; ++i) {
        server s(quiet(2));
        crowd c(s);
        std::thread runner([&] { s.run(); });
        c.connect();
        if (i % 3)
            eventually([&] { return crowd::is_there(s); }, "all are there");
        if (i % 5 == 0)
            c.peers.clear();
        s.stop();
        runner.join();
    }
}

TEST_F(lifetime_test, servers_destroyed_before_their_context) {
    for (int i = 0; i < 300; ++i) {
        io_context context(1);
        {
            server s(context.get_executor(), quiet());
            crowd c(s);
            asio::co_spawn(context, s.serve(), [](std::exception_ptr) {});
            c.connect();
            if (i % 3)
                testing::run_until(context, [&] { return crowd::is_there(s); });
            if (i % 4 == 1)
                s.stop();
            if (i % 4 == 2)
                context.poll();
        }
        context.restart();
        if (i % 2)
            context.poll();
    }
}

TEST_F(lifetime_test, servers_destroyed_after_their_context) {
    for (int i = 0; i < 300; ++i) {
        auto context = std::make_unique<io_context>(1);
        server s(context->get_executor(), quiet());
        crowd c(s);
        asio::co_spawn(*context, s.serve(), [](std::exception_ptr) {});
        c.connect();
        if (i % 3)
            testing::run_until(*context, [&] { return crowd::is_there(s); });
        if (i % 4 == 1)
            s.stop();
        if (i % 4 == 2)
            context->poll();
        context.reset();
        EXPECT_EQ(s.stats().active, 0U);
        if (i % 2)
            s.stop();
    }
}

/// What is left runs to its end on the host's context.
TEST_F(lifetime_test, destroyed_servers_end_in_the_contexts_next_turns) {
    for (int i = 0; i < 100; ++i) {
        io_context context(1);
        {
            server s(context.get_executor(), quiet());
            crowd c(s);
            asio::co_spawn(context, s.serve(), [](std::exception_ptr) {});
            c.connect();
            testing::run_until(context, [&] { return crowd::is_there(s); });
        }
        context.restart();
        context.run_for(20s);
        EXPECT_TRUE(context.stopped()) << "something still waits";
        EXPECT_EQ(handlers_alive, 0);
    }
}

}  // namespace
}  // namespace coserve
