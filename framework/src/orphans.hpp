// Processes whose parents have ended and that the kernel gave to this process, which adopts
// orphans.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <sys/types.h>
#include <unordered_set>
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

    // One of those, or an orphan, was reaped.
    void forget(pid_t);
    // Those that nobody has taken yet; the caller has them from here on, and reaps them.
    std::vector<pid_t> take();
    // Those of them that have ended.
    void reap_ended();

private:
    bool is_orphan(pid_t);
    bool is_known(pid_t);

    std::atomic<bool> active_ = false;
    std::mutex mutex_;
    std::list<pid_t> launching_;  // 0: not known yet; the child writes it, atomically
    std::unordered_set<pid_t> known_;
};

}  // namespace coserve
