#include "child_check.hpp"

#include "child_set.hpp"
#include "core.hpp"
#include "unique_fd.hpp"

#include <coserve/core_pool.hpp>
#include <coserve/sleep.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/task_group.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using namespace child_check;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t all = std::size_t{64} << 20;

task<subprocess_result> output_of(const subprocess_options& o, std::string input) {
    subprocess p = co_await subprocess::start(o);
    co_return co_await p.collect(all, input);
}

task<subprocess_exit> read_to_end(subprocess& p, std::string& text) {
    while (const auto piece = co_await p.read())
        text += piece->bytes.text();
    co_return co_await p.wait();
}

class subprocess_test : public ::testing::Test {
protected:
    ~subprocess_test() override {
        context_.restart();
        context_.run_for(10s);
        EXPECT_EQ(zombies(), 0U);
    }

    subprocess_result run(const subprocess_options& o, std::string input = {}) {
        return run(output_of(o, std::move(input)));
    }

    template <class T>
    T run(task<T> work) {
        return testing::run_coroutine(context_, std::move(work));
    }

    std::string output(const subprocess_options& o) {
        const subprocess_result r = run(o);
        EXPECT_EQ(text_of(r.errors), "");
        return text_of(r.output);
    }

    // What the launch throws.
    void expect_error(const subprocess_options& o, launch_step step, int error) {
        run(sh("true"));  // what the core itself needs
        const std::size_t descriptors = open_descriptors();
        try {
            run(o);
            ADD_FAILURE() << "it was started";
        } catch (const subprocess_error& e) {
            EXPECT_EQ(e.step(), step) << e.what();
            EXPECT_EQ(e.code(), error_code(error, boost::system::system_category())) << e.what();
        }
        EXPECT_EQ(zombies(), 0U);
        EXPECT_EQ(open_descriptors(), descriptors);
    }

    io_context context_{1};
};

class temporary_file {
public:
    explicit temporary_file(std::string_view text, mode_t mode) {
        const unique_fd file(::mkostemp(path_.data(), O_CLOEXEC));
        EXPECT_TRUE(file);
        EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        EXPECT_EQ(::fchmod(file.get(), mode), 0);
    }

    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    ~temporary_file() { ::unlink(path_.c_str()); }

    const std::string& path() const noexcept { return path_; }

private:
    std::string path_ = "/tmp/coserve_subprocess_test.XXXXXX";
};

// ---- what it is given

TEST_F(subprocess_test, gives_what_a_command_writes) {
    const subprocess_result r = run(sh("echo out; echo err >&2; exit 3"));
    EXPECT_EQ(text_of(r.output), "out\n");
    EXPECT_EQ(text_of(r.errors), "err\n");
    EXPECT_EQ(r.exit.code, 3);
    EXPECT_EQ(r.exit.signal, 0);
    EXPECT_EQ(r.exit.reason, subprocess_end::itself);
    EXPECT_FALSE(r.truncated);
}

TEST_F(subprocess_test, tells_a_signal_from_a_code) {
    const subprocess_exit killed = run(sh("kill -KILL $$")).exit;
    EXPECT_EQ(killed.signal, SIGKILL);
    EXPECT_EQ(killed.code, 0);
    EXPECT_EQ(killed.reason, subprocess_end::itself);
    const subprocess_exit nine = run(sh("exit 9")).exit;
    EXPECT_EQ(nine.signal, 0);
    EXPECT_EQ(nine.code, 9);
}

TEST_F(subprocess_test, arguments_are_as_given) {
    auto o = sh("");
    o.program = "/usr/bin/printf";
    o.arguments = {"any name", "[%s]", "", "a b", "$HOME", "*", "\n", "中"};
    EXPECT_EQ(output(o), "[][a b][$HOME][*][\n][中]");
}

TEST_F(subprocess_test, environment_is_what_is_given_alone) {
    auto o = sh("");
    o.program = "/usr/bin/env";
    o.arguments = {"env"};
    o.environment = {"A=1", "B=", "C=x=y"};
    EXPECT_EQ(output(o), "A=1\nB=\nC=x=y\n");
    o.environment = {};
    EXPECT_EQ(output(o), "");
}

TEST_F(subprocess_test, directory) {
    auto o = sh("pwd -P");
    o.directory = "/usr/bin";
    EXPECT_EQ(output(o), std::filesystem::canonical("/usr/bin").string() + '\n');
    o.directory = "";
    EXPECT_EQ(output(o), std::filesystem::current_path().string() + '\n');
}

TEST_F(subprocess_test, a_program_by_its_descriptor) {
    const unique_fd program(::open("/bin/echo", O_PATH | O_CLOEXEC));
    auto o = sh("");
    o.program = "";
    o.program_descriptor = program.get();
    o.arguments = {"echo", "by descriptor"};
    EXPECT_EQ(output(o), "by descriptor\n");
}

