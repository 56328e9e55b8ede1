#include <coserve/core_local.hpp>
#include <coserve/frame.hpp>
#include <coserve/sleep.hpp>
#include <coserve/stream_handler.hpp>
#include <coserve/testing/handler_session.hpp>

#include <boost/asio/this_coro.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::session;
using ::testing::SizeIs;
using ::testing::StartsWith;

using words = std::vector<std::string>;
/// What handlers say. They all run on one core, so it needs no lock of its own.
using notes = concurrent<words>;

/// A line of the log says what, to whom, where, and why.
std::string ended(const std::string& reason, const std::string& what = "connection ended") {
    const bool quoted = reason.find(' ') != reason.npos;
    return what + " peer=memory listener=unix:memory service=handler reason=" +
           (quoted ? '"' + reason + '"' : reason);
}

const std::string cancelled = ended("cancelled");
const std::string runaway =
    ended("a coroutine went on reading or writing after its connection had ended");

task<> send(frame_stream& to, std::string payload) {
    co_await to.write_frame(payload);
    co_await to.flush();
}

task<std::optional<std::string>> receive(frame_stream& from) {
    const auto got = co_await from.read_frame();
    if (!got)
        co_return std::nullopt;
    co_return std::string(got->text());
}

task<words> receive_all(frame_stream& from) {
    words all;
    while (const auto got = co_await from.read_frame())
        all.emplace_back(got->text());
    co_return all;
}

task<std::string> ask(frame_stream& to, std::string question) {
    co_await to.write_frame(question);
    const auto answer = co_await to.read_frame();
    co_return answer ? std::string(answer->text()) : "(the end)";
}

template <class Session>
std::string end_of(Session& s) {
    try {
        s.run_to_end();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "well";
}

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

// ---- the life of a handler

class life final : public stream_handler {
public:
    explicit life(const notes& n) : notes_(n) { notes_->emplace_back("constructed"); }

    ~life() override { notes_->emplace_back("destroyed"); }

    task<> setup() override {
        co_await sleep(1s);
        notes_->emplace_back("set up");
    }

    task<> handle() override {
        tasks().spawn(&life::work, this);
        co_await write_frame("handled");
        notes_->emplace_back("handled");
    }

    task<> finish() override {
        notes_->emplace_back("finishing");
        co_await sleep(1s);
        co_await write_frame("finished");
        notes_->emplace_back("finished");
    }

private:
    task<> work() {
        co_await sleep(1s);
        co_await write_frame("worked");
        notes_->emplace_back("worked");
    }

    notes notes_;
};

TEST(session_test, goes_through_its_life_in_order) {
    words said;
    session<life> s("", {}, notes(said));
    EXPECT_THAT(said, ElementsAre("constructed"));
    s.advance(1s);
    EXPECT_THAT(said, ElementsAre("constructed", "set up", "handled"));
    s.advance(1s);
    EXPECT_THAT(said, ElementsAre("constructed", "set up", "handled", "worked", "finishing"));
    EXPECT_FALSE(s.ended());
    s.advance(1s);
    EXPECT_THAT(said.back(), "finished");
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre("handled", "worked", "finished"));
    EXPECT_FALSE(s.ended()) << "it waits for the client's end";
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(
        said,
        ElementsAre(
            "constructed", "set up", "handled", "worked", "finishing", "finished", "destroyed"
        )
    );
    EXPECT_THAT(s.log(), IsEmpty());
    EXPECT_EQ(s.server().stats().failed, 0U);
}

