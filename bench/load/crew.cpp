#include "crew.hpp"

#include <algorithm>

#include <sys/prctl.h>
#include <unistd.h>

namespace coserve_bench {

crew::crew(const plan& p)
    : plan_(p), connected_(static_cast<std::ptrdiff_t>(p.threads)), members_(p.threads) {
    const worker_factory make = workers_of(p, schedule_);
    for (std::size_t i = 0; i < p.threads; ++i)
        members_[i].worker = make(i);
    for (member& m : members_)
        threads_.emplace_back([this, &m] { work(m); });
}

void crew::work(member& m) noexcept {
    m.thread = ::gettid();
    ::prctl(PR_SET_TIMERSLACK, 1);  // no sleep longer by the 50 us that are usual
    try {
        m.worker->connect();
    } catch (...) {
        keep_error();
    }
    connected_.count_down();
    go_.wait();
    try {
        m.worker->load();
    } catch (...) {
        keep_error();
    }
    m.after = use_of_thread(m.thread);
    m.ended = clock::now();
    const std::scoped_lock lock(mutex_);
    ++ended_;
    changed_.notify_all();
}

void crew::keep_error() {
    const std::scoped_lock lock(mutex_);
    if (!error_)
        error_ = std::current_exception();
}

void crew::go() {
    schedule_.start = clock::now();
    schedule_.begin = schedule_.start + plan_.ramp + plan_.warmup;
    if (!plan_.requests)
        schedule_.end = schedule_.begin + plan_.time;
    go_.count_down();
}

void crew::begin() {
    began_ = clock::now();
    for (member& m : members_)
        m.before = use_of_thread(m.thread);
}

bool crew::wait_until(clock::time_point t) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, t, [this] { return ended_ == members_.size(); });
}

std::uint64_t crew::completed() const {
    std::uint64_t sum = 0;
    for (const member& m : members_)
        sum += m.worker->completed();
    return sum;
}

clock::time_point crew::last_reply() const {
    clock::time_point last{};
    for (const member& m : members_)
        last = std::max(last, m.worker->last_reply());
    return last;
}

tally crew::finish() {
    threads_.clear();
    if (error_)
        std::rethrow_exception(error_);
    tally sum;
    for (const member& m : members_)
        sum += m.worker->record().finish();
    return sum;
}

std::vector<sample> crew::samples() const {
    std::vector<sample> all;
    for (const member& m : members_) {
        const std::vector<sample>& some = m.worker->record().samples();
        all.insert(all.end(), some.begin(), some.end());
    }
    return all;
}

busiest_thread crew::busiest() const {
    const auto ran = [](const member& m) { return m.after.ran - m.before.ran; };
    const auto found = std::ranges::max_element(members_, {}, ran);
    const std::chrono::duration<double> time = found->ended - began_;
    if (time.count() <= 0)
        return {};
    return {ran(*found) / time, (found->after.waited - found->before.waited) / time};
}

}  // namespace coserve_bench
