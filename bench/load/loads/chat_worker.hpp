/// \file
/// One thread of the load `chat`: members of rooms, who speak in their turns.
#pragma once

#include "job.hpp"
#include "loop_worker.hpp"

#include "protocol/chat_member.hpp"

#include <coserve/datagram_socket.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// What all members of a run share: who is in which room, and by what they know their own messages.
class chat_company {
public:
    explicit chat_company(const plan&);

    std::size_t room_of(std::size_t member) const noexcept { return member % joined_.size(); }
    std::string room_name(std::size_t room) const;
    std::string member_name(std::size_t member) const;

    void joined(std::size_t room) noexcept {
        joined_[room].fetch_add(1, std::memory_order_relaxed);
    }
    /// Who hear what one of them says.
    std::size_t listeners(std::size_t room) const noexcept;

    /// The text of a message: when it was due and sent, made longer to `size`.
    void
    write(std::string& out, clock::time_point due, clock::time_point now, std::size_t size) const;

    struct times {
        clock::time_point due, sent;
    };

    /// nullopt: it is not from this run.
    std::optional<times> read(std::string_view text) const noexcept;

    /// The shortest text.
    static constexpr std::size_t head = 44;

private:
    std::string run_;
    std::deque<std::atomic<std::uint32_t>> joined_;
};

/// Each member has a socket of its own. A delivery to another member of the room counts as a reply.
class chat_worker final : public loop_worker {
public:
    chat_worker(const plan&, const schedule&, std::size_t index, std::shared_ptr<chat_company>);
    ~chat_worker() override;

    void connect() override;
    void load() override;

private:
    class member;

    coserve::task<> connect_one(std::size_t index) override;
    void on_due(clock::time_point due, clock::time_point now) override;
    void stop_when_done() override;

    coserve::task<> load_all();
    coserve::task<> serve(member*);
    coserve::task<> join(member&);
    coserve::task<> watch();
    coserve::task<> receive(member&);
    void take(const coserve::chat_heard&);
    void lose(const coserve::chat_lost_contact&);

    const std::shared_ptr<chat_company> company_;
    std::deque<std::unique_ptr<member>> members_;
    std::size_t turn_ = 0;                       // whose it is to speak
    clock::time_point now_{};                    // when the datagram came that is looked at
    clock::time_point last_heard_{}, spoken_{};  // when all was said
    std::string text_;
};

}  // namespace coserve_bench
