// Children that do what they can to outlive their command, by each way of finding them.
#include "../framework/child_check.hpp"

#include <coserve/core_pool.hpp>
#include <coserve/sleep.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/task_group.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using namespace child_check;
using ::testing::IsEmpty;

struct hostile {
    const char* name;
    std::string command;  // says "ready" when all of it is there
};

const std::vector<hostile>& all_hostile() {
    static const std::vector<hostile> all{
        {"deaf", "trap '' TERM INT HUP; echo ready; while :; do sleep 1000; done"},
        {"setsid", "setsid sh -c 'echo ready; exec sleep 1000' & wait"},
        {"deaf_setsid", "setsid sh -c \"trap '' TERM; echo ready; sleep 1000; sleep 1000\" & wait"},
        {"double_fork", "(setsid sh -c '(echo ready; exec sleep 1000) &' &); exec sleep 1000"},
        {"orphan_of_an_orphan",
         "(setsid sh -c \"trap '' TERM; (setsid sh -c 'echo ready; sleep 1000; sleep 1000' &) ; "
         "exec sleep 1000\" &) ; sleep 1000"},
        {"daemon",
         "setsid sh -c '(setsid sh -c \"echo ready; exec sleep 1000 > /dev/null 2>&1\" &)'; exit 0"
        },
        {"stopped", "echo ready; kill -STOP $$; sleep 1000"},
        {"deaf_and_stopped", "trap '' TERM; echo ready; kill -STOP $$; sleep 1000; sleep 1000"},
        {"stopped_below", "sh -c 'trap \"\" TERM; echo ready; kill -STOP $$; sleep 1000' & wait"},
        {"breeding", "trap '' TERM; echo ready; while :; do (setsid sleep 1000 &); sleep 0.01; done"
        },
        {"successor",
         "trap 'setsid sleep 1000 & exit' TERM; echo ready; while :; do sleep 0.01; done"},
    };
    return all;
}

const char* name_of(process_tracking how) {
    switch (how) {
    case process_tracking::session:
        return "session";
    case process_tracking::subreaper:
        return "subreaper";
    case process_tracking::cgroup:
        return "cgroup";
    }
    return "";
}

task<> start_and_leave(subprocess_options o, bool stop) {
    subprocess p = co_await subprocess::start(o);
    const auto ready = co_await p.read(subprocess_stream::output);
    EXPECT_TRUE(ready && ready->text() == "ready\n");
    if (stop) {
        p.terminate();
        co_await p.gone();
    }
}

class hostile_children_test : public ::testing::TestWithParam<process_tracking> {
protected:
    void SetUp() override {
        if (track_processes(GetParam()) != GetParam())
            GTEST_SKIP() << "not to be had here";
    }

    static void TearDownTestSuite() { track_processes(process_tracking::session); }

    void end_context() {
        context_.restart();
        testing::run_until(context_, [&] { return context_.stopped() || own_children().empty(); });
        context_.restart();
        context_.run_for(100ms);
        EXPECT_THAT(own_children(), IsEmpty());
    }

    io_context context_{1};
};

TEST_P(hostile_children_test, are_gone_when_it_says_so) {
    for (const hostile& h : all_hostile()) {
        SCOPED_TRACE(h.name);
        const mark m;
        auto o = sh(h.command, m);
        o.grace = 200ms;
        testing::run_coroutine(context_, start_and_leave(o, true));
        EXPECT_TRUE(m.await(0, 0ms));
        EXPECT_THAT(own_children(), IsEmpty());
    }
}

TEST_P(hostile_children_test, are_gone_after_their_handle) {
    const mark m;
    for (const hostile& h : all_hostile()) {
        auto o = sh(h.command, m);
        o.grace = 200ms;
        testing::run_coroutine(context_, start_and_leave(o, false));
    }
    end_context();
    EXPECT_THAT(m.survivors(), IsEmpty());
}

