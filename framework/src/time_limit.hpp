// How long connecting may take.
#pragma once

#include <coserve/io.hpp>
#include <coserve/units.hpp>
#include <coserve/url.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <memory>

namespace coserve {

// Cancels what runs out of time. The clock is the real one: it is the network that is waited for.
class time_limit {
public:
    template <class Cancel>
    time_limit(io_context& context, duration limit, Cancel cancel)
        : timer_(context), state_(std::make_shared<state>()) {
        timer_.expires_after(std::min<duration>(limit, std::chrono::hours(24)));
        timer_.async_wait([cancel, s = state_](error_code error) {
            if (error || s->over)
                return;
            s->expired = true;
            cancel();
        });
    }

    time_limit(const time_limit&) = delete;
    time_limit& operator=(const time_limit&) = delete;

    ~time_limit() { state_->over = true; }

    // It may run out in the very turn that brings what it bounds.
    void check() const {
        if (state_->expired)
            throw system_error(make_error_code(errc::timeout));
    }

    // What people are told of an error, which may come of running out of time.
    system_error reason(const system_error& e, const endpoint_url& url) const {
        return {state_->expired ? make_error_code(errc::timeout) : e.code(), url.to_string()};
    }

private:
    // Not the timer's: its handler may be under way when the limit ends, and is not cancelled then.
    struct state {
        bool expired = false, over = false;
    };

    asio::steady_timer timer_;
    std::shared_ptr<state> state_;
};

}  // namespace coserve
