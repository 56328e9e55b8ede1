#include "server_state.hpp"

#include "error_text.hpp"
#include "periodic_action.hpp"
#include "stored_handler.hpp"
#include "termination_signals.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace coserve {

namespace {

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

void server_state::every(duration interval, std::function<void()> action) {
    if (interval <= duration::zero())
        throw std::invalid_argument("the interval of a periodic action must be positive");
    auto guarded = [this, action = std::move(action)] {
        try {
            action();
        } catch (...) {
            log_failure("periodic action failed", std::current_exception());
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
    datagrams_.start(shared_from_this());
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
    end_children();
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
        datagrams_.detach();
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
    datagrams_.expire();
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

// ---- any thread

std::optional<time_point> server_state::drain_deadline() const noexcept {
    const time_point deadline = drain_deadline_;
    return deadline == never ? std::nullopt : std::optional(deadline);
}

server_stats server_state::stats() const noexcept {
    return {accepted_, active_, refused_, failed_, datagrams_.stats()};
}

void server_state::log(const log_record& record) const noexcept {
    if (options_.log)
        options_.log(record);
}

void server_state::log_failure(std::string_view message, std::exception_ptr e) const {
    const error_description what = describe(std::move(e));
    const std::array<log_field, 1> fields{{{"reason", what.reason}}};
    log({log_level::error, message, fields});
}

}  // namespace coserve
