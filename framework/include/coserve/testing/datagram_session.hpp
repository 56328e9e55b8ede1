/// \file
/// A datagram handler on a network in memory and a manual clock, in one deterministic context.
#pragma once

#include <coserve/endpoint.hpp>
#include <coserve/io.hpp>
#include <coserve/registry.hpp>
#include <coserve/server.hpp>
#include <coserve/testing/manual_clock.hpp>
#include <coserve/testing/memory_datagrams.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve::testing {

/// What `datagram_session<Handler>` does for any handler.
class datagram_handler_session {
public:
    /// `cores`: so many handlers, each with its share of the peers, as on so many cores; here all
    /// run in turn on one thread, so `core_local` has one object for all.
    datagram_handler_session(
        const std::function<void(registry&)>& add, std::string_view query, std::size_t cores
    );
    datagram_handler_session(const datagram_handler_session&) = delete;
    datagram_handler_session& operator=(const datagram_handler_session&) = delete;
    ~datagram_handler_session();

    io_context& context() noexcept { return context_; }

    memory_datagrams& network() noexcept { return network_; }

    class server& server() noexcept { return server_; }

    /// Where the handler is: 127.0.0.1:7700.
    const endpoint& address() const noexcept { return address_; }

    /// Another address, for peers: 127.0.0.1 and that port.
    static endpoint peer(std::uint16_t port) { return endpoint::ip("127.0.0.1", port); }

    /// From that peer to the handler; runs what that brings. The peer joins the network, if it is
    /// not there yet.
    void send(const endpoint& from, frame_view);
    /// What the handler has sent to that peer since the last time.
    std::vector<std::string> received(const endpoint& by);
    /// A socket of that peer's.
    datagram_socket open(const endpoint& by) { return network_.open(by, address_); }

    /// Lets time pass for the handler, and runs what that brings.
    void advance(duration);
    /// Runs what is ready now.
    void settle();

    template <class T>
    T run(task<T> work) {
        return run_coroutine(context_, std::move(work));
    }

    /// Begins a drain, and runs until all has ended or there is nothing to be done but wait.
    void drain();
    bool ended() const noexcept;
    /// What was logged, a line each.
    const std::vector<std::string>& log() const noexcept { return log_; }

private:
    io_context context_{1};
    manual_clock clock_;
    memory_datagrams network_;
    const endpoint address_;
    std::vector<std::string> log_;
    class server server_;
};

/// `datagram_session<shout> s; s.send(s.peer(1), "hello"); s.received(s.peer(1))`
///
/// `query` is a listener's, such as "mode=verbatim".
template <class Handler>
class datagram_session : public datagram_handler_session {
public:
    template <class... A>
    explicit datagram_session(
        std::string_view query = {}, std::size_t cores = 1, const A&... arguments
    )
        : datagram_handler_session(
              [&](registry& r) { r.add<Handler>("handler", arguments...); }, query, cores
          ) {}
};

}  // namespace coserve::testing
