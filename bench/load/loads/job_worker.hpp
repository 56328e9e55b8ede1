/// \file
/// One thread of a load whose requests are jobs.
#pragma once

#include "due_requests.hpp"
#include "job.hpp"
#include "loop_worker.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coserve_bench {

/// Each connection has one request under way at a time.
class job_worker final : public loop_worker {
public:
    /// Makes the `number`th connection's, of all threads.
    using job_factory = std::function<std::unique_ptr<job>(coserve::executor, std::size_t number)>;

    job_worker(const plan&, const schedule&, std::size_t index, const job_factory&);

    void connect() override;
    void load() override;

private:
    struct lane {
        lane(coserve::executor, std::unique_ptr<job>);

        std::unique_ptr<job> work;
        std::deque<clock::time_point> waiting;  // open loop: requests whose time has come
        boost::asio::steady_timer due;          // cancelled when there is one
        clock::time_point intended{}, sent{};   // of what is under way
        clock::time_point last_good{};          // the last that succeeded, or the beginning
        std::uint64_t failed_in_a_row = 0;
        bool busy = false, connected = false, succeeded = false;
        bool timed_out = false, given_up = false;
    };

    struct failure {
        error_kind kind;
        std::string sentence;
        bool lost;
    };

    coserve::task<> connect_one(std::size_t index) override;
    void on_due(clock::time_point due, clock::time_point now) override;
    void stop_when_done() override;

    coserve::task<> load_all();
    coserve::task<> serve(lane*, std::size_t index);
    coserve::task<std::optional<clock::time_point>> next_request(lane&);
    coserve::task<> attempt(lane&, clock::time_point intended);
    coserve::task<std::optional<failure>> perform(lane&, std::uint64_t& bytes);
    void begin(lane&, clock::time_point intended);
    void count(lane&, std::uint64_t bytes);
    void count(lane&, const failure&);
    bool goes_on(const lane&) const noexcept;
    void leave(lane&);
    coserve::task<> watch();
    void look_after(lane&, clock::time_point now);
    void end();

    std::deque<lane> lanes_;
    std::size_t unfinished_ = 0;
    due_requests<lane> due_;
    std::uint64_t under_way_ = 0;
};

}  // namespace coserve_bench
