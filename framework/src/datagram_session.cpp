#include "datagram_session.hpp"

#include "error_text.hpp"
#include "server_state.hpp"
#include "stored_handler.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

namespace coserve {

namespace {

// Each is told of something that was sent before, and there may be more than one.
constexpr int most_receive_errors = 16;

}  // namespace

void datagram_session::start(
    core& c, std::unique_ptr<datagram_transport> t, datagram_permit permit
) {
    const auto s = std::make_shared<datagram_session>(c, std::move(t), std::move(permit));
    if (!s->set_up())
        return s->abandon();
    s->permit_.place().session = s.get();
    if (s->permit_.server().stopping())
        s->begin_drain();
    launch(c.context(), run(s), s->stop_.slot());
}

datagram_session::datagram_session(
    core& c, std::unique_ptr<datagram_transport> t, datagram_permit permit
)
    : core_(c),
      permit_(std::move(permit)),
      channel_(datagram_channel::open(
          c, std::move(t), permit_.listener().options.limits, permit_.place().counters, *this
      )),
      port_(*channel_) {}

datagram_session::~datagram_session() {
    if (permit_.place().session == this)
        permit_.place().session = nullptr;
    if (channel_ && channel_->has_core())
        core_.timers().forget(*this);
}

bool datagram_session::set_up() {
    try {
        handler_ = permit_.listener().options.make_handler();
        handler_->session_ = this;
        handler_->setup();
        return true;
    } catch (...) {
        report("setup() failed", std::current_exception(), nullptr);
        return false;
    }
}

// Tasks that setup() began may hold this for a while.
void datagram_session::abandon() noexcept {
    phase_ = phase::closed;
    core_.timers().forget(*this);
    channel_->close();
    if (tasks_)
        tasks_->cancel();
}

// ---- its life

root_coroutine datagram_session::run(std::shared_ptr<datagram_session> self) {
    root_scope scope(self->core_.context(), *self);
    co_await self->wait_until(&datagram_session::has_received_all);
    if (self->tasks_)
        co_await self->join();
    self->finish();
    if (self->tasks_)
        co_await self->join();
    co_await self->wait_until(&datagram_session::has_sent_all);
    self->close();
    scope.end();
}

task<> datagram_session::wait_until(bool (datagram_session::*done)() const) {
    auto start = [&](asio::any_completion_handler<void(error_code)> h) { waiting_ = std::move(h); };
    while (!(this->*done)())
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
            start, asio::use_awaitable
        );
}

void datagram_session::wake() noexcept {
    if (waiting_)
        post_completion(core_.context(), release_handler(waiting_), error_code());
}

// What tasks throw was told when they threw it. After an expiry they have been cancelled.
task<> datagram_session::join() {
    co_await tasks_->join();
}

void datagram_session::begin_drain() {
    if (std::exchange(draining_, true) || phase_ != phase::receiving)
        return;
    channel_->stop_arrivals();
    channel_->read_later();
}

void datagram_session::end_receiving() noexcept {
    if (phase_ != phase::receiving)
        return;
    phase_ = phase::joining;
    core_.timers().disarm(*this);
    guarded("drain() failed", nullptr, [this] { handler_->drain(); });
    wake();
}

void datagram_session::expire() noexcept {
    if (std::exchange(expired_, true))
        return;
    const std::shared_ptr<datagram_session> alive = shared_from_this();
    end_receiving();
    if (tasks_)
        tasks_->cancel();
    wake();
}

void datagram_session::finish() noexcept {
    guarded("finish() failed", nullptr, [this] { handler_->finish(); });
    if (tasks_)
        tasks_->cancel();  // those that finish() began
    phase_ = phase::flushing;
    permit_.place().session = nullptr;
    if (!channel_->flushed())
        channel_->flush();
}

void datagram_session::close() noexcept {
    phase_ = phase::closed;
    report_drops();
    core_.timers().forget(*this);
}

// Whatever waits may own this.
void datagram_session::on_shutdown() noexcept {
    core_.timers().forget(*this);
    const auto dropped = std::exchange(waiting_, nullptr);
}

// ---- datagrams

// One batch a turn, so that the core's other sockets have theirs.
void datagram_session::on_readable() {
    if (phase_ != phase::receiving)
        return;
    const std::shared_ptr<datagram_session> alive = shared_from_this();
    const int count = receive();
    datagram_batch& batch = channel_->received();
    for (unsigned i = 0; i < batch.size() && phase_ == phase::receiving; ++i)
        deliver(batch[i]);
    report_drops();
    if (phase_ != phase::receiving)
        return;
    const bool full = count == static_cast<int>(datagram_batch::most);
    if (draining_ && count == -EAGAIN)
        end_receiving();
    else if (draining_ || full || (count < 0 && count != -EAGAIN))
        channel_->read_later();
}

