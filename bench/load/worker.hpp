/// \file
/// One thread of the load, with its connections.
#pragma once

#include "load_worker.hpp"
#include "payload.hpp"
#include "plan.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/task_group.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace coserve_bench {

class worker final : public load_worker {
public:
    /// The `index`th of the plan's threads: has its share of connections, requests and rate.
    worker(const plan&, const schedule&, std::size_t index);

    void connect() override;
    void load() override;

private:
    struct request {
        clock::time_point intended, sent;
    };

    struct connection {
        connection(coserve::frame_stream s, std::size_t n, std::size_t depth)
            : stream(std::move(s)), number(n), requests(depth) {}

        coserve::frame_stream stream;
        std::size_t number;
        std::vector<request> requests;  // of those under way, a ring
        std::uint64_t sent = 0, received = 0;
        std::size_t owed = 0;  // requests that wait for room in the queue
        // When the bytes were read from the kernel of which the last reply was one.
        clock::time_point arrived{};
        clock::time_point last_reply = clock::now();
        bool timed_out = false;

        std::uint64_t under_way() const noexcept { return sent - received; }
    };

    void run(coserve::task<>);
    coserve::task<> connect_all();
    coserve::task<> connect_some();
    coserve::task<> connect_one(std::size_t number);
    coserve::task<> load_all();
    coserve::task<> exchange(connection*);
    coserve::task<> keep_busy(connection&);
    coserve::task<> take_replies(connection&);
    coserve::frame_stream::read_operation next_reply(connection&);
    bool accept(connection&, const std::optional<coserve::frame>& reply);
    coserve::task<> pace();
    coserve::task<> watch();
    void send_due(clock::time_point now);
    void stop_when_done();
    bool may_send(clock::time_point now) noexcept;
    bool counts(clock::time_point) const noexcept;
    void send_owed(connection&, clock::time_point now);
    void send(connection&, clock::time_point intended, clock::time_point now);
    void count(connection&);
    void fail(connection&, const std::string& kind, const std::string& sentence);

    const plan& plan_;
    const schedule& schedule_;
    const std::size_t index_, first_, wanted_;
    std::uint64_t requests_left_;
    std::size_t next_ = 0;

    coserve::io_context context_{1};
    coserve::task_group tasks_{context_.get_executor()};
    std::vector<connection> connections_;
    std::size_t open_ = 0;
    std::deque<connection*> free_;       // open loop: one entry for each request it may take
    std::deque<clock::time_point> due_;  // and the requests that none could take in time
    bool paced_ = false;                 // all have had their time
    payload payload_;
};

}  // namespace coserve_bench
