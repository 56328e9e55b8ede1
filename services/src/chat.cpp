#include <coserve/services/chat.hpp>

#include "chat_listener.hpp"
#include "chat_state.hpp"
#include "rate.hpp"
#include "room_bus.hpp"

#include <coserve/error.hpp>

#include <boost/system/errc.hpp>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve {

namespace {

// Lines of the log a second about members, on each core: with the longest names less than half a
// gigabyte in a day.
const rate most_told{10};

std::string sentence(const endpoint& who, const chat_place& p, std::string_view what) {
    return p.name() + " in " + p.room()->name() + ", from " + who.to_string() +
           std::string(what.empty() ? "" : ": ") + std::string(what);
}

// What was dropped, or could not be understood, behind the rest.
std::string summary(const chat_counts& c, const datagram_stats& d) {
    std::string text = std::to_string(c.welcomes) + " members, " + std::to_string(c.messages) +
                       " messages, " + std::to_string(c.deliveries) + " deliveries";
    const auto add = [&text](std::uint64_t count, std::string_view what) {
        if (count != 0)
            text.append(", ").append(std::to_string(count)).append(" ").append(what);
    };
    add(c.refusals, "refusals");
    add(c.challenges, "challenges");
    add(c.silent, "silent members");
    add(c.malformed, "malformed datagrams");
    add(d.truncated, "cut datagrams");
    add(c.strangers, "plain texts from other machines");
    add(c.duplicates, "duplicates");
    add(c.over_member_rate, "datagrams over the member's rate");
    add(c.over_room_rate, "messages over the room's rate");
    add(c.too_long, "messages too long for some");
    return text;
}

}  // namespace

// On each core: the state between its socket, the listener's other addresses and the other cores.
class chat::part final : chat_state::output, room_bus {
public:
    part(chat& c, std::shared_ptr<chat_listener> l)
        : chat_(c),
          listener_(std::move(l)),
          state_(listener_->rules, listener_->directory, listener_->cookies, *this, *this) {}

    part(const part&) = delete;
    part& operator=(const part&) = delete;

    ~part() {
        if (neighbours_)
            std::erase(*neighbours_, &state_);
    }

    chat_state& state() noexcept { return state_; }

    // The handler's core is known from here on.
    void begin() {
        neighbours_ = listener_->on_core(chat_.core());
        neighbours_->push_back(&state_);
    }

private:
    void send(const chat_path& to, frame_view f) override {
        chat_.datagram_handler::send(to.peer, f, to.local);
    }

    void send(std::span<const endpoint> to, const endpoint& local, frame_view f) override {
        chat_.datagram_handler::send(to, f, local);
    }

    void joined(const endpoint& who, const chat_place& p) override {
        tell("member joined", sentence(who, p, {}));
    }

    void left(const endpoint& who, const chat_place& p, std::string_view why) override {
        tell("member left", sentence(who, p, why));
    }

    // Who comes and goes at will fills a disk slowly, or not at all where logs are rotated.
    void tell(std::string_view message, std::string line) {
        if (!told_.take(most_told, chat_.now())) {
            ++untold_;
            return;
        }
        if (untold_ != 0)
            line +=
                "; " + std::to_string(std::exchange(untold_, 0)) + " more before it on this core";
        chat_.log(log_level::info, message, line);
    }

    // The post is written once, and all have the same one.
    void publish(std::shared_ptr<const chat_post> p) override {
        hear(*p, &state_);
        chat_.on_other_cores(chat_, [p = std::move(p)](chat& there) {
            there.part_->hear(*p, nullptr);
        });
    }

    // All on this core but the one that said it.
    void hear(const chat_post& p, const chat_state* except) {
        for (chat_state* const each : *neighbours_)
            if (each != except)
                each->hear(p);
    }

    chat& chat_;
    const std::shared_ptr<chat_listener> listener_;
    chat_state state_;
    std::shared_ptr<chat_neighbours> neighbours_;
    bucket told_;
    std::uint64_t untold_ = 0;
};

chat::chat(const options& o) : part_(std::make_unique<part>(*this, o.listener)) {}

chat::~chat() = default;

void chat::setup() {
    part_->begin();
    tick_every(part_->state().tick_interval());
}

void chat::handle(const datagram& d) {
    if (!d.truncated)
        part_->state().receive(now(), {d.sender, d.local}, frame_view(d.data));
}

// Other errors are of the way there: it may be open again before the heartbeats are missed.
void chat::unreachable(const endpoint& peer, const error_code& why) {
    if (why == boost::system::errc::connection_refused)
        part_->state().unreachable(now(), peer);
}

void chat::tick() {
    part_->state().tick(now());
}

void chat::drain() {
    part_->state().end();
}

void chat::finish() {
    if (port().stats().received == 0)
        return;
    log(log_level::info, "chat ended", summary(part_->state().counts(), port().stats()));
}

}  // namespace coserve
