#include <coserve/endpoint.hpp>

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace coserve {

namespace ip = boost::asio::ip;

endpoint::endpoint(const sockaddr* address, std::size_t size) noexcept : family_(family::local) {
    if (size >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, address, sizeof in);
        family_ = family::v4;
        port_ = ntohs(in.sin_port);
        std::memcpy(address_.data(), &in.sin_addr, sizeof in.sin_addr);
    } else if (size >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
        sockaddr_in6 in;
        std::memcpy(&in, address, sizeof in);
        family_ = family::v6;
        port_ = ntohs(in.sin6_port);
        scope_ = in.sin6_scope_id;
        std::memcpy(address_.data(), &in.sin6_addr, sizeof in.sin6_addr);
    }
}

endpoint endpoint::ip(std::string_view address, std::uint16_t port) {
    boost::system::error_code error;
    const ip::address parsed = ip::make_address(std::string(address), error);
    if (error)
        throw configuration_error(printable(address) + ": must be an IPv4 or IPv6 address");
    endpoint e;
    e.port_ = port;
    if (parsed.is_v4()) {
        e.family_ = family::v4;
        const auto four = parsed.to_v4().to_bytes();
        std::memcpy(e.address_.data(), four.data(), four.size());
    } else {
        e.family_ = family::v6;
        e.scope_ = static_cast<std::uint32_t>(parsed.to_v6().scope_id());
        e.address_ = parsed.to_v6().to_bytes();
    }
    return e;
}

endpoint endpoint::unix_peer(std::int32_t process) noexcept {
    endpoint e;
    e.family_ = family::local;
    e.scope_ = static_cast<std::uint32_t>(process);
    return e;
}

std::string endpoint::to_string() const {
    switch (family_) {
    case family::memory:
        return "memory";
    case family::local:
        return scope_ ? "unix:pid=" + std::to_string(scope_) : "unix";
    case family::v4:
        return address() + ':' + std::to_string(port_);
    case family::v6:
        return '[' + address() + "]:" + std::to_string(port_);
    }
    return {};
}

std::string endpoint::address() const {
    if (family_ == family::v4)
        return ip::address_v4({address_[0], address_[1], address_[2], address_[3]}).to_string();
    if (family_ == family::v6)
        return ip::address_v6(address_, scope_).to_string();
    return {};
}

std::uint16_t endpoint::port() const noexcept {
    return port_;
}

endpoint endpoint::with_port(std::uint16_t port) const noexcept {
    endpoint e = *this;
    e.port_ = port;
    return e;
}

bool endpoint::is_loopback() const noexcept {
    if (family_ == family::v4)
        return address_[0] == 127;
    if (family_ == family::v6)
        return ip::address_v6(address_).is_loopback();
    return true;
}

bool endpoint::is_unspecified() const noexcept {
    constexpr std::array<std::uint8_t, 16> zero{};
    return (family_ == family::v4 || family_ == family::v6) && address_ == zero;
}

std::size_t endpoint::to_sockaddr(sockaddr* room) const noexcept {
    if (family_ == family::v4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port_);
        std::memcpy(&in.sin_addr, address_.data(), sizeof in.sin_addr);
        std::memcpy(room, &in, sizeof in);
        return sizeof in;
    }
    if (family_ == family::v6) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port_);
        in.sin6_scope_id = scope_;
        std::memcpy(&in.sin6_addr, address_.data(), sizeof in.sin6_addr);
        std::memcpy(room, &in, sizeof in);
        return sizeof in;
    }
    return 0;
}

std::size_t endpoint::hash() const noexcept {
    std::uint64_t low = 0, high = 0;
    std::memcpy(&low, address_.data(), sizeof low);
    std::memcpy(&high, address_.data() + sizeof low, sizeof high);
    std::uint64_t h = (low ^ scope_) * 0x9e37'79b9'7f4a'7c15U;
    h = (h ^ (h >> 29) ^ high ^ static_cast<std::uint64_t>(port_)) * 0xbf58'476d'1ce4'e5b9U;
    return static_cast<std::size_t>(h ^ (h >> 32));
}

}  // namespace coserve
