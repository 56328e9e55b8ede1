#include <coserve/testing/datagram_session.hpp>

#include "../server_state.hpp"
#include "memory_datagram_transport.hpp"

namespace coserve::testing {

datagram_handler_session::datagram_handler_session(
    const std::function<void(registry&)>& add, std::string_view query, std::size_t cores
)
    : clock_(context_),
      network_(context_),
      address_(endpoint::ip("127.0.0.1", 7700)),
      server_(context_.get_executor(), {.log = [this](const log_record& record) {
                  log_.push_back(log_text(record));
              }}) {
    add(server_.registry());
    std::string text = "handler=udp://" + address_.to_string();
    if (!query.empty())
        text.append("?").append(query);
    server_state& state = server_.state();
    auto listener = state.add_datagram_listener(listen_spec(text), text, {}, cores);
    std::vector<std::unique_ptr<datagram_transport>> sockets;
    for (std::size_t i = 0; i < cores; ++i)
        sockets.push_back(make_memory_datagram_transport(network_, address_));
    state.add_datagrams(std::move(listener), std::move(sockets), true);
    settle();
}

datagram_handler_session::~datagram_handler_session() = default;

void datagram_handler_session::send(const endpoint& from, frame_view content) {
    network_.join(from);
    network_.send(from, address_, content);
    settle();
}

std::vector<std::string> datagram_handler_session::received(const endpoint& by) {
    std::vector<std::string> texts;
    for (memory_datagrams::message& m : network_.take(by))
        texts.push_back(std::move(m.text));
    return texts;
}

void datagram_handler_session::advance(duration by) {
    clock_.advance(by);
    settle();
}

void datagram_handler_session::settle() {
    context_.restart();
    context_.poll();
}

void datagram_handler_session::drain() {
    server_.stop();
    settle();
}

bool datagram_handler_session::ended() const noexcept {
    return server_.state().has_ended();
}

}  // namespace coserve::testing
