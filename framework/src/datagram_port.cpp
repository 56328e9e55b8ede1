#include <coserve/datagram_port.hpp>

#include "datagram_channel.hpp"

namespace coserve {

bool datagram_port::reply(const datagram& to, frame_view content) {
    return channel_->send(to.sender, &to.local, content);
}

bool datagram_port::send(const endpoint& to, frame_view content) {
    return channel_->send(to, nullptr, content);
}

bool datagram_port::send(const endpoint& to, frame_view content, const endpoint& from) {
    return channel_->send(to, &from, content);
}

std::size_t datagram_port::send(std::span<const endpoint> to, frame_view content) {
    return channel_->send(to, nullptr, content);
}

std::size_t
datagram_port::send(std::span<const endpoint> to, frame_view content, const endpoint& from) {
    return channel_->send(to, &from, content);
}

datagram_stats datagram_port::stats() const noexcept {
    return channel_->counters().read();
}

std::uint64_t datagram_port::dropped(const endpoint& peer) const noexcept {
    return channel_->drops(peer);
}

const endpoint& datagram_port::local() const noexcept {
    return channel_->local();
}

}  // namespace coserve
