#include "root_coroutine.hpp"

#include <coserve/sleep.hpp>
#include <coserve/task.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace coserve {
namespace {

using namespace std::chrono_literals;

struct owner {
    explicit owner(io_context& c) : context(c) {}

    void dropped() { events += "dropped "; }

    io_context& context;
    std::string events;
    asio::cancellation_signal stop;
};

task<> pause(duration time) {
    co_await sleep(time);
}

root_coroutine wait(owner* o, duration time) {
    root_scope scope(o->context, *o);
    o->events += "begun ";
    try {
        co_await pause(time);
    } catch (const system_error& e) {
        o->events += e.code() == asio::error::operation_aborted ? "cancelled " : "failed ";
    }
    scope.end();
    o->events += "ended ";
}

TEST(root_coroutine_test, begins_in_the_call_on_its_contexts_thread) {
    io_context context;
    owner o(context);
    asio::post(context, [&] {
        launch(context, wait(&o, 1ms), o.stop.slot());
        o.events += "launched ";
    });
    context.run_for(10s);
    EXPECT_EQ(o.events, "begun launched ended ");
}

TEST(root_coroutine_test, elsewhere_begins_when_its_context_runs) {
    io_context context;
    owner o(context);
    launch(context, wait(&o, 1ms), o.stop.slot());
    EXPECT_EQ(o.events, "");
    context.run_for(10s);
    EXPECT_EQ(o.events, "begun ended ");
}

TEST(root_coroutine_test, is_cancelled_before_its_first_await_too) {
    for (const bool begun : {false, true}) {
        io_context context;
        owner o(context);
        launch(context, wait(&o, 24h), o.stop.slot());
        if (begun)
            context.poll();
        o.stop.emit(asio::cancellation_type::terminal);
        context.run_for(10s);
        EXPECT_EQ(o.events, "begun cancelled ended ");
    }
}

TEST(root_coroutine_test, tells_when_its_context_ends_before_it) {
    auto context = std::make_unique<io_context>();
    owner o(*context);
    launch(*context, wait(&o, 24h), o.stop.slot());
    context->poll();
    context.reset();
    EXPECT_EQ(o.events, "begun dropped ");
}

TEST(root_coroutine_test, keeps_its_context_running) {
    struct held {
        asio::any_completion_handler<void()> go_on;

        auto operator()() {
            return asio::async_initiate<const asio::use_awaitable_t<>, void()>(
                [this](auto handler) { go_on = std::move(handler); }, asio::use_awaitable
            );
        }
    };

    io_context context;
    owner o(context);
    held gate;
    const auto body = [](owner* who, held* what) -> root_coroutine {
        root_scope scope(who->context, *who);
        co_await (*what)();
        scope.end();
        who->events += "ended ";
    };
    launch(context, body(&o, &gate), o.stop.slot());
    context.poll();
    EXPECT_FALSE(context.stopped()) << "nothing but the coroutine keeps it";
    ASSERT_TRUE(gate.go_on);
    std::move(gate.go_on)();
    context.poll();
    EXPECT_EQ(o.events, "ended ");
    EXPECT_TRUE(context.stopped());
}

}  // namespace
}  // namespace coserve