TEST(session_test, ends_where_the_peer_never_does) {
    words said;
    session<life> s("", {}, notes(said));
    for (int i = 0; i < 3; ++i)
        s.advance(1s);
    s.run(receive_all(s.client()));
    s.advance(250ms);  // it finds that all was taken, and then waits no longer than 2 s
    s.advance(1s);
    EXPECT_FALSE(s.ended());
    s.advance(1s);
    EXPECT_TRUE(s.ended());
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(session_test, sends_all_before_it_closes) {
    class many final : public stream_handler {
        task<> handle() override {
            for (int i = 0; i < 1000; ++i)
                co_await write_frame(std::string(1000, 'x'));
        }
    };
    session<many> s;
    s.wire().set_capacity(4096);
    EXPECT_THAT(s.run(receive_all(s.client())), SizeIs(1000));
}

/// Members are usable from setup() on, all of them.
TEST(session_test, gives_its_handler_what_it_needs) {
    class everything final : public stream_handler {
    public:
        explicit everything(const notes& n) : notes_(n) {}

        task<> setup() override {
            notes_->push_back(stream().peer().to_string());
            co_await write_frame("from ", "setup");
        }

        task<> handle() override {
            const auto limited = co_await read_frame(1s);
            notes_->emplace_back(limited->text());
            notes_->push_back(std::to_string(server().stats().active));
            notes_->push_back(server().draining() ? "draining" : "serving");
            const mailbox to_me = sender();
            const std::string_view letter = "a letter";
            const auto* const data = reinterpret_cast<const std::byte*>(letter.data());
            to_me.post(bytes(data, data + letter.size()));
            co_await sleep(1s);
        }

    private:
        notes notes_;
    };
    words said;
    session<everything> s("", {}, notes(said));
    EXPECT_EQ(s.run(receive(s.client())), "from setup");
    s.run(send(s.client(), "hello"));
    EXPECT_EQ(s.run(receive(s.client())), "a letter");
    s.advance(1s);
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
    EXPECT_THAT(said, ElementsAre("memory", "hello", "1", "serving"));
}

// ---- errors, step by step

enum class step { none, constructor, setup, handle, task, finish };

class failing final : public stream_handler {
public:
    failing(const notes& n, const step& where) : notes_(n), where_(where) {
        fail_at(step::constructor, "constructor");
    }

    task<> setup() override {
        notes_->emplace_back("setup");
        fail_at(step::setup, "setup");
        co_return;
    }

    task<> handle() override {
        notes_->emplace_back("handle");
        tasks().spawn(&failing::work, this);
        while (auto f = co_await read_frame()) {
            co_await write_frame(*f);
            fail_at(step::handle, "handle");
        }
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await sleep(1s);  // a cancellation state of its own
        notes_->emplace_back("finished");
        fail_at(step::finish, "finish");
    }

private:
    task<> work() {
        try {
            co_await sleep(2s);
        } catch (const system_error&) {
            notes_->emplace_back("task cancelled");
            throw;
        }
        fail_at(step::task, "task");
    }

    void fail_at(step here, const char* name) const {
        if (here == where_)
            throw std::runtime_error("broken in " + std::string(name));
    }

    notes notes_;
    step where_;
};

/// What happens around one, and what the client still gets.
struct trial {
    explicit trial(step where) : s("", {}, notes(said), where) {
        s.run(send(s.client(), "hello"));
        s.settle();
        s.advance(2s);
        s.advance(1s);
        s.client().close();
        s.settle();
        s.advance(1s);
        end = end_of(s);
    }

    words said;
    session<failing> s;
    std::string end;
};

TEST(session_errors_test, none_where_nothing_fails) {
    trial t(step::none);
    EXPECT_EQ(t.end, "well");
    EXPECT_THAT(t.said, ElementsAre("setup", "handle", "finish", "finished"));
    EXPECT_THAT(t.s.log(), IsEmpty());
    EXPECT_EQ(t.s.server().stats().failed, 0U);
}

TEST(session_errors_test, of_the_constructor_end_the_connection) {
    trial t(step::constructor);
    EXPECT_EQ(t.end, "broken in constructor");
    EXPECT_THAT(t.said, IsEmpty());
    EXPECT_THAT(t.s.log(), ElementsAre(ended("broken in constructor")));
    EXPECT_EQ(t.s.server().stats().failed, 1U);
}

TEST(session_errors_test, of_setup_end_the_connection_without_finish) {
    trial t(step::setup);
    EXPECT_EQ(t.end, "broken in setup");
    EXPECT_THAT(t.said, ElementsAre("setup"));
    EXPECT_THAT(t.s.log(), ElementsAre(ended("broken in setup")));
    EXPECT_EQ(t.s.server().stats().failed, 1U);
}

TEST(session_errors_test, of_handle_cancel_the_tasks_and_run_finish) {
    trial t(step::handle);
    EXPECT_EQ(t.end, "broken in handle");
    EXPECT_THAT(t.said, ElementsAre("setup", "handle", "task cancelled", "finish", "finished"));
    EXPECT_THAT(t.s.log(), ElementsAre(ended("broken in handle")));
    EXPECT_EQ(t.s.server().stats().failed, 1U);
}

TEST(session_errors_test, of_a_task_cancel_handle_and_are_the_sessions) {
    trial t(step::task);
    EXPECT_EQ(t.end, "broken in task");
    EXPECT_THAT(t.said, ElementsAre("setup", "handle", "finish", "finished"));
    EXPECT_THAT(t.s.log(), ElementsAre(ended("broken in task")));
    EXPECT_EQ(t.s.server().stats().failed, 1U);
}

TEST(session_errors_test, of_finish_are_logged_and_no_more) {
    trial t(step::finish);
    EXPECT_EQ(t.end, "well");
    EXPECT_THAT(t.said, ElementsAre("setup", "handle", "finish", "finished"));
    EXPECT_THAT(t.s.log(), ElementsAre(ended("broken in finish", "finish() failed")));
    EXPECT_EQ(t.s.server().stats().failed, 0U);
}

TEST(session_errors_test, what_was_queued_is_still_sent) {
    class last_words final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            co_await write_frame("last words");
            throw std::runtime_error("broken");
        }
    };
    session<last_words> s;
    s.run(send(s.client(), "go"));
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre("last words"));
    s.client().close();
    EXPECT_EQ(end_of(s), "broken");
}

TEST(session_errors_test, a_constructors_error_closes_as_any_other) {
    class refusing final : public stream_handler {
    public:
        refusing() { throw std::runtime_error("not today"); }

        task<> handle() override { co_return; }
    };
    session<refusing> s;
    EXPECT_FALSE(s.ended()) << "it waits for the client's end";
    EXPECT_THAT(s.run(receive_all(s.client())), IsEmpty());
    s.client().close();
    EXPECT_EQ(end_of(s), "not today");
}

