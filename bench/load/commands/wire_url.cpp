#include "commands/wire_url.hpp"

#include <coserve/error.hpp>

#include <algorithm>

namespace coserve_bench {

wire_url take_wire(const std::string& url, const std::string& flag, std::string_view usual) {
    constexpr std::string_view key = "wire=";
    wire_url result{url.substr(0, url.find('?')), flag};
    char separator = '?';
    for (std::size_t at = url.find('?'); at != url.npos;) {
        const std::size_t next = url.find('&', at + 1);
        const std::string part = url.substr(at + 1, next == url.npos ? next : next - at - 1);
        at = next;
        if (!part.starts_with(key)) {
            result.url += separator + part;
            separator = '&';
            continue;
        }
        const std::string wire = part.substr(key.size());
        if (!flag.empty() && flag != wire)
            throw coserve::configuration_error(
                "--wire " + flag + ": the URL says wire=" + wire + "; write one of them"
            );
        result.wire = wire;
    }
    if (result.wire.empty())
        result.wire = usual;
    return result;
}

std::string with_framing(const std::string& url, std::string_view framing) {
    if (url.find("framing=") != url.npos)
        throw coserve::configuration_error(url + ": framing: this format has its own");
    return url + (url.find('?') == url.npos ? "?framing=" : "&framing=") + std::string(framing);
}

}  // namespace coserve_bench
