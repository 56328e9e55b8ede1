// The bounded pool of threads behind `run_blocking`.
#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <mutex>
#include <optional>
#include <utility>

namespace coserve {

// Thread: any.
class blocking_threads {
public:
    explicit blocking_threads(unsigned threads) : count_(threads) {}

    template <class F>
    void post(F work) {
        const std::scoped_lock lock(mutex_);
        if (!pool_)
            pool_.emplace(count_);
        boost::asio::post(*pool_, std::move(work));
    }

private:
    unsigned count_;
    std::mutex mutex_;
    std::optional<boost::asio::thread_pool> pool_;
};

}  // namespace coserve