TEST(session_errors_test, are_not_replaced_by_their_consequences) {
    class sore_loser final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&sore_loser::work, this);
            co_await read_frame();
            throw std::runtime_error("first");
        }

        task<> finish() override {
            throw std::runtime_error("third");
            co_return;
        }

        task<> work() {
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                throw std::runtime_error("second");
            }
        }
    };
    session<sore_loser> s;
    s.run(send(s.client(), "go"));
    s.client().close();
    EXPECT_EQ(end_of(s), "first");
    EXPECT_THAT(s.log(), ElementsAre(ended("first"), ended("third", "finish() failed")));
    EXPECT_EQ(s.server().stats().failed, 1U);
}

TEST(session_errors_test, a_tasks_error_is_not_replaced_by_handles) {
    class two_faults final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&two_faults::work, this);
            try {
                co_await read_frame();
            } catch (const system_error&) {
                throw std::runtime_error("second");
            }
        }

        task<> work() {
            co_await sleep(1s);
            throw std::runtime_error("first");
        }
    };
    session<two_faults> s;
    s.advance(1s);
    s.client().close();
    EXPECT_EQ(end_of(s), "first");
    EXPECT_THAT(s.log(), ElementsAre(ended("first")));
}

TEST(session_errors_test, a_tasks_error_counts_where_handle_swallows_its_cancellation) {
    class calm final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&calm::work, this);
            try {
                co_await read_frame();
            } catch (const system_error&) {
                co_return;
            }
        }

        task<> work() {
            co_await sleep(1s);
            throw std::runtime_error("the task's");
        }
    };
    session<calm> s;
    s.advance(1s);
    s.client().close();
    EXPECT_EQ(end_of(s), "the task's");
    EXPECT_EQ(s.server().stats().failed, 1U);
}

TEST(session_errors_test, a_task_may_fail_while_handle_is_joining_it) {
    class late final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&late::work, this);
            tasks().spawn(&late::wait, this);
            co_return;
        }

        task<> work() {
            co_await sleep(1s);
            throw std::runtime_error("late");
        }

        task<> wait() { co_await sleep(24h); }
    };
    session<late> s;
    s.advance(1s);
    s.client().close();
    EXPECT_EQ(end_of(s), "late");
    EXPECT_THAT(s.log(), ElementsAre(ended("late")));
}

TEST(session_errors_test, of_any_type_are_logged) {
    class odd final : public stream_handler {
        task<> handle() override {
            throw 42;
            co_return;
        }
    };
    session<odd> s;
    s.client().close();
    EXPECT_THROW(s.run_to_end(), int);
    EXPECT_THAT(s.log(), ElementsAre(ended("an exception that is not a std::exception")));
}

TEST(session_errors_test, of_the_peer_are_named) {
    session<echo> s("max-frame=10");
    s.run(send(s.client(), std::string(11, 'x')));
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
    s.client().close();
    EXPECT_THAT(end_of(s), StartsWith("a frame of 11 bytes, the maximum being 10"));
    EXPECT_THAT(
        s.log(),
        ElementsAre(AllOf(
            HasSubstr("peer=memory listener=unix:memory service=handler"),
            HasSubstr("the frame is longer than the maximum")
        ))
    );
}

TEST(session_errors_test, a_stalled_frame_ends_its_connection) {
    session<echo> s("frame-timeout=1s");
    s.run([](frame_stream& c) -> task<> {
        co_await c.write("\x05");
        co_await c.flush();
    }(s.client()));
    s.advance(1s);
    s.advance(1s);
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
    s.client().close();
    EXPECT_THAT(end_of(s), HasSubstr("did not come in time"));
    EXPECT_THAT(s.log(), SizeIs(1));
}

TEST(session_errors_test, dropped_frames_are_told_of_ten_times_a_second) {
    session<echo> s("max-frame=3&on-too-long=skip");
    const auto drop = [&](int count) {
        for (int i = 0; i < count; ++i)
            s.run(send(s.client(), "four"));
        EXPECT_EQ(s.run(ask(s.client(), "ok")), "ok");
    };
    drop(1);
    EXPECT_THAT(s.log(), ElementsAre(HasSubstr("frame dropped")));
    drop(100);
    EXPECT_THAT(s.log(), SizeIs(10));
    s.advance(1s);
    drop(2);
    ASSERT_THAT(s.log(), SizeIs(12));
    EXPECT_THAT(s.log()[10], HasSubstr("; 91 more before it on this listener"));
}

TEST(session_errors_test, a_peer_that_resets_is_one) {
    session<echo> s;
    s.wire().cut();
    EXPECT_NE(end_of(s), "well");
    EXPECT_THAT(s.log(), SizeIs(1));
}

/// Replies that the peer did not take are lost, and somebody must be told.
TEST(session_errors_test, a_deadline_while_it_closes_is_reported) {
    class replier final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            co_await write_frame(std::string(10'000, 'x'));
        }
    };
    session<replier> s("write-timeout=5s");
    s.wire().set_capacity(100);
    s.run(send(s.client(), "go"));
    s.settle();
    s.advance(4s);
    EXPECT_FALSE(s.ended());
    s.advance(1s);
    EXPECT_THAT(end_of(s), HasSubstr("took none of the queued output"));
    EXPECT_THAT(s.log(), ElementsAre(HasSubstr("took none of the queued output")));
    EXPECT_EQ(s.server().stats().failed, 1U);
}

// ---- finish() and its time

