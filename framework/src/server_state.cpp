#include "server_state.hpp"

#include "child_set.hpp"
#include "datagram_session.hpp"
#include "error_text.hpp"
#include "listen_datagrams.hpp"
#include "periodic_action.hpp"
#include "socket_transport.hpp"
#include "stored_handler.hpp"
#include "termination_signals.hpp"
#include "udp_socket.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

constexpr duration time_after_expiry = 1s;

void check_range(const char* member, unsigned value, unsigned least, unsigned most) {
    if (value < least || value > most)
        throw configuration_error(
            "server_options: " + std::string(member) + '=' + std::to_string(value) + ": must be " +
            std::to_string(least) + " to " + std::to_string(most)
        );
}

server_options checked(server_options o) {
    check_range("cores", o.cores, 0, 1024);
    check_range("blocking_threads", o.blocking_threads, 1, 1024);
    if (o.drain_timeout < duration::zero())
        throw configuration_error(
            "server_options: drain_timeout=" + std::to_string(o.drain_timeout.count()) +
            "ns: must be 0 or more"
        );
    return o;
}

}  // namespace

// ---- a server's life

server_state::server_state(server_options o)
    : options_(checked(std::move(o))),
      blocking_(std::make_shared<blocking_threads>(options_.blocking_threads)),
      pool_(std::make_unique<core_pool>(options_.cores, options_.pin)) {
    for (std::size_t i = 0; i < pool_->size(); ++i)
        adopt_core((*pool_)[i]);
    first_core().admit(*this);
}

server_state::server_state(io_context& host, server_options o)
    : options_(checked(std::move(o))),
      blocking_(std::make_shared<blocking_threads>(options_.blocking_threads)) {
    adopt_core(host);
    first_core().admit(*this);
}

server_state::~server_state() = default;

void server_state::adopt_core(io_context& context) {
    core::of(context).set_blocking(blocking_);
    cores_.push_back(std::make_unique<core_state>(&context));
}

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
    {
        const std::scoped_lock lock(datagrams_mutex_);
        datagrams_.push_back({std::move(l), std::move(transports)});
    }
    if (at_once)
        start(datagrams_.back());
}

void server_state::start(datagram_sockets& d) {
    for (std::size_t i = 0; i < d.transports.size(); ++i)
        start_datagrams(d.listener, i, std::move(d.transports[i]));
    d.transports.clear();
}

void server_state::start_datagrams(
    const std::shared_ptr<datagram_listener>& l,
    std::size_t place,
    std::unique_ptr<datagram_transport> t
) {
    datagram_permit permit(shared_from_this(), l, place);
    io_context& context = *l->places[place].context;
    asio::post(context, [this, &context, t = std::move(t), permit = std::move(permit)]() mutable {
        try {
            datagram_session::start(core::of(context), std::move(t), std::move(permit));
        } catch (...) {
            const error_description what = describe(std::current_exception());
            const std::array<log_field, 1> fields{{{"reason", what.reason}}};
            log({log_level::error, "cannot receive datagrams", fields});
        }
    });
}

void server_state::every(duration interval, std::function<void()> action) {
    if (interval <= duration::zero())
        throw std::invalid_argument("the interval of a periodic action must be positive");
    auto guarded = [this, action = std::move(action)] {
        try {
            action();
        } catch (...) {
            const error_description what = describe(std::current_exception());
            const std::array<log_field, 1> fields{{{"reason", what.reason}}};
            log({log_level::error, "periodic action failed", fields});
        }
    };
    actions_.emplace_back(first_core(), interval, std::move(guarded));
    if (serving_)
        actions_.back().start();
}

void server_state::start_serving() {
    if (std::exchange(serving_, true))
        throw std::logic_error("a server runs once");
    if (done_)  // it was stopped before
        return;
    for (acceptor& a : acceptors_)
        a.start();
    for (datagram_sockets& d : datagrams_)
        start(d);
    for (periodic_action& a : actions_)
        a.start();
}

void server_state::run() {
    if (!pool_)
        throw std::logic_error("a server on a host's context is run by the host: co_await serve()");
    const termination_signals signals(*cores_[0]->context, [this] {
        if (!stopping())
            stop();
        else
            expire(true);
    });
    start_serving();
    pool_->run();
    for (const auto& c : cores_) {
        if (child_set* const children = core::of(*c->context).children_if_any())
            children->end_all(cut_short_ ? duration::zero() : time_after_expiry);
    }
}

