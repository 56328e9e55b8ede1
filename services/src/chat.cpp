#include <coserve/services/chat.hpp>

#include "chat_listener.hpp"
#include "chat_state.hpp"
#include "room_bus.hpp"

#include <coserve/error.hpp>

#include <boost/system/errc.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace coserve {

namespace {

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

// The state between its socket and the other cores.
class chat::core final : chat_state::output, room_bus {
public:
    core(chat& c, std::shared_ptr<chat_listener> l)
        : chat_(c),
          listener_(std::move(l)),
          state_(listener_->rules, listener_->directory, listener_->cookies, *this, *this) {}

    chat_state& state() noexcept { return state_; }

private:
    void send(const chat_path& to, frame_view f) override {
        chat_.datagram_handler::send(to.peer, f, to.local);
    }

    void send(std::span<const endpoint> to, const endpoint& local, frame_view f) override {
        chat_.datagram_handler::send(to, f, local);
    }

    void joined(const endpoint& who, const chat_place& p) override {
        chat_.log(log_level::info, "member joined", sentence(who, p, {}));
    }

    void left(const endpoint& who, const chat_place& p, std::string_view why) override {
        chat_.log(log_level::info, "member left", sentence(who, p, why));
    }

    // The post is written once, and each core has the same one.
    void publish(std::shared_ptr<const chat_post> p) override {
        chat_.on_other_cores(chat_, [p = std::move(p)](chat& there) {
            there.core_->state_.hear(*p);
        });
    }

    chat& chat_;
    const std::shared_ptr<chat_listener> listener_;
    chat_state state_;
};

chat::chat(const options& o) : core_(std::make_unique<core>(*this, o.listener)) {}

chat::~chat() = default;

void chat::setup() {
    tick_every(core_->state().tick_interval());
}

void chat::handle(const datagram& d) {
    if (!d.truncated)
        core_->state().receive(now(), {d.sender, d.local}, frame_view(d.data));
}

// Other errors are of the way there: it may be open again before the heartbeats are missed.
void chat::unreachable(const endpoint& peer, const error_code& why) {
    if (why == boost::system::errc::connection_refused)
        core_->state().unreachable(now(), peer);
}

void chat::tick() {
    core_->state().tick(now());
}

void chat::drain() {
    core_->state().end();
}

void chat::finish() {
    log(log_level::info, "chat ended", summary(core_->state().counts(), port().stats()));
}

}  // namespace coserve
