#include "process_tree.hpp"

#include <csignal>

namespace coserve {

void process_tree::signal(int signal) noexcept {
    if (group_lives_)
        ::kill(-root_, signal);
}

void process_tree::root_ended() noexcept {
    root_lives_ = false;
    group_lives_ = ::kill(-root_, 0) == 0;
}

bool process_tree::empty() noexcept {
    group_lives_ = group_lives_ && ::kill(-root_, 0) == 0;
    return !root_lives_ && !group_lives_;
}

}  // namespace coserve