TEST_F(subprocess_test, descriptors_0_1_and_2_alone) {
    const unique_fd leaky(::open("/dev/null", O_RDONLY));  // without close-on-exec
    const unique_fd higher(::fcntl(leaky.get(), F_DUPFD, 500));
    // 3 is what ls itself reads.
    EXPECT_EQ(output(sh("exec ls /proc/self/fd")), "0\n1\n2\n3\n");
}

TEST_F(subprocess_test, signals_are_as_new) {
    struct sigaction before{}, ignored{};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGUSR1, &ignored, &before);
    sigset_t some, old;
    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    sigaddset(&some, SIGRTMIN + 3);
    ::pthread_sigmask(SIG_BLOCK, &some, &old);
    const std::string status = output(sh("exec cat /proc/self/status"));
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, &old, &now);
    EXPECT_EQ(sigismember(&now, SIGUSR2), 1) << "this side's mask is kept";
    ::sigaction(SIGUSR1, &before, nullptr);
    for (const std::string name : {"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"})
        EXPECT_THAT(status, HasSubstr(name + ":\t0000000000000000\n"));
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
}

TEST_F(subprocess_test, a_broken_pipe_ends_it) {
    EXPECT_EQ(run(sh("yes | head -n 1; kill -PIPE $$")).exit.signal, SIGPIPE);
}

TEST_F(subprocess_test, new_privileges_where_asked) {
    auto o = sh("grep NoNewPrivs /proc/self/status");
    o.new_privileges = true;
    EXPECT_EQ(output(o), "NoNewPrivs:\t0\n");
}

TEST_F(subprocess_test, a_session_of_its_own) {
    const std::string text = output(sh("cut -d ' ' -f 1,5,6 /proc/$$/stat"));
    int id = 0, group = 0, session = 0;
    ASSERT_EQ(std::sscanf(text.c_str(), "%d %d %d", &id, &group, &session), 3);
    EXPECT_EQ(group, id);
    EXPECT_EQ(session, id);
}

TEST_F(subprocess_test, another_user) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may";
    auto o = sh("id -u; id -g; id -G; grep -E '^(Uid|Gid)' /proc/self/status");
    o.user = subprocess_user{65534, 65534, {}};
    EXPECT_EQ(
        output(o),
        "65534\n65534\n65534\nUid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\n"
    );
    o.user->groups = {1, 65534};
    EXPECT_THAT(output(o), HasSubstr("\n65534 1\n"));
    EXPECT_EQ(::geteuid(), 0U);
    EXPECT_EQ(subprocess_user::named("root").id, 0U);
    EXPECT_THROW(subprocess_user::named("no such user"), configuration_error);
}

// Before it has executed its program, a child is that user's already.
TEST_F(subprocess_test, another_users_processes_cannot_hold_up_a_launch) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may";
    const subprocess_user user{64323, 64323, {}};
    auto hostile = sh("echo ready; while :; do kill -STOP -1; done");
    auto victim = sh("true");
    hostile.user = victim.user = user;
    const auto work = [&]() -> task<> {
        subprocess stopping = co_await subprocess::start(hostile);
        co_await stopping.read();
        for (int i = 0; i < 1000; ++i) {
            subprocess p = co_await subprocess::start(victim);
            p.kill();
            co_await p.gone();
        }
        co_await stopping.stop();
    };
    testing::run_coroutine(context_, work(), 60s);
}

// ---- limits

TEST_F(subprocess_test, limits_are_set) {
    auto o = sh("cat /proc/self/limits");
    o.limits = {
        .cpu = 1500ms, .memory = 1 << 30, .file = 12345, .processes = 4321, .descriptors = 99
    };
    const std::string text = output(o);
    const auto value = [&](const std::string& name) {
        const auto at = text.find(name);
        if (at == text.npos)
            return std::string("absent");
        std::istringstream line(text.substr(at + name.size()));
        std::string soft, hard;
        line >> soft >> hard;
        return soft + ' ' + hard;
    };
    EXPECT_EQ(value("Max cpu time"), "2 3");
    EXPECT_EQ(value("Max address space"), "1073741824 1073741824");
    EXPECT_EQ(value("Max file size"), "12345 12345");
    EXPECT_EQ(value("Max processes"), "4321 4321");
    EXPECT_EQ(value("Max open files"), "99 99");
    EXPECT_EQ(value("Max core file size"), "0 0");
}

TEST_F(subprocess_test, processor_time_ends) {
    auto o = sh("while :; do :; done");
    o.limits.cpu = 1s;
    const subprocess_exit e = testing::run_coroutine(context_, output_of(o, ""), 100s).exit;
    EXPECT_EQ(e.signal, SIGXCPU);
    EXPECT_EQ(e.reason, subprocess_end::cpu_limit);
    EXPECT_GE(e.user_time + e.system_time, 500ms);
    EXPECT_LT(e.user_time + e.system_time, 3s);
}

