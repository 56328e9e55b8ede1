#include "datagram_permit.hpp"

#include "server_state.hpp"

#include <utility>

namespace coserve {

datagram_permit::datagram_permit(
    std::shared_ptr<server_state> s, std::shared_ptr<datagram_listener> l, std::size_t place
) noexcept
    : server_(std::move(s)), listener_(std::move(l)), place_(place) {
    ++server_->datagram_sessions_;
}

datagram_permit::~datagram_permit() {
    if (server_)
        server_->datagram_session_ended();
}

}  // namespace coserve
