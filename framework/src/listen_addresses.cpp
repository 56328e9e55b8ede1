#include "listen_addresses.hpp"

#include <coserve/io.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <string>

namespace coserve {

std::vector<endpoint> resolve_to_listen(const endpoint_url& url) {
    using asio::ip::tcp;
    io_context resolving;
    tcp::resolver resolver(resolving);
    error_code error;
    const auto found =
        resolver.resolve(url.host, std::to_string(url.port), tcp::resolver::passive, error);
    if (error)
        throw system_error(error, url.to_string());
    std::vector<endpoint> addresses;
    for (const auto& entry : found) {
        const tcp::endpoint at = entry.endpoint();
        const endpoint address(at.data(), at.size());
        if (std::ranges::find(addresses, address) == addresses.end())
            addresses.push_back(address);
    }
    return addresses;
}

bool is_absent(const error_code& error) noexcept {
    return error == boost::system::errc::address_not_available ||
           error == boost::system::errc::address_family_not_supported;
}

}  // namespace coserve
