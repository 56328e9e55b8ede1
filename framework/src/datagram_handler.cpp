#include <coserve/datagram_handler.hpp>

#include "datagram_session.hpp"
#include "server_state.hpp"

#include <utility>

namespace coserve {

void datagram_handler::unreachable(const endpoint&, const error_code&) {}

datagram_port& datagram_handler::port() noexcept {
    return session_->port();
}

task_group& datagram_handler::tasks() noexcept {
    return session_->tasks();
}

task<> datagram_handler::sleep(duration time) {
    return coserve::sleep(time);
}

time_point datagram_handler::now() const noexcept {
    return session_->where().timers().now();
}

void datagram_handler::tick_every(duration interval) {
    session_->tick_every(interval);
}

server_handle datagram_handler::server() const {
    return server_handle(session_->permit().shared_server());
}

void datagram_handler::log(log_level level, std::string_view message, std::string_view reason)
    const noexcept {
    session_->log(level, message, reason);
}

std::size_t datagram_handler::core() const noexcept {
    return session_->permit().number();
}

std::size_t datagram_handler::siblings() const noexcept {
    return session_->permit().listener().places.size() - 1;
}

std::size_t datagram_handler::post_to_others(std::function<void(datagram_handler&)> f) {
    return session_->post_to_others(f);
}

}  // namespace coserve