TEST_F(subprocess_test, processor_time_ends_for_one_that_does_not_hear) {
    auto o = sh("trap '' XCPU; while :; do :; done");
    o.limits.cpu = 1s;
    const subprocess_exit e = testing::run_coroutine(context_, output_of(o, ""), 100s).exit;
    EXPECT_EQ(e.signal, SIGKILL);
    EXPECT_EQ(e.reason, subprocess_end::cpu_limit);
}

TEST_F(subprocess_test, processor_time_of_what_it_waits_for_ends) {
    auto o = sh("sh -c 'while :; do :; done'; exit $?");
    o.limits.cpu = 1s;
    const subprocess_exit e = testing::run_coroutine(context_, output_of(o, ""), 100s).exit;
    EXPECT_EQ(e.code, 128 + SIGXCPU);
    EXPECT_EQ(e.reason, subprocess_end::cpu_limit);
    o = sh("exit 152");
    o.limits.cpu = 1s;
    EXPECT_EQ(run(o).exit.reason, subprocess_end::itself);
}

TEST_F(subprocess_test, a_file_grows_no_further) {
    const temporary_file file("", 0600);
    auto o = sh("exec head -c 100000 /dev/zero > " + file.path());
    o.limits.file = 4096;
    EXPECT_EQ(run(o).exit.signal, SIGXFSZ);
    EXPECT_EQ(std::filesystem::file_size(file.path()), 4096U);
}

TEST_F(subprocess_test, memory_ends) {
    auto o = sh("exec head -c 100000000 /dev/zero | tail -n 1 | wc -c");
    o.limits.memory = 20 << 20;
    EXPECT_THAT(text_of(run(o).errors), HasSubstr("memory"));
}

