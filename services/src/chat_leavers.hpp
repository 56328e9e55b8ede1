// What those have spent of their rate who are members no more: who leaves and joins again can say
// no more than who stays.
#pragma once

#include "protocol/chat_time.hpp"
#include "rate.hpp"

#include <coserve/endpoint.hpp>

#include <cstddef>
#include <unordered_map>

namespace coserve {

// Of one core. Only those get in who were members, and so receive at their addresses.
//
// Thread: its core's. Errors: std::bad_alloc.
class chat_leavers {
public:
    static constexpr std::size_t most = 4096;

    explicit chat_leavers(const rate& r) noexcept : rate_(r) {}

    // Going counts as well, or who only comes and goes would spend nothing.
    void keep(chat_time now, const endpoint& e, bucket spent) {
        spent.take(rate_, now);
        if (!spent.is_full(now) && (spent_.size() < most || spent_.contains(e)))
            spent_.insert_or_assign(e, spent);
    }

    // Whether it may join again; for all others nothing is counted.
    bool admit(chat_time now, const endpoint& e) noexcept {
        const auto there = spent_.find(e);
        return there == spent_.end() || there->second.take(rate_, now);
    }

    // What a new member begins with.
    bucket take(chat_time now, const endpoint& e) noexcept {
        const auto there = spent_.find(e);
        if (there == spent_.end())
            return spent_.size() < most ? bucket() : bucket::empty(now);
        const bucket spent = there->second;
        spent_.erase(there);
        return spent;
    }

    // Those who have all of the rate again.
    void forget(chat_time now) {
        std::erase_if(spent_, [now](const auto& each) { return each.second.is_full(now); });
    }

    std::size_t size() const noexcept { return spent_.size(); }

private:
    const rate rate_;
    std::unordered_map<endpoint, bucket> spent_;
};

}  // namespace coserve
