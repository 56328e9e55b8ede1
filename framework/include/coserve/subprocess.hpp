/// \file
/// Child processes: started without copying this process's memory, fed and read with backpressure,
/// limited, waited for, and ended together with all that they have started.
#pragma once

#include <coserve/error.hpp>
#include <coserve/frame.hpp>
#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/units.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace coserve {

/// 0: as the server itself has it. A limit can be lowered, and raised again only by root.
struct subprocess_limits {
    duration cpu{};            ///< processor time, in whole seconds, rounded up; SIGXCPU, SIGKILL
    std::uint64_t memory = 0;  ///< bytes of address space
    std::uint64_t file = 0;    ///< bytes of any file it writes; SIGXFSZ
    std::uint64_t processes = 0;    ///< of its user, all together; does not bind root
    std::uint64_t descriptors = 0;  ///< open at once; 0: as the server began with
    std::uint64_t core = 0;         ///< bytes of a core dump; here 0 is none
};

/// Whom a child runs as. Only root may ask for another than itself.
struct subprocess_user {
    uid_t id = 0;
    gid_t group = 0;
    std::vector<gid_t> groups{};  ///< the supplementary ones

    /// The user of that name, with its groups, from the system's database: blocks.
    /// Errors: `configuration_error` where there is none.
    static subprocess_user named(const std::string& name);
};

enum class subprocess_input : std::uint8_t {
    null,  ///< /dev/null
    pipe,  ///< what `write()` gives
};

struct subprocess_options {
    /// Path of the program; it is not searched for.
    std::string program{};
    /// Of the program, open, instead of its path: borrowed until `start()` ends; -1: none. Not for
    /// scripts, whose interpreter could not open them.
    int program_descriptor = -1;
    /// argv: the program's own name first.
    std::vector<std::string> arguments{};
    /// NAME=VALUE: all that the child gets.
    std::vector<std::string> environment{};
    std::string directory{};  ///< empty: this process's own
    subprocess_input input = subprocess_input::null;
    subprocess_limits limits{};
    std::optional<subprocess_user> user{};  ///< unset: the same
    bool new_privileges = false;            ///< true: set-user-ID programs work
    /// From its start until it, or what it left behind, is stopped; 0: none.
    duration timeout{};
    /// From SIGTERM to SIGKILL; 0: SIGKILL at once.
    duration grace = std::chrono::seconds(1);

    /// A command for `/bin/sh -c`.
    static subprocess_options shell(std::string command);
};

enum class launch_step : std::uint8_t {
    resources,  ///< descriptors, memory, processes
    limits,
    user,
    directory,
    execute,
};

/// Why no child was started. `code()` is what the system said: `ENOENT` of `launch_step::execute`
/// is a program that does not exist (or a script's interpreter), `EACCES` one that may not be
/// executed, `ENOEXEC` one that is no program, `E2BIG` too long an argv or environment.
class subprocess_error : public system_error {
public:
    subprocess_error(launch_step, int error, const std::string& subject);

    launch_step step() const noexcept { return step_; }

private:
    launch_step step_;
};

/// Who ended a child.
enum class subprocess_end : std::uint8_t {
    itself,     ///< or somebody outside of this server
    timeout,    ///< `subprocess_options::timeout`
    cpu_limit,  ///< `subprocess_limits::cpu`
    stopped,    ///< `stop()`, `terminate()` or `kill()`, or its handle is gone
    drain,      ///< the server's drain ran out, or the context ended
};

struct subprocess_exit {
    int code = 0;    ///< what it returned, where `signal` is 0
    int signal = 0;  ///< what ended it
    bool core_dumped = false;
    subprocess_end reason = subprocess_end::itself;
    duration elapsed{};  ///< from its start to when its end was noticed
    /// Of the process and those of its children that it waited for.
    duration user_time{}, system_time{};
    /// Bytes resident, of the largest of these. 0: not known, as it is less than this process
    /// itself has had: a child counts as that large before its program is executed.
    std::uint64_t peak_memory = 0;
};

enum class subprocess_stream : std::uint8_t { output, errors };

struct subprocess_piece {
    subprocess_stream from;
    frame bytes;
};

/// All that a child wrote, and how it ended.
struct subprocess_result {
    subprocess_exit exit;
    bytes output, errors;
    /// One of them is longer than what was to be kept of it.
    bool truncated = false;
};

class child_state;