TEST_F(subprocess_test, tells_what_was_used) {
    const subprocess_exit e = run(sh("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done")).exit;
    EXPECT_GT(e.user_time + e.system_time, 0s);
    EXPECT_GT(e.elapsed, 0s);
    EXPECT_EQ(e.peak_memory, 0U) << "less than this process's own";
    // tail keeps a line, and this one has no end.
    const subprocess_exit large =
        run(sh("head -c 300000000 /dev/zero | tail -n 1 > /dev/null")).exit;
    EXPECT_GT(large.peak_memory, 300'000'000U);
    EXPECT_LT(large.peak_memory, 1'000'000'000U);
}

// ---- what goes wrong

TEST_F(subprocess_test, no_such_program) {
    auto o = sh("");
    o.program = "/nonexistent/program";
    expect_error(o, launch_step::execute, ENOENT);
    try {
        run(o);
    } catch (const subprocess_error& e) {
        EXPECT_EQ(reason_of(e), "cannot execute /nonexistent/program: No such file or directory");
    }
    o.program = "/etc/passwd/x";
    expect_error(o, launch_step::execute, ENOTDIR);
}

TEST_F(subprocess_test, not_to_be_executed) {
    const temporary_file plain("#!/bin/sh\n", 0644), nothing("no program", 0755);
    const temporary_file orphan("#!/nonexistent/interpreter\n", 0755);
    auto o = sh("");
    o.program = plain.path();
    expect_error(o, launch_step::execute, EACCES);
    o.program = "/tmp";
    expect_error(o, launch_step::execute, EACCES);
    o.program = nothing.path();
    expect_error(o, launch_step::execute, ENOEXEC);
    o.program = orphan.path();
    expect_error(o, launch_step::execute, ENOENT);
    o.program_descriptor = 9999;
    expect_error(o, launch_step::execute, EBADF);
}

TEST_F(subprocess_test, no_such_directory) {
    auto o = sh("pwd");
    o.directory = "/nonexistent";
    expect_error(o, launch_step::directory, ENOENT);
    o.directory = "/etc/passwd";
    expect_error(o, launch_step::directory, ENOTDIR);
}

TEST_F(subprocess_test, too_long_an_argument) {
    auto o = sh("");
    o.arguments.emplace_back(std::size_t{10} << 20, 'x');
    expect_error(o, launch_step::execute, E2BIG);
}

TEST_F(subprocess_test, no_descriptors_left) {
    run(sh("true"));  // what the core itself needs
    rlimit before;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const unique_fd first_free(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    // With so many to spare each of its calls fails in turn, until all that it needs is there.
    rlim_t spare = 0;
    for (bool started = false; !started && spare < 20; ++spare) {
        const rlimit few{static_cast<rlim_t>(first_free.get()) + 1 + spare, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        error_code code;
        try {
            run(sh("true"));
            started = true;
        } catch (const system_error& e) {
            code = e.code();
        }
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        EXPECT_EQ(code.value(), started ? 0 : EMFILE) << code.message();
        EXPECT_EQ(zombies(), 0U);
    }
    EXPECT_GT(spare, 5U);
    EXPECT_LT(spare, 20U);
    EXPECT_EQ(run(sh("true")).exit.code, 0);
}

TEST_F(subprocess_test, no_processes_left) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may choose a user that has some";
    auto o = sh("true");
    o.user = subprocess_user{64321, 64321, {}};
    o.limits.processes = 1;
    const mark m;
    auto first = sh("exec sleep 1000", m);
    first.user = o.user;
    const auto three = [&]() -> task<> {
        const subprocess p = co_await subprocess::start(first);
        const subprocess q = co_await subprocess::start(first);
        // The kernel looks before it counts this one.
        EXPECT_TRUE(m.await(2, 2s));
        const subprocess r = co_await subprocess::start(o);
    };
    try {
        run(three());
        ADD_FAILURE() << "it was started";
    } catch (const subprocess_error& e) {
        EXPECT_EQ(e.code().value(), EAGAIN);
        EXPECT_EQ(e.step(), launch_step::execute);
    }
}

// Where cgroups are to be had: where they are mounted, and this process's own below it.
class subprocess_cgroup_test : public subprocess_test {
protected:
    void SetUp() override {
        if (track_processes(process_tracking::cgroup) != process_tracking::cgroup)
            GTEST_SKIP() << "not to be had here";
        std::ifstream mounts("/proc/self/mounts");
        std::string device, path, type, rest;
        while (type != "cgroup2" && mounts >> device >> path >> type && std::getline(mounts, rest)
        ) {
        }
        own_ = path + cgroup_of(::getpid()) + "/coserve-" + std::to_string(::getpid());
    }

    void TearDown() override { track_processes(process_tracking::session); }

    std::string own_;
};

TEST_F(subprocess_cgroup_test, what_an_earlier_server_of_its_number_left) {
    track_processes(process_tracking::session);
    const auto left = own_ + "/0";
    std::filesystem::create_directories(left);
    const auto work = [&](const subprocess_options& o) -> task<> {
        const subprocess inhabitant = co_await subprocess::start(o);
        std::ofstream(left + "/cgroup.procs") << inhabitant.id();
        EXPECT_EQ(track_processes(process_tracking::cgroup), process_tracking::cgroup);
        const auto quick = sh("echo text");
        subprocess p = co_await subprocess::start(quick);
        const subprocess_result r = co_await p.collect(all);
        EXPECT_EQ(text_of(r.output), "text\n");
    };
    const auto lasting = sh("exec sleep 1000");
    run(work(lasting));
    context_.restart();
    context_.run();
    std::filesystem::remove(left);
    std::filesystem::remove(own_);
}

TEST_F(subprocess_cgroup_test, when_no_more_can_be_made) {
    const auto work = [&](const subprocess_options& o) -> task<> {
        const subprocess p = co_await subprocess::start(o);
        std::ofstream(own_ + "/cgroup.max.descendants") << 1;
        const subprocess q = co_await subprocess::start(o);
    };
    const auto lasting = sh("exec sleep 1000");
    try {
        run(work(lasting));
        ADD_FAILURE() << "it was started";
    } catch (const subprocess_error& e) {
        EXPECT_EQ(e.step(), launch_step::resources);
        EXPECT_EQ(e.code().value(), EAGAIN);
    }
    context_.restart();
    context_.run();
}

TEST_F(subprocess_test, options_that_make_no_sense) {
    const auto refused = [&](const subprocess_options& o) {
        EXPECT_THROW(run(o), configuration_error);
    };
    auto o = sh("true");
    o.arguments.clear();
    refused(o);
    o = sh("true");
    o.program = "";
    refused(o);
    o = sh(std::string("true\0false", 10));
    refused(o);
    for (const std::string e : {"", "NAME", "=x", "A=\n"}) {
        o = sh("true");
        o.environment = {e == "A=\n" ? std::string("A=\0", 3) : e};
        refused(o);
    }
    o = sh("true");
    o.timeout = -1s;
    refused(o);
    o = sh("true");
    o.grace = -1s;
    refused(o);
}

TEST_F(subprocess_test, after_a_slow_launch_others_are_made_elsewhere) {
    run(sh("true"));
    core::of(context_).children().launch_took(1h, 0);
    ASSERT_TRUE(core::of(context_).children().launches_are_slow());
    EXPECT_EQ(output(sh("echo from a thread")), "from a thread\n");
    auto o = sh("");
    o.program = "/nonexistent";
    EXPECT_THROW(run(o), subprocess_error);
    core::of(context_).children().launch_took(1ns, 0);
    EXPECT_TRUE(core::of(context_).children().launches_are_slow());
}

// ---- its pipes

TEST_F(subprocess_test, input) {
    auto o = sh("cat");
    EXPECT_EQ(output(o), "") << "no input is /dev/null";
    o.input = subprocess_input::pipe;
    EXPECT_EQ(text_of(run(o, "some\0input\n").output), std::string("some"));
    const std::string large(std::size_t{3} << 20, 'x');
    EXPECT_EQ(text_of(run(o, large).output), large);
}

task<std::string> talk(const subprocess_options& o) {
    subprocess p = co_await subprocess::start(o);
    std::string said;
    for (const std::string line : {"one\n", "two\n"}) {
        EXPECT_TRUE(co_await p.write(line));
        const auto answer = co_await p.read(subprocess_stream::output);
        if (answer)
            said += answer->text();
    }
    p.close_input();
    EXPECT_FALSE(co_await p.write("more"));
    EXPECT_FALSE(co_await p.read(subprocess_stream::output));
    EXPECT_FALSE(co_await p.read());
    EXPECT_EQ((co_await p.wait()).code, 7);
    co_return said;
}

TEST_F(subprocess_test, a_conversation) {
    auto o = sh("while read line; do echo \"[$line]\"; done; exit 7");
    o.input = subprocess_input::pipe;
    EXPECT_EQ(run(talk(o)), "[one]\n[two]\n");
}

TEST_F(subprocess_test, a_child_that_never_reads) {
    const std::string large(std::size_t{1} << 20, 'x');
    const auto ends = [&](const subprocess_options& o) -> task<> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_FALSE(co_await p.write(large)) << "it ended";
        EXPECT_FALSE(co_await p.write("more"));
    };
    auto o = sh("exec sleep 0.2");
    o.input = subprocess_input::pipe;
    run(ends(o));
    const auto lasts = [&](const subprocess_options& options) -> task<> {
        subprocess p = co_await subprocess::start(options);
        const auto first = co_await (p.write(large) || sleep(100ms));
        EXPECT_EQ(first.index(), 1U) << "nobody took it";
        p.terminate();
        EXPECT_FALSE(co_await p.write(large));
    };
    o = sh("exec sleep 1000");
    o.input = subprocess_input::pipe;
    run(lasts(o));
}

TEST_F(subprocess_test, much_output_on_both) {
    const subprocess_result r =
        run(sh("head -c 10000000 /dev/zero & head -c 7000000 /dev/zero >&2; wait"));
    EXPECT_EQ(r.output.size(), 10'000'000U);
    EXPECT_EQ(r.errors.size(), 7'000'000U);
}

TEST_F(subprocess_test, who_is_not_read_waits) {
    const auto work = [](const subprocess_options& o) -> task<std::size_t> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_FALSE(co_await p.wait(200ms)) << "its pipe is full";
        std::string text;
        co_await read_to_end(p, text);
        co_return text.size();
    };
    const auto o = sh("head -c 1000000 /dev/zero");
    EXPECT_EQ(run(work(o)), 1'000'000U);
}

