#include "listener_state.hpp"

#include <algorithm>
#include <utility>

namespace coserve {

listener_options listener_options::read(
    option_reader& reader, const registry& known, std::string_view service_name
) {
    listener_options o;
    const service& found = known.find(service_name);
    prepared_service prepared = found(reader);
    o.make_handler = std::move(prepared.make_handler);
    o.start = std::move(prepared.start);
    o.limits = prepared.limits;
    o.limits.read(reader);
    o.codecs =
        prepared.codecs ? prepared.codecs(o.limits) : known.framings().read(reader, o.limits);
    reader.count(
        "max-connections",
        o.max_connections,
        0,
        1'000'000,
        "open at once on this listener; 0: no limit"
    );
    reader.count(
        "max-connections-per-peer",
        o.max_connections_per_peer,
        0,
        1'000'000,
        "open at once from one address, loopback never counted; 0: no limit"
    );
    reader.count("backlog", o.backlog, 1, 65'535, "connections that wait to be accepted");
    reader.finish();
    return o;
}

bool peer_counts::enter(const std::string& address, std::size_t most) {
    const std::scoped_lock lock(mutex_);
    std::size_t& count = counts_[address];
    if (count >= most)
        return false;
    ++count;
    return true;
}

void peer_counts::leave(const std::string& address) noexcept {
    const std::scoped_lock lock(mutex_);
    const auto found = counts_.find(address);
    if (found != counts_.end() && --found->second == 0)
        counts_.erase(found);
}

listen_spec::listen_spec(std::string_view text) {
    const std::size_t equals = text.find('=');
    const std::size_t colon = text.find(':');
    if (equals == text.npos || equals == 0 || colon < equals)
        throw configuration_error(
            "\"" + std::string(text) + "\": must be SERVICE=URL, such as echo=tcp://127.0.0.1:7700"
        );
    service = text.substr(0, equals);
    url = parse_url(text.substr(equals + 1));
}

}  // namespace coserve
