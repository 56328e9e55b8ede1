/// \file
/// Chat as the tutorials' programs speak it: a datagram is a text, and says whose it is.
#pragma once

#include "chat_flow.hpp"
#include "chat_screen.hpp"
#include "chat_talk.hpp"
#include "datagram_receiver.hpp"

#include <coserve/datagram_socket.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>

namespace coserve_client {

/// Nothing tells whether a server is there but what it sends, and what the network says.
///
/// Lifetime: what it is given outlives it.
class chat_plain final : public chat_talk, private datagram_receiver::listener {
public:
    chat_plain(boost::asio::io_context&, coserve::datagram_socket, const chat_wishes&, chat_screen&);

    coserve::task<> begin() override;
    coserve::task<bool> say(std::string text) override;
    coserve::task<bool> join(std::string room) override;
    coserve::task<bool> ask_names() override;
    /// Errors: also `failure`, where the network says that nobody was there.
    coserve::task<> settle() override;
    coserve::task<> end() override;
    void stop() override;
    void lose_patience() override;
    std::uint64_t lost() const override;

private:
    void received(std::span<const std::byte>) override;
    void unreachable(const std::string& reason) override;

    bool came_back(std::string_view datagram);

    const chat_wishes& wishes_;
    chat_screen& screen_;
    chat_flow flow_;
    datagram_receiver receiver_;
    std::deque<std::string> sent_;  // what may come back
    coserve::chat_time last_sent_{};
    std::uint64_t skipped_ = 0;  // of that, overtaken by what came back
    std::optional<std::string> unreachable_;
};

}  // namespace coserve_client
