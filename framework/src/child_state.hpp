// What stands behind a subprocess: the process, its pipes, those who wait, and how it is stopped.
#pragma once

#include "child_pipes.hpp"
#include "held_process.hpp"
#include "process_tree.hpp"
#include "timer_queue.hpp"

#include <coserve/completion.hpp>
#include <coserve/subprocess.hpp>

#include <array>
#include <list>
#include <memory>
#include <optional>

namespace coserve {

class child_set;

struct child_pipes {
    unique_fd input, output, errors;  // this side's
};

// Owned by its handle, by the coroutines that wait for it, and by its core until the whole tree is
// gone. Freed at the end of a turn. Its pipes are in child_streams.cpp, the rest in
// child_state.cpp. Thread: on its core.
class child_state final : public std::enable_shared_from_this<child_state>,
                          watcher,
                          timer,
                          pipe_owner {
public:
    using handler = completion<void(error_code)>;
    using self_type = std::shared_ptr<child_state>;

    child_state(core&, const subprocess_options&, held_process, child_place, child_pipes);
    ~child_state();

    // Errors: boost::system::system_error; it is not to be kept then.
    void start();

    static task<bool> write(self_type, frame_view);
    static task<std::optional<subprocess_piece>> read_any(self_type);
    static task<std::optional<frame>> read_one(self_type, subprocess_stream);
    static task<std::optional<subprocess_exit>> wait(self_type, duration limit);
    static task<> gone(self_type);
    static task<subprocess_result> collect(self_type, std::size_t limit, frame_view input);

    void close_input() noexcept;
    void signal(int);
    void terminate(subprocess_end, duration grace) noexcept;
    void let_go() noexcept;  // the handle is gone

    pid_t id() const noexcept { return process_.id(); }

    duration grace() const noexcept { return grace_; }

    const std::optional<subprocess_exit>& ended() const noexcept { return exit_; }

    subprocess_end stopping() const noexcept { return reason_; }

    // ---- the core's end
    void drop_waiting() noexcept;
    // From its stop to its SIGKILL, as far as it has not passed yet.
    duration begin_shutdown() noexcept;
    // Without a loop; `passed` since begin_shutdown(). True: the tree is gone.
    bool advance_shutdown(duration passed) noexcept;
    void leave() noexcept;

private:
    friend class child_set;

    enum class phase : std::uint8_t { running, stopping, killing, gone };

    // Who waits for the pipes.
    static constexpr unsigned output_reader = 0, errors_reader = 1, input_writer = 2;

    struct waiter final : timer {
        waiter(child_state& c, handler h, bool for_tree)
            : child(c), complete(std::move(h)), whole_tree(for_tree) {}

        void on_timer() noexcept override;

        child_state& child;
        handler complete;
        bool whole_tree;
        std::list<waiter>::iterator self{};
    };

    class claim;

    void on_ready(std::uint32_t events) override;
    void on_timer() noexcept override;
    void on_pipe_ready() override;

    output_pipe& pipe(subprocess_stream s) noexcept { return outputs_[static_cast<unsigned>(s)]; }

    task<> pipes_ready(unsigned slot);
    task<> end_of(bool whole_tree, duration limit);
    void await_pipes(unsigned slot, handler);
    void await_end(bool whole_tree, duration limit, handler);
    void end_waiter(waiter&, error_code) noexcept;
    void tell_waiters(bool whole_tree) noexcept;

    bool over() const noexcept { return outputs_[0].over() && outputs_[1].over(); }

    bool reap() noexcept;
    void settle() noexcept;
    void force() noexcept;
    void be_gone() noexcept;
    void finish_pipes() noexcept;
    void wake_at_pipes() noexcept;

    core* core_;  // null after its end
    child_set* set_ = nullptr;
    held_process process_;
    process_tree tree_;
    input_pipe input_;
    std::array<output_pipe, 2> outputs_;
    std::array<handler, 3> at_pipes_;
    std::array<bool, 3> claimed_{};
    std::list<waiter> waiters_;
    std::optional<subprocess_exit> exit_;
    time_point started_;
    const duration timeout_, grace_, cpu_limit_;
    time_point kill_at_ = never;
    duration shutdown_grace_{};
    subprocess_end reason_ = subprocess_end::itself;
    phase phase_ = phase::running;
    bool let_go_ = false, errors_first_ = false;
    std::list<self_type>::iterator place_{};
};

}  // namespace coserve
