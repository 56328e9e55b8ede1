#include "chat_native.hpp"

#include "chat_words.hpp"
#include "failure.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <variant>

namespace coserve_client {

using coserve::chat_time;
using coserve::task;

namespace {

constexpr auto answer_time = std::chrono::seconds(1);
constexpr int most_questions = 3;

}  // namespace

chat_native::chat_native(
    boost::asio::io_context& context,
    coserve::datagram_socket socket,
    const chat_wishes& wishes,
    chat_screen& screen
)
    : wishes_(wishes),
      screen_(screen),
      flow_(context),
      receiver_(context, std::move(socket), *this),
      clock_(context),
      member_({.name = wishes.name, .client = std::random_device()()}, *this),
      left_(context) {
    contact_.patience = wishes.join_time;
}

// ---- what is asked of it

task<> chat_native::begin() {
    receiver_.start();
    contact_.begin_waiting(flow_.now(), false);
    member_.join(flow_.now(), wishes_.room);
    touched();
    co_await wait_for_contact();
    if (refused_)
        throw failure(wishes_.server + ": " + *refused_);
    contact_.patience = wishes_.patience;
}

task<bool> chat_native::say(std::string text) {
    if (!in_room() && !contact_.patience)
        screen_.tell("what you say is sent when you are back");
    for (;;) {
        co_await wait_for_contact();
        if (text.size() > member_.longest_text()) {
            screen_.tell(
                "not sent: " + count_of(text.size(), "byte") + " are too long; the server takes " +
                std::to_string(member_.longest_text())
            );
            co_return false;
        }
        co_await flow_.wait_for_turn();
        if (!member_.say(text))  // contact was lost meanwhile
            continue;
        ++said_;
        flow_.pace.sent(flow_.now(), text.size());
        touched();
        co_return true;
    }
}

task<bool> chat_native::join(std::string room) {
    co_await wait_for_contact();
    co_await flow_.settle();
    const std::string before(member_.room());
    refused_.reset();
    contact_.begin_waiting(flow_.now(), false);
    member_.join(flow_.now(), room);
    touched();
    co_await wait_for_contact();
    if (!refused_)
        co_return true;
    if (!member_.joined())
        co_await return_to(before);
    co_return false;
}

/// Contact was lost on the way to a room that cannot be joined.
task<> chat_native::return_to(std::string room) {
    screen_.tell(*std::exchange(refused_, std::nullopt));
    member_.join(flow_.now(), room);
    touched();
    co_await wait_for_contact();
    if (refused_)
        throw failure(wishes_.server + ": " + *refused_);
}

task<bool> chat_native::ask_names() {
    const bool answered = co_await ask_names(naming::asked);
    if (!answered)
        screen_.tell("no answer to /who");
    co_return answered;
}

task<bool> chat_native::ask_names(naming how) {
    for (int question = 0; question < most_questions; ++question) {
        co_await wait_for_contact();
        naming_ = how;
        member_.ask_names();
        const bool answered = co_await wait_for_names();
        if (answered)
            co_return true;
    }
    co_return false;
}

task<bool> chat_native::wait_for_names() {
    const chat_time until = flow_.now() + answer_time;
    while (naming_ != naming::nobody_asked && flow_.now() < until)
        co_await flow_.wait(until);
    co_return naming_ == naming::nobody_asked;
}

/// Where nothing comes back, an answer to another question tells that the server is there; not that
/// it has received what was sent before, nor that others have.
task<> chat_native::settle() {
    co_await flow_.settle();
    if (said_ == 0)
        co_return;
    if (wishes_.typed) {
        tell_unheard();
    } else if (!flow_.pace.echoes()) {
        const bool answered = co_await ask_names(naming::asked_silently);
        if (!answered)
            throw failure(contact_.reason(wishes_.server));
        tell_unheard();
    }
}

void chat_native::tell_unheard() {
    if (!flow_.pace.echoes())
        screen_.tell("nothing of yours came back: whether it was heard is not known");
    else if (const std::uint64_t missing = flow_.pace.missing(); missing != 0)
        screen_.tell(lost_messages("", missing));
}

task<> chat_native::end() {
    member_.leave(flow_.now());
    touched();
    while (!has_left_)
        co_await left_.wait();
    tell_losses(chat_time::max());
    clock_.cancel();
    co_await receiver_.close();
}

void chat_native::stop() {
    flow_.stop();
}

void chat_native::lose_patience() {
    contact_.patience = coserve::duration();
    flow_.notify();
}

std::uint64_t chat_native::lost() const {
    return own_lost_ + flow_.pace.missing();
}

/// Until it is in a room, and not on its way to another one; or the first join is refused.
task<> chat_native::wait_for_contact() {
    while (!in_room()) {
        if (refused_ && !member_.joining())
            co_return;
        if (contact_.is_hopeless(flow_.now()))
            throw failure(
                refused_ && !contact_.is_unreachable() ? wishes_.server + ": " + *refused_
                                                       : contact_.reason(wishes_.server)
            );
        if (contact_.to_be_told(flow_.now()))
            screen_.tell("no answer yet; trying again");
        co_await flow_.wait(contact_.due());
    }
}

// ---- the time

/// The member may be due at another time now.
void chat_native::touched() {
    flow_.notify();
    const chat_time due = std::min(member_.due(), losses_.due());
    clock_.expires_at(std::min(due, flow_.now() + std::chrono::hours(1)));
    clock_.async_wait([this](boost::system::error_code error) {
        if (!error)
            tick();
    });
}

void chat_native::tick() {
    const chat_time now = flow_.now();
    member_.tick(now);
    tell_losses(now);
    touched();
}

void chat_native::tell_losses(chat_time now) {
    for (const auto& loss : losses_.take(now))
        screen_.tell(lost_messages(loss.name, loss.count));
}

// ---- datagrams

void chat_native::send(coserve::frame_view datagram) {
    receiver_.send(datagram);
}

void chat_native::received(std::span<const std::byte> datagram) {
    contact_.answered();
    member_.receive(flow_.now(), datagram);
    touched();
}

void chat_native::unreachable(const std::string& reason) {
    if (contact_.unreachable(reason) && !has_left_)
        screen_.tell(reason + "; trying again");
}

// ---- what happens

void chat_native::happened(const coserve::chat_event& event) {
    std::visit([this](const auto& e) { on(e); }, event);
}

void chat_native::on(const coserve::chat_joined& j) {
    refused_.reset();
    screen_.tell(
        j.again ? entered_again(j.room, j.members) : entered(j.room, wishes_.name, j.members)
    );
}

void chat_native::on(const coserve::chat_join_refused& r) {
    refused_ = "cannot join " + shown_name(r.room) + " as " + shown_name(wishes_.name) + ": " +
               std::string(text_of(r.reason));
    if (member_.joined())
        screen_.tell(*refused_ + "; you are still in " + shown_name(member_.room()));
    else if (member_.joining())
        screen_.tell(*refused_ + "; trying again");
}

void chat_native::on(const coserve::chat_heard& h) {
    if (h.found)
        losses_.came_late(h.member);
    if (h.missed != 0)
        losses_.skipped(flow_.now(), h.member, h.own ? "" : h.name, h.missed);
    if (h.own)
        hear_own(h);
    if (!h.own || !wishes_.typed)
        screen_.show(said(h.name, h.text));
}

void chat_native::hear_own(const coserve::chat_heard& h) {
    own_lost_ += h.missed;
    if (!h.late)
        flow_.pace.returned(h.missed + 1);
    else if (h.found)
        --own_lost_;
}

void chat_native::on(const coserve::chat_noticed& n) {
    if (n.member != member_.id())
        screen_.tell(noticed(n));
}

void chat_native::on(const coserve::chat_roster& r) {
    if (std::exchange(naming_, naming::nobody_asked) != naming::asked)
        return;
    const std::string star = "* ";
    for (const std::string& line : roster(member_.room(), r, screen_.columns() - star.size()))
        screen_.show(star + line);
}

void chat_native::on(const coserve::chat_lost_contact& l) {
    refused_.reset();  // a move, long ago
    contact_.begin_waiting(flow_.now(), true);
    screen_.tell(lost_contact(l.reason));
    const std::uint64_t missing = flow_.pace.forget();
    own_lost_ += missing;
    if (missing != 0)
        screen_.tell(lost_messages("", missing));
}

void chat_native::on(const coserve::chat_over_rate& o) {
    flow_.pace.slow_down();
    screen_.tell("the server dropped " + count_of(o.dropped, "datagram") + " of yours: too many");
}

void chat_native::on(const coserve::chat_too_long&) {
    screen_.tell("the server did not take a message of yours: too long");
}

void chat_native::on(const coserve::chat_has_left&) {
    has_left_ = true;
    left_.notify();
}

}  // namespace coserve_client
