#include <coserve/blocking_pool.hpp>
#include <coserve/subprocess.hpp>

#include "child_set.hpp"
#include "child_state.hpp"
#include "core.hpp"
#include "launcher.hpp"
#include "orphans.hpp"

#include <boost/asio/this_coro.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace coserve {

namespace {

const char* name_of(launch_step step) {
    switch (step) {
    case launch_step::resources:
        return "cannot start a process";
    case launch_step::limits:
        return "cannot set a limit of a process";
    case launch_step::user:
        return "cannot change a process's user";
    case launch_step::directory:
        return "cannot enter the directory";
    case launch_step::execute:
        return "cannot execute";
    }
    return "";
}

[[noreturn]] void fail(const char* call) {
    throw subprocess_error(launch_step::resources, errno, call);
}

// What the system lacks, whoever asked for it.
template <class F>
auto with_resources(F work) {
    try {
        return work();
    } catch (const subprocess_error&) {
        throw;
    } catch (const system_error& e) {
        throw subprocess_error(launch_step::resources, e.code().value(), "");
    }
}

// ---- options

[[noreturn]] void refuse(const char* member, const std::string& why) {
    throw configuration_error("subprocess_options: " + std::string(member) + ": " + why);
}

void check_text(const char* member, std::string_view text) {
    if (text.find('\0') != text.npos)
        refuse(member, "there is a NUL byte in it");
}

void check(const subprocess_options& o) {
    if (o.program.empty() && o.program_descriptor < 0)
        refuse("program", "must be a path");
    check_text("program", o.program);
    check_text("directory", o.directory);
    if (o.arguments.empty())
        refuse("arguments", "the first is the program's own name");
    for (const std::string& a : o.arguments)
        check_text("arguments", a);
    for (const std::string& e : o.environment) {
        check_text("environment", e);
        if (e.find('=') == e.npos || e.front() == '=')
            refuse("environment", '\'' + e + "': must be NAME=VALUE");
    }
    if (o.timeout < duration::zero() || o.grace < duration::zero() ||
        o.limits.cpu < duration::zero())
        refuse("timeout, grace, limits.cpu", "must be 0 or more");
}

// ---- descriptors

// Above those that the child has for its own.
unique_fd above_standard(unique_fd fd) {
    if (fd.get() > STDERR_FILENO)
        return fd;
    unique_fd other(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!other)
        fail("fcntl");
    return other;
}

struct pipe_pair {
    unique_fd read, write;
};

pipe_pair make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    unique_fd read(ends[0]), write(ends[1]);
    return {above_standard(std::move(read)), above_standard(std::move(write))};
}

// Of this end alone: the child's blocks, as programs expect.
unique_fd non_blocking(unique_fd fd) {
    if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0)
        fail("fcntl");
    return fd;
}

unique_fd open_null() {
    unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null)
        fail("/dev/null");
    return above_standard(std::move(null));
}

// All children's: nobody can do anything to it.
int null_descriptor() {
    static const unique_fd null = open_null();
    return null.get();
}

// What the child gets, and what stays here.
struct plumbing {
    unique_fd input, output, errors;
    child_pipes here;

    explicit plumbing(subprocess_input kind) {
        if (kind == subprocess_input::pipe) {
            pipe_pair p = make_pipe();
            input = std::move(p.read);
            here.input = non_blocking(std::move(p.write));
        }
        pipe_pair out = make_pipe(), err = make_pipe();
        output = std::move(out.write);
        errors = std::move(err.write);
        here.output = non_blocking(std::move(out.read));
        here.errors = non_blocking(std::move(err.read));
    }

    launch_descriptors of_child() const {
        return {input ? input.get() : null_descriptor(), output.get(), errors.get()};
    }
};

}  // namespace

// ---- options

subprocess_error::subprocess_error(launch_step step, int error, const std::string& subject)
    : system_error(
          error,
          boost::system::system_category(),
          name_of(step) + (subject.empty() ? "" : ' ' + subject)
      ),
      step_(step) {}

subprocess_user subprocess_user::named(const std::string& name) {
    errno = 0;
    const passwd* const found = ::getpwnam(name.c_str());
    if (!found)
        throw configuration_error("there is no user '" + name + '\'');
    subprocess_user u{found->pw_uid, found->pw_gid, {}};
    int count = 0;
    ::getgrouplist(name.c_str(), u.group, nullptr, &count);
    u.groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(name.c_str(), u.group, u.groups.data(), &count);
    return u;
}

subprocess_options subprocess_options::shell(std::string command) {
    subprocess_options o;
    o.program = "/bin/sh";
    o.arguments = {"sh", "-c", std::move(command)};
    return o;
}

