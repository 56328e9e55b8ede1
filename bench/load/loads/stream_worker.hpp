/// \file
/// One thread of the load `echo` over streams, with its connections.
#pragma once

#include "loop_worker.hpp"
#include "payload.hpp"

#include <coserve/frame_stream.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace coserve_bench {

/// Each connection has requests under way, whose replies come in their order. All replies of one
/// read share one look at the clock, and one coroutine.
class stream_worker final : public loop_worker {
public:
    stream_worker(const plan&, const schedule&, std::size_t index);

    void connect() override;
    void load() override;

private:
    struct request {
        clock::time_point intended, sent;
        std::size_t size = 0;
    };

    struct failure {
        error_kind kind;
        std::string sentence;
    };

    struct connection {
        connection(std::size_t n, std::size_t depth);

        std::size_t number;
        std::optional<coserve::frame_stream> stream;
        std::vector<request> requests;  // of those under way, a ring of a power of two
        std::uint64_t sent = 0, received = 0;
        std::deque<clock::time_point> waiting;  // open loop: requests whose time has come
        // When the bytes were read from the kernel of which the last reply was one.
        clock::time_point arrived{};
        clock::time_point last_good{};  // the last reply, or the beginning
        std::optional<failure> doom;    // why it was aborted here

        std::uint64_t under_way() const noexcept { return sent - received; }
        request& at(std::uint64_t n) noexcept { return requests[n & (requests.size() - 1)]; }
    };

    coserve::task<> connect_one(std::size_t index) override;
    void on_due(clock::time_point due, clock::time_point now) override;
    void stop_when_done() override;

    coserve::task<> load_all();
    coserve::task<> serve(connection*, std::size_t index);
    coserve::task<> talk(connection&);
    coserve::task<> exchange(connection&);
    coserve::frame_stream::read_operation next_reply(connection&);
    bool accept(connection&, const std::optional<coserve::frame>& reply);
    void count(connection&);
    void fill(connection&, clock::time_point now);
    void fill_other(connection&, clock::time_point now);
    std::optional<clock::time_point> next_request(connection&, clock::time_point now);
    void send(connection&, clock::time_point intended, clock::time_point now);
    void leave(connection&);
    bool may_try_again(const connection&) const noexcept;
    void doom(connection&, error_kind, std::string sentence);
    void lose(connection&, const failure&);
    void fail_requests(connection&, error_kind);
    coserve::task<> watch();
    void look_after(connection&, clock::time_point now);
    void end();

    std::deque<connection> connections_;
    std::size_t unfinished_ = 0;  // connections that go on, or are tried again
    payload payload_;

    // An open loop's.
    std::vector<connection*> live_;              // in the order of their turns
    std::size_t turn_ = 0;                       // whose it is
    std::deque<clock::time_point> orphans_;      // requests whose connection is gone: for any other
    std::uint64_t waiting_ = 0, under_way_ = 0;  // requests of all connections
};

}  // namespace coserve_bench
