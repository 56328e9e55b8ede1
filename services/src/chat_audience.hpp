// Members on one core who get the same bytes.
#pragma once

#include <coserve/endpoint.hpp>

#include <algorithm>
#include <cstddef>
#include <list>
#include <span>
#include <vector>

namespace coserve {

// Their addresses one behind the other, as a socket takes them. Each member has its place among
// them, which changes when others leave.
class chat_audience {
public:
    explicit chat_audience(const endpoint& from) : from_(from) {}

    std::size_t size() const noexcept { return addresses_.size(); }

    std::span<const endpoint> all() const noexcept { return addresses_; }

    // The server's address that they know.
    const endpoint& from() const noexcept { return from_; }

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
    const endpoint from_;
    std::vector<endpoint> addresses_;
    std::vector<std::size_t*> places_;
};

// One for each of the server's addresses: most have only one.
class chat_audiences {
public:
    std::size_t size() const noexcept { return size_; }

    auto begin() const noexcept { return each_.begin(); }

    auto end() const noexcept { return each_.end(); }

    // What it gives stays there until its last member is removed.
    chat_audience& add(const endpoint& address, const endpoint& from, std::size_t& place) {
        auto found = std::ranges::find(each_, from, &chat_audience::from);
        if (found == each_.end())
            found = each_.emplace(found, from);
        found->add(address, place);
        ++size_;
        return *found;
    }

    void remove(chat_audience& audience, std::size_t place) noexcept {
        audience.remove(place);
        --size_;
        if (audience.size() == 0)
            each_.remove_if([&audience](const chat_audience& a) { return &a == &audience; });
    }

private:
    std::list<chat_audience> each_;
    std::size_t size_ = 0;
};

}  // namespace coserve
