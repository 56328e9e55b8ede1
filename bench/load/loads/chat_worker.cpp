#include "chat_worker.hpp"

#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <random>
#include <utility>
#include <variant>

namespace coserve_bench {

using coserve::system_error;
using coserve::task;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t digits = 16;
constexpr coserve::duration longest_wait = 50ms;

std::uint32_t by_chance() {
    return std::random_device()();
}

std::string hexadecimal(std::uint64_t n, std::size_t width) {
    std::array<char, digits + 1> text{};
    std::snprintf(
        text.data(),
        text.size(),
        "%0*llx",
        static_cast<int>(width),
        static_cast<unsigned long long>(n)
    );
    return text.data();
}

std::string hexadecimal(clock::time_point t) {
    return hexadecimal(static_cast<std::uint64_t>(t.time_since_epoch().count()), digits);
}

clock::time_point parse_time_point(std::string_view text) noexcept {
    std::int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count, digits);
    return clock::time_point(clock::duration(count));
}

}  // namespace

chat_company::chat_company(const plan& p)
    : run_(hexadecimal(by_chance(), 8)), joined_(std::min(p.rooms, p.connections)) {}

std::string chat_company::room_name(std::size_t room) const {
    return "bench-" + run_ + "-" + std::to_string(room);
}

std::string chat_company::member_name(std::size_t member) const {
    return "bench-" + run_ + "-" + std::to_string(member);
}

std::size_t chat_company::listeners(std::size_t room) const noexcept {
    const std::uint32_t all = joined_[room].load(std::memory_order_relaxed);
    return all == 0 ? 0 : all - 1;
}

void chat_company::write(
    std::string& out, clock::time_point due, clock::time_point now, std::size_t size
) const {
    out = run_ + " " + hexadecimal(due) + " " + hexadecimal(now) + " ";
    out.resize(std::max(size, out.size()), 'x');
}

std::optional<chat_company::times> chat_company::read(std::string_view text) const noexcept {
    if (text.size() < head || !text.starts_with(run_))
        return std::nullopt;
    const std::size_t due = run_.size() + 1, sent = due + digits + 1;
    return times{
        parse_time_point(text.substr(due, digits)), parse_time_point(text.substr(sent, digits))
    };
}

/// One member, between its socket and its state.
class chat_worker::member final : public coserve::chat_member::output {
public:
    member(chat_worker& w, std::size_t number, coserve::datagram_socket s)
        : worker_(w),
          room_(w.company_->room_of(number)),
          socket_(std::move(s)),
          state_({.name = w.company_->member_name(number), .client = by_chance()}, *this) {}

    coserve::chat_member& state() noexcept { return state_; }
    coserve::datagram_socket& socket() noexcept { return socket_; }
    std::size_t room() const noexcept { return room_; }

    /// Why it is no member; empty: it is one, or may become one.
    const std::string& refusal() const noexcept { return refusal_; }

    /// True: what comes now counts.
    void count_from(bool counts) noexcept {
        if (!counts)
            duplicates_before_ = state_.statistics().duplicates;
    }

    std::uint64_t duplicates() const noexcept {
        return state_.statistics().duplicates - duplicates_before_;
    }

    void send(coserve::frame_view datagram) override { socket_.send(datagram); }

    void happened(const coserve::chat_event& e) override {
        if (const auto* heard = std::get_if<coserve::chat_heard>(&e))
            worker_.take(*heard);
        else if (const auto* refused = std::get_if<coserve::chat_join_refused>(&e))
            refusal_ = coserve::text_of(refused->reason);
        else if (const auto* contact = std::get_if<coserve::chat_lost_contact>(&e))
            worker_.lose(*contact);
    }

private:
    chat_worker& worker_;
    std::size_t room_;
    coserve::datagram_socket socket_;
    coserve::chat_member state_;
    std::string refusal_;
    std::uint64_t duplicates_before_ = 0;
};

chat_worker::chat_worker(
    const plan& p, const schedule& s, std::size_t index, std::shared_ptr<chat_company> company
)
    : loop_worker(p, s, index), company_(std::move(company)), members_(wanted_) {}

chat_worker::~chat_worker() = default;

void chat_worker::connect() {
    run(connect_all());
}

