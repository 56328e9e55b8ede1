#include <coserve/blocking_pool.hpp>

#include "blocking_threads.hpp"
#include "core.hpp"
#include "stored_handler.hpp"

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace coserve {

namespace {

using handler = asio::any_completion_handler<void(std::exception_ptr)>;

// The work refers to the coroutine that waits for it, so a core that ends waits for the work.
class job final : public std::enable_shared_from_this<job>, resident {
public:
    job(core& c, std::function<void()> work, handler h)
        : core_(c), work_(std::move(work)), handler_(std::move(h)) {}

    void start() {
        core_.admit(*this);
        keep_ = shared_from_this();
        try {
            core_.blocking().post([self = shared_from_this()] { self->run(); });
        } catch (...) {  // there is no thread for it
            end(std::current_exception());
        }
    }

private:
    void run() {
        std::exception_ptr error;
        try {
            work_();
        } catch (...) {
            error = std::current_exception();
        }
        end(std::move(error));
    }

    void end(std::exception_ptr error) {
        const std::scoped_lock lock(mutex_);
        done_ = true;
        finished_.notify_one();
        if (attached_)
            asio::post(core_.context(), [self = shared_from_this(), error = std::move(error)] {
                self->complete(error);
            });
    }

    void complete(std::exception_ptr error) {
        const auto self = std::exchange(keep_, nullptr);
        if (!self)
            return;
        core_.dismiss(*this);
        std::move(handler_)(error);
    }

    void on_shutdown() noexcept override {
        const auto self = std::exchange(keep_, nullptr);
        std::unique_lock lock(mutex_);
        attached_ = false;
        finished_.wait(lock, [this] { return done_; });
        lock.unlock();
        handler_ = nullptr;
    }

    core& core_;
    std::function<void()> work_;
    handler handler_;
    std::shared_ptr<job> keep_;
    std::mutex mutex_;
    std::condition_variable finished_;
    bool done_ = false, attached_ = true;
};

}  // namespace

task<> detail::run_on_blocking_pool(std::function<void()> work) {
    core& here = core::of(context_of(co_await asio::this_coro::executor));
    auto start = [&](handler h) {
        std::make_shared<job>(here, std::move(work), std::move(h))->start();
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        start, asio::use_awaitable
    );
}

}  // namespace coserve
