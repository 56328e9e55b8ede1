/// \file
/// The service `chat`: rooms of people over UDP.
#pragma once

#include <coserve/datagram_handler.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/services/chat_rules.hpp>

#include <memory>

namespace coserve {

class chat_listener;

/// What a member says reaches all members of its room, whichever core they are on; docs/wire.md has
/// the bytes. Beside members who speak chat's own format there are plain ones on this machine, such
/// as tutorials' clients, who send text and get text.
///
/// A datagram that was cut, because it is longer than `max-datagram`, is ignored: the beginning of
/// what somebody said is something else. Joining and leaving are logged.
/// All addresses that a listener's name leads to have the same rooms.
///
/// Anybody who can reach it can join: there is no authentication.
class chat final : public datagram_handler {
public:
    /// The keys of a listener are the members of `rules`.
    struct options {
        chat_rules rules;
        std::shared_ptr<chat_listener> listener;  ///< what its cores share; made by `read()`

        /// Errors: `configuration_error`.
        void read(option_reader&);
    };

    explicit chat(const options&);
    ~chat() override;

    void setup() override;
    void handle(const datagram&) override;
    void unreachable(const endpoint& peer, const error_code& why) override;
    void tick() override;
    void drain() override;
    void finish() override;

private:
    class part;

    std::unique_ptr<part> part_;
};

}  // namespace coserve