task<> chat_worker::connect_one(std::size_t index) {
    try {
        auto socket = co_await coserve::connect_datagrams(plan_.url, plan_.timeout);
        members_[index] = std::make_unique<member>(*this, first_ + index, std::move(socket));
        co_await join(*members_[index]);
        record_.connected();
        company_->joined(members_[index]->room());
    } catch (const system_error& e) {
        if (e.code() == boost::asio::error::operation_aborted)
            throw;  // all is over
        members_[index].reset();
        record_.connection_failed(kind_of(e.code()), coserve::reason_of(e));
    } catch (const job_failure& e) {
        members_[index].reset();
        record_.connection_failed(e.kind, e.what());
    }
}

task<> chat_worker::join(member& m) {
    const clock::time_point end = clock::now() + plan_.timeout;
    m.state().join(clock::now(), company_->room_name(m.room()));
    while (!m.state().joined()) {
        if (!m.refusal().empty())
            throw job_failure(error_kind::failed, "join: " + m.refusal(), true);
        if (clock::now() >= end)
            throw job_failure(error_kind::timeout, "join: no answer came in time", true);
        co_await receive(m);
    }
}

/// What comes next, or what is due.
task<> chat_worker::receive(member& m) {
    const coserve::duration limit =
        std::clamp<coserve::duration>(m.state().due() - clock::now(), 1ms, longest_wait);
    const auto datagram = co_await m.socket().receive(limit);
    now_ = clock::now();
    m.count_from(schedule_.counts(now_));
    if (datagram)
        m.state().receive(now_, datagram->data);
    m.state().tick(now_);
}

void chat_worker::load() {
    run(load_all());
}

task<> chat_worker::load_all() {
    std::erase(members_, nullptr);
    for (const auto& m : members_)
        tasks_.spawn(&chat_worker::serve, this, m.get());
    if (!members_.empty()) {
        tasks_.spawn(&chat_worker::watch, this);
        tasks_.spawn(&chat_worker::pace, this);
    }
    co_await tasks_.join();
    for (const auto& m : members_) {
        record_.duplicate(m->duplicates());
        m->state().leave(clock::now());
    }
}

task<> chat_worker::serve(member* m) {
    for (;;) {
        try {
            co_await receive(*m);
            while (const auto datagram = m->socket().try_receive())
                m->state().receive(now_, datagram->data);
        } catch (const system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted)
                throw;  // all is over
            record_.error(kind_of(e.code()), coserve::reason_of(e));
        }
    }
}

/// Who hears it late is counted at the one who said it: a delivery is a reply to all who listen.
void chat_worker::on_due(clock::time_point due, clock::time_point now) {
    member& m = *members_[turn_++ % members_.size()];
    if (schedule_.counts(due))
        record_.slip(now - due);
    company_->write(text_, due, now, plan_.sizes.draw(random_));
    const bool said = m.state().say(text_);
    if (!schedule_.counts(due))
        return;
    if (!said)
        return record_.unsent();
    for (std::size_t i = company_->listeners(m.room()); i > 0; --i)
        record_.sent();
}

void chat_worker::take(const coserve::chat_heard& h) {
    const auto times = h.own ? std::nullopt : company_->read(h.text);
    if (!times)
        return;
    last_heard_ = now_;
    count_replies(now_);
    if (!schedule_.counts(now_))
        return;
    record_.served(now_);
    if (!schedule_.counts(times->due))
        return;
    record_.completed(times->due, times->sent, now_, h.text.size());
    if (h.late)
        record_.reordered();
}

void chat_worker::lose(const coserve::chat_lost_contact& why) {
    const bool forgotten = why.reason == coserve::chat_lost_contact::why::forgotten;
    record_.connection_failed(
        forgotten ? error_kind::closed : error_kind::timeout,
        forgotten ? "the server does not know its member any more" : "the server is silent"
    );
}

/// What is still on its way has a second, and need not take it where nothing comes.
task<> chat_worker::watch() {
    constexpr coserve::duration quiet = 300ms;
    for (;;) {
        co_await coserve::sleep(longest_wait);
        const clock::time_point now = clock::now();
        if (paced_ && (schedule_.closed(now) || now - std::max(last_heard_, spoken_) > quiet))
            tasks_.cancel();
    }
}

void chat_worker::stop_when_done() {
    spoken_ = clock::now();
}

}  // namespace coserve_bench
