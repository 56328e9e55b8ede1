// A cgroup (version 2) for one child and all that it starts: nothing leaves it.
#pragma once

#include "unique_fd.hpp"

#include <memory>
#include <string>

namespace coserve {

// Makes them below this process's own, and keeps those that ended empty for the next children.
class cgroup_pool;

struct cgroup_files {
    std::string name;
    unique_fd directory, events;
};

class child_cgroup {
public:
    child_cgroup() noexcept = default;  // none
    child_cgroup(std::shared_ptr<cgroup_pool>, cgroup_files) noexcept;
    child_cgroup(child_cgroup&&) noexcept = default;
    child_cgroup& operator=(child_cgroup&&) = delete;
    ~child_cgroup();

    explicit operator bool() const noexcept { return pool_ != nullptr; }

    int directory() const noexcept { return files_.directory.get(); }

    void signal(int) const;
    void kill() noexcept;
    // Of those that were in it: once it is, it stays so.
    bool empty() noexcept;

private:
    std::shared_ptr<cgroup_pool> pool_;
    cgroup_files files_;
    bool killed_ = false, empty_ = false;
};

// False: there is no cgroup version 2, too old a kernel, or no right to make one.
bool use_cgroups();
// Of the children that are started from then on.
void use_no_cgroups() noexcept;
// None where they are not used. Errors: boost::system::system_error.
child_cgroup make_child_cgroup();

}  // namespace coserve
