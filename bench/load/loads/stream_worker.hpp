/// \file
/// One thread of the load `echo` over streams, with its connections.
#pragma once

#include "due_requests.hpp"
#include "load_worker.hpp"
#include "payload.hpp"
#include "requests_under_way.hpp"
#include "send_times.hpp"
#include "socket_set.hpp"
#include "stream_connector.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace coserve_bench {

/// Each connection has requests under way, whose replies come in their order. All replies of one
/// read share one look at the clock, and the requests that they make room for are sent at once.
class stream_worker final : public load_worker, stream_connector::observer {
public:
    stream_worker(const plan&, const schedule&, std::size_t index, std::shared_ptr<const stream_target>);

    void connect() override;
    void load() override;

private:
    /// To be sent.
    struct batch {
        clock::time_point intended{};
        std::uint64_t count = 0;
    };

    struct connection : stream_connector::place {
        connection(std::size_t n, std::size_t depth, transfer_room&);

        std::size_t number;
        bool blocked = false;   // the kernel takes no more at present
        bool finished = false;  // nothing more is to be sent, and all was answered
        requests_under_way requests;
        clock::time_point last_good{};          // the last reply, or the beginning
        std::deque<clock::time_point> waiting;  // open loop: requests whose time has come
    };

    /// Why a connection is lost.
    struct failure : std::runtime_error {
        failure(error_kind k, const std::string& sentence)
            : std::runtime_error(sentence), kind(k) {}

        error_kind kind;
    };

    static failure wrong_reply(std::size_t size);

    void on_connected(stream_connector::place&) override;
    void on_connect_failed(stream_connector::place&, const coserve::system_error&) override;

    void encode_alike(coserve::codec& encoder);
    void try_again(connection&);
    bool done() const noexcept;
    void turn();
    void begin(connection&);
    void on_ready(connection&, std::uint32_t events);
    clock::time_point take_replies(connection&);
    bool take_flight(connection&, clock::time_point arrived);
    std::optional<coserve::frame_view> next_reply(connection&, std::size_t size);
    void settle(connection&, clock::time_point arrived, std::uint64_t count);
    void fill(connection&, clock::time_point now);
    template <class Action>
    void guard(connection&, Action);
    bool queue_some(connection&, clock::time_point now);
    batch next_of_closed_loop(const connection&, clock::time_point now);
    batch next_due(connection&, clock::time_point now);
    void queue(connection&, const batch&, clock::time_point now);
    bool send(connection&);
    void finish(connection&);
    void lose(connection&, const failure&);
    void fail_requests(connection&, error_kind);

    void pace();
    void on_due(clock::time_point due, clock::time_point now);
    void hand_over();
    void watch(clock::time_point now);
    void look_after(connection&, clock::time_point now);

    socket_set sockets_;
    transfer_room room_;
    stream_connector connector_;
    payload payload_;
    std::string alike_;           // requests that are all alike, one after the other; else empty
    std::size_t alike_size_ = 0;  // of one
    std::deque<connection> connections_;
    std::size_t unfinished_ = 0;  // connections that go on, or are tried again
    bool loading_ = false;
    bool given_up_ = false;  // nothing that is under way is awaited any more
    clock::time_point next_watch_{};

    // An open loop's.
    send_times times_;
    clock::time_point next_due_ = clock::time_point::max();  // max(): there is none
    bool paced_ = false;                                     // all have had their time
    due_requests<connection> due_;
    bool handing_over_ = false;
    std::uint64_t under_way_ = 0;  // requests of all connections
};

}  // namespace coserve_bench