// ---- subprocess

subprocess::subprocess(std::shared_ptr<child_state> state) noexcept : state_(std::move(state)) {}

subprocess::subprocess(subprocess&&) noexcept = default;

subprocess& subprocess::operator=(subprocess&& other) noexcept {
    if (this != &other) {
        const subprocess old(std::move(*this));
        state_ = std::move(other.state_);
    }
    return *this;
}

subprocess::~subprocess() {
    if (state_)
        state_->let_go();
}

namespace {

child_place make_place() {
    child_place p{make_child_cgroup()};
    if (p.cgroup)
        return p;
    return {.mark = orphans::of_this_process().make_mark()};
}

task<launched> launch_without_blocking(
    child_set& children,
    const subprocess_options& o,
    const plumbing& pipes,
    const child_place& place
) {
    const auto begin = std::chrono::steady_clock::now();
    const launch_place found_by{place.cgroup.directory(), place.mark.limit()};
    auto work = [&] { return launch(o, pipes.of_child(), found_by); };
    // Another user's processes can hold up one that becomes theirs; and who has other children has
    // to do while one is launched.
    if (o.user || children.size() != 0 || children.launches_are_slow())
        co_return co_await run_blocking(work);
    launched child = work();
    children.launch_took(std::chrono::steady_clock::now() - begin, child.id());
    co_return child;
}

std::shared_ptr<child_state> hold(
    core& here, const subprocess_options& o, launched& child, child_place place, child_pipes pipes
) {
    held_process process(
        here.context().get_executor(), child.id(), std::move(child.process()), child.own_peak()
    );
    child.release();
    const auto state = std::make_shared<child_state>(
        here, o, std::move(process), std::move(place), std::move(pipes)
    );
    state->start();
    here.children().add(state);
    return state;
}

}  // namespace

task<subprocess> subprocess::start(const subprocess_options& o) {
    core& here = core::of(context_of(co_await asio::this_coro::executor));
    check(o);
    plumbing pipes(o.input);
    child_place place = with_resources(&make_place);
    launched child = co_await launch_without_blocking(here.children(), o, pipes, place);
    const auto held = [&] { return hold(here, o, child, std::move(place), std::move(pipes.here)); };
    co_return subprocess(with_resources(held));
}

pid_t subprocess::id() const noexcept {
    return state_->id();
}

task<bool> subprocess::write(frame_view data) {
    return child_state::write(state_, data);
}

void subprocess::close_input() noexcept {
    state_->close_input();
}

task<std::optional<subprocess_piece>> subprocess::read() {
    return child_state::read_any(state_);
}

task<std::optional<frame>> subprocess::read(subprocess_stream from) {
    return child_state::read_one(state_, from);
}

task<subprocess_result> subprocess::collect(std::size_t limit, frame_view input) {
    return child_state::collect(state_, limit, input);
}

namespace {

task<subprocess_exit> wait_for_ever(std::shared_ptr<child_state> state) {
    const auto ended = co_await child_state::wait(std::move(state), duration::max());
    co_return *ended;
}

}  // namespace

task<subprocess_exit> subprocess::wait() {
    return wait_for_ever(state_);
}

task<std::optional<subprocess_exit>> subprocess::wait(duration limit) {
    return child_state::wait(state_, limit);
}

const std::optional<subprocess_exit>& subprocess::ended() const noexcept {
    return state_->ended();
}

subprocess_end subprocess::stopping() const noexcept {
    return state_->stopping();
}

void subprocess::signal(int number) {
    state_->signal(number);
}

void subprocess::terminate(subprocess_end reason) noexcept {
    state_->terminate(reason, state_->grace());
}

void subprocess::kill(subprocess_end reason) noexcept {
    state_->terminate(reason, duration::zero());
}

task<> subprocess::gone() {
    return child_state::gone(state_);
}

namespace {

task<subprocess_exit> stop_and_wait(std::shared_ptr<child_state> state) {
    state->terminate(subprocess_end::stopped, state->grace());
    co_await child_state::gone(state);
    co_return *state->ended();
}

}  // namespace

task<subprocess_exit> subprocess::stop() {
    return stop_and_wait(state_);
}

process_tracking track_processes(process_tracking best) {
    if (best == process_tracking::cgroup && use_cgroups())
        return process_tracking::cgroup;
    use_no_cgroups();
    if (best == process_tracking::session)
        return process_tracking::session;
    orphans::of_this_process().adopt_from_now_on();
    return process_tracking::subreaper;
}

}  // namespace coserve
