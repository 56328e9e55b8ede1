#include "plain_peer.hpp"

#include <coserve/connect.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace server_check;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

/// A host with a server on its context, and what is beside it.
class hosted_server_test : public ::testing::Test {
protected:
    hosted_server_test() {
        server_.emplace(host_.get_executor(), server_options{.log = [this](const log_record& r) {
                            log_.push_back(log_text(r));
                        }});
        server_->registry().add<echo>("echo");
    }

    std::string listen() { return server_->listen("echo=tcp://127.0.0.1:0").url(); }

    void start() {
        asio::co_spawn(host_, server_->serve(), [this](std::exception_ptr error) {
            served_ = true;
            error_ = std::move(error);
        });
    }

    void until(const std::function<bool()>& done) { testing::run_until(host_, done); }

    template <class T>
    T run(task<T> work) {
        return testing::run_coroutine(host_, std::move(work));
    }

    /// What is due by now.
    void settle() {
        host_.restart();
        host_.poll();
    }

    io_context host_{1};
    std::vector<std::string> log_;
    std::optional<server> server_;
    bool served_ = false;
    std::exception_ptr error_;
};

using client_end = std::unique_ptr<frame_stream>;

task<client_end> dial(std::string url) {
    auto stream = co_await connect(url, 20s);
    co_return std::make_unique<frame_stream>(std::move(stream));
}

task<std::string> ask(const client_end& s, std::string question) {
    co_await s->write_frame(question);
    const auto answer = co_await s->read_frame();
    co_return answer ? std::string(answer->text()) : "(the end)";
}

TEST_F(hosted_server_test, serves_beside_the_hosts_own_work) {
    const std::string url = listen();
    start();
    int ticks = 0;
    asio::steady_timer timer(host_);
    const std::function<void()> tick = [&] {
        timer.expires_after(1ms);
        timer.async_wait([&](error_code error) {
            if (!error && ++ticks < 1000)
                tick();
        });
    };
    tick();
    const client_end client = run(dial(url));
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(run(ask(client, std::to_string(i))), std::to_string(i));
    const int before = ticks;
    until([&] { return ticks > before + 3; });
    client->close();
    server_->stop();
    until([&] { return served_; });
    EXPECT_FALSE(error_);
    const int after = ticks;
    until([&] { return ticks > after + 3; });
    timer.cancel();
    EXPECT_THAT(log_, IsEmpty());
}

TEST_F(hosted_server_test, takes_no_signals) {
    struct sigaction before{}, during{};
    ::sigaction(SIGTERM, nullptr, &before);
    listen();
    start();
    settle();
    ::sigaction(SIGTERM, nullptr, &during);
    EXPECT_EQ(before.sa_handler, during.sa_handler);
}

TEST_F(hosted_server_test, leaves_the_context_without_work) {
    const std::string url = listen();
    server_->every(1h, [] {});
    start();
    {
        const client_end client = run(dial(url));
        EXPECT_EQ(run(ask(client, "hello")), "hello");
    }
    server_->stop();
    host_.restart();
    EXPECT_GT(host_.run_for(20s), 0U);
    EXPECT_TRUE(served_);
    EXPECT_TRUE(host_.stopped()) << "something still waits";
}

TEST_F(hosted_server_test, drains_its_connections) {
    const std::string url = listen();
    start();
    plain_peer p(url), idle(url);
    until([&] { return server_->stats().active == 2; });
    p.send_frame("one");
    p.send_frame("two");
    p.await_arrival();
    server_->stop();
    std::thread client([&] {
        EXPECT_EQ(p.receive_frame(), "one");
        EXPECT_EQ(p.receive_frame(), "two");
        EXPECT_EQ(p.receive_rest(), "");
        p.close();
        EXPECT_EQ(idle.receive_rest(), "");
        idle.close();
    });
    until([&] { return served_; });
    client.join();
    EXPECT_EQ(server_->stats().active, 0U);
    EXPECT_THAT(log_, IsEmpty());
}

