/// \file
/// All that is fuzzed, by its name.
#pragma once

#include "chat_check.hpp"
#include "exec_check.hpp"
#include "framing_check.hpp"
#include "upload_check.hpp"

#include <string_view>

namespace fuzz {

/// A framing, `exec-header`, `upload-header`, or `chat-datagram`.
/// Errors: as `framing_check::check`.
inline void check(std::string_view name, std::string_view input) {
    if (name == "exec-header")
        exec_check::check(input);
    else if (name == "upload-header")
        upload_check::check(input);
    else if (name == "chat-datagram")
        chat_check::check(input);
    else
        framing_check::check(name, input);
}

}  // namespace fuzz
