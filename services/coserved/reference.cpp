#include "reference.hpp"

#include <coserve/option_reader.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coserved {
namespace {

constexpr std::string_view introduction = R"(
Listeners:
  SERVICE=URL, where URL is tcp://HOST:PORT (port 0: any free one), unix:PATH, or
  udp://HOST:PORT for services of datagrams, with options as its query:
    coserved --listen 'echo=tcp://127.0.0.1:8080?framing=raw&mode=verbatim'
  In the configuration file the same is
    [[listen]]
    service = "echo"
    url = "tcp://127.0.0.1:8080"
    framing = "raw"
    mode = "verbatim"
  Sizes are written 512, 64KiB, 16MiB; times 500ms, 10s, 5m (bare: seconds).
)";

void append(std::string& out, const coserve::option_description& d) {
    constexpr std::size_t column = 28;
    const std::size_t line = out.size();
    out.append("  ").append(d.key);
    out.resize(std::max(out.size() + 2, line + column), ' ');
    out += d.values;
    if (!d.fallback.empty())
        out.append(" [").append(d.fallback).append("]");
    out.append("\n").append(column, ' ').append(d.help).append("\n");
}

void append(
    std::string& out,
    const std::string& service,
    std::string_view where,
    const std::vector<coserve::option_description>& keys
) {
    out.append("\nKeys of a listener of ").append(service).append(where).append(":\n");
    for (const coserve::option_description& d : keys)
        append(out, d);
}

}  // namespace

std::string reference(const coserve::registry& services) {
    std::string out(introduction);
    for (const std::string& name : services.names()) {
        if (services.has_streams(name))
            append(out, name, "", services.keys(name));
        if (services.has_datagrams(name))
            append(out, name, " at udp://", services.datagram_keys(name));
    }
    // Those of the default stand among the keys of each service.
    const std::vector<std::string> framings = services.framings().names();
    for (std::size_t i = 1; i < framings.size(); ++i) {
        const auto keys = services.framings().keys(framings[i]);
        if (!keys.empty())
            out.append("\nKeys of a listener with framing=").append(framings[i]).append(":\n");
        for (const coserve::option_description& d : keys)
            append(out, d);
    }
    return out;
}

}  // namespace coserved
