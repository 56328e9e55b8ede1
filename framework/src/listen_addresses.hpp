// A host name's addresses, each listened at.
#pragma once

#include "socket_transport.hpp"

#include <coserve/endpoint.hpp>
#include <coserve/url.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace coserve {

// Errors: boost::system::system_error that names the URL.
std::vector<endpoint> resolve_to_listen(const endpoint_url&);

// An address that this machine does not have, as [::1] where IPv6 is off. A name may stand for such
// ones beside others.
bool is_absent(const error_code&) noexcept;

// `listen(endpoint with the port to be tried)` for each. Port 0 for several addresses: the port
// that the first got, which `port_of` tells, is tried for the others, a few times over.
template <class Listening, class Listen, class PortOf>
std::vector<Listening>
listen_at_each(const endpoint_url& url, const Listen& listen, const PortOf& port_of) {
    const std::vector<endpoint> addresses = resolve_to_listen(url);
    for (int tries = 0;; ++tries) {
        std::vector<Listening> all;
        std::exception_ptr absent;
        try {
            for (const endpoint& address : addresses) {
                const bool follows = address.port() == 0 && !all.empty();
                try {
                    all.push_back(
                        listen(follows ? address.with_port(port_of(all.front())) : address)
                    );
                } catch (const system_error& e) {
                    if (!is_absent(e.code()))
                        throw;
                    absent = std::current_exception();
                }
            }
            if (all.empty())
                std::rethrow_exception(absent);
            return all;
        } catch (const system_error& e) {
            const bool taken = e.code() == boost::system::errc::address_in_use;
            if (!taken || url.port != 0 || all.empty() || tries == 10)
                throw;
        }
    }
}

}  // namespace coserve
