#include "datagram_listeners.hpp"

#include "datagram_session.hpp"
#include "server_state.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace coserve {

namespace {

void start_session(
    const std::shared_ptr<server_state>& server,
    const std::shared_ptr<datagram_listener>& l,
    std::size_t place,
    std::unique_ptr<datagram_transport> t
) {
    datagram_permit permit(server, l, place);
    io_context& context = *l->places[place].context;
    asio::post(context, [server, &context, t = std::move(t), permit = std::move(permit)]() mutable {
        try {
            datagram_session::start(core::of(context), std::move(t), std::move(permit));
        } catch (...) {
            server->log_failure("cannot receive datagrams", std::current_exception());
        }
    });
}

}  // namespace

void datagram_listeners::add(
    std::shared_ptr<datagram_listener> l,
    std::vector<std::unique_ptr<datagram_transport>> transports
) {
    const std::scoped_lock lock(mutex_);
    all_.push_back({std::move(l), std::move(transports)});
}

void datagram_listeners::start(const std::shared_ptr<server_state>& server) {
    for (sockets& s : all_) {
        for (std::size_t i = 0; i < s.transports.size(); ++i)
            start_session(server, s.listener, i, std::move(s.transports[i]));
        s.transports.clear();
    }
}

void datagram_listeners::visit(const std::function<void(datagram_session&)>& f) {
    for (const sockets& s : all_)
        for (std::size_t i = 0; i < s.listener->places.size(); ++i)
            s.listener->visit(i, f);
}

void datagram_listeners::expire() noexcept {
    for (sockets& s : all_) {
        s.transports.clear();
        for (const datagram_listener::place& p : s.listener->places)
            if (p.session)
                p.session->expire();
    }
}

void datagram_listeners::detach() noexcept {
    for (const sockets& s : all_)
        s.listener->detach();
}

datagram_stats datagram_listeners::stats() const noexcept {
    datagram_stats sum;
    const std::scoped_lock lock(mutex_);
    for (const sockets& s : all_)
        sum += s.listener->stats();
    return sum;
}

}  // namespace coserve
