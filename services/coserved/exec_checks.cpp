#include "exec_checks.hpp"

#include <coserve/endpoint.hpp>
#include <coserve/error.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/url.hpp>

#include <algorithm>
#include <memory>
#include <string_view>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coserved {
namespace {

using coserve::configuration_error;
using coserve::endpoint_url;

/// A name that nobody knows is not this one's to complain of.
bool leads_elsewhere(const std::string& host) {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
        return false;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, &::freeaddrinfo);
    for (const addrinfo* a = found; a; a = a->ai_next)
        if (!coserve::endpoint(a->ai_addr, a->ai_addrlen).is_loopback())
            return true;
    return false;
}

std::string_view value_of(const endpoint_url& url, std::string_view key) {
    const auto found = std::ranges::find(url.query, key, &coserve::option::key);
    return found == url.query.end() ? std::string_view() : std::string_view(found->value);
}

bool runs_as_root(const endpoint_url& url) {
    const std::string user(value_of(url, "user"));
    return ::geteuid() == 0 && (user.empty() || coserve::subprocess_user::named(user).id == 0);
}

}  // namespace

coserve::exec_policy exec_policy_of(const settings& s) {
    coserve::exec_policy policy;
    for (const std::string& program : s.exec_allow)
        policy.allow(program);
    if (s.exec_shell)
        policy.allow_shell();
    return policy;
}

void check_exec_address(const std::string& text) {
    const endpoint_url url = coserve::parse_url(text);
    if (url.kind != endpoint_url::scheme::unix_stream && leads_elsewhere(url.host))
        throw configuration_error(
            "exec=" + url.to_string() +
            ": exec has no authentication yet, so it listens on loopback only, such as "
            "tcp://127.0.0.1:7701, or on a Unix socket; reach it from elsewhere through ssh -L"
        );
}

std::vector<std::string> exec_warnings(const std::string& text) {
    const endpoint_url url = coserve::parse_url(text);
    const std::string_view limit = value_of(url, "process-limit");
    if (limit.empty() || limit == "0" || !runs_as_root(url))
        return {};
    return {
        "exec=" + url.to_string() + ": process-limit=" + std::string(limit) +
        " does not bind root, whom the commands run as; name another with user="
    };
}

}  // namespace coserved
