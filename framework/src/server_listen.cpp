// What a server_state listens on.
#include "listen_datagrams.hpp"
#include "server_state.hpp"
#include "udp_socket.hpp"

#include <coserve/option_reader.hpp>

#include <array>
#include <string>
#include <utility>

namespace coserve {

std::shared_ptr<listener_state>
server_state::add_listener(const listen_spec& spec, std::string_view text, listener_hooks hooks) {
    option_reader reader{std::string(text), spec.url.query};
    auto l = std::make_shared<listener_state>();
    l->url = spec.url.to_string();
    l->service = spec.service;
    l->options = listener_options::read(reader, registry_, spec.service);
    l->limits = std::make_shared<const stream_limits>(l->options.limits);
    l->hooks = std::move(hooks);
    return l;
}

std::vector<std::string>
server_state::listen(const listen_spec& spec, std::string_view text, listener_hooks hooks) {
    if (spec.url.kind == endpoint_url::scheme::udp)
        return listen_for_datagrams(spec, text, hooks);
    const auto pattern = add_listener(spec, text, hooks);
    if (pattern->options.start)
        pattern->options.start();
    std::vector<std::string> urls;
    for (listening& l : listen_at(spec.url, pattern->options.backlog)) {
        const auto one = add_listener(spec, text, hooks);
        one->url = l.url;
        urls.push_back(l.url);
        acceptor::callbacks callbacks{
            [this, one](unique_fd fd, const endpoint& peer) { admit(one, std::move(fd), peer); },
            [this, one](error_code error) {
                const std::string reason = error.message();
                const std::array<log_field, 2> fields{{{"listener", one->url}, {"reason", reason}}};
                log({log_level::error, "cannot accept, trying again", fields});
            },
        };
        acceptors_.emplace_back(first_core(), std::move(l), std::move(callbacks));
        if (serving_)
            acceptors_.back().start();
    }
    return urls;
}

void server_state::check(const listen_spec& spec, std::string_view text) const {
    option_reader reader{std::string(text), spec.url.query};
    if (spec.url.kind == endpoint_url::scheme::udp)
        datagram_listener_options::read(reader, registry_, spec.service);
    else
        listener_options::read(reader, registry_, spec.service);
}

std::shared_ptr<datagram_listener> server_state::add_datagram_listener(
    const listen_spec& spec, std::string_view text, listener_hooks hooks, std::size_t places
) {
    option_reader reader{std::string(text), spec.url.query};
    auto l = std::make_shared<datagram_listener>();
    l->url = spec.url.to_string();
    l->service = spec.service;
    l->options = datagram_listener_options::read(reader, registry_, spec.service);
    l->hooks = std::move(hooks);
    for (std::size_t i = 0; i < places; ++i)
        l->places.emplace_back(*cores_[i % cores_.size()]->context);
    return l;
}

std::vector<std::string> server_state::listen_for_datagrams(
    const listen_spec& spec, std::string_view text, const listener_hooks& hooks
) {
    const auto pattern = add_datagram_listener(spec, text, hooks, 0);
    if (pattern->options.start)
        pattern->options.start();
    std::vector<std::string> urls;
    for (bound_datagrams& b : bind_datagrams(spec.url, cores_.size(), pattern->options.limits)) {
        auto one = add_datagram_listener(spec, text, hooks, cores_.size());
        one->url = b.url;
        one->options = pattern->options;  // what these share is the listener's
        std::vector<std::unique_ptr<datagram_transport>> transports;
        for (unique_fd& fd : b.sockets)
            transports.push_back(make_udp_transport(std::move(fd)));
        add_datagrams(std::move(one), std::move(transports), serving_);
        urls.push_back(b.url);
    }
    return urls;
}

void server_state::add_datagrams(
    std::shared_ptr<datagram_listener> l,
    std::vector<std::unique_ptr<datagram_transport>> transports,
    bool at_once
) {
    datagrams_.add(std::move(l), std::move(transports));
    if (at_once)
        datagrams_.start(shared_from_this());
}

}  // namespace coserve
