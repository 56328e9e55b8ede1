// Handlers that throw at every step of their life: each ends its own connection, is reported once,
// and disturbs nobody.
#include "plain_client.hpp"

#include <coserve/services/echo.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <atomic>
#include <stdexcept>

namespace coserve::faults {
namespace {

enum class step { constructor, setup, handle, read, task, finish };
constexpr int steps = 6, rounds = 170;

std::atomic<int> alive = 0;  // what is left over when all has ended is a leak

class thrower final : public stream_handler {
public:
    struct options {
        std::uint64_t when = 0;

        void read(option_reader& reader) {
            reader.count("step", when, 0, steps - 1, "where it throws");
        }
    };

    explicit thrower(const options& o) : when_(static_cast<step>(o.when)) {
        fail_at(step::constructor);
        ++alive;
    }

    ~thrower() override { --alive; }

private:
    task<> setup() override {
        fail_at(step::setup);
        co_return;
    }

    task<> handle() override {
        fail_at(step::handle);
        if (when_ == step::task)
            tasks().spawn(&thrower::fail_later, this);
        while (auto request = co_await read_frame()) {
            co_await write_frame(*request);
            fail_at(step::read);
        }
    }

    task<> finish() override {
        fail_at(step::finish);
        co_return;
    }

    task<> fail_later() {
        co_await sleep(std::chrono::milliseconds(1));
        fail_at(step::task);
    }

    void fail_at(step here) const {
        if (when_ == here)
            throw std::runtime_error("as asked");
    }

    const step when_;
};

class ThrowingHandlers : public ::testing::TestWithParam<int> {};

TEST_P(ThrowingHandlers, EndTheirOwnConnectionAlone) {
    const auto when = static_cast<step>(GetParam());
    std::atomic<int> reported = 0;
    listener_hooks hooks;
    hooks.handle_error = [&](const peer_info&, const std::exception_ptr&) { ++reported; };
    testing::loopback_server good([](registry& r) { r.add<echo>("echo"); }, "echo");
    testing::loopback_server bad(
        [](registry& r) { r.add<thrower>("thrower"); },
        "thrower",
        "step=" + std::to_string(GetParam()),
        {.cores = 2},
        hooks
    );
    plain_client beside(good.url());
    for (int i = 0; i < rounds; ++i) {
        plain_client client(bad.url());
        client.send(framed("hello"));
        if (when == step::finish)
            client.finish();
        const std::string reply = client.receive_rest();
        if (when == step::read || when == step::finish) {
            EXPECT_EQ(reply, framed("hello"));  // written before it threw
        }
        EXPECT_EQ(client.error(), 0) << std::strerror(client.error());
        ASSERT_TRUE(beside.send(framed("still here")));
        ASSERT_EQ(beside.receive(14), framed("STILL HERE"));
    }
    bad.stop();
    EXPECT_EQ(reported, when == step::finish ? 0 : rounds);  // what finish() throws is logged alone
    EXPECT_EQ(bad.log().size(), static_cast<std::size_t>(rounds));
    EXPECT_EQ(bad.server().stats().active, 0U);
    EXPECT_EQ(alive, 0);
}

INSTANTIATE_TEST_SUITE_P(Step, ThrowingHandlers, ::testing::Range(0, steps));

}  // namespace
}  // namespace coserve::faults
