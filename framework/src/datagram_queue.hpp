// The datagrams that wait to be sent, in the order of the calls.
#pragma once

#include "datagram_counters.hpp"
#include "datagram_transport.hpp"

#include <coserve/datagram.hpp>
#include <coserve/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <span>
#include <unordered_map>
#include <vector>

namespace coserve {

// Thread: on one core.
class datagram_queue {
public:
    static constexpr unsigned batch = 64;

    // `from_anywhere`: the socket has several addresses, and each datagram may say which it leaves
    // from.
    datagram_queue(const datagram_limits&, bool from_anywhere, datagram_counters&);

    // The bytes, kept once for all that are added with the piece until the next flush.
    struct piece {
        std::size_t offset, size;
    };

    piece keep(frame_view);
    // Nothing was added with the last piece.
    void forget(piece p) noexcept { used_ = p.offset; }

    // False: dropped, and counted. `from`: may be null.
    bool add(const endpoint& to, const endpoint* from, piece);

    bool empty() const noexcept { return first_ == entries_.size(); }

    std::size_t size() const noexcept { return entries_.size() - first_; }

    // The socket took no more: flush() only when it does again.
    bool blocked() const noexcept { return blocked_; }

    // True: all are gone.
    bool flush(datagram_transport&) noexcept;

    void count_drop(const endpoint& peer);
    std::uint64_t drops(const endpoint& peer) const noexcept;
    std::size_t known_peers() const noexcept { return drops_.size(); }

    // Why the kernel refused the last one that it refused, as an errno; 0: none so far.
    int last_failure() const noexcept { return last_failure_; }

private:
    // What stands in the queue's bounds for the bookkeeping of one datagram.
    static constexpr std::size_t overhead = 64;
    static constexpr std::size_t most_dropped_peers = 4096;

    struct entry {
        sockaddr_in6 to;
        socklen_t to_size;
        bool has_from;
        in6_addr from;  // an IPv4 address in its first bytes
        std::size_t offset, size;
    };

    struct control {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> room;
    };

    static std::size_t cost(std::size_t size) noexcept { return size + overhead; }
    static endpoint peer_of(const entry&) noexcept;
    static void keep_source(entry&, const endpoint& from) noexcept;
    bool admits(const endpoint& to, std::size_t size);
    bool drop(const endpoint& to, datagram_count&);
    void make_room(std::size_t size);
    unsigned prepare() noexcept;
    void name_source(msghdr&, const entry&, control&) noexcept;
    void take_out(unsigned count) noexcept;
    void refuse_first(datagram_count&) noexcept;
    void block();
    void reset() noexcept;

    const datagram_limits limits_;
    const bool from_anywhere_;
    datagram_counters& counters_;

    std::vector<entry> entries_;
    std::size_t first_ = 0;  // what stands before it has been sent
    std::unique_ptr<std::byte[]> bytes_;
    std::size_t capacity_ = 0, used_ = 0;

    bool blocked_ = false;
    std::size_t queued_ = 0;  // while it is blocked: what is counted against `send-queue`
    std::unordered_map<endpoint, std::size_t> queued_by_peer_;
    std::unordered_map<endpoint, std::uint64_t> drops_;
    int last_failure_ = 0;

    std::array<mmsghdr, batch> headers_{};
    std::array<iovec, batch> parts_{};
    std::unique_ptr<std::array<control, batch>> controls_;
};

}  // namespace coserve