class slow_to_finish final : public stream_handler {
public:
    explicit slow_to_finish(const notes& n) : notes_(n) {}

    task<> handle() override {
        while (auto f = co_await read_frame()) {
        }
    }

    task<> finish() override {
        try {
            co_await sleep(24h);
        } catch (const system_error&) {
            notes_->emplace_back("cancelled");
            throw;
        }
    }

private:
    notes notes_;
};

TEST(session_finish_test, has_five_seconds) {
    words said;
    session<slow_to_finish> s("", {}, notes(said));
    s.client().close();
    s.settle();
    s.advance(4999ms);
    EXPECT_THAT(said, IsEmpty());
    s.advance(1ms);
    EXPECT_THAT(said, ElementsAre("cancelled"));
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(s.log(), ElementsAre(ended("cancelled", "finish() failed")));
}

TEST(session_finish_test, has_one_second_where_a_drain_has_expired) {
    words said;
    session<slow_to_finish> s("", {}, notes(said));
    s.run([](frame_stream& c) -> task<> {  // a frame has begun: the drain waits for it
        co_await c.write("\x05");
        co_await c.flush();
    }(s.client()));
    s.server().stop();
    s.settle();
    s.advance(10s);
    EXPECT_FALSE(s.ended());
    s.advance(999ms);
    EXPECT_THAT(said, IsEmpty());
    s.advance(1ms);
    EXPECT_THAT(said, ElementsAre("cancelled"));
    EXPECT_NE(end_of(s), "well");
    EXPECT_THAT(
        s.log(),
        ElementsAre(
            "drain cut short connections=1",
            HasSubstr("reason="),
            ended("cancelled", "finish() failed")
        )
    );
}

TEST(session_finish_test, that_has_begun_is_cut_short_where_the_drain_expires) {
    words said;
    session<slow_to_finish> s("", {}, notes(said));
    s.server().stop();
    s.settle();
    EXPECT_THAT(said, IsEmpty()) << "it began, and has until the fifth second";
    s.advance(5s);
    EXPECT_THAT(said, ElementsAre("cancelled"));
}

TEST(session_finish_test, runs_where_the_handler_was_cancelled) {
    class patient final : public stream_handler {
    public:
        explicit patient(const notes& n) : notes_(n) {}

        task<> handle() override {
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                notes_->emplace_back("cancelled");
                throw;
            }
        }

        task<> finish() override {
            co_await sleep(500ms);
            notes_->emplace_back("finished");
        }

    private:
        notes notes_;
    };
    words said;
    session<patient> s("", {}, notes(said));
    s.server().stop();
    s.settle();
    s.advance(10s);
    EXPECT_THAT(said, ElementsAre("cancelled"));
    s.advance(500ms);
    EXPECT_THAT(said, ElementsAre("cancelled", "finished"));
    EXPECT_NE(end_of(s), "well");
    EXPECT_THAT(s.log(), ElementsAre("drain cut short connections=1", cancelled));
}

TEST(session_finish_test, its_tasks_are_cancelled_when_it_returns) {
    class untidy final : public stream_handler {
    public:
        explicit untidy(const notes& n) : notes_(n) {}

        task<> handle() override { co_return; }

        task<> finish() override {
            tasks().spawn(&untidy::wait, this);
            co_return;
        }

    private:
        task<> wait() {
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                notes_->emplace_back("cancelled");
            }
        }

        notes notes_;
    };
    words said;
    session<untidy> s("", {}, notes(said));
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(said, ElementsAre("cancelled"));
}

/// finish() leaves a task that goes on for a while when it is cancelled, and then fails.
class lingering final : public stream_handler {
public:
    lingering(const notes& n, const duration& finishing, const duration& lingers)
        : notes_(n), finishing_(finishing), lingers_(lingers) {}

    task<> handle() override { co_return; }

    task<> finish() override {
        tasks().spawn(&lingering::linger, this);
        co_await sleep(finishing_);
    }

private:
    task<> linger() {
        try {
            co_await sleep(24h);
        } catch (const system_error&) {
            notes_->emplace_back("cancelled");
        }
        co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
        co_await sleep(lingers_);
        co_await write_frame("late");
        throw std::runtime_error("the task's");
    }

    notes notes_;
    duration finishing_, lingers_;
};

const std::string task_of_finish = ended("the task's", "finish() failed");
const std::string finish_cancelled = ended("cancelled", "finish() failed");

TEST(session_finish_test, its_tasks_are_joined_and_their_errors_logged) {
    words said;
    session<lingering> s("", {}, notes(said), duration(1s), duration(4s - 1ms));
    s.advance(1s);
    EXPECT_THAT(said, ElementsAre("cancelled"));
    s.advance(4s - 1ms);
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre("late"));
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(s.log(), ElementsAre(task_of_finish));
    EXPECT_EQ(s.server().stats().failed, 0U);
}

TEST(session_finish_test, its_tasks_have_no_longer_than_its_time) {
    words said;
    session<lingering> s("", {}, notes(said), duration(1s), duration(4s + 1ms));
    s.advance(1s);
    s.advance(4s);
    EXPECT_THAT(s.log(), ElementsAre(finish_cancelled));
    EXPECT_THAT(s.run(receive_all(s.client())), IsEmpty());
}

