#include <coserve/datagram_socket.hpp>

#include "datagram_socket_state.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <utility>

namespace coserve {

datagram_socket_state::datagram_socket_state(
    core& c,
    std::unique_ptr<datagram_transport> t,
    const endpoint& peer,
    const datagram_limits& limits
)
    : core_(c),
      peer_(peer),
      channel_(datagram_channel::open(c, std::move(t), limits, counters_, *this)) {}

datagram_socket_state::~datagram_socket_state() {
    if (channel_->has_core())
        core_.timers().forget(*this);
}

// The peer's address is the socket's: a name for each datagram would cost the kernel a look-up.
bool datagram_socket_state::send(frame_view content) {
    return channel_->send(endpoint(), nullptr, content);
}

std::optional<datagram> datagram_socket_state::try_receive() {
    datagram_batch& batch = channel_->received();
    if (next_ >= batch.size() && readable_) {
        next_ = 0;
        const int count = channel_->receive();
        readable_ = count < 0 ? count != -EAGAIN : count == static_cast<int>(datagram_batch::most);
        if (count < 0 && count != -EAGAIN) {
            counters_.unreachable.add(1);
            refusal_ = -count;
        }
    }
    if (const int error = std::exchange(refusal_, 0))
        throw system_error(error, boost::system::system_category(), "udp://" + peer_.to_string());
    if (next_ >= batch.size())
        return std::nullopt;
    datagram next = batch[next_++];
    if (next.truncated)
        counters_.truncated.add(1);
    return next;
}

task<std::optional<datagram>> datagram_socket_state::receive(duration limit) {
    const time_point until = core_.timers().after(limit);
    auto start = [&](handler h) { wait(std::move(h), until); };
    for (bool in_time = true;;) {
        auto next = try_receive();
        if (next || !in_time)
            co_return next;
        if (readable_)
            continue;
        try {
            co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
                start, asio::use_awaitable
            );
        } catch (const system_error& e) {
            if (e.code() != errc::timeout)
                throw;
            in_time = false;
        }
    }
}

void datagram_socket_state::wait(handler h, time_point until) {
    if (waiting_)
        return post_completion(
            core_.context(), std::move(h), make_error_code(errc::concurrent_read)
        );
    waiting_ = std::move(h);
    on_cancel(waiting_, [this] { complete(asio::error::operation_aborted); });
    core_.timers().arm(*this, until);
}

void datagram_socket_state::complete(error_code error) {
    core_.timers().disarm(*this);
    if (waiting_)
        post_completion(core_.context(), release_handler(waiting_), error);
}

void datagram_socket_state::on_readable() {
    readable_ = true;
    complete({});
}

void datagram_socket_state::on_refusal(const endpoint&, int error) noexcept {
    refusal_ = error;
    complete({});
}

void datagram_socket_state::on_timer() noexcept {
    complete(make_error_code(errc::timeout));
}

// Whoever waits may own this.
void datagram_socket_state::on_shutdown() noexcept {
    core_.timers().forget(*this);
    const auto dropped = std::exchange(waiting_, nullptr);
}

// ---- the handle

datagram_socket::datagram_socket(std::unique_ptr<datagram_socket_state> s) noexcept
    : state_(std::move(s)) {}

datagram_socket::datagram_socket(datagram_socket&&) noexcept = default;
datagram_socket& datagram_socket::operator=(datagram_socket&&) noexcept = default;
datagram_socket::~datagram_socket() = default;

bool datagram_socket::send(frame_view content) {
    return state_->send(content);
}

std::optional<datagram> datagram_socket::try_receive() {
    return state_->try_receive();
}

task<std::optional<datagram>> datagram_socket::receive(duration limit) {
    return state_->receive(limit);
}

const endpoint& datagram_socket::peer() const noexcept {
    return state_->peer();
}

const endpoint& datagram_socket::local() const noexcept {
    return state_->local();
}

datagram_stats datagram_socket::stats() const noexcept {
    return state_->stats();
}

}  // namespace coserve
