#include <coserve/sleep.hpp>

#include "core.hpp"
#include "stored_handler.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace coserve {

namespace {

using handler = asio::any_completion_handler<void(error_code)>;

// Owns itself until it completes or its core ends.
class sleeper final : resident, timer {
public:
    static void start(core& c, time_point until, handler h) {
        auto* const s = new sleeper(c, std::move(h));
        c.timers().arm(*s, until);
        on_cancel(s->handler_, [s] { s->cancel(); });
    }

private:
    sleeper(core& c, handler h) : core_(c), handler_(std::move(h)) { core_.admit(*this); }

    void on_timer() noexcept override { complete({}); }

    void cancel() { complete(asio::error::operation_aborted); }

    void complete(error_code error) {
        core_.dismiss(*this);
        core_.timers().forget(*this);
        post_completion(core_.context(), release_handler(handler_), error);
        delete this;
    }

    void on_shutdown() noexcept override {
        const std::unique_ptr<sleeper> self(this);
        core_.timers().forget(*this);
    }

    friend std::default_delete<sleeper>;

    ~sleeper() = default;

    core& core_;
    handler handler_;
};

}  // namespace

time_point now(executor e) {
    return core::of(e.context()).timers().now();
}

task<> sleep(duration time) {
    core& here = core::of(context_of(co_await asio::this_coro::executor));
    auto start = [&](handler h) { sleeper::start(here, here.timers().after(time), std::move(h)); };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
        start, asio::use_awaitable
    );
}

}  // namespace coserve