TEST_P(hostile_children_test, are_gone_with_their_context) {
    const mark m;
    {
        io_context context{1};
        const auto hold = [](subprocess_options o, int& ready) -> task<> {
            subprocess p = co_await subprocess::start(o);
            co_await p.read();
            ++ready;
            co_await sleep(1h);
        };
        int ready = 0;
        for (const hostile& h : all_hostile()) {
            auto o = sh(h.command, m);
            o.grace = 200ms;
            asio::co_spawn(context, hold(o, ready), asio::detached);
        }
        const int all = static_cast<int>(all_hostile().size());
        testing::run_until(context, [&] { return ready == all; });
    }
    EXPECT_THAT(m.survivors(), IsEmpty());
    EXPECT_THAT(own_children(), IsEmpty());
}

// One command's end is not another's.
TEST_P(hostile_children_test, their_neighbours_live) {
    const mark dying, living;
    const auto work = [&](subprocess_options hostile_one, subprocess_options quiet) -> task<> {
        subprocess daemons = co_await subprocess::start(quiet);
        co_await daemons.read();
        subprocess p = co_await subprocess::start(hostile_one);
        co_await p.read();
        co_await p.stop();
        co_await p.gone();
        EXPECT_THAT(dying.survivors(), IsEmpty());
        EXPECT_TRUE(living.await(2, 2s)) << living.survivors().size();
        EXPECT_FALSE(daemons.ended());
        co_await daemons.stop();
        EXPECT_THAT(living.survivors(), IsEmpty());
    };
    // Its daemon is its own child: it adopts its orphans.
    const auto quiet =
        sh("(setsid sh -c '(echo ready; exec sleep 1000) &' &); exec sleep 1000", living);
    testing::run_coroutine(context_, work(sh(all_hostile()[3].command, dying), quiet));
    EXPECT_THAT(own_children(), IsEmpty());
}

