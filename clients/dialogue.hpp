/// \file
/// What a command asks a server through, whatever carries it.
#pragma once

#include "requests.hpp"

#include <coserve/task.hpp>

#include <string_view>

namespace coserve_client {

/// Errors: `failure`, `boost::system::system_error`.
class dialogue {
public:
    dialogue() = default;
    dialogue(const dialogue&) = delete;
    dialogue& operator=(const dialogue&) = delete;
    virtual ~dialogue() = default;

    /// Asks everything that `requests` has, and prints what is answered, a line a reply.
    virtual coserve::task<> ask_all(request_source& requests) = 0;

    /// Asks once. Lifetime: `request` is used until the task ends.
    virtual coserve::task<> ask(std::string_view request) = 0;

    /// Completes when the server has gone; not called where nothing tells of that.
    virtual coserve::task<> server_gone() = 0;

    /// Sends what is queued, and ends in the context's next turns.
    virtual coserve::task<> close() = 0;

    /// Whether `server_gone()` ever completes.
    virtual bool tells_of_end() const noexcept = 0;

    /// Whether an empty request is one.
    virtual bool asks_nothing() const noexcept = 0;
};

}  // namespace coserve_client