/// A child process, in a session of its own, with no descriptors but 0, 1 and 2, no signal blocked,
/// none ignored, and no core dumps.
///
/// **Tree.** What the child starts lives as long as the handle, also after the child itself has
/// ended. Stopping means SIGTERM (and SIGCONT) to all of them, `grace`, SIGKILL. See
/// `track_processes()` for those that go out of their way to escape.
///
/// Lifetime: a handle that is destroyed leaves stopping and reaping to its core; so does a coroutine
/// that is cancelled or dropped while it holds one. A context that ends waits for its children: it
/// stops them, gives them their grace together, and blocks for that long.
/// Thread: on its core.
class subprocess {
public:
    /// Starts a child. Where that is quick, as it is from a local disk (0.1 ms), and this core has
    /// no other child, the loop waits for it; else, or where the child is to be another user's, a
    /// blocking thread does.
    /// Lifetime: the options must live until it ends; give it a named object (a temporary inside a
    /// `co_await` expression is freed twice by g++ 12).
    /// Errors: `subprocess_error`; `configuration_error` for an option that makes no sense.
    /// Cancellation: throws; a child that was started meanwhile is stopped.
    static task<subprocess> start(const subprocess_options&);
    static task<subprocess> start(const subprocess_options&&) = delete;

    subprocess(subprocess&&) noexcept;
    subprocess& operator=(subprocess&&) noexcept;
    ~subprocess();

    /// The process's number; another's, perhaps, once it has ended.
    pid_t id() const noexcept;

    // ---- its input

    /// Writes all of it, waiting while the child does not read. false: the child has closed its
    /// input, or is being stopped, and takes no more. One writer at a time.
    /// Lifetime: the bytes must live until it ends.
    /// Cancellation: throws; a part of it may have been written.
    task<bool> write(frame_view);
    /// The child finds the end of its input. A write that waits gives false.
    void close_input() noexcept;

    // ---- its output: who does not read stops the child, once its pipe (64 KiB) is full

    /// The next piece of either stream, at most 64 KiB, as soon as there is one; nullopt: both have
    /// ended. That is when nobody holds them open any more, which may be later than the child's own
    /// end, and earlier where it closed them. Once it is being stopped (also by `timeout`), what
    /// had been written by then is all that comes: nobody waits for those that ignore SIGTERM.
    /// Lifetime: the piece is valid until the next read of this handle, which must live as long.
    /// Errors: `errc::concurrent_read` where another coroutine reads already.
    /// Cancellation: throws; nothing is lost.
    task<std::optional<subprocess_piece>> read();
    /// The same of one stream. Two coroutines may each read one of them; a piece is valid until the
    /// next read of the same stream.
    task<std::optional<frame>> read(subprocess_stream);

    /// Writes `input`, if it has a pipe for it, and closes it, reads both streams to their ends and
    /// waits for the child. Of each stream `limit` bytes are kept; where there is more, the
    /// child is stopped.
    /// Cancellation: throws; the child goes on as long as the handle lives.
    task<subprocess_result> collect(std::size_t limit, frame_view input = {});

    // ---- its end

    /// Waits for the child's own end, not for that of what it started. Any number may wait.
    /// Cancellation: throws; the child goes on.
    task<subprocess_exit> wait();
    /// The same, but nullopt after so long.
    task<std::optional<subprocess_exit>> wait(duration limit);
    /// Set once the child itself has ended.
    const std::optional<subprocess_exit>& ended() const noexcept;
    /// Why it, or what it left behind, is being stopped, or was. `itself`: it is not.
    subprocess_end stopping() const noexcept;

    /// To the child and those of what it started that are still in its process group, as a
    /// terminal's keys are. A child that has ended is not told.
    /// Errors: `boost::system::system_error` (`EINVAL`, `EPERM`).
    void signal(int);
    /// Begins to stop the tree, and returns. The first reason stays.
    void terminate(subprocess_end reason = subprocess_end::stopped) noexcept;
    /// The same without a grace; also during one.
    void kill(subprocess_end reason = subprocess_end::stopped) noexcept;
    /// Waits until the whole tree is gone and reaped. Any number may wait.
    /// Cancellation: throws; the tree goes on.
    task<> gone();
    /// `terminate()`, then waits for that.
    task<subprocess_exit> stop();

private:
    explicit subprocess(std::shared_ptr<child_state>) noexcept;

    std::shared_ptr<child_state> state_;
};

/// How all that a child starts is found when it is to be stopped, its own session left or not.
enum class process_tracking : std::uint8_t {
    /// By its process group and its parents. What is neither in the child's own group nor below a
    /// process that is known, when that has ended, is not found: a process that did `setsid` and
    /// whose parents have ended, or a job that a shell with job control (`set -m`) leaves behind.
    session,
    /// This process adopts those whose parents have ended (`PR_SET_CHILD_SUBREAPER`). It then takes
    /// every child of this process that is in another session, and was not started through coserve,
    /// for one of these, and may stop it: not for hosts that start daemons themselves.
    subreaper,
    /// Each child in a cgroup of its own, which are made below this process's: nothing leaves one.
    /// Needs cgroup v2 and the right to make them (as root, or delegated by systemd).
    cgroup,
};

/// Tracks processes as asked, or as well as can be (by default: `cgroup`, else `subreaper`), and
/// says how. For the whole process, and for children started from then on; call it before the
/// first.
/// Thread: any.
process_tracking track_processes(process_tracking best = process_tracking::cgroup);

}  // namespace coserve
