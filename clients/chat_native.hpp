/// \file
/// Chat in its own format: a member of a room, on a socket.
#pragma once

#include "chat_contact.hpp"
#include "chat_flow.hpp"
#include "chat_losses.hpp"
#include "chat_screen.hpp"
#include "chat_talk.hpp"
#include "datagram_receiver.hpp"

#include "protocol/chat_member.hpp"

#include <coserve/datagram_socket.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace coserve_client {

/// Lifetime: what it is given outlives it.
class chat_native final : public chat_talk,
                          private coserve::chat_member::output,
                          private datagram_receiver::listener {
public:
    chat_native(boost::asio::io_context&, coserve::datagram_socket, const chat_wishes&, chat_screen&);

    coserve::task<> begin() override;
    coserve::task<bool> say(std::string text) override;
    coserve::task<bool> join(std::string room) override;
    coserve::task<bool> ask_names() override;
    coserve::task<> settle() override;
    coserve::task<> end() override;
    void stop() override;
    void lose_patience() override;
    std::uint64_t lost() const override;

private:
    enum class naming : unsigned char { nobody_asked, asked, asked_silently };

    void send(coserve::frame_view) override;
    void happened(const coserve::chat_event&) override;
    void received(std::span<const std::byte>) override;
    void unreachable(const std::string& reason) override;

    void on(const coserve::chat_joined&);
    void on(const coserve::chat_join_refused&);
    void on(const coserve::chat_heard&);
    void on(const coserve::chat_noticed&);
    void on(const coserve::chat_roster&);
    void on(const coserve::chat_lost_contact&);
    void on(const coserve::chat_over_rate&);
    void on(const coserve::chat_too_long&);
    void on(const coserve::chat_has_left&);

    bool in_room() const noexcept { return member_.joined() && !member_.joining(); }

    coserve::task<> wait_for_contact();
    coserve::task<bool> ask_names(naming);
    coserve::task<bool> wait_for_names();
    coserve::task<> return_to(std::string room);
    void hear_own(const coserve::chat_heard&);
    void tell_unheard();
    void touched();
    void tick();
    void tell_losses(coserve::chat_time);

    const chat_wishes& wishes_;
    chat_screen& screen_;
    chat_flow flow_;
    datagram_receiver receiver_;
    boost::asio::steady_timer clock_;
    coserve::chat_member member_;
    chat_losses losses_;
    chat_contact contact_;
    std::optional<std::string> refused_;  // why it is not in the room it wanted to be in
    std::uint64_t said_ = 0, own_lost_ = 0;
    naming naming_ = naming::nobody_asked;
    wakeup left_;
    bool has_left_ = false;
};

}  // namespace coserve_client
