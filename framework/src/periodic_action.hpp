// A function that is called again and again on one core.
#pragma once

#include "core.hpp"

#include <functional>

namespace coserve {

class periodic_action final : timer {
public:
    periodic_action(core& c, duration interval, std::function<void()> call)
        : core_(c), interval_(interval), call_(std::move(call)) {}

    void start() { core_.timers().arm(*this, core_.timers().after(interval_)); }

    void stop() noexcept { core_.timers().forget(*this); }

private:
    void on_timer() noexcept override {
        start();
        call_();
    }

    core& core_;
    duration interval_;
    std::function<void()> call_;  // throws nothing
};

}  // namespace coserve
