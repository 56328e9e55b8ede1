// What all cores of a listener of chat share.
#pragma once

#include "chat_cookies.hpp"
#include "chat_directory.hpp"
#include "random_numbers.hpp"

#include <coserve/services/chat_rules.hpp>

namespace coserve {

// Thread: any. Errors, when it is made: std::runtime_error where OpenSSL fails.
class chat_listener {
public:
    explicit chat_listener(const chat_rules& r) : rules(r), directory(r, &random_number) {}

    const chat_rules rules;
    chat_directory directory;
    const chat_cookies cookies;
};

}  // namespace coserve
