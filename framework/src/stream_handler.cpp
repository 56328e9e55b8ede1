#include <coserve/stream_handler.hpp>

#include "session.hpp"

namespace coserve {

task<> stream_handler::setup() {
    co_return;
}

task<> stream_handler::finish() {
    co_return;
}

frame_stream& stream_handler::stream() noexcept {
    return session_->stream();
}

task_group& stream_handler::tasks() noexcept {
    return session_->tasks();
}

mailbox stream_handler::sender() const {
    return session_->stream().sender();
}

task<> stream_handler::sleep(duration time) {
    return coserve::sleep(time);
}

server_handle stream_handler::server() const {
    return session_->server();
}

void stream_handler::log(log_level level, std::string_view message, std::string_view reason)
    const noexcept {
    session_->log(level, message, reason);
}

}  // namespace coserve
