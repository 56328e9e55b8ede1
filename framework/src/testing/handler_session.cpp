#include <coserve/testing/handler_session.hpp>

#include "../server_state.hpp"
#include "memory_transport.hpp"

#include <utility>

namespace coserve::testing {

handler_session::handler_session(
    const std::function<void(registry&)>& add, std::string_view query, stream_options client
)
    : clock_(context_),
      wire_(context_),
      server_(
          context_.get_executor(),
          {.log = [this](const log_record& record) { log_.push_back(log_text(record)); }}
      ),
      client_(wire_.open(memory_wire::end::client, client)) {
    add(server_.registry());
    std::string text = "handler=unix:memory";
    if (!query.empty())
        text.append("?").append(query);
    listener_hooks hooks;
    hooks.handle_error = [this](const peer_info&, const std::exception_ptr& error) {
        error_ = error;
    };
    server_state& state = server_.state();
    const auto listener = state.add_listener(listen_spec(text), text, std::move(hooks));
    state.start_session(
        0,
        make_memory_transport(wire_, memory_wire::end::server),
        connection_permit(state.shared_from_this(), listener, 0)
    );
    settle();
}

handler_session::~handler_session() = default;

void handler_session::advance(duration by) {
    clock_.advance(by);
    settle();
}

void handler_session::settle() {
    context_.restart();
    context_.poll();
}

bool handler_session::ended() const noexcept {
    return server_.stats().active == 0;
}

void handler_session::run_to_end() {
    run_until(context_, [this] { return ended(); });
    if (error_)
        std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace coserve::testing
