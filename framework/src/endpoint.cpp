#include <coserve/endpoint.hpp>

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

bool endpoint::is_loopback() const noexcept {
    if (family_ == family::v4)
        return address_[0] == 127;
    if (family_ == family::v6)
        return ip::address_v6(address_).is_loopback();
    return true;
}

}  // namespace coserve