TEST(session_finish_test, its_tasks_have_a_second_where_its_time_has_run_out) {
    words said;
    session<lingering> s("", {}, notes(said), duration(24h), duration(1s - 1ms));
    s.advance(5s);
    EXPECT_THAT(s.log(), ElementsAre(finish_cancelled));
    s.advance(1s - 1ms);
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre("late"));
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(s.log(), ElementsAre(finish_cancelled, task_of_finish));
}

// ---- more than one coroutine

class ticker final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&ticker::tick, this);
        while (auto command = co_await read_frame())
            co_await write_frame(*command);
        tasks().cancel();
    }

    task<> tick() {
        for (int i = 1;; ++i) {
            co_await sleep(1s);
            co_await write_frame("tick " + std::to_string(i));
        }
    }
};

TEST(session_tasks_test, tick_beside_the_reader) {
    session<ticker> s;
    s.advance(1s);
    EXPECT_EQ(s.run(receive(s.client())), "tick 1");
    EXPECT_EQ(s.run(ask(s.client(), "fast")), "fast");
    s.advance(1s);
    EXPECT_EQ(s.run(receive(s.client())), "tick 2");
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(s.log(), IsEmpty());
}

TEST(session_tasks_test, handle_waits_for_those_that_it_does_not_cancel) {
    class forgetful final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&forgetful::work, this);
            co_return;
        }

        task<> work() {
            while (auto f = co_await read_frame())
                co_await write_frame(*f);
        }
    };
    session<forgetful> s;
    EXPECT_EQ(s.run(ask(s.client(), "still here")), "still here");
    EXPECT_FALSE(s.ended());
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
}

TEST(session_tasks_test, two_readers_are_one_too_many) {
    class crowded final : public stream_handler {
        task<> handle() override {
            tasks().spawn(&crowded::read, this);
            co_await read_frame();
        }

        task<> read() { co_await read_frame(); }
    };
    session<crowded> s;
    s.client().close();
    EXPECT_THAT(end_of(s), HasSubstr("already reading"));
    EXPECT_THAT(s.log(), SizeIs(1));
}

// ---- senders

TEST(session_sender_test, writes_from_other_threads_until_the_end) {
    class lender final : public stream_handler {
    public:
        explicit lender(const concurrent<std::optional<mailbox>>& out) : out_(out) {}

        task<> handle() override {
            *out_ = sender();
            while (auto f = co_await read_frame()) {
            }
        }

    private:
        concurrent<std::optional<mailbox>> out_;
    };
    std::optional<mailbox> box;
    {
        session<lender> s("", {}, concurrent(box));
        ASSERT_TRUE(box);
        mailbox::result posted{};
        std::thread([&] { posted = box->post(bytes(5, std::byte{'x'})); }).join();
        EXPECT_EQ(posted, mailbox::result::queued);
        EXPECT_EQ(s.run(receive(s.client())), "xxxxx");
        s.client().close();
        EXPECT_EQ(end_of(s), "well");
        EXPECT_EQ(box->post({}), mailbox::result::closed);
    }
    EXPECT_EQ(box->post({}), mailbox::result::closed);
}

// ---- draining

TEST(session_drain_test, handlers_are_told) {
    class aware final : public stream_handler {
        task<> handle() override {
            while (!stream().draining())
                co_await sleep(1s);
            co_await write_frame(server().draining() ? "draining" : "serving");
        }
    };
    session<aware> s;
    s.advance(5s);
    EXPECT_FALSE(s.ended());
    s.server().stop();
    s.settle();
    s.advance(1s);
    EXPECT_EQ(s.run(receive(s.client())), "draining");
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
}

TEST(session_drain_test, a_handler_may_stop_its_server) {
    class stopper final : public stream_handler {
        task<> handle() override {
            while (auto f = co_await read_frame()) {
                if (f->text() == "stop")
                    server().stop();
                co_await write_frame(*f);
            }
        }
    };
    session<stopper> s;
    EXPECT_EQ(s.run(ask(s.client(), "go on")), "go on");
    EXPECT_EQ(s.run(ask(s.client(), "stop")), "stop");
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
}

// ---- handlers that go on after the end, whatever they are told

/// A core that hangs cannot be interrupted by anything in the process.
class session_runaway_test : public ::testing::Test {
protected:
    void SetUp() override { ::alarm(60); }

    void TearDown() override { ::alarm(0); }
};

class catching_reader final : public stream_handler {
public:
    explicit catching_reader(const notes& n) : notes_(n) {}

    task<> handle() override {
        for (;;)
            try {
                co_await read_frame();
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await sleep(1s);
        notes_->emplace_back("finished");
    }

private:
    notes notes_;
};

class careless_reader final : public stream_handler {
public:
    explicit careless_reader(const notes& n) : notes_(n) {}

    task<> handle() override {
        while (true)
            co_await read_frame();
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await sleep(1s);
        notes_->emplace_back("finished");
    }

private:
    notes notes_;
};

class catching_writer final : public stream_handler {
public:
    explicit catching_writer(const notes& n) : notes_(n) {}

