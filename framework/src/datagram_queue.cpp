#include "datagram_queue.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace coserve {

namespace {

constexpr int most_refusals = 100, most_failures = 3;
constexpr std::size_t first_capacity = std::size_t{16} << 10;
// More than that is given back when nothing waits any more.
constexpr std::size_t kept_capacity = std::size_t{1} << 20, kept_entries = 4096;

}  // namespace

datagram_queue::datagram_queue(
    const datagram_limits& limits, bool from_anywhere, datagram_counters& counters
)
    : limits_(limits),
      from_anywhere_(from_anywhere),
      counters_(counters),
      controls_(from_anywhere ? std::make_unique<std::array<control, batch>>() : nullptr) {
    entries_.reserve(batch);
}

datagram_queue::piece datagram_queue::keep(frame_view content) {
    if (content.size() > capacity_ - used_)
        make_room(content.size());
    const piece p{used_, content.size()};
    if (!content.empty())
        std::memcpy(bytes_.get() + used_, content.data(), content.size());
    used_ += content.size();
    return p;
}

void datagram_queue::make_room(std::size_t size) {
    const std::size_t begin = empty() ? used_ : entries_[first_].offset;
    if (begin != 0 && begin >= used_ / 2) {  // what was sent makes room enough to move the rest
        if (used_ != begin)
            std::memmove(bytes_.get(), bytes_.get() + begin, used_ - begin);
        used_ -= begin;
        for (std::size_t i = first_; i < entries_.size(); ++i)
            entries_[i].offset -= begin;
    }
    if (size <= capacity_ - used_)
        return;
    const std::size_t grown = std::max({first_capacity, 2 * capacity_, used_ + size});
    auto larger = std::make_unique_for_overwrite<std::byte[]>(grown);
    if (used_ != 0)
        std::memcpy(larger.get(), bytes_.get(), used_);
    bytes_ = std::move(larger);
    capacity_ = grown;
}