TEST_F(hosted_server_test, serve_returns_where_it_was_stopped_before) {
    const std::string url = listen();
    server_->every(1ms, [] {});
    server_->stop();
    settle();
    start();
    until([&] { return served_; });
    EXPECT_FALSE(error_);
    EXPECT_THROW(plain_peer{url}, std::system_error);
    host_.restart();
    host_.run_for(20s);
    EXPECT_TRUE(host_.stopped()) << "something still waits";
}

TEST_F(hosted_server_test, serves_once) {
    start();
    settle();
    server_->stop();
    until([&] { return served_; });
    EXPECT_THROW(run(server_->serve()), std::logic_error);
}

TEST_F(hosted_server_test, serve_can_be_cancelled) {
    const std::string url = listen();
    asio::cancellation_signal cancel;
    auto on_end = [this](std::exception_ptr error) {
        served_ = true;
        error_ = std::move(error);
    };
    asio::co_spawn(host_, server_->serve(), asio::bind_cancellation_slot(cancel.slot(), on_end));
    plain_peer p(url);
    until([&] { return server_->stats().active == 1; });
    cancel.emit(asio::cancellation_type::terminal);
    std::thread client([&] {
        EXPECT_EQ(p.receive_rest(), "");  // it drains
        p.close();
    });
    until([&] { return served_; });
    client.join();
}

TEST_F(hosted_server_test, two_share_a_context) {
    const std::string url = listen();
    start();
    server second(host_.get_executor(), {.log = nullptr});
    second.registry().add<echo>("echo");
    const std::string other = second.listen("echo=tcp://127.0.0.1:0").url();
    bool second_served = false;
    asio::co_spawn(host_, second.serve(), [&](std::exception_ptr) { second_served = true; });
    const client_end a = run(dial(url)), b = run(dial(other));
    EXPECT_EQ(run(ask(a, "one")), "one");
    EXPECT_EQ(run(ask(b, "two")), "two");
    a->close();
    server_->stop();
    until([&] { return served_; });
    EXPECT_EQ(run(ask(b, "still here")), "still here");
    b->close();
    second.stop();
    until([&] { return second_served; });
}

TEST_F(hosted_server_test, listens_while_it_serves) {
    start();
    settle();
    const std::string url = listen();
    const client_end client = run(dial(url));
    EXPECT_EQ(run(ask(client, "late")), "late");
}

// ---- where it may not run

TEST(hosted_server_executor_test, must_be_an_io_contexts_own) {
    const auto refused = [](asio::any_io_executor where) -> std::string {
        try {
            const server s(where);
        } catch (const system_error& e) {
            return e.code() == errc::wrong_executor ? "wrong executor" : e.what();
        }
        return "taken";
    };
    io_context context;
    asio::thread_pool pool(1);
    EXPECT_EQ(refused(context.get_executor()), "taken");
    EXPECT_EQ(refused(asio::make_strand(context)), "wrong executor");
    EXPECT_EQ(refused(pool.get_executor()), "wrong executor");
    EXPECT_EQ(refused(asio::make_strand(pool)), "wrong executor");
    EXPECT_EQ(refused(asio::system_executor()), "wrong executor");
    EXPECT_EQ(refused({}), "wrong executor");
}

TEST(hosted_server_executor_test, of_its_own_is_not_served) {
    server s({.cores = 1, .log = nullptr});
    io_context context;
    EXPECT_THROW(testing::run_coroutine(context, s.serve()), std::logic_error);
}

// ---- ends

class waiting final : public stream_handler {
public:
    explicit waiting(const concurrent<std::vector<std::string>>& said) : said_(said) {}

private:
    task<> handle() override {
        tasks().spawn(&waiting::wait, this);
        try {
            while (auto f = co_await read_frame())
                co_await write_frame(*f);
        } catch (const system_error& e) {
            said_->push_back(e.code() == asio::error::operation_aborted ? "cancelled" : e.what());
            throw;
        }
    }

    task<> finish() override {
        said_->emplace_back("finish");
        co_return;
    }

    task<> wait() { co_await sleep(24h); }