    task<> handle() override {
        for (;;)
            try {
                co_await write_frame("still here");
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await sleep(1s);
        notes_->emplace_back("finished");
    }

private:
    notes notes_;
};

template <class Session>
void expect_dropped(Session& s, const words& said) {
    s.settle();
    s.advance(1s);
    EXPECT_THAT(end_of(s), HasSubstr("went on reading or writing"));
    EXPECT_THAT(s.log(), ElementsAre(runaway));
    EXPECT_EQ(s.server().stats().failed, 1U);
    EXPECT_THAT(said, ElementsAre("finish", "finished"));
}

TEST_F(session_runaway_test, that_reads_after_the_end_is_dropped) {
    words said;
    session<catching_reader> s("", {}, notes(said));
    s.client().close();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_ignores_the_end_is_dropped) {
    words said;
    session<careless_reader> s("", {}, notes(said));
    s.client().close();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_reads_after_an_error_is_dropped) {
    words said;
    session<catching_reader> s("max-frame=1", {}, notes(said));
    s.run(send(s.client(), "too long"));
    s.client().close();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_reads_after_a_reset_is_dropped) {
    words said;
    session<catching_reader> s("", {}, notes(said));
    s.wire().cut();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_writes_after_a_reset_is_dropped) {
    words said;
    session<catching_writer> s("", {}, notes(said));
    s.wire().cut();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_reads_in_a_drain_is_dropped) {
    words said;
    session<catching_reader> s("", {}, notes(said));
    s.server().stop();
    s.settle();
    s.client().close();
    expect_dropped(s, said);
}

TEST_F(session_runaway_test, that_reads_after_an_expired_drain_is_dropped) {
    words said;
    session<catching_reader> s("", {}, notes(said));
    s.run([](frame_stream& c) -> task<> {
        co_await c.write("\x05");
        co_await c.flush();
    }(s.client()));
    s.server().stop();
    s.settle();
    s.advance(10s);
    s.advance(999ms);
    s.advance(1s);
    EXPECT_THAT(end_of(s), HasSubstr("went on reading or writing"));
    EXPECT_THAT(s.log(), ElementsAre("drain cut short connections=1", runaway));
}

/// A task's error cancels handle(), which goes on.
class reader_beside_a_fault final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&reader_beside_a_fault::fail, this);
        for (;;)
            try {
                co_await read_frame();
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> fail() {
        co_await sleep(1s);
        throw std::runtime_error("the task's");
    }
};

TEST_F(session_runaway_test, that_reads_after_its_cancellation_is_dropped) {
    session<reader_beside_a_fault> s;
    s.advance(1s);
    s.client().close();
    EXPECT_EQ(end_of(s), "the task's");
    EXPECT_EQ(s.server().stats().failed, 1U);
    EXPECT_THAT(s.log(), SizeIs(1));
}

class writer_beside_a_fault final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&writer_beside_a_fault::fail, this);
        for (;;)
            try {
                co_await write_frame("still here");
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> fail() {
        co_await sleep(1s);
        throw std::runtime_error("the task's");
    }
};

TEST_F(session_runaway_test, that_writes_after_its_cancellation_is_dropped) {
    session<writer_beside_a_fault> s;
    s.advance(1s);
    s.client().abort();
    s.settle();
    EXPECT_EQ(end_of(s), "the task's");
    EXPECT_EQ(s.server().stats().failed, 1U);
    EXPECT_THAT(s.log(), SizeIs(1));
}

class sleeper_beside_a_fault final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&sleeper_beside_a_fault::fail, this);
        for (;;)
            try {
                co_await sleep(2s);
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> fail() {
        co_await sleep(1s);
        throw std::runtime_error("the task's");
    }
};

TEST_F(session_runaway_test, that_sleeps_after_its_cancellation_is_dropped) {
    session<sleeper_beside_a_fault> s;
    s.advance(1s);
    s.client().close();
    EXPECT_EQ(end_of(s), "the task's");
    EXPECT_EQ(s.server().stats().failed, 1U);
    EXPECT_THAT(s.log(), SizeIs(1));
}

class catching_flusher final : public stream_handler {
public:
    explicit catching_flusher(const notes& n) : notes_(n) {}

    task<> handle() override {
        co_await sleep(1s);
        static_cast<void>(write_frame("still here"));
        for (;;)
            try {
                co_await stream().flush();
                co_return;
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await sleep(1s);
        notes_->emplace_back("finished");
    }

private:
    notes notes_;
};

TEST_F(session_runaway_test, that_flushes_after_a_reset_is_dropped) {
    words said;
    session<catching_flusher> s("", {}, notes(said));
    s.wire().cut();
    s.advance(1s);
    expect_dropped(s, said);
}

class runaway_finish final : public stream_handler {
public:
    explicit runaway_finish(const notes& n) : notes_(n) {}

