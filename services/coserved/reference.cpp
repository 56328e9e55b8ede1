#include "reference.hpp"

#include <coserve/limits.hpp>
#include <coserve/option_reader.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace coserved {
namespace {

constexpr std::string_view introduction = R"(
Listeners:
  SERVICE=URL, where URL is tcp://HOST:PORT (port 0: any free one) or unix:PATH,
  with options as its query:
    coserved --listen 'echo=tcp://127.0.0.1:8080?framing=raw&mode=verbatim'
  In the configuration file the same is
    [[listen]]
    service = "echo"
    url = "tcp://127.0.0.1:8080"
    framing = "raw"
    mode = "verbatim"
  Sizes are written 512, 64KiB, 16MiB; times 500ms, 10s, 5m (bare: seconds).
)";

void append_section(
    std::string& out, std::string_view title, const coserve::option_reader& reader
) {
    constexpr std::size_t column = 28;
    out.append("\n").append(title).append(":\n");
    for (const coserve::option_description& d : reader.described()) {
        const std::size_t line = out.size();
        out.append("  ").append(d.key);
        out.resize(std::max(out.size() + 2, line + column), ' ');
        out += d.values;
        if (!d.fallback.empty())
            out.append(" [").append(d.fallback).append("]");
        out.append("\n").append(column, ' ').append(d.help).append("\n");
    }
}

}  // namespace

std::string reference(const coserve::registry& services) {
    std::string out(introduction);
    for (const std::string_view name : std::array<std::string_view, 1>{"echo"}) {
        coserve::option_reader reader({}, {});
        services.find(name)(reader);
        append_section(out, "Keys of the service " + std::string(name), reader);
    }
    coserve::stream_limits limits;
    coserve::option_reader framing({}, {});
    services.framings().read(framing, limits);
    append_section(out, "Keys of the framing, and of length-prefix", framing);
    coserve::option_reader limit({}, {});
    limits.read(limit);
    append_section(out, "Limits and deadlines", limit);
    return out;
}

}  // namespace coserved
