#include "exec_url.hpp"

#include <coserve/error.hpp>

#include <array>
#include <string_view>
#include <utility>

namespace coserve_client {
namespace {

using coserve::exec_wire;

constexpr std::array<std::pair<std::string_view, exec_wire>, 4> wires{{
    {"native", exec_wire::native},
    {"concat", exec_wire::concat},
    {"stderr-first", exec_wire::stderr_first},
    {"json-size", exec_wire::json_size},
}};

/// Takes the key out of the query: it says nothing about the connection. Empty: it is not there.
std::string take_wire(std::string& url) {
    const std::size_t query = url.find('?');
    if (query == url.npos)
        return {};
    std::string rest, wire;
    for (std::size_t at = query; at != url.npos;) {
        const std::size_t next = url.find('&', at + 1);
        const std::string part = url.substr(at + 1, next == url.npos ? next : next - at - 1);
        constexpr std::string_view key = "wire=";
        if (part.starts_with(key))
            wire = part.substr(key.size());
        else
            rest.append(rest.empty() ? "?" : "&").append(part);
        at = next;
    }
    url.replace(query, url.npos, rest);
    return wire;
}

exec_wire wire_of(const std::string& name) {
    for (const auto& [known, wire] : wires)
        if (known == name)
            return wire;
    throw coserve::configuration_error(
        "wire " + name + ": must be native, concat, stderr-first or json-size"
    );
}

}  // namespace

exec_url parse_exec_url(const std::string& text, const std::string& wire) {
    std::string url = text;
    std::string name = take_wire(url);
    if (!name.empty() && !wire.empty() && name != wire)
        throw coserve::configuration_error(
            "--wire " + wire + ": the URL says wire=" + name + "; write one of them"
        );
    if (name.empty())
        name = wire.empty() ? "native" : wire;
    exec_url result;
    result.wire = wire_of(name);
    result.server = parse_server_url(url, result.wire == exec_wire::native ? "json-header" : "raw");
    return result;
}

}  // namespace coserve_client
