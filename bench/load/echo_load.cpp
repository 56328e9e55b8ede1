#include "echo_load.hpp"

#include "cpu_time.hpp"
#include "datagram_worker.hpp"
#include "worker.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace coserve_bench {

using namespace std::chrono_literals;

namespace {

constexpr auto telling_interval = 200ms;

/// The threads of a run, and what each of them waits for.
class crew {
public:
    explicit crew(const plan& p) : connected_(static_cast<std::ptrdiff_t>(p.threads)) {
        for (std::size_t i = 0; i < p.threads; ++i)
            workers_.push_back(make_worker(p, i));
        for (auto& w : workers_)
            threads_.emplace_back([this, &w] { work(*w); });
    }

    /// Returns when every connection is made or has failed.
    void connect() { connected_.wait(); }

    void go(bool count_at_once) {
        schedule_.start = clock::now();
        if (count_at_once)
            schedule_.begin = schedule_.start;
        go_.count_down();
    }

    void begin() { schedule_.begin = clock::now(); }

    void end_after(coserve::duration time) { schedule_.end = schedule_.begin.load() + time; }

    clock::time_point began() const { return schedule_.begin; }

    /// True: all have ended.
    bool wait_until(clock::time_point t) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, t, [this] { return ended_ == threads_.size(); });
    }

    std::uint64_t completed() const {
        std::uint64_t sum = 0;
        for (const auto& w : workers_)
            sum += w->completed();
        return sum;
    }

    /// Joins the threads.
    outcome result() {
        threads_.clear();
        if (error_)
            std::rethrow_exception(error_);
        outcome sum;
        for (const auto& w : workers_)
            sum += w->result();
        return sum;
    }

    clock::time_point last_reply() const {
        clock::time_point last{};
        for (const auto& w : workers_)
            last = std::max(last, w->last_reply());
        return last;
    }

private:
    std::unique_ptr<load_worker> make_worker(const plan& p, std::size_t index) const {
        if (p.datagrams)
            return std::make_unique<datagram_worker>(p, schedule_, index);
        return std::make_unique<worker>(p, schedule_, index);
    }

    void work(load_worker& w) noexcept {
        try {
            w.connect();
        } catch (...) {
            keep_error();
        }
        connected_.count_down();
        go_.wait();
        try {
            w.load();
        } catch (...) {
            keep_error();
        }
        const std::scoped_lock lock(mutex_);
        ++ended_;
        changed_.notify_all();
    }

    void keep_error() {
        const std::scoped_lock lock(mutex_);
        if (!error_)
            error_ = std::current_exception();
    }

    schedule schedule_;
    std::latch connected_, go_{1};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t ended_ = 0;
    std::exception_ptr error_;
    std::vector<std::unique_ptr<load_worker>> workers_;
    std::vector<std::jthread> threads_;
};

/// Tells how far it is until `t`, or all has ended, which gives true.
class teller {
public:
    teller(const plan& p, const std::function<void(const progress&)>& told)
        : plan_(p), told_(told) {}

    bool wait(crew& c, clock::time_point t, bool warming_up) {
        for (;;) {
            const clock::time_point next = std::min(t, clock::now() + telling_interval);
            if (c.wait_until(next))
                return true;
            if (clock::now() >= t)
                return false;
            tell(c.completed(), warming_up);
        }
    }

private:
    void tell(std::uint64_t completed, bool warming_up) {
        const clock::time_point now = clock::now();
        const double seconds = std::chrono::duration<double>(now - last_).count();
        const double rate = static_cast<double>(completed - last_completed_) / seconds;
        const double part =
            plan_.requests
                ? static_cast<double>(completed) / static_cast<double>(*plan_.requests)
                : std::chrono::duration<double>(now - start_) / (plan_.warmup + plan_.time);
        last_ = now;
        last_completed_ = completed;
        told_({std::min(part, 1.0), rate, warming_up});
    }

    const plan& plan_;
    const std::function<void(const progress&)>& told_;
    const clock::time_point start_ = clock::now();
    clock::time_point last_ = start_;
    std::uint64_t last_completed_ = 0;
};

}  // namespace

result run_echo_load(const plan& p, const std::function<void(const progress&)>& told) {
    crew all(p);
    all.connect();
    teller tell(p, told);
    result r;
    const auto cpu_of_server = [&] { return p.pid ? cpu_time_of(*p.pid) : std::nullopt; };

    auto server_before = cpu_of_server();
    auto own_before = own_cpu_time();
    all.go(p.warmup == coserve::duration::zero());
    bool ended = false;
    if (p.warmup != coserve::duration::zero()) {
        ended = tell.wait(all, clock::now() + p.warmup, true);
        server_before = cpu_of_server();
        own_before = own_cpu_time();
        all.begin();
    }
    if (!p.requests)
        all.end_after(p.time);
    while (!ended)
        ended = tell.wait(all, clock::time_point::max(), false);

    const auto server_after = cpu_of_server();
    r.own_cpu = own_cpu_time() - own_before;
    if (server_before && server_after)
        r.server_cpu = *server_after - *server_before;
    r.counts = all.result();
    const clock::time_point last = all.last_reply();
    r.elapsed = std::max<coserve::duration>(last - all.began(), {});
    if (!p.requests)
        r.elapsed = std::min(r.elapsed, p.time);
    return r;
}

}  // namespace coserve_bench
