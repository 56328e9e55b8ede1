// What all cores of a listener of chat share.
#pragma once

#include "chat_cookies.hpp"
#include "chat_directory.hpp"
#include "random_numbers.hpp"

#include <coserve/services/chat_rules.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace coserve {

class chat_state;

// Those of one core, one for each of the listener's addresses. Thread: that core's.
using chat_neighbours = std::vector<chat_state*>;

// Thread: any. Errors, when it is made: std::runtime_error where OpenSSL fails.
class chat_listener {
public:
    explicit chat_listener(const chat_rules& r) : rules(r), directory(r, &random_number) {}

    std::shared_ptr<chat_neighbours> on_core(std::size_t number) {
        const std::scoped_lock lock(mutex_);
        auto& there = cores_[number];
        if (!there)
            there = std::make_shared<chat_neighbours>();
        return there;
    }

    const chat_rules rules;
    chat_directory directory;
    const chat_cookies cookies;

private:
    std::mutex mutex_;
    std::map<std::size_t, std::shared_ptr<chat_neighbours>> cores_;
};

}  // namespace coserve