TEST_F(subprocess_test, a_loud_child_leaves_the_core_to_others) {
    const auto work = [](const subprocess_options& o) -> task<int> {
        subprocess p = co_await subprocess::start(o);
        int pieces = 0;
        const auto drain = [](subprocess& child, int& count) -> task<> {
            while (co_await child.read())
                ++count;
        };
        co_await (drain(p, pieces) || sleep(50ms));
        p.kill();
        co_return pieces;
    };
    const auto o = sh("exec yes");
    EXPECT_GT(run(work(o)), 0);
}

TEST_F(subprocess_test, the_streams_by_two_coroutines) {
    const auto stream = [](subprocess& p, subprocess_stream from, std::string& text) -> task<> {
        while (const auto piece = co_await p.read(from))
            text += piece->text();
    };
    const auto work = [&](const subprocess_options& o) -> task<std::string> {
        subprocess p = co_await subprocess::start(o);
        std::string out, err;
        auto reading_output = stream(p, subprocess_stream::output, out);
        auto reading_errors = stream(p, subprocess_stream::errors, err);
        co_await (std::move(reading_output) && std::move(reading_errors));
        co_return out + err;
    };
    const auto o = sh("for i in 1 2 3; do echo $i; echo e$i >&2; done");
    EXPECT_EQ(run(work(o)), "1\n2\n3\ne1\ne2\ne3\n");
}

TEST_F(subprocess_test, one_reader_of_a_stream) {
    const auto second = [](subprocess& p) -> task<error_code> {
        try {
            co_await p.read(subprocess_stream::output);
        } catch (const system_error& e) {
            co_return e.code();
        }
        co_return error_code();
    };
    const auto work = [&](const subprocess_options& o) -> task<error_code> {
        subprocess p = co_await subprocess::start(o);
        auto first = p.read();
        auto other = second(p);
        const auto done = co_await (std::move(first) || std::move(other));
        EXPECT_EQ(done.index(), 1U);
        co_return done.index() == 1 ? std::get<1>(done) : error_code();
    };
    const auto o = sh("exec sleep 1000");
    EXPECT_EQ(run(work(o)), errc::concurrent_read);
}