void server_state::wait_until_done(asio::any_completion_handler<void(error_code)> h) {
    waiting_ = std::move(h);
    on_cancel(waiting_, [this] { stop(); });
    if (done_)
        finish_serving();
}

void server_state::abandon() noexcept {
    stopping_ = true;
    if (pool_) {
        for (const datagram_sockets& d : datagrams_)
            d.listener->detach();
        pool_.reset();  // with the coroutines, which hold this
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        if (!attached_)
            return;
        attached_ = false;
    }
    // It may be a handler, a hook or an action of its own that destroys it: what is on the way
    // through it goes on until the next turn.
    asio::post(*cores_[0]->context, [self = shared_from_this()] {});
    for (acceptor& a : acceptors_)
        a.close();
    for (datagram_sockets& d : datagrams_) {
        d.transports.clear();
        for (const datagram_listener::place& p : d.listener->places)
            if (p.session)
                p.session->expire();
    }
    finish_serving();
    cores_[0]->sessions.for_each([](session& s) { s.expire(); });
    first_core().timers().forget(*this);
    first_core().dismiss(*this);
}

void server_state::on_shutdown() noexcept {
    {
        const std::scoped_lock lock(mutex_);
        attached_ = false;
    }
    for (periodic_action& a : actions_)
        a.stop();
    first_core().timers().forget(*this);
    const auto dropped = std::exchange(waiting_, nullptr);
}

// ---- connections

void server_state::admit(
    const std::shared_ptr<listener_state>& l, unique_fd fd, const endpoint& peer
) {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    const listener_options& o = l->options;
    if (options_.max_connections != 0 && active_ >= options_.max_connections)
        return refuse(*l, peer, "the server's max-connections is reached");
    if (o.max_connections != 0 && l->active >= o.max_connections)
        return refuse(*l, peer, "max-connections is reached");
    std::string address;
    if (o.max_connections_per_peer != 0 && !peer.is_loopback())
        address = peer.address();
    if (!address.empty() && !l->peers.enter(address, o.max_connections_per_peer))
        return refuse(*l, peer, "max-connections-per-peer is reached");
    const std::size_t where = least_loaded();
    connection_permit permit(shared_from_this(), l, where);
    if (!address.empty())
        permit.count_peer(std::move(address));
    auto start = [this, where, fd = std::move(fd), peer, permit = std::move(permit)]() mutable {
        start_session(where, make_socket_transport(std::move(fd), peer), std::move(permit));
    };
    if (where == 0)
        start();
    else
        asio::post(*cores_[where]->context, std::move(start));
}

void server_state::start_session(
    std::size_t where, std::unique_ptr<transport> t, connection_permit permit
) {
    try {
        session::start(core::of(*cores_[where]->context), std::move(t), std::move(permit));
    } catch (...) {
        const error_description what = describe(std::current_exception());
        const std::array<log_field, 1> fields{{{"reason", what.reason}}};
        log({log_level::error, "cannot start a connection", fields});
    }
}

std::size_t server_state::least_loaded() const noexcept {
    const auto least =
        std::ranges::min_element(cores_, {}, [](const auto& c) { return c->active.load(); });
    return static_cast<std::size_t>(least - cores_.begin());
}

// Closing the descriptor is all that the peer is told. The log has a line a second at most.
void server_state::refuse(const listener_state& l, const endpoint& peer, std::string_view why) {
    count_refusal();
    if (!caps_logged_.ask(first_core().timers().now()))
        return;
    const std::string who = peer.to_string();
    const std::array<log_field, 4> fields{
        {{"peer", who}, {"listener", l.url}, {"service", l.service}, {"reason", why}}
    };
    log({log_level::warning, "connection refused", fields});
}

// It counts, then asks whether a drain has begun; stop() begins one, and its drain then asks what
// is left. Only where both are sequentially consistent does one of them see the other.
void server_state::connection_ended() noexcept {
    if (active_.fetch_sub(1, std::memory_order_seq_cst) == 1 &&
        stopping_.load(std::memory_order_seq_cst))
        post_check_done();
}

