// Processes whose parents have ended and that the kernel gave to this process, which adopts
// orphans.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <set>
#include <sys/types.h>
#include <unordered_set>
#include <utility>
#include <vector>

namespace coserve {

// One for the process, as the kernel's own setting is. Thread: any.
class orphans {
public:
    static orphans& of_this_process();

    // Errors: boost::system::system_error.
    void adopt_from_now_on();

    bool adopted() const noexcept { return active_.load(std::memory_order_relaxed); }

    // Children that are started, and so are none: a child writes its number here before it leaves
    // this process's session.
    class launching {
    public:
        explicit launching(orphans&);
        launching(const launching&) = delete;
        launching& operator=(const launching&) = delete;
        ~launching();

        pid_t& id() noexcept { return *id_; }

    private:
        orphans& all_;
        std::list<pid_t>::iterator id_;
    };

    // What a child and all that it starts are told by, whatever they do: a limit on something that
    // they hardly use, too high to be reached. It is inherited, and nobody but root can raise it.
    class mark {
    public:
        mark() noexcept = default;  // none
        mark(mark&& other) noexcept
            : all_(std::exchange(other.all_, nullptr)), limit_(other.limit_) {}

        mark& operator=(mark&&) = delete;
        ~mark() { release(); }

        explicit operator bool() const noexcept { return all_ != nullptr; }

        // Of RLIMIT_RTTIME; 0: none.
        std::uint64_t limit() const noexcept { return limit_; }

        // Nobody has it any more.
        void release() noexcept;

    private:
        friend class orphans;

        mark(orphans& all, std::uint64_t limit) noexcept : all_(&all), limit_(limit) {}

        orphans* all_ = nullptr;
        std::uint64_t limit_ = 0;
    };

    // None where nothing is adopted.
    mark make_mark();

    // One of those, or an orphan, was reaped, or is left to the next that asks.
    void forget(pid_t);
    // Those of that mark that nobody has taken yet; the caller has them from here on, and reaps
    // them. Those that nobody's mark tells (they lowered that limit) are the last one's. nullopt:
    // there is no descriptor left to look with.
    std::optional<std::vector<pid_t>> take(const mark&);
    // Those of them that have ended.
    void reap_ended();

private:
    bool is_orphan(pid_t);
    bool is_known(pid_t);
    bool belongs_to(const mark&, pid_t);

    std::atomic<bool> active_ = false;
    std::mutex mutex_;
    std::list<pid_t> launching_;  // 0: not known yet; the child writes it, atomically
    std::unordered_set<pid_t> known_;
    std::multiset<std::uint64_t> marks_;
    std::uint64_t last_mark_ = 0, step_ = 0;
};

}  // namespace coserve