bool datagram_queue::add(const endpoint& to, const endpoint* from, piece p) {
    if (p.size > longest_datagram)
        return drop(to, counters_.failed);
    entry e;
    e.to_size = static_cast<socklen_t>(to.to_sockaddr(reinterpret_cast<sockaddr*>(&e.to)));
    if (blocked_ && !admits(peer_of(e), p.size))
        return drop(to, counters_.dropped);
    if (first_ > kept_entries && first_ > entries_.size() / 2) {
        entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
    e.offset = p.offset;
    e.size = p.size;
    e.has_from = from_anywhere_ && from && !from->is_unspecified();
    if (e.has_from)
        keep_source(e, *from);
    entries_.push_back(e);
    return true;
}

void datagram_queue::keep_source(entry& e, const endpoint& from) noexcept {
    sockaddr_in6 address{};
    from.to_sockaddr(reinterpret_cast<sockaddr*>(&address));
    if (from.is_v6())
        e.from = address.sin6_addr;
    else
        std::memcpy(&e.from, &reinterpret_cast<sockaddr_in&>(address).sin_addr, sizeof(in_addr));
}

bool datagram_queue::admits(const endpoint& to, std::size_t size) {
    if (queued_ + cost(size) > limits_.send_queue)
        return false;
    std::size_t& queued = queued_by_peer_[to];
    if (queued != 0 && queued + cost(size) > limits_.send_queue_per_peer)
        return false;
    queued += cost(size);
    queued_ += cost(size);
    return true;
}

bool datagram_queue::drop(const endpoint& to, datagram_count& counted) {
    counted.add(1);
    count_drop(to);
    return false;
}

void datagram_queue::count_drop(const endpoint& peer) {
    if (drops_.size() >= most_dropped_peers && !drops_.contains(peer))
        drops_.clear();
    ++drops_[peer];
}

std::uint64_t datagram_queue::drops(const endpoint& peer) const noexcept {
    const auto found = drops_.find(peer);
    return found == drops_.end() ? 0 : found->second;
}

// An error is told once, and may be about a datagram that was sent long ago, as one of a closed
// port always is: the one at the head is tried again before it counts as refused.
bool datagram_queue::flush(datagram_transport& transport) noexcept {
    int refusals = 0, failures = 0;
    while (!empty()) {
        const unsigned count = prepare();
        const int taken = transport.send({headers_.data(), count});
        if (taken > 0) {
            counters_.sent.add(static_cast<std::uint64_t>(taken));
            take_out(static_cast<unsigned>(taken));
            refusals = failures = 0;
        } else if (taken == -EAGAIN || taken == 0) {
            block();
            return false;
        } else if (taken == -ENOBUFS) {  // the device's queue is full: this one's own error
            refuse_first(counters_.dropped);
            refusals = failures = 0;
        } else if (taken == -ECONNREFUSED ? ++refusals == most_refusals
                                          : ++failures == most_failures) {
            last_failure_ = -taken;
            refuse_first(counters_.failed);
            refusals = failures = 0;
        }
    }
    reset();
    return true;
}

unsigned datagram_queue::prepare() noexcept {
    const auto count = static_cast<unsigned>(std::min<std::size_t>(size(), batch));
    for (unsigned i = 0; i < count; ++i) {
        entry& e = entries_[first_ + i];
        parts_[i] = {bytes_.get() + e.offset, e.size};
        msghdr& m = headers_[i].msg_hdr;
        m.msg_name = e.to_size != 0 ? &e.to : nullptr;  // null: a connected socket's peer
        m.msg_namelen = e.to_size;
        m.msg_iov = &parts_[i];
        m.msg_iovlen = 1;
        m.msg_control = nullptr;
        m.msg_controllen = 0;
        if (e.has_from)
            name_source(m, e, (*controls_)[i]);
    }
    return count;
}

void datagram_queue::name_source(msghdr& m, const entry& e, control& c) noexcept {
    m.msg_control = c.room.data();
    m.msg_controllen = c.room.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&m);
    if (e.to.sin6_family == AF_INET6) {
        in6_pktinfo info{};
        info.ipi6_addr = e.from;
        if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
            info.ipi6_ifindex = e.to.sin6_scope_id;
        head->cmsg_level = IPPROTO_IPV6;
        head->cmsg_type = IPV6_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(head), &info, sizeof info);
        m.msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, &e.from, sizeof info.ipi_spec_dst);
        head->cmsg_level = IPPROTO_IP;
        head->cmsg_type = IP_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(head), &info, sizeof info);
        m.msg_controllen = CMSG_SPACE(sizeof info);
    }
}

endpoint datagram_queue::peer_of(const entry& e) noexcept {
    if (e.to_size == 0)
        return {};
    return {reinterpret_cast<const sockaddr*>(&e.to), e.to_size};
}

void datagram_queue::take_out(unsigned count) noexcept {
    for (unsigned i = 0; blocked_ && i < count; ++i) {
        const entry& e = entries_[first_ + i];
        queued_ -= cost(e.size);
        const auto found = queued_by_peer_.find(peer_of(e));
        found->second -= cost(e.size);
        if (found->second == 0)
            queued_by_peer_.erase(found);
    }
    first_ += count;
}

void datagram_queue::refuse_first(datagram_count& counted) noexcept {
    const endpoint peer = peer_of(entries_[first_]);
    take_out(1);
    drop(peer, counted);
}

// From now on each peer is counted.
void datagram_queue::block() {
    if (std::exchange(blocked_, true))
        return;
    for (std::size_t i = first_; i < entries_.size(); ++i) {
        const entry& e = entries_[i];
        queued_by_peer_[peer_of(e)] += cost(e.size);
        queued_ += cost(e.size);
    }
}

void datagram_queue::reset() noexcept {
    blocked_ = false;
    entries_.clear();
    first_ = 0;
    used_ = 0;
    if (entries_.capacity() > kept_entries)
        entries_.shrink_to_fit();
    if (capacity_ > kept_capacity) {
        bytes_.reset();
        capacity_ = 0;
    }
}

}  // namespace coserve
