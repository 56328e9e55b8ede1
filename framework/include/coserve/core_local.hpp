/// \file
/// State that every core has its own of, so that handlers share it without a lock.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace coserve {

/// Which core of its server runs this thread, from 0; 0 on all other threads.
std::size_t this_core() noexcept;

/// One `T` a core. Give it to `registry::add`: each handler then sees its own core's. Copies share
/// the objects.
///
/// Thread: `*` and `->` on a core, and each gives that core's object; `all()` only while no core
/// runs (before `run()`, or after it).
template <class T>
class core_local {
public:
    /// `cores` as in `server::cores()`.
    explicit core_local(std::size_t cores) : slots_(std::make_shared<std::vector<slot>>(cores)) {}

    T& operator*() const { return slots_->at(this_core()).value; }

    T* operator->() const { return &**this; }

    template <class F>
    void all(F&& visit) const {
        for (slot& s : *slots_)
            visit(s.value);
    }

private:
    struct alignas(64) slot {  // no two cores write to one cache line
        T value{};
    };

    std::shared_ptr<std::vector<slot>> slots_;
};

/// Says in the code that an object seen by every core locks for itself.
/// Lifetime: the object outlives the server.
template <class T>
struct concurrent {
    T& object;

    explicit concurrent(T& o) noexcept : object(o) {}

    T& operator*() const noexcept { return object; }

    T* operator->() const noexcept { return &object; }
};

}  // namespace coserve
