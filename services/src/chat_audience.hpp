// Members on one core who get the same bytes.
#pragma once

#include <coserve/endpoint.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace coserve {

// Their addresses one behind the other, as a socket takes them. Each member has its place among
// them, which changes when others leave.
class chat_audience {
public:
    std::size_t size() const noexcept { return addresses_.size(); }

    std::span<const endpoint> all() const noexcept { return addresses_; }

    // `place`: kept up to date until it is removed.
    void add(const endpoint& address, std::size_t& place) {
        place = addresses_.size();
        addresses_.push_back(address);
        places_.push_back(&place);
    }

    void remove(std::size_t place) noexcept {
        addresses_[place] = addresses_.back();
        places_[place] = places_.back();
        *places_[place] = place;
        addresses_.pop_back();
        places_.pop_back();
    }

private:
    std::vector<endpoint> addresses_;
    std::vector<std::size_t*> places_;
};

}  // namespace coserve
