#include "connection_permit.hpp"

#include "server_state.hpp"

namespace coserve {

connection_permit::connection_permit(
    std::shared_ptr<server_state> s, std::shared_ptr<listener_state> l, std::size_t core
) noexcept
    : server_(std::move(s)), listener_(std::move(l)), core_(static_cast<std::uint32_t>(core)) {
    ++server_->active_;
    ++server_->cores_[core_]->active;
    ++listener_->active;
}

connection_permit::~connection_permit() {
    if (!server_)
        return;
    if (peer_)
        listener_->peers.leave(*peer_);
    --listener_->active;
    --server_->cores_[core_]->active;
    server_->connection_ended();
}

}  // namespace coserve
