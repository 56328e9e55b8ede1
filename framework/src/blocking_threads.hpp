// The bounded pool of threads behind `run_blocking`.
#pragma once

#include <coserve/error.hpp>
#include <coserve/io.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {

// Its own threads: where a thread_pool of Asio's can start only some of them, it waits for these
// for ever. Thread: any.
class blocking_threads {
public:
    explicit blocking_threads(unsigned threads) : count_(threads) {}

    blocking_threads(const blocking_threads&) = delete;
    blocking_threads& operator=(const blocking_threads&) = delete;

    ~blocking_threads() { context_.stop(); }

    // Errors: system_error where there is no thread and none can be started.
    template <class F>
    void post(F work) {
        const std::scoped_lock lock(mutex_);
        start();
        asio::post(context_, std::move(work));
    }

private:
    // Fewer will do, until more can be started.
    void start() {
        try {
            threads_.reserve(count_);
            while (threads_.size() < count_)
                threads_.emplace_back([this] { context_.run(); });
        } catch (const std::system_error& e) {
            if (threads_.empty())
                throw system_error(
                    {e.code().value(), boost::system::system_category()},
                    "cannot start a thread for blocking work"
                );
        }
    }

    unsigned count_;
    std::mutex mutex_;
    io_context context_;
    asio::executor_work_guard<io_context::executor_type> work_{context_.get_executor()};
    std::vector<std::jthread> threads_;  // joined before the context goes
};

}  // namespace coserve
