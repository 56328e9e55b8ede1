/// \file
/// One handler on a connection in memory and a manual clock, in one deterministic context.
#pragma once

#include <coserve/io.hpp>
#include <coserve/registry.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/memory_wire.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve::testing {

/// What `session<Handler>` does for any handler.
class handler_session {
public:
    handler_session(
        const std::function<void(registry&)>& add, std::string_view query, stream_options client
    );
    ~handler_session();

    io_context& context() noexcept { return context_; }

    /// The client's end.
    frame_stream& client() noexcept { return client_; }

    memory_wire& wire() noexcept { return wire_; }

    class server& server() noexcept { return server_; }

    /// Lets time pass for the handler, and runs what that brings.
    void advance(duration);
    /// Runs what is ready now.
    void settle();

    template <class T>
    T run(task<T> work) {
        return run_coroutine(context_, std::move(work));
    }

    /// Whether the connection has ended.
    bool ended() const noexcept;
    /// Runs until the connection has ended. Throws what ended it.
    void run_to_end();
    /// What was logged, a line each.
    const std::vector<std::string>& log() const noexcept { return log_; }

private:
    io_context context_{1};
    manual_clock clock_;
    memory_wire wire_;
    std::vector<std::string> log_;
    std::exception_ptr error_;
    class server server_;
    frame_stream client_;
};

/// `session<shout> s; s.run(talk_to(s.client()));`
///
/// `query` is a listener's, such as "framing=raw&mode=verbatim"; the client's codecs are
/// `client`'s.
template <class Handler>
class session : public handler_session {
public:
    template <class... A>
    explicit session(std::string_view query = {}, stream_options client = {}, const A&... arguments)
        : handler_session(
              [&](registry& r) { r.add<Handler>("handler", arguments...); },
              query,
              std::move(client)
          ) {}
};

}  // namespace coserve::testing