TEST_F(subprocess_test, keeps_no_more_than_wanted) {
    const auto work = [](const subprocess_options& o) -> task<subprocess_result> {
        subprocess p = co_await subprocess::start(o);
        co_return co_await p.collect(1000);
    };
    const auto endless = sh("exec yes");
    const subprocess_result r = run(work(endless));
    EXPECT_TRUE(r.truncated);
    EXPECT_EQ(r.output.size(), 1000U);
    EXPECT_EQ(r.exit.reason, subprocess_end::stopped);
    const auto exact = sh("head -c 1000 /dev/zero");
    EXPECT_FALSE(run(work(exact)).truncated);
}

TEST_F(subprocess_test, what_it_leaves_behind_may_write_on) {
    const auto o = sh("(sleep 0.2; echo late) & echo early");
    EXPECT_EQ(output(o), "early\nlate\n");
}

// ---- its end

TEST_F(subprocess_test, any_number_may_wait) {
    const auto waiting = [](subprocess& p, int& sum) -> task<> { sum += (co_await p.wait()).code; };
    const auto work = [&](const subprocess_options& o) -> task<int> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_FALSE(p.ended());
        int sum = 0;
        auto first = waiting(p, sum);
        auto second = waiting(p, sum);
        co_await (std::move(first) && std::move(second));
        EXPECT_TRUE(p.ended());
        co_await p.wait();
        co_await p.gone();
        co_return sum;
    };
    const auto o = sh("sleep 0.05; exit 4");
    EXPECT_EQ(run(work(o)), 8);
}

TEST_F(subprocess_test, a_wait_may_be_cancelled_and_begun_again) {
    const auto work = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_EQ((co_await (p.wait() || sleep(20ms))).index(), 1U);
        EXPECT_EQ((co_await (p.read() || sleep(20ms))).index(), 1U);
        EXPECT_FALSE(co_await p.wait(1ms));
        EXPECT_TRUE(co_await p.write("\n"));
        const auto piece = co_await p.read();
        EXPECT_TRUE(piece && piece->bytes.text() == "heard\n");
        co_return co_await p.wait();
    };
    auto o = sh("read x; echo heard; exit 5");
    o.input = subprocess_input::pipe;
    EXPECT_EQ(run(work(o)).code, 5);
}

TEST_F(subprocess_test, a_timeout) {
    auto o = sh("echo before; exec sleep 1000");
    o.timeout = 1s;
    const subprocess_result r = run(o);
    EXPECT_EQ(text_of(r.output), "before\n");
    EXPECT_EQ(r.exit.signal, SIGTERM);
    EXPECT_EQ(r.exit.reason, subprocess_end::timeout);
    EXPECT_GE(r.exit.elapsed, 1s);
    o = sh("exit 1");
    o.timeout = 1h;
    EXPECT_EQ(run(o).exit.reason, subprocess_end::itself);
}

TEST_F(subprocess_test, a_timeout_of_what_it_left_behind) {
    const mark m;
    const auto work = [](const subprocess_options& o) -> task<> {
        subprocess p = co_await subprocess::start(o);
        const subprocess_result r = co_await p.collect(all);
        EXPECT_EQ(text_of(r.output), "early\n");
        EXPECT_EQ(r.exit.code, 2);
        EXPECT_EQ(r.exit.reason, subprocess_end::itself);
        EXPECT_EQ(p.stopping(), subprocess_end::timeout);
        co_await p.gone();
    };
    auto o = sh("sleep 1000 & echo early; exit 2", m);
    o.timeout = 1s;
    run(work(o));
    EXPECT_THAT(m.survivors(), IsEmpty());
}

TEST_F(subprocess_test, a_reader_whose_handle_goes) {
    const auto reads = [](std::optional<subprocess>& p) -> task<> {
        auto reading = p->read();
        EXPECT_FALSE(co_await std::move(reading));
    };
    const auto goes = [](std::optional<subprocess>& p) -> task<> {
        co_await sleep(20ms);
        p.reset();
    };
    const auto work = [&](const subprocess_options& o) -> task<> {
        std::optional<subprocess> p;
        p.emplace(co_await subprocess::start(o));
        auto first = reads(p);
        auto second = goes(p);
        co_await (std::move(first) && std::move(second));
    };
    const auto o = sh("exec sleep 1000");
    run(work(o));
}

