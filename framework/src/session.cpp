#include "session.hpp"

#include "error_text.hpp"
#include "server_state.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

constexpr duration finish_time = 5s, finish_time_at_expiry = 1s;

}  // namespace

void session::start(core& c, std::unique_ptr<transport> t, connection_permit permit) {
    const auto s = std::make_shared<session>(c, std::move(t), std::move(permit));
    if (s->permit_.server().stopping())
        s->begin_drain();
    s->go_on(run(s));
}

session::session(core& c, std::unique_ptr<transport> t, connection_permit permit)
    : core_(c),
      permit_(std::move(permit)),
      stream_(new stream_state(
          c,
          std::move(t),
          permit_.listener().options.codecs.read(),
          permit_.listener().options.codecs.write(),
          permit_.listener().limits
      )) {
    stream_.state().observe(this);
    stream_.state().drop_runaways();
    permit_.server().sessions(permit_.core()).add(*this);
}

session::~session() {
    core_.timers().forget(*this);
    permit_.server().sessions(permit_.core()).remove(*this);
}

// Its handler ran away, or its context ends; then what is posted here is destroyed too.
void session::dropped() {
    if (phase_ == phase::closing)
        return;
    if (phase_ == phase::handling)
        phase_ = phase::joining;
    asio::post(core_.context(), [self = shared_from_this()] {
        if (self->phase_ == phase::finishing)
            return self->go_on(end_without_finish(self));
        auto error = std::make_exception_ptr(std::logic_error(dropped_coroutine));
        self->go_on(end(self, std::move(error)));
    });
}

task_group& session::tasks() {
    if (!tasks_) {
        const auto on_error = [this] {
            task_failed_ = true;
            cancel();
        };
        tasks_.reset(new task_group(core_.context().get_executor(), weak_from_this(), on_error));
    }
    return *tasks_;
}

server_handle session::server() const {
    return server_handle(permit_.shared_server());
}

void session::begin_drain() {
    stream_.state().begin_drain();
}

void session::expire() noexcept {
    if (std::exchange(expired_, true))
        return;
    cancel();
    stream_.abort();
}

void session::cancel() noexcept {
    if (phase_ == phase::handling)
        stop();
    else if (phase_ == phase::finishing && expired_)
        core_.timers().arm(
            *this, std::min(deadline(), core_.timers().now() + finish_time_at_expiry)
        );
}

// finish() took too long.
void session::on_timer() noexcept {
    if (phase_ == phase::finishing)
        stop();
}

void session::stop() noexcept {
    stop_.emit(asio::cancellation_type::terminal);
}

bool session::admits_peer() {
    const listener_hooks& hooks = permit_.listener().hooks;
    if (!hooks.verify_request || hooks.verify_request(peer()))
        return true;
    permit_.server().count_refusal();
    stream_.abort();
    return false;
}

void session::make_handler() {
    handler_ = permit_.listener().options.make_handler();
    handler_->session_ = this;
}

// An idle connection keeps this frame and its handler's: what comes at the end has another.
root_coroutine session::run(std::shared_ptr<session> self) {
    root_scope scope(self->core_.context(), *self);
    std::exception_ptr error;
    try {
        if (self->admits_peer()) {
            self->make_handler();
            co_await self->handler_->setup();
            self->set_up_ = true;
            co_await self->handler_->handle();
            if (self->tasks_)
                co_await self->tasks_->join();
        }
    } catch (...) {
        error = std::current_exception();
    }
    scope.end();
    self->go_on(end(self, std::move(error)));
}

root_coroutine session::end(std::shared_ptr<session> self, std::exception_ptr error) {
    root_scope scope(self->core_.context(), *self);
    self->phase_ = phase::joining;
    self->stream_.state().forgive();
    if (self->tasks_)
        co_await self->join(error);
    if (error)
        self->report(error);
    if (self->set_up_)
        co_await self->finish();
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    if (!self->close())
        co_await self->closed();
    if (!error)
        self->report_lost_output();
    scope.end();
}

