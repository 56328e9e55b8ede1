#include "launch_limits.hpp"

#include <algorithm>
#include <chrono>

namespace coserve {

namespace {

// As this process began: a server may have more descriptors than its commands expect, some of which
// use select().
rlim_t descriptors_now() noexcept {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now.rlim_cur;
}

const rlim_t first_descriptors = descriptors_now();

rlim_t whole_seconds(duration d) {
    return static_cast<rlim_t>(std::chrono::ceil<std::chrono::seconds>(d).count());
}

}  // namespace

launch_limits::launch_limits(const subprocess_limits& l, std::uint64_t mark) {
    add(RLIMIT_CORE, l.core);
    if (l.cpu != duration::zero()) {
        const rlim_t seconds = whole_seconds(l.cpu);
        items_[count_++] = {RLIMIT_CPU, {seconds, seconds + 1}};
    }
    add_if(RLIMIT_AS, l.memory);
    add_if(RLIMIT_FSIZE, l.file);
    add_if(RLIMIT_NPROC, l.processes);
    add_if(RLIMIT_NOFILE, l.descriptors);
    if (l.descriptors == 0)
        restore_descriptors();
    if (mark != 0)
        add_mark(mark);
}

void launch_limits::add(int resource, std::uint64_t value) {
    items_[count_++] = {resource, {value, value}};
}

void launch_limits::add_if(int resource, std::uint64_t value) {
    if (value != 0)
        add(resource, value);
}

void launch_limits::restore_descriptors() {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur > first_descriptors)
        items_[count_++] = {RLIMIT_NOFILE, {first_descriptors, now.rlim_max}};
}

void launch_limits::add_mark(std::uint64_t mark) {
    rlimit now{};
    ::getrlimit(RLIMIT_RTTIME, &now);
    items_[count_++] = {RLIMIT_RTTIME, {std::min(now.rlim_cur, mark), mark}};
}

}  // namespace coserve