TEST_F(subprocess_test, after_a_timeout_nobody_waits_for_the_deaf) {
    const mark m;
    auto o = sh("trap '' TERM; echo before; sleep 1000; sleep 1000", m);
    o.timeout = 1s;
    o.grace = 1h;
    const auto work = [](const subprocess_options& options) -> task<> {
        subprocess p = co_await subprocess::start(options);
        std::string text;
        while (const auto piece = co_await p.read())
            text += piece->bytes.text();
        EXPECT_EQ(text, "before\n");
        EXPECT_EQ(p.stopping(), subprocess_end::timeout);
        EXPECT_FALSE(co_await p.wait(1ms)) << "it hears nothing";
        p.kill();
        const subprocess_exit e = co_await p.wait();
        EXPECT_EQ(e.signal, SIGKILL);
        EXPECT_EQ(e.reason, subprocess_end::timeout);
        co_await p.gone();
    };
    run(work(o));
    EXPECT_THAT(m.survivors(), IsEmpty());
}

TEST_F(subprocess_test, stop_and_kill) {
    const auto stopped = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        std::string ready;
        if (const auto piece = co_await p.read())
            ready = piece->bytes.text();
        EXPECT_EQ(ready, "ready\n");
        co_return co_await p.stop();
    };
    const auto polite = sh("trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done");
    subprocess_exit e = run(stopped(polite));
    EXPECT_EQ(e.code, 6);
    EXPECT_EQ(e.reason, subprocess_end::stopped);
    auto deaf = sh("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    deaf.grace = 50ms;
    EXPECT_EQ(run(stopped(deaf)).signal, SIGKILL);
    deaf.grace = 0ms;
    EXPECT_EQ(run(stopped(deaf)).signal, SIGKILL);
    const auto killed = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        p.terminate();
        p.kill();
        co_return co_await p.wait();
    };
    deaf.grace = 1h;
    EXPECT_EQ(run(killed(deaf)).reason, subprocess_end::stopped);
}

TEST_F(subprocess_test, signals_reach_its_group) {
    const auto work = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        co_await p.read();
        p.signal(SIGINT);
        const subprocess_exit e = co_await p.wait();
        p.signal(SIGINT);
        co_return e;
    };
    const auto o = sh(
        "trap : INT; sh -c \"trap 'exit 8' INT; echo ready; while :; do sleep 0.01; done\"; exit $?"
    );
    EXPECT_EQ(run(work(o)).code, 8);
    const auto bad = [](const subprocess_options& options) -> task<> {
        subprocess p = co_await subprocess::start(options);
        p.signal(12345);
    };
    const auto lasting = sh("exec sleep 1000");
    EXPECT_THROW(run(bad(lasting)), system_error);
}

TEST_F(subprocess_test, a_stopped_one_ends) {
    const auto work = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        co_await p.read();
        co_return co_await p.stop();
    };
    const auto o = sh("echo ready; kill -STOP $$; exec sleep 1000");
    EXPECT_EQ(run(work(o)).signal, SIGTERM) << "it was continued, and heard";
}

TEST_F(subprocess_test, the_handle_gone_it_ends) {
    const mark m;
    const auto drop = [](const subprocess_options& o) -> task<> {
        const subprocess p = co_await subprocess::start(o);
    };
    const auto o = sh("(sleep 1000) & sleep 1000", m);
    run(drop(o));
    context_.restart();
    context_.run();  // returns when its children are gone
    EXPECT_THAT(m.survivors(), IsEmpty());
}

TEST_F(subprocess_test, what_it_left_behind_ends_with_the_handle) {
    const mark m;
    const auto work = [&](const subprocess_options& o) -> task<> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_EQ((co_await p.wait()).code, 0);
        EXPECT_TRUE(m.await(1, 2s));
        EXPECT_FALSE(co_await p.wait(0s) == std::nullopt);
        p.terminate();
        co_await p.gone();
        EXPECT_THAT(m.survivors(), IsEmpty());
    };
    const auto o = sh("sleep 1000 > /dev/null 2>&1 & exit 0", m);
    run(work(o));
}

TEST_F(subprocess_test, a_cancelled_coroutine_leaves_nothing) {
    const mark m;
    const auto o = sh("trap '' TERM; sleep 1000; sleep 1000", m);
    asio::cancellation_signal cancel;
    bool ended = false;
    const auto work = [](const subprocess_options& options) -> task<> {
        subprocess p = co_await subprocess::start(options);
        co_await p.collect(all);
    };
    asio::co_spawn(
        context_,
        work(o),
        asio::bind_cancellation_slot(
            cancel.slot(),
            [&](std::exception_ptr e) {
                EXPECT_TRUE(e);
                ended = true;
            }
        )
    );
    context_.run_for(50ms);
    cancel.emit(asio::cancellation_type::terminal);
    testing::run_until(context_, [&] { return ended; });
    context_.restart();
    context_.run();  // returns when its children are gone
    EXPECT_THAT(m.survivors(), IsEmpty());
}