void server_state::datagram_session_ended() noexcept {
    if (datagram_sessions_.fetch_sub(1, std::memory_order_seq_cst) == 1 &&
        stopping_.load(std::memory_order_seq_cst))
        post_check_done();
}

void server_state::post_check_done() noexcept {
    const std::scoped_lock lock(mutex_);
    if (attached_)
        asio::post(*cores_[0]->context, [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->check_done();
        });
}

// ---- the drain

void server_state::stop() noexcept {
    if (stopping_.exchange(true, std::memory_order_seq_cst))
        return;
    const std::scoped_lock lock(mutex_);
    if (attached_)
        asio::post(*cores_[0]->context, [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->begin_drain();
        });
}

void server_state::begin_drain() {
    if (done_ || std::exchange(draining_, true))
        return;
    for (acceptor& a : acceptors_)
        a.stop();
    const time_point deadline = first_core().timers().after(options_.drain_timeout);
    drain_deadline_ = deadline;  // before a session hears of the drain
    on_each_core([](session& s) { s.begin_drain(); });
    on_each_datagram_session([](datagram_session& s) { s.begin_drain(); });
    first_core().timers().arm(*this, deadline);
    check_done();
}

void server_state::on_each_core(std::function<void(session&)> visit) {
    for (const auto& c : cores_)
        asio::post(*c->context, [self = shared_from_this(), &sessions = c->sessions, visit] {
            sessions.for_each(visit);
        });
}

void server_state::on_each_datagram_session(std::function<void(datagram_session&)> visit) {
    for (const datagram_sockets& d : datagrams_)
        for (std::size_t i = 0; i < d.listener->places.size(); ++i)
            d.listener->visit(i, visit);
}

// First the drain's deadline, then that of what it cancelled.
void server_state::on_timer() noexcept {
    if (expired_)
        finish_serving();
    else
        expire(false);
}

void server_state::expire(bool at_once) {
    if (done_)
        return;
    if (!std::exchange(expired_, true)) {
        const std::string left = std::to_string(active_.load());
        const std::string handlers = std::to_string(datagram_sessions_.load());
        const std::array<log_field, 2> fields{
            {{"connections", left}, {"datagram-handlers", handlers}}
        };
        log(
            {log_level::warning, "drain cut short", std::span(fields).first(handlers == "0" ? 1 : 2)
            }
        );
        stop_children();
        on_each_core([](session& s) { s.expire(); });
        on_each_datagram_session([](datagram_session& s) { s.expire(); });
    }
    cut_short_ = at_once;
    if (at_once)
        finish_serving();
    else
        first_core().timers().arm(*this, first_core().timers().now() + time_after_expiry);
}

// On a host's context there may be others: its sessions' end with these.
void server_state::stop_children() {
    for (const auto& c : cores_) {
        if (pool_)
            asio::post(*c->context, [context = c->context] {
                if (child_set* const children = core::of(*context).children_if_any())
                    children->stop_all(subprocess_end::drain, time_after_expiry);
            });
    }
}

void server_state::check_done() noexcept {
    if (draining_ && all_ended())
        finish_serving();
}

bool server_state::all_ended() const noexcept {
    return active_.load(std::memory_order_seq_cst) == 0 &&
           datagram_sessions_.load(std::memory_order_seq_cst) == 0;
}

void server_state::finish_serving() noexcept {
    done_ = true;
    first_core().timers().disarm(*this);
    for (periodic_action& a : actions_)
        a.stop();
    if (pool_)
        pool_->stop();
    if (waiting_)
        post_completion(*cores_[0]->context, release_handler(waiting_), error_code());
}

// ---- any thread

std::optional<time_point> server_state::drain_deadline() const noexcept {
    const time_point deadline = drain_deadline_;
    return deadline == never ? std::nullopt : std::optional(deadline);
}

server_stats server_state::stats() const noexcept {
    server_stats all{accepted_, active_, refused_, failed_, {}};
    const std::scoped_lock lock(datagrams_mutex_);
    for (const datagram_sockets& d : datagrams_)
        all.datagrams += d.listener->stats();
    return all;
}

void server_state::log(const log_record& record) const noexcept {
    if (options_.log)
        options_.log(record);
}

}  // namespace coserve
