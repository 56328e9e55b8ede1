/// \file
/// One thread of the load over UDP, with its sockets.
#pragma once

#include "load_worker.hpp"
#include "payload.hpp"
#include "plan.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace coserve_bench {

/// A closed loop: each socket has `depth` places, and in each one request under way, which its
/// reply or its loss makes room in. A request that has no reply within the plan's timeout is lost;
/// a reply that comes later is not counted.
class datagram_worker final : public load_worker {
public:
    datagram_worker(const plan&, const schedule&, std::size_t index);

    void connect() override;
    void load() override;

private:
    /// One request under way, or none. Its numbers are the place's own, and `depth` more each time:
    /// so a reply says which place it belongs to.
    struct place {
        std::uint64_t number = 0;
        clock::time_point sent{};
        bool busy = false, counts = false;
    };

    struct connection {
        connection(coserve::datagram_socket s, std::size_t n, std::size_t depth)
            : socket(std::move(s)), number(n), places(depth) {}

        coserve::datagram_socket socket;
        std::size_t number;
        std::vector<place> places;
        std::size_t busy = 0, oldest = 0;
    };

    void run(coserve::task<>);
    coserve::task<> connect_all();
    coserve::task<> load_all();
    coserve::task<> exchange(connection*);
    void fill(connection&, clock::time_point now);
    void take(connection&, const coserve::datagram&, clock::time_point now);
    place* asked(connection&, std::string_view reply);
    void send(connection&, place&, clock::time_point now);
    void count(place&, clock::time_point now);
    bool lose_overdue(connection&, clock::time_point now);
    bool may_send(clock::time_point now) noexcept;

    const plan& plan_;
    const schedule& schedule_;
    const std::size_t first_, wanted_;
    std::uint64_t requests_left_;

    coserve::io_context context_{1};
    coserve::task_group tasks_{context_.get_executor()};
    std::deque<connection> connections_;
    payload payload_;
};

}  // namespace coserve_bench
