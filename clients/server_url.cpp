#include "server_url.hpp"

#include <coserve/error.hpp>
#include <coserve/framing.hpp>
#include <coserve/url.hpp>

#include <algorithm>

namespace coserve_client {
namespace {

const std::string* find(const coserve::endpoint_url& url, std::string_view key) {
    const auto found = std::ranges::find(url.query, key, &coserve::option::key);
    return found == url.query.end() ? nullptr : &found->value;
}

/// Adds the short form to the query, which must not say something else.
void add_framing(std::string& text, coserve::endpoint_url& url, std::string_view framing) {
    if (const std::string* written = find(url, "framing")) {
        if (*written != framing)
            throw coserve::configuration_error(
                "--framing " + std::string(framing) + ": the URL says framing=" + *written +
                "; write one of them"
            );
        return;
    }
    text += text.find('?') == text.npos ? "?framing=" : "&framing=";
    text += framing;
    url.query.push_back({"framing", std::string(framing)});
}

}  // namespace

server_url parse_server_url(std::string_view text, std::string_view framing) {
    coserve::endpoint_url url = coserve::parse_url(text);
    server_url result;
    result.text = text;
    result.name = url.to_string();
    result.is_datagrams = url.kind == coserve::endpoint_url::scheme::udp;
    if (result.is_datagrams) {
        if (!framing.empty())
            throw coserve::configuration_error(
                "--framing " + std::string(framing) + ": datagrams (udp://) have no framing"
            );
        return result;
    }
    if (!framing.empty())
        add_framing(result.text, url, framing);
    const auto framings = coserve::framing_names::in(url.query);
    result.reads_raw = framings.read == "raw";
    result.writes_raw = framings.write == "raw";
    // All other keys are checked by connect().
    coserve::option_reader reader(result.text, url.query);
    result.limits.read(reader);
    return result;
}

}  // namespace coserve_client