// In place of finish(), which was dropped.
root_coroutine session::end_without_finish(std::shared_ptr<session> self) {
    root_scope scope(self->core_.context(), *self);
    self->log(log_level::error, "finish() failed", dropped_coroutine);
    if (self->tasks_)
        co_await self->end_tasks();
    co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    if (!self->close())
        co_await self->closed();
    scope.end();
}

// In place of a coroutine that was cancelled, or dropped: this one is neither.
void session::go_on(root_coroutine next) {
    launch(core_.context(), std::move(next), stop_.slot());
}

task<> session::join(std::exception_ptr& error) {
    // What cancelled handle() counts, not that it was cancelled.
    const bool task_was_first = task_failed_;
    tasks_->cancel();
    try {
        co_await tasks_->join();
    } catch (...) {
        if (!error || task_was_first)
            error = std::current_exception();
    }
}

task<> session::finish() {
    phase_ = phase::finishing;
    stream_.state().forgive();
    core_.timers().arm(
        *this, core_.timers().now() + (expired_ ? finish_time_at_expiry : finish_time)
    );
    try {
        co_await handler_->finish();
    } catch (...) {
        log(log_level::warning, "finish() failed", describe(std::current_exception()).reason);
    }
    if (tasks_) {
        co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
        co_await end_tasks();
    }
}

// Those that finish() left end within its time, or where that has run out in one second.
task<> session::end_tasks() {
    stream_.state().forgive();
    if (deadline() == never)
        core_.timers().arm(*this, core_.timers().now() + finish_time_at_expiry);
    tasks_->cancel();
    try {
        co_await tasks_->join();
    } catch (...) {
        log(log_level::warning, "finish() failed", describe(std::current_exception()).reason);
    }
}

// True: it is closed already.
bool session::close() {
    phase_ = phase::closing;
    core_.timers().disarm(*this);
    stream_.state().forgive();
    stream_.state().release_input();
    stream_.close();
    return stream_.state().happened(stream_event::closed);
}

task<> session::closed() {
    frame_stream::wait_operation closed(stream_.state(), stream_event::closed);
    co_await closed;
}

// A deadline may have ended it while what the handler had written was on its way. A peer that has
// gone by then is no error.
void session::report_lost_output() noexcept {
    try {
        stream_.state().happened(stream_event::flushed);
    } catch (const system_error& e) {
        if (e.code() == errc::write_timeout)
            report(std::current_exception());
    }
}

void session::report(std::exception_ptr error) noexcept {
    permit_.server().count_failure();
    const error_description what = describe(error);
    log(what.level, "connection ended", what.reason);
    const listener_hooks& hooks = permit_.listener().hooks;
    if (!hooks.handle_error)
        return;
    try {
        hooks.handle_error(peer(), error);
    } catch (...) {
        log(log_level::error, "handle_error failed", describe(std::current_exception()).reason);
    }
}

void session::on_dropped_frame(const std::string& reason) noexcept {
    listener_state& listener = permit_.listener();
    const auto untold = listener.drops_logged.ask(core_.timers().now());
    if (!untold)
        return;
    if (*untold == 0)
        return log(log_level::warning, "frame dropped", reason);
    const std::string more = "; " + std::to_string(*untold) + " more before it on this listener";
    log(log_level::warning, "frame dropped", reason + more);
}

peer_info session::peer() const noexcept {
    const listener_state& l = permit_.listener();
    return {stream_.peer(), l.url, l.service};
}

void session::log(log_level level, std::string_view message, std::string_view reason) noexcept {
    const listener_state& l = permit_.listener();
    const std::string who = stream_.peer().to_string();
    const std::array<log_field, 4> fields{{
        {"peer", who},
        {"listener", l.url},
        {"service", l.service},
        {"reason", reason},
    }};
    permit_.server().log({level, message, fields});
}

void session_list::add(session& s) {
    s.index_ = sessions_.size();
    sessions_.push_back(&s);
}

void session_list::remove(session& s) noexcept {
    sessions_.back()->index_ = s.index_;
    sessions_[s.index_] = sessions_.back();
    sessions_.pop_back();
}

}  // namespace coserve