void await_zombie(const subprocess& p) {
    const auto end = std::chrono::steady_clock::now() + 5s;
    while (!stat_of(p.id())->zombie && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(stat_of(p.id())->zombie);
}

// What it leaves is its own, also where this process hears of somebody else's end first.
TEST_P(hostile_children_test, a_strangers_end_is_not_its_daemons) {
    const auto work = [](subprocess_options quick, subprocess_options daemon) -> task<> {
        subprocess stranger = co_await subprocess::start(quick);
        subprocess p = co_await subprocess::start(daemon);
        stranger.close_input();
        await_zombie(stranger);
        p.close_input();
        await_zombie(p);
        co_await stranger.stop();
        const subprocess_result r = co_await p.collect(1000);
        EXPECT_EQ(text_of(r.output), "late\n");
        co_await p.stop();
    };
    auto quick = sh("read x");
    quick.grace = 0ms;
    // This shell ends when the daemon, which has left its session, has left its pipe, too.
    auto daemon =
        sh("read x; exec 3>&1; x=$(setsid sh -c 'exec >&3; sleep 0.3; echo late' &); exit 0");
    quick.input = daemon.input = subprocess_input::pipe;
    testing::run_coroutine(context_, work(quick, daemon));
    EXPECT_THAT(own_children(), IsEmpty());
}

// One that hides whose it is ends with the last command, and not before.
TEST_P(hostile_children_test, one_that_hides_is_the_last_ones) {
    const mark hidden;
    const bool in_cgroups = GetParam() == process_tracking::cgroup;
    const auto work = [&](subprocess_options lasting, subprocess_options hiding) -> task<> {
        subprocess last = co_await subprocess::start(lasting);
        subprocess p = co_await subprocess::start(hiding);
        EXPECT_EQ((co_await p.wait()).code, 0);
        co_await p.stop();
        EXPECT_EQ(hidden.survivors().size(), in_cgroups ? 0U : 1U);
        co_await last.stop();
        EXPECT_THAT(hidden.survivors(), IsEmpty());
    };
    const auto hiding =
        sh("exec 3>&1; x=$(prlimit --rttime=1000000:1000000 setsid sh -c 'exec >&3; exec sleep "
           "1000' &)",
           hidden);
    testing::run_coroutine(context_, work(sh("exec sleep 1000"), hiding));
    EXPECT_THAT(own_children(), IsEmpty());
}

TEST_P(hostile_children_test, are_found_without_descriptors) {
    const mark m;
    rlimit before;
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const auto work = [&](subprocess_options o) -> task<> {
        subprocess p = co_await subprocess::start(o);
        await_zombie(p);
        const int first_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        ::close(first_free);
        const rlimit none{static_cast<rlim_t>(first_free), before.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
        co_await p.wait();
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        EXPECT_EQ(m.survivors().size(), 1U);
        co_await p.stop();
        co_await p.gone();
        EXPECT_THAT(m.survivors(), IsEmpty());
    };
    const auto o = sh("exec 3>&1; x=$(setsid sh -c 'exec >&3; exec sleep 1000' &)", m);
    testing::run_coroutine(context_, work(o));
    EXPECT_THAT(own_children(), IsEmpty());
}

// A program need not expect children that it did not start; where its cgroup finds them, it has
// none.
TEST_P(hostile_children_test, has_others_children_only_where_it_must) {
    const auto o =
        sh("p=$( (sleep 1000 > /dev/null 2>&1 & echo $!) ); cut -d ' ' -f 4 /proc/$p/stat; echo $$"
        );
    const auto work = [](subprocess_options options) -> task<std::string> {
        subprocess p = co_await subprocess::start(options);
        const subprocess_result r = co_await p.collect(1000);
        co_await p.stop();
        co_return text_of(r.output);
    };
    std::istringstream text(testing::run_coroutine(context_, work(o)));
    pid_t parent = 0, root = 0;
    ASSERT_TRUE(text >> parent >> root);
    EXPECT_EQ(parent == root, GetParam() == process_tracking::subreaper);
}

// The limit holds it, and all of it ends: as another user, for nothing binds root.
TEST_P(hostile_children_test, a_fork_bomb) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may choose a user for it";
    const mark m;
    auto o = sh("trap '' TERM; echo ready; bomb() { bomb | bomb & }; bomb; sleep 1000", m);
    o.user = subprocess_user{64322, 64322, {}};
    o.limits.processes = 60;
    o.grace = 200ms;
    testing::run_coroutine(context_, start_and_leave(o, true));
    EXPECT_TRUE(m.await(0, 0ms));
    EXPECT_THAT(own_children(), IsEmpty());
}

// COSERVE_SOAK_HOSTILE=500 for more.
TEST_P(hostile_children_test, many_at_once_on_two_cores) {
    const char* const asked = std::getenv("COSERVE_SOAK_HOSTILE");
    const int count = asked ? std::atoi(asked) : 30;
    const mark m;
    core_pool cores(2);
    std::atomic<int> left = 2, ended = 0;
    std::vector<std::exception_ptr> errors(2);
    const auto work = [&](std::size_t core) -> task<> {
        task_group group(cores[core].get_executor());
        const auto some = [](int first, int total, const mark& marked, std::atomic<int>& done
                          ) -> task<> {
            for (int i = first; i < total; i += 16) {
                auto o =
                    sh(all_hostile()[static_cast<std::size_t>(i) % all_hostile().size()].command,
                       marked);
                o.timeout = 100ms;
                o.grace = 200ms;
                subprocess p = co_await subprocess::start(o);
                while (co_await p.read()) {
                }
                p.terminate();
                co_await p.gone();
                ++done;
            }
        };
        for (int i = 0; i < 8; ++i)
            group.spawn(some, static_cast<int>(core) * 8 + i, count, std::cref(m), std::ref(ended));
        try {
            co_await group.join();
        } catch (...) {
            errors[core] = std::current_exception();
        }
        if (--left == 0)
            cores.stop();
    };
    for (std::size_t core = 0; core < 2; ++core)
        asio::co_spawn(cores[core], work(core), asio::detached);
    const auto guard = asio::make_work_guard(cores[0]), other = asio::make_work_guard(cores[1]);
    cores.run();
    for (const auto& error : errors)
        EXPECT_FALSE(error);
    EXPECT_EQ(ended, count);
    EXPECT_THAT(m.survivors(), IsEmpty());
    EXPECT_THAT(own_children(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    by_,
    hostile_children_test,
    ::testing::Values(process_tracking::cgroup, process_tracking::subreaper),
    [](const auto& how) { return name_of(how.param); }
);

}  // namespace
}  // namespace coserve