    concurrent<std::vector<std::string>> said_;
};

TEST_F(hosted_server_test, destroyed_with_connections_cancels_them) {
    std::vector<std::string> said;
    server_->registry().add<waiting>("wait", concurrent(said));
    const std::string url = server_->listen("wait=tcp://127.0.0.1:0").url();
    start();
    const client_end client = run(dial(url));
    EXPECT_EQ(run(ask(client, "hello")), "hello");
    server_.reset();
    EXPECT_THAT(said, IsEmpty()) << "in the context's next turns";
    EXPECT_THROW(run(ask(client, "hello?")), system_error);
    settle();
    EXPECT_THAT(said, ElementsAre("cancelled", "finish"));
    EXPECT_TRUE(served_);
    host_.restart();
    client->close();
    host_.run_for(20s);
    EXPECT_TRUE(host_.stopped()) << "something still waits";
}

TEST_F(hosted_server_test, destroyed_by_its_handler) {
    class destroyer final : public stream_handler {
    public:
        explicit destroyer(const concurrent<std::optional<class server>>& s) : server_(s) {}

    private:
        task<> handle() override {
            co_await read_frame();
            server_->reset();
        }

        concurrent<std::optional<class server>> server_;
    };
    server_->registry().add<destroyer>("destroy", concurrent(server_));
    const std::string url = server_->listen("destroy=tcp://127.0.0.1:0").url();
    start();
    plain_peer p(url);
    p.send_frame("now");
    until([&] { return served_; });
    EXPECT_FALSE(server_);
    EXPECT_EQ(p.await_end(), plain_peer::ending::reset);
}

TEST_F(hosted_server_test, destroyed_by_its_periodic_action) {
    server_->every(1ms, [this] { server_.reset(); });
    listen();
    start();
    until([&] { return served_; });
    host_.restart();
    host_.run_for(20s);
    EXPECT_TRUE(host_.stopped()) << "something still waits";
}

TEST_F(hosted_server_test, destroyed_by_its_hook) {
    listener_hooks hooks;
    hooks.verify_request = [this](const peer_info&) {
        server_.reset();
        return true;
    };
    const std::string url = server_->listen("echo=tcp://127.0.0.1:0", std::move(hooks)).url();
    start();
    plain_peer p(url), q(url);
    until([&] { return served_; });
    EXPECT_EQ(p.await_end(), plain_peer::ending::reset);
}

TEST(hosted_server_end_test, server_and_context_in_either_order) {
    for (const bool context_first : {true, false}) {
        std::vector<std::string> said;
        auto host = std::make_unique<io_context>(1);
        auto s = std::make_unique<server>(host->get_executor(), server_options{.log = nullptr});
        s->registry().add<waiting>("wait", concurrent(said));
        const std::string url = s->listen("wait=tcp://127.0.0.1:0").url();
        s->every(1h, [] {});
        bool served = false;
        asio::co_spawn(*host, s->serve(), [&](std::exception_ptr) { served = true; });
        plain_peer p(url), unaccepted(url);
        testing::run_until(*host, [&] { return s->stats().active == 2; });
        plain_peer last(url);
        if (context_first) {
            host.reset();
            s->stop();
            EXPECT_EQ(s->stats().active, 0U);
            s.reset();
        } else {
            s.reset();
            host.reset();
        }
        EXPECT_FALSE(served);
        EXPECT_THAT(said, IsEmpty());
        EXPECT_THROW(plain_peer{url}, std::system_error);
    }
}

TEST(hosted_server_end_test, without_serve) {
    io_context host(1);
    std::string url;
    {
        server s(host.get_executor(), {.log = nullptr});
        s.registry().add<echo>("echo");
        s.every(1s, [] {});
        url = s.listen("echo=tcp://127.0.0.1:0").url();
        const task<> never_awaited = s.serve();
    }
    EXPECT_THROW(plain_peer{url}, std::system_error);
    host.run_for(20s);
    EXPECT_TRUE(host.stopped()) << "something still waits";
}

}  // namespace
}  // namespace coserve