int datagram_session::receive() noexcept {
    int count = 0;
    for (int i = 0; i < most_receive_errors; ++i) {
        count = channel_->receive();
        if (count >= 0 || count == -EAGAIN)
            break;
    }
    return count;
}

void datagram_session::deliver(const datagram& d) noexcept {
    datagram_counters& counters = channel_->counters();
    if (d.truncated)
        counters.truncated.add(1);
    guarded("handle() failed", &d.sender, [&] {
        const datagram_listener& l = permit_.listener();
        if (!l.hooks.verify_request || l.hooks.verify_request({d.sender, l.url, l.service}))
            handler_->handle(d);
        else
            counters.refused.add(1);
    });
}

void datagram_session::on_refusal(const endpoint& peer, int error) noexcept {
    if (phase_ != phase::receiving || !handler_)
        return;
    const std::shared_ptr<datagram_session> alive = shared_from_this();
    guarded("unreachable() failed", &peer, [&] {
        handler_->unreachable(peer, error_code(error, boost::system::system_category()));
    });
}

// ---- what a handler asks for

task_group& datagram_session::tasks() {
    if (!tasks_)
        tasks_.reset(new task_group(
            core_.context().get_executor(),
            weak_from_this(),
            [this](const std::exception_ptr& error) { report("task failed", error, nullptr); }
        ));
    return *tasks_;
}

void datagram_session::tick_every(duration interval) {
    tick_interval_ = interval;
    if (interval > duration::zero() && phase_ == phase::receiving)
        core_.timers().arm(*this, core_.timers().after(interval));
    else
        core_.timers().disarm(*this);
}

void datagram_session::on_timer() noexcept {
    if (phase_ != phase::receiving)
        return;
    const std::shared_ptr<datagram_session> alive = shared_from_this();
    core_.timers().arm(*this, core_.timers().after(tick_interval_));
    guarded("tick() failed", nullptr, [this] { handler_->tick(); });
    report_drops();
}

std::size_t datagram_session::post_to_others(const std::function<void(datagram_handler&)>& f) {
    datagram_listener& l = permit_.listener();
    std::size_t called = 0;
    for (std::size_t i = 0; i < l.places.size(); ++i) {
        if (i == permit_.number())
            continue;
        if (l.call(i, [f](datagram_session& there) { there.call(f); }))
            ++called;
        else
            channel_->counters().dropped.add(1);
    }
    return called;
}

void datagram_session::call(const std::function<void(datagram_handler&)>& f) noexcept {
    const std::shared_ptr<datagram_session> alive = shared_from_this();
    guarded("a call from another core failed", nullptr, [&] { f(*handler_); });
}

// ---- the log

void datagram_session::report(
    std::string_view message, const std::exception_ptr& error, const endpoint* peer
) noexcept {
    datagram_listener& l = permit_.listener();
    permit_.place().counters.errors.add(1);
    const error_description what = describe(error);
    if (const auto untold = l.errors_logged.ask(core_.timers().now())) {
        const std::string more =
            *untold == 0 ? "" : "; " + std::to_string(*untold) + " more before it on this listener";
        log(log_level::error, message, what.reason + more, peer);
    }
    if (!l.hooks.handle_error)
        return;
    try {
        const endpoint nobody;
        l.hooks.handle_error({peer ? *peer : nobody, l.url, l.service}, error);
    } catch (...) {
        log(log_level::error, "handle_error failed", describe(std::current_exception()).reason);
    }
}

void datagram_session::report_drops() noexcept {
    const datagram_counters& counters = permit_.place().counters;
    const std::uint64_t drops = counters.dropped.get(), failures = counters.failed.get();
    if ((drops == drops_told_ && failures == failures_told_) ||
        !permit_.listener().drops_logged.ask(core_.timers().now()))
        return;
    const auto say = [this](std::uint64_t number, std::string_view why) {
        if (number != 0)
            log(log_level::warning,
                "datagrams dropped",
                std::to_string(number).append(" on this core: ").append(why));
    };
    say(drops - std::exchange(drops_told_, drops), "too many wait to be sent");
    const int error = channel_->last_failure();
    say(failures - std::exchange(failures_told_, failures),
        error == 0 ? "too long" : error_code(error, boost::system::system_category()).message());
}

void datagram_session::log(
    log_level level, std::string_view message, std::string_view reason, const endpoint* peer
) noexcept {
    const datagram_listener& l = permit_.listener();
    const std::string who = peer ? peer->to_string() : "";
    const std::array<log_field, 4> fields{{
        {"peer", who},
        {"listener", l.url},
        {"service", l.service},
        {"reason", reason},
    }};
    permit_.server().log({level, message, std::span(fields).subspan(peer ? 0 : 1)});
}

}  // namespace coserve
