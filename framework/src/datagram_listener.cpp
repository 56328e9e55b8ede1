#include "datagram_listener.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace coserve {

namespace {

constexpr std::size_t most_calls = 65'536;

}  // namespace

datagram_listener_options datagram_listener_options::read(
    option_reader& reader, const registry& known, std::string_view service_name
) {
    prepared_datagram_service prepared = known.find_datagrams(service_name)(reader);
    datagram_listener_options o;
    o.make_handler = std::move(prepared.make_handler);
    o.start = std::move(prepared.start);
    o.limits = prepared.limits;
    o.limits.read(reader);
    reader.finish();
    return o;
}

bool datagram_listener::call(std::size_t where, std::function<void(datagram_session&)> f) {
    if (!attached_ || places[where].calls.load(std::memory_order_relaxed) >= most_calls)
        return false;
    visit(where, std::move(f));
    return true;
}

void datagram_listener::visit(std::size_t where, std::function<void(datagram_session&)> f) {
    place& there = places[where];
    there.calls.fetch_add(1, std::memory_order_relaxed);
    asio::post(*there.context, [self = shared_from_this(), &there, f = std::move(f)] {
        there.calls.fetch_sub(1, std::memory_order_relaxed);
        if (there.session)
            f(*there.session);
    });
}

datagram_stats datagram_listener::stats() const noexcept {
    datagram_stats sum;
    for (const place& p : places)
        sum += p.counters.read();
    return sum;
}

}  // namespace coserve
