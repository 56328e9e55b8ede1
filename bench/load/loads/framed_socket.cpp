#include "framed_socket.hpp"

#include "encode.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coserve_bench {

namespace {

constexpr std::size_t least_room = std::size_t{4} << 10;

[[noreturn]] void fail(int error) {
    throw coserve::system_error(coserve::error_code(error, boost::system::system_category()));
}

coserve::system_error malformed(const coserve::decoded& d, const coserve::codec& decoder) {
    if (const auto complaint = decoder.complaint(); !complaint.empty())
        return {d.error, std::string(complaint)};
    if (d.declared != 0)
        return {
            d.error,
            "a frame of " + std::to_string(d.declared) + " bytes, the maximum being " +
                std::to_string(decoder.max_frame())
        };
    return coserve::system_error(d.error);
}

}  // namespace

void framed_socket::open(const stream_target::endpoint& to) {
    close();
    const int family = to.protocol().family();
    descriptor_ = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0)
        fail(errno);
    const int on = 1;
    if (family != AF_UNIX)
        ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(descriptor_, to.data(), static_cast<socklen_t>(to.size())) < 0 &&
        errno != EINPROGRESS)
        fail(errno);
}

void framed_socket::check_connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0)
        fail(error);
}

void framed_socket::begin(const coserve::framing& codecs) {
    decoder_ = codecs.read();
    encoder_ = codecs.write();
}

void framed_socket::close() noexcept {
    if (!is_open())
        return;
    ::close(descriptor_);
    descriptor_ = -1;
    broken_ = nullptr;
    input_ = {};
    rest_.clear();
    unsent_.clear();
    room_.output.clear();
    alike_ = {};
    sent_ = 0;
}

framed_socket::arrival framed_socket::receive() {
    __builtin_prefetch(decoder_.get());  // the kernel takes longer than it to come
    const std::size_t had = rest_.size();
    std::span<std::byte> into = room_.input;
    if (had != 0) {
        rest_.resize(had + std::max(had, least_room));
        into = std::span(rest_).subspan(had);
    }
    const ssize_t got = ::recv(descriptor_, into.data(), into.size(), 0);
    const int error = got < 0 ? errno : 0;
    const std::size_t size = got < 0 ? 0 : static_cast<std::size_t>(got);
    if (had != 0)
        rest_.resize(had + size);
    if (error != 0 && error != EAGAIN && error != EINTR)
        fail(error);
    input_ = had != 0 ? std::span<const std::byte>(rest_) : into.first(size);
    if (error != 0)
        return arrival::none;
    return size == 0 ? arrival::end : arrival::some;
}

/// After what is not a frame.
std::optional<coserve::frame_view> framed_socket::next_but(coserve::decoded d) {
    using outcome = coserve::decoded::outcome;
    for (; d.what == outcome::skipped && !input_.empty(); d = decoder_->decode(input_))
        take(d);
    if (d.what == outcome::error)
        broken_ = std::make_exception_ptr(malformed(d, *decoder_));
    return d.what == outcome::frame ? std::optional(take(d)) : std::nullopt;
}

std::optional<coserve::frame_view> framed_socket::next_bytes(std::size_t size) {
    if (input_.size() < size)
        return std::nullopt;
    const auto taken = input_.first(size);
    input_ = input_.subspan(size);
    return taken;
}

void framed_socket::keep_rest() {
    if (broken_)
        std::rethrow_exception(broken_);
    if (rest_.empty())
        rest_.assign(input_.begin(), input_.end());
    else
        rest_.erase(rest_.begin(), rest_.end() - static_cast<std::ptrdiff_t>(input_.size()));
    input_ = rest_;
}

void framed_socket::queue(coserve::frame_view payload) {
    encode(*encoder_, payload, unsent_.empty() ? room_.output : unsent_);
}

bool framed_socket::send() {
    if (!unsent_.empty())
        return send_rest();
    const std::string_view all = alike_.empty() ? room_.output : alike_;
    if (all.empty())
        return true;
    const std::size_t sent = send_some(all);
    if (sent != all.size())
        unsent_ = all.substr(sent);
    alike_ = {};
    room_.output.clear();
    return unsent_.empty();
}

bool framed_socket::send_rest() {
    sent_ += send_some(std::string_view(unsent_).substr(sent_));
    if (sent_ >= unsent_.size() / 2)  // a copy now and then, of less than was sent
        unsent_.erase(0, std::exchange(sent_, 0));
    return unsent_.empty();
}

std::size_t framed_socket::send_some(std::string_view bytes) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0)
        return static_cast<std::size_t>(sent);
    if (errno != EAGAIN && errno != EINTR)
        fail(errno);
    return 0;
}

}  // namespace coserve_bench
