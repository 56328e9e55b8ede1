#include <coserve/server.hpp>

#include "server_state.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>
#include <utility>

namespace coserve {

server::server(server_options options)
    : state_(std::make_shared<server_state>(std::move(options))) {}

server::server(asio::any_io_executor host, server_options options)
    : state_(std::make_shared<server_state>(context_of(host), std::move(options))) {}

server::~server() {
    state_->abandon();
}

registry& server::registry() noexcept {
    return state_->registry();
}

listener server::listen(std::string_view service_and_url, listener_hooks hooks) {
    const listen_spec spec(service_and_url);
    return listener(state_->listen(spec, service_and_url, std::move(hooks)));
}

void server::check(std::string_view service_and_url) const {
    const listen_spec spec(service_and_url);
    state_->check(spec, service_and_url);
}

void server::every(duration interval, std::function<void()> action) {
    state_->every(interval, std::move(action));
}

void server::run() {
    state_->run();
}

namespace {

task<> serve_until_done(std::shared_ptr<server_state> state) {
    if (!state->has_host())
        throw std::logic_error("a server on cores of its own is run by run()");
    state->start_serving();
    auto start = [&](asio::any_completion_handler<void(error_code)> h) {
        state->wait_until_done(std::move(h));
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
        start, asio::use_awaitable
    );
}

}  // namespace

task<> server::serve() {
    return serve_until_done(state_);
}

void server::stop() noexcept {
    state_->stop();
}

std::size_t server::cores() const noexcept {
    return state_->cores();
}

server_stats server::stats() const noexcept {
    return state_->stats();
}

server_handle server::handle() const noexcept {
    return server_handle(state_);
}

// ---- server_handle

server_handle::server_handle(std::weak_ptr<server_state> state) noexcept
    : state_(std::move(state)) {}

void server_handle::stop() const noexcept {
    if (const auto state = state_.lock())
        state->stop();
}

bool server_handle::draining() const noexcept {
    const auto state = state_.lock();
    return !state || state->stopping();
}

std::optional<std::chrono::steady_clock::time_point>
server_handle::drain_deadline() const noexcept {
    const auto state = state_.lock();
    return state ? state->drain_deadline() : std::nullopt;
}

server_stats server_handle::stats() const noexcept {
    const auto state = state_.lock();
    return state ? state->stats() : server_stats{};
}

}  // namespace coserve