    task<> handle() override {
        co_await read_frame();
        co_await write_frame(std::string(10'000, 'x'));
    }

    task<> finish() override {
        tasks().spawn(&runaway_finish::wait, this);
        while (true)
            co_await read_frame();
    }

private:
    task<> wait() {
        try {
            co_await sleep(24h);
        } catch (const system_error&) {
            notes_->emplace_back("cancelled");
        }
    }

    notes notes_;
};

/// What is queued is sent, however long the peer takes.
TEST_F(session_runaway_test, that_never_finishes_is_dropped_and_closed) {
    words said;
    session<runaway_finish> s("", {}, notes(said));
    s.wire().set_capacity(100);
    s.wire().finish(testing::memory_wire::end::client);
    s.settle();
    EXPECT_THAT(
        s.log(),
        ElementsAre(ended(
            "a coroutine went on reading or writing after its connection had ended",
            "finish() failed"
        ))
    );
    EXPECT_THAT(said, ElementsAre("cancelled"));
    s.advance(6s);
    EXPECT_THAT(s.log(), SizeIs(1));
    EXPECT_FALSE(s.ended());
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre(std::string(10'000, 'x')));
    EXPECT_EQ(end_of(s), "well");
}

class runaway_task final : public stream_handler {
public:
    explicit runaway_task(const notes& n) : notes_(n) {}

    task<> handle() override {
        tasks().spawn(&runaway_task::read, this);
        co_return;
    }

    task<> finish() override {
        notes_->emplace_back("finish");
        co_await write_frame("bye");
        notes_->emplace_back("finished");
    }

private:
    task<> read() {
        for (;;)
            try {
                co_await read_frame();
            } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
            }
    }

    notes notes_;
};

TEST_F(session_runaway_test, a_task_is_dropped_too) {
    words said;
    session<runaway_task> s("", {}, notes(said));
    s.client().close();
    expect_dropped(s, said);
}

/// The connection is open and well, but the task was cancelled.
TEST_F(session_runaway_test, a_task_that_reads_after_its_cancellation_is_dropped) {
    class host_of_one final : public stream_handler {
    public:
        explicit host_of_one(const bool& fails) : fails_(fails) {}

    private:
        task<> handle() override {
            tasks().spawn(&host_of_one::read, this);
            co_await sleep(1s);
            if (fails_)
                throw std::runtime_error("handle's");
            tasks().cancel();
        }

        task<> finish() override { co_await write_frame("bye"); }

        task<> read() {
            for (;;)
                try {
                    co_await read_frame();
                } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
                }
        }

        const bool fails_;
    };
    for (const bool fails : {true, false}) {
        session<host_of_one> s("", {}, fails);
        s.advance(1s);
        EXPECT_EQ(s.run(receive(s.client())), "bye");
        s.client().close();
        EXPECT_THAT(end_of(s), HasSubstr(fails ? "handle's" : "went on reading or writing"));
        EXPECT_THAT(s.log(), SizeIs(1));
    }
}

/// handle() runs away beside a task that would never end of itself.
TEST_F(session_runaway_test, its_tasks_are_cancelled) {
    class and_ticker final : public stream_handler {
    public:
        explicit and_ticker(const notes& n) : notes_(n) {}

        task<> handle() override {
            tasks().spawn(&and_ticker::wait, this);
            while (true)
                co_await read_frame();
        }

    private:
        task<> wait() {
            try {
                co_await sleep(24h);
            } catch (const system_error&) {
                notes_->emplace_back("cancelled");
                throw;
            }
        }

        notes notes_;
    };
    words said;
    session<and_ticker> s("", {}, notes(said));
    s.client().close();
    EXPECT_THAT(end_of(s), HasSubstr("went on reading or writing"));
    EXPECT_THAT(said, ElementsAre("cancelled"));
    EXPECT_THAT(s.log(), ElementsAre(runaway));
}

TEST_F(session_runaway_test, in_finish_is_dropped) {
    class never_done final : public stream_handler {
        task<> handle() override { co_return; }

        task<> finish() override {
            for (;;)
                try {
                    co_await read_frame();
                } catch (...) {  // NOLINT(bugprone-empty-catch): the mistake
                }
        }
    };
    session<never_done> s;
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
    EXPECT_THAT(
        s.log(),
        ElementsAre(ended(
            "a coroutine went on reading or writing after its connection had ended",
            "finish() failed"
        ))
    );
}

/// Many reads and writes are not too many while they get somewhere.
TEST_F(session_runaway_test, is_not_who_works_hard) {
    session<echo> s;
    const auto many = [](frame_stream& c) -> task<int> {
        for (int i = 0; i < 1000; ++i)
            co_await c.write_frame(std::to_string(i));
        for (int i = 0; i < 1000; ++i)
            co_await c.read_frame();
        co_return 1000;
    };
    EXPECT_EQ(s.run(many(s.client())), 1000);
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
}

// ---- functions instead of classes

task<> shout_back(frame_stream& stream) {
    while (auto f = co_await stream.read_frame()) {
        const std::string loud = std::string(f->text()) + "!";
        co_await stream.write_frame(loud);
    }
}

TEST(session_function_test, is_a_handler) {
    testing::handler_session s([](registry& r) { r.add("handler", &shout_back); }, "", {});
    EXPECT_EQ(s.run(ask(s.client(), "hello")), "hello!");
    s.client().close();
    EXPECT_EQ(end_of(s), "well");
}

TEST(session_function_test, may_be_a_lambda) {
    const auto add = [](registry& r) {
        r.add("handler", [](frame_stream& stream) -> task<> {
            co_await stream.write_frame("once");
            throw std::runtime_error("enough");
        });
    };
    testing::handler_session s(add, "", {});
    EXPECT_THAT(s.run(receive_all(s.client())), ElementsAre("once"));
    s.client().close();
    EXPECT_EQ(end_of(s), "enough");
    EXPECT_THAT(s.log(), ElementsAre(ended("enough")));
}

// ---- options

class greeter final : public stream_handler {
public:
    struct options {
        std::string greeting = "hello";
        unsigned most = 3;

        void read(option_reader& reader) {
            reader.text("greeting", greeting, "what each name is greeted with");
            reader.count("most", most, 1, 5, "how many greetings a connection gets");
        }
    };

    greeter(const options& o, const std::string& mark) : options_(o), mark_(mark) {}

private:
    task<> handle() override {
        for (unsigned i = 0; i < options_.most; ++i) {
            const auto name = co_await read_frame();
            if (!name)
                co_return;
            co_await write_frame(options_.greeting + " " + std::string(name->text()) + mark_);
        }
    }

    const options options_;
    const std::string mark_;
};

TEST(session_options_test, come_from_the_query) {
    session<greeter> s("greeting=good%20day&most=1", {}, std::string("!"));
    EXPECT_EQ(s.run(ask(s.client(), "Ann")), "good day Ann!");
    EXPECT_EQ(s.run(receive(s.client())), std::nullopt);
}

TEST(session_options_test, have_defaults) {
    session<greeter> s("", {}, std::string("."));
    EXPECT_EQ(s.run(ask(s.client(), "Ann")), "hello Ann.");
}

TEST(session_options_test, that_are_wrong_are_refused) {
    const auto refusal = [](const char* query) -> std::string {
        try {
            session<greeter> s(query, {}, std::string());
        } catch (const configuration_error& e) {
            return e.what();
        }
        return "none";
    };
    EXPECT_THAT(
        refusal("most=6"),
        AllOf(HasSubstr("handler=unix:memory?most=6"), HasSubstr("most=6"), HasSubstr("1 to 5"))
    );
    EXPECT_THAT(
        refusal("gretting=hi"),
        AllOf(HasSubstr("gretting"), HasSubstr("greeting"), HasSubstr("max-frame"))
    );
    EXPECT_THAT(refusal("most=1&most=2"), HasSubstr("most"));
    EXPECT_THAT(refusal("framing=morse"), HasSubstr("morse"));
}

// ---- state that handlers share

TEST(session_state_test, of_a_core_is_shared_by_its_handlers) {
    class counter final : public stream_handler {
    public:
        explicit counter(const core_local<int>& n) : count_(n) {}

        task<> handle() override {
            while (auto f = co_await read_frame())
                co_await write_frame(std::to_string(++*count_));
        }

    private:
        core_local<int> count_;
    };
    const core_local<int> count(1);
    {
        session<counter> s("", {}, count);
        EXPECT_EQ(s.run(ask(s.client(), "")), "1");
    }
    session<counter> s("", {}, count);
    EXPECT_EQ(s.run(ask(s.client(), "")), "2");
    int total = 0;
    count.all([&](int n) { total += n; });
    EXPECT_EQ(total, 2);
}

// ---- the end of everything

/// Whatever a handler waits for when its context ends, all of it is given back.
TEST(session_end_test, the_context_drops_handlers_wherever_they_wait) {
    class waiting final : public stream_handler {
    public:
        waiting(const std::shared_ptr<const int>& held, const int& where)
            : held_(held), where_(where) {}

        task<> setup() override {
            if (where_ == 0)
                co_await sleep(24h);
        }

        task<> handle() override {
            if (where_ == 1)
                co_await read_frame();
            if (where_ == 2)
                co_await sleep(24h);
            if (where_ == 3)
                co_await stream().closed();
            tasks().spawn(&waiting::wait, this);
            tasks().spawn(&waiting::read, this);
            if (where_ == 4)
                co_await tasks().join();
            if (where_ == 5)
                co_return;  // joins
            co_await sleep(24h);
        }

    private:
        task<> wait() { co_await sleep(24h); }

        task<> read() { co_await read_frame(); }

        std::shared_ptr<const int> held_;
        int where_;
    };
    for (int where = 0; where <= 6; ++where) {
        const auto held = std::make_shared<const int>();
        {
            session<waiting> s("", {}, held, where);
            s.settle();
            EXPECT_GT(held.use_count(), 1);
        }
        EXPECT_EQ(held.use_count(), 1) << where;
    }
}

class reporter final : public stream_handler {
public:
    explicit reporter(const notes& n) : notes_(n) {}

    task<> handle() override {
        log(log_level::info, "frames are short", std::to_string(stream().limits().max_frame));
        notes_->push_back(server().drain_deadline() ? "a deadline" : "none");
        while (const auto f = co_await read_frame()) {
        }
        const auto deadline = server().drain_deadline();
        const executor here = context_of(co_await asio::this_coro::executor).get_executor();
        notes_->push_back(deadline == now(here) + 10s ? "in 10 s" : "another");
    }

private:
    notes notes_;
};

TEST(handler_test, logs_and_knows_its_limits_and_when_a_drain_ends) {
    words said;
    session<reporter> s("max-frame=9", {}, notes(said));
    s.server().stop();
    s.settle();
    s.client().close();
    s.run_to_end();
    EXPECT_THAT(s.log(), ElementsAre(ended("9", "frames are short")));
    EXPECT_THAT(said, ElementsAre("none", "in 10 s"));
}

}  // namespace
}  // namespace coserve
