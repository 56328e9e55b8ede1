#include <coserve/testing/memory_wire.hpp>

#include "../core.hpp"
#include "../socket_transport.hpp"
#include "../stream_state.hpp"
#include "memory_transport.hpp"

#include <coserve/length_prefix.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/epoll.h>
#include <utility>
#include <vector>

namespace coserve::testing {

namespace {

frame_stream open_stream(core& c, std::unique_ptr<transport> t, const stream_options& options) {
    const auto make = [](const codec_factory& factory,
                         std::size_t max_frame) -> std::unique_ptr<codec> {
        auto made = factory ? factory() : std::make_unique<length_prefix_codec>();
        made->set_max_frame(max_frame);
        return made;
    };
    return frame_stream(new stream_state(
        c,
        std::move(t),
        make(options.read, options.limits.max_frame),
        make(options.write, options.limits.max_send_frame),
        std::make_shared<stream_limits>(options.limits)
    ));
}

}  // namespace

// What one end has: the bytes on their way to it, and who is told of them.
struct incoming {
    std::vector<std::byte> bytes;
    bool finished = false;  // the other end has shut down or closed
    bool closed = false;    // this end has closed
    watcher* told = nullptr;
};

struct memory_wire::state {
    explicit state(io_context& c) : where(core::of(c)) {}

    incoming& at(end e) { return ends[e == end::client ? 0 : 1]; }

    void tell(end e, std::uint32_t events) {
        if (at(e).told && !stalled)
            where.readiness().tell_later(*at(e).told, events);
    }

    // The state as it is, for an end that begins to watch and after a stall.
    void tell_all(end e) {
        const incoming& in = at(e);
        tell(
            e,
            EPOLLOUT | (in.bytes.empty() && !in.finished ? 0U : EPOLLIN) |
                (in.finished ? EPOLLRDHUP : 0U)
        );
        if (broken)
            tell(e, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR);
    }

    core& where;
    std::array<incoming, 2> ends;
    std::size_t capacity = std::size_t{64} << 10;
    std::size_t most = 0;
    bool stalled = false, broken = false;
};

namespace {

using end = memory_wire::end;

class memory_transport final : public transport {
public:
    memory_transport(std::shared_ptr<memory_wire::state> wire, end here)
        : wire_(std::move(wire)),
          here_(here),
          there_(here == end::client ? end::server : end::client) {}

    ~memory_transport() override { close(); }

    void watch(core& c, watcher& w) override {
        c.readiness().add(w);
        in().told = &w;
        wire_->tell_all(here_);
    }

    void unwatch() noexcept override {
        if (in().told)
            wire_->where.readiness().remove(*std::exchange(in().told, nullptr));
    }

    transfer read(std::span<std::byte> into) noexcept override {
        if (wire_->stalled)
            return {0, EAGAIN};
        if (wire_->broken)
            return {0, ECONNRESET};
        if (in().bytes.empty())
            return {0, in().finished ? 0 : EAGAIN};
        std::size_t size = std::min(into.size(), in().bytes.size());
        if (wire_->most != 0)
            size = std::min(size, wire_->most);
        std::memcpy(into.data(), in().bytes.data(), size);
        const bool was_full = in().bytes.size() >= wire_->capacity;
        in().bytes.erase(
            in().bytes.begin(), in().bytes.begin() + static_cast<std::ptrdiff_t>(size)
        );
        if (was_full)
            wire_->tell(there_, EPOLLOUT);
        if (!in().bytes.empty() || in().finished)
            wire_->tell(here_, EPOLLIN);  // what a split left is an arrival of its own
        return {size, 0};
    }

    transfer write(std::span<const iovec> from) noexcept override {
        if (wire_->broken)
            return {0, ECONNRESET};
        if (out().closed)
            return {0, EPIPE};
        std::size_t taken = 0;
        for (const iovec& part : from) {
            const std::size_t room =
                wire_->capacity - std::min(wire_->capacity, out().bytes.size());
            const auto* const data = static_cast<const std::byte*>(part.iov_base);
            const std::size_t size = std::min(room, part.iov_len);
            out().bytes.insert(out().bytes.end(), data, data + size);
            taken += size;
        }
        if (taken == 0)
            return {0, EAGAIN};
        wire_->tell(there_, EPOLLIN);
        return {taken, 0};
    }

    void shutdown_write() noexcept override {
        out().finished = true;
        wire_->tell(there_, EPOLLIN | EPOLLRDHUP);
    }

    void close() noexcept override {
        if (std::exchange(in().closed, true))
            return;
        unwatch();
        if (!in().bytes.empty())
            return reset_both();
        shutdown_write();
    }

    void reset() noexcept override {
        if (std::exchange(in().closed, true))
            return;
        unwatch();
        reset_both();
    }

    std::size_t arrived() const noexcept override {
        return wire_->stalled ? 0 : wire_->at(here_).bytes.size();
    }

    std::size_t unacknowledged() const noexcept override { return wire_->at(there_).bytes.size(); }

    const endpoint& peer() const noexcept override {
        static const endpoint memory;
        return memory;
    }

    endpoint local() const noexcept override { return {}; }

private:
    incoming& in() noexcept { return wire_->at(here_); }

    incoming& out() noexcept { return wire_->at(there_); }

    void reset_both() noexcept {
        wire_->broken = true;
        wire_->tell(there_, EPOLLIN | EPOLLOUT | EPOLLHUP | EPOLLERR);
    }

    std::shared_ptr<memory_wire::state> wire_;
    end here_, there_;
};

}  // namespace

std::unique_ptr<transport> make_memory_transport(const memory_wire& wire, memory_wire::end e) {
    return std::make_unique<memory_transport>(wire.shared(), e);
}

frame_stream open_socket(io_context& context, int socket, const stream_options& options) {
    unique_fd fd(socket);
    const endpoint peer = peer_of(socket);
    return open_stream(core::of(context), make_socket_transport(std::move(fd), peer), options);
}

memory_wire::memory_wire(io_context& context) : state_(std::make_shared<state>(context)) {}

memory_wire::~memory_wire() = default;

frame_stream memory_wire::open(end e, const stream_options& options) {
    return open_stream(state_->where, make_memory_transport(*this, e), options);
}

void memory_wire::set_capacity(std::size_t bytes) {
    state_->capacity = bytes;
    state_->tell(end::client, EPOLLOUT);
    state_->tell(end::server, EPOLLOUT);
}

void memory_wire::split(std::size_t bytes) {
    state_->most = bytes;
}

void memory_wire::stall() {
    state_->stalled = true;
}

void memory_wire::resume() {
    state_->stalled = false;
    state_->tell_all(end::client);
    state_->tell_all(end::server);
}

void memory_wire::finish(end from) {
    const end to = from == end::client ? end::server : end::client;
    state_->at(to).finished = true;
    state_->tell(to, EPOLLIN | EPOLLRDHUP);
}

void memory_wire::cut() {
    state_->broken = true;
    state_->tell_all(end::client);
    state_->tell_all(end::server);
}

std::size_t memory_wire::in_flight(end to) const {
    return state_->at(to).bytes.size();
}

}  // namespace coserve::testing
