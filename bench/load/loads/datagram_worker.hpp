/// \file
/// One thread of the load `echo` over UDP, with its sockets.
#pragma once

#include "due_requests.hpp"
#include "loop_worker.hpp"
#include "payload.hpp"

#include <coserve/datagram_socket.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace coserve_bench {

/// Each socket has `depth` places, and in each at most one request under way, which its reply or
/// its loss makes room in. A request that has no reply within the plan's timeout is lost; a reply
/// that comes later is not counted.
class datagram_worker final : public loop_worker {
public:
    datagram_worker(const plan&, const schedule&, std::size_t index);

    void connect() override;
    void load() override;

private:
    /// One request under way, or none. Its numbers are the place's own, and `depth` more each time:
    /// so a reply says which place it belongs to.
    struct place {
        std::uint64_t number = 0;
        clock::time_point intended{}, sent{};
        std::size_t size = 0;
        bool busy = false;
    };

    struct connection {
        connection(std::size_t n, std::size_t depth);

        std::size_t number;
        std::optional<coserve::datagram_socket> socket;
        std::vector<place> places;
        std::deque<place*> free;  // the one that is free for longest in front
        std::size_t oldest = 0;   // the place after the one that a reply was taken for last
        std::deque<clock::time_point> waiting;  // open loop: requests whose time has come
        clock::time_point last_good{};          // the last reply, or the beginning
        clock::time_point next_look{};          // for what is lost

        bool busy() const noexcept { return free.size() != places.size(); }
    };

    coserve::task<> connect_one(std::size_t index) override;
    void on_due(clock::time_point due, clock::time_point now) override;
    void stop_when_done() override;

    coserve::task<> load_all();
    coserve::task<> serve(connection*, std::size_t index);
    coserve::task<> exchange(connection&);
    void fill(connection&, clock::time_point now);
    std::optional<clock::time_point> next_request(connection&, clock::time_point now);
    void send(connection&, clock::time_point intended, clock::time_point now);
    void take(connection&, const coserve::datagram&, clock::time_point now);
    place* asked(connection&, std::string_view reply);
    void count(place&, clock::time_point now);
    void release(connection&, place&);
    void lose_overdue(connection&, clock::time_point now);
    void fail_requests(connection&, error_kind);
    bool may_try_again(const connection&) const noexcept;

    const coserve::duration longest_wait_;
    std::deque<connection> connections_;
    std::size_t unfinished_ = 0;
    payload payload_;

    // An open loop's.
    due_requests<connection> due_;
    std::uint64_t under_way_ = 0;  // requests of all connections
};

}  // namespace coserve_bench
