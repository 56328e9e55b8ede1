#include <coserve/core_local.hpp>
#include <coserve/core_pool.hpp>

#include <boost/asio/executor_work_guard.hpp>

#include <algorithm>
#include <pthread.h>
#include <sched.h>
#include <thread>

namespace coserve {

namespace {

thread_local std::size_t core_of_this_thread = 0;

std::vector<int> allowed_processors() {
    cpu_set_t mask;
    std::vector<int> allowed;
    if (sched_getaffinity(0, sizeof mask, &mask) == 0)
        for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &mask))
                allowed.push_back(i);
    return allowed;
}

void pin_this_thread(int processor) {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(processor, &mask);
    pthread_setaffinity_np(pthread_self(), sizeof mask, &mask);
}

// The calling thread is lent to core 0, and given back as it was.
class affinity_guard {
public:
    affinity_guard() { pthread_getaffinity_np(pthread_self(), sizeof mask_, &mask_); }

    affinity_guard(const affinity_guard&) = delete;
    affinity_guard& operator=(const affinity_guard&) = delete;

    ~affinity_guard() { pthread_setaffinity_np(pthread_self(), sizeof mask_, &mask_); }

private:
    cpu_set_t mask_{};
};

}  // namespace

std::size_t this_core() noexcept {
    return core_of_this_thread;
}

unsigned available_cores() noexcept {
    return std::max(1U, static_cast<unsigned>(allowed_processors().size()));
}

core_pool::core_pool(unsigned cores, bool pin) : pin_(pin) {
    for (unsigned i = 0; i < (cores != 0 ? cores : available_cores()); ++i)
        contexts_.push_back(std::make_unique<io_context>(1));
}

void core_pool::run() {
    const affinity_guard restore;
    {
        std::vector<std::jthread> others;
        try {
            for (std::size_t i = 1; i < size(); ++i)
                others.emplace_back([this, i] { run_core(i); });
        } catch (...) {  // too many threads
            stop();
            throw;
        }
        run_core(0);
    }
    core_of_this_thread = 0;
    if (error_)
        std::rethrow_exception(error_);
}

void core_pool::run_core(std::size_t core) noexcept {
    core_of_this_thread = core;
    if (pin_)
        if (const auto allowed = allowed_processors(); !allowed.empty())
            pin_this_thread(allowed[core % allowed.size()]);
    try {
        const auto work = asio::make_work_guard(*contexts_[core]);
        contexts_[core]->run();
    } catch (...) {
        {
            const std::scoped_lock lock(mutex_);
            if (!error_)
                error_ = std::current_exception();
        }
        stop();
    }
}

void core_pool::stop() noexcept {
    for (const auto& context : contexts_)
        context->stop();
}

}  // namespace coserve