TEST_F(subprocess_test, a_context_ends_with_its_children) {
    run(sh("true"));  // what all children share
    const mark m;
    std::optional<subprocess> outside;
    const std::size_t descriptors = open_descriptors();
    std::chrono::steady_clock::time_point begin;
    {
        io_context context{1};
        int started = 0;
        const auto hold = [&started](const subprocess_options& o) -> task<> {
            subprocess p = co_await subprocess::start(o);
            ++started;
            co_await p.collect(all);
        };
        const auto keep = [](const subprocess_options& o, std::optional<subprocess>& out
                          ) -> task<> { out.emplace(co_await subprocess::start(o)); };
        const auto polite = sh("sleep 1000", m);
        auto deaf = sh("trap '' TERM; sleep 1000; sleep 1000", m);
        deaf.grace = 200ms;
        asio::co_spawn(context, hold(polite), asio::detached);
        asio::co_spawn(context, hold(deaf), asio::detached);
        asio::co_spawn(context, keep(deaf, outside), asio::detached);
        while (started < 2 || !outside)
            ASSERT_NE(context.run_one_for(20s), 0U);
        begin = std::chrono::steady_clock::now();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
    EXPECT_THAT(m.survivors(), IsEmpty());
    EXPECT_EQ(zombies(), 0U);
    ASSERT_TRUE(outside->ended());
    EXPECT_EQ(outside->ended()->reason, subprocess_end::drain);
    outside->terminate();
    outside.reset();
    EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_F(subprocess_test, where_the_host_reaps_it) {
    const auto work = [](const subprocess_options& o) -> task<subprocess_exit> {
        subprocess p = co_await subprocess::start(o);
        EXPECT_EQ(::waitpid(p.id(), nullptr, 0), p.id());
        co_return co_await p.wait();
    };
    const auto o = sh("exit 3");
    EXPECT_EQ(run(work(o)).code, 0) << "nothing is known of it";
}

TEST_F(subprocess_test, where_the_host_ignores_its_children) {
    struct sigaction before{}, ignored{};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGCHLD, &ignored, &before);
    const subprocess_result r = run(sh("echo text; exit 3"));
    ::sigaction(SIGCHLD, &before, nullptr);
    EXPECT_EQ(text_of(r.output), "text\n");
}

TEST_F(subprocess_test, on_two_cores_at_once) {
    core_pool cores(2);
    std::atomic<int> left = 2, good = 0;
    const auto work = [&](int core) -> task<> {
        auto o = sh("echo $NUMBER; exit $((NUMBER % 7))");
        for (int i = 0; i < 25; ++i) {
            o.environment.back() = "NUMBER=" + std::to_string(100 * core + i);
            subprocess p = co_await subprocess::start(o);
            const subprocess_result r = co_await p.collect(all);
            good += text_of(r.output) == std::to_string(100 * core + i) + '\n' &&
                    r.exit.code == (100 * core + i) % 7;
        }
        if (--left == 0)
            cores.stop();
    };
    for (int core = 0; core < 2; ++core)
        asio::co_spawn(cores[static_cast<std::size_t>(core)], work(core), asio::detached);
    // Without a stop() each would end alone.
    const auto guard = asio::make_work_guard(cores[0]), other = asio::make_work_guard(cores[1]);
    cores.run();
    EXPECT_EQ(good, 50);
}

// COSERVE_SOAK_COMMANDS=10000 for more.
TEST_F(subprocess_test, many_leave_nothing) {
    run(sh("true"));
    const std::size_t descriptors = open_descriptors();
    const char* const asked = std::getenv("COSERVE_SOAK_COMMANDS");
    const int count = asked ? std::atoi(asked) : 200;
    int failed = 0;
    const auto one = [](int& left, int& wrong) -> task<> {
        while (left-- > 0) {
            auto o = sh("exit 3");
            const int kind = left % 20;
            if (kind < 2)
                o.program = "/nonexistent";
            else if (kind < 4)
                o = sh("kill -TERM $$");
            else if (kind < 5)
                o = sh("exec yes");
            try {
                subprocess p = co_await subprocess::start(o);
                const subprocess_result r = co_await p.collect(100'000);
                wrong += kind < 2 || (kind < 4 && r.exit.signal != SIGTERM) ||
                         r.truncated != (kind == 4) || (kind > 4 && r.exit.code != 3);
            } catch (const subprocess_error&) {
                wrong += kind >= 2;
            }
        }
    };
    int left = count;
    const auto group = [&]() -> task<> {
        task_group all_of_them(context_.get_executor());
        for (int i = 0; i < 8; ++i)
            all_of_them.spawn(one, std::ref(left), std::ref(failed));
        co_await all_of_them.join();
    };
    testing::run_coroutine(context_, group(), 20s + count * 50ms);
    EXPECT_EQ(failed, 0);
    context_.restart();
    context_.run();
    EXPECT_THAT(own_children(), IsEmpty());
    EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
}  // namespace coserve
