// One command, from the line that it waits in to the end of all that it started.
#pragma once

#include "core_event.hpp"
#include "exec_places.hpp"

#include <coserve/sleep.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/task_group.hpp>

#include "protocol/exec_reply.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace coserve {

// Where a command's output goes, and what becomes of it. Thread: on the connection's core.
class exec_client {
public:
    virtual ~exec_client() = default;

    // Waits while the client takes no more.
    virtual task<> put(exec_stream, frame_view piece) = 0;
    // So much more of the interactive input may come.
    virtual void grant(std::uint64_t) {}
    // The last word, one of the two.
    virtual task<> tell(exec_result) = 0;
    virtual task<> tell(exec_error) = 0;
};

// Why a command is stopped before its own end.
enum class exec_stop : unsigned char {
    no,
    timeout,
    output_limit,
    cancelled,
    drain,
    gone,  // nobody is there to be told
};

struct exec_command_options {
    subprocess_options child;
    duration timeout{};  // 0: none
    std::size_t output_limit = 0;
    std::size_t places = 0;  // among how many it may be
    bytes input;
    bool interactive = false;
};

class exec_command final : public std::enable_shared_from_this<exec_command> {
public:
    exec_command(executor, exec_command_options, std::unique_ptr<exec_client>);

    // Until its client was told its end. What is left of it is given to `bury` before. It has its
    // place until both are done: a reply that nobody reads takes memory.
    using place = std::shared_ptr<exec_places::ticket>;
    using burial = std::function<void(subprocess, place)>;
    task<> run(exec_places, burial bury);

    // The client is told at once, or almost: not when the last of its processes has ended.
    void stop(exec_stop why);
    // The same for one that waits for its place; one that runs goes on.
    void stop_waiting(exec_stop why);
    // Instead of `run()`.
    task<> refuse(exec_error);
    // It is not to run: `run()` says so.
    void refuse_later(exec_error e) { refusal_ = std::move(e); }

    void signal(int number) noexcept;
    // Interactive input, at most `window()` bytes of it.
    void input(bytes piece);
    void end_input();

    bool takes_input() const noexcept { return options_.interactive && !input_ends_; }

    std::uint64_t window() const noexcept { return window_; }

    // Bytes of input that came with its request.
    std::size_t body_size() const noexcept { return body_size_; }

private:
    task<bool> start(const exec_places&);
    task<> serve();
    task<> pump();
    task<> await_end();
    task<> feed();
    task<> watch_time();
    task<> give_up();
    task<> tell_early_end();
    task<std::exception_ptr> join(std::exception_ptr);
    void count_taken(std::uint64_t);
    std::size_t allowed(exec_stream, std::size_t size) const noexcept;
    exec_result result() const;

    const executor where_;
    exec_command_options options_;
    std::unique_ptr<exec_client> client_;
    place ticket_;
    std::optional<subprocess> child_;
    task_group work_;   // ends with the command's output and the command
    task_group aside_;  // whatever is left to be done then
    core_event more_input_;
    std::deque<bytes> input_;
    bool input_ends_;
    std::size_t body_size_;
    std::uint64_t window_ = exec_first_window, owed_ = 0;
    std::optional<exec_error> refusal_;
    exec_stop stop_ = exec_stop::no;
    std::uint64_t sent_[2] = {};
    bool truncated_ = false;
    bool has_started_ = false;
    time_point started_{};
};

}  // namespace coserve
