// A handler that answers much and reads little: the peer gets all of it, though its own bytes were
// never read.
#include "../framework/plain_peer.hpp"

#include <coserve/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace coserve {
namespace {

using namespace server_check;

/// The replies of a connection reach its peer whole when the handler returns, whatever it has not
/// read.
TEST(unread_input_test, costs_the_peer_no_reply) {
    class one_answer final : public stream_handler {
        task<> handle() override {
            co_await read_frame();
            for (int i = 0; i < 10; ++i)
                co_await write_frame(pattern(100'000));
        }
    };
    const temporary_directory directory;
    server s({.cores = 2, .log = [](const log_record&) {}});
    s.registry().add<one_answer>("answer");
    const std::vector<std::string> urls{
        s.listen("answer=tcp://127.0.0.1:0").url(),
        s.listen("answer=unix:" + directory / "x.sock").url(),
    };
    std::thread runner([&] { s.run(); });
    std::string due;
    for (int i = 0; i < 10; ++i)
        due += framed(pattern(100'000));
    for (const std::string& url : urls)
        for (int i = 0; i < 40; ++i) {
            plain_peer p(url, i % 2 ? 4096 : 0);
            p.send_frame("go");
            p.send(pattern(i % 3 == 0 ? 1 : 50'000));
            EXPECT_TRUE(p.receive_rest() == due);
        }
    eventually([&] { return s.stats().active == 0; }, "all have ended");
    s.stop();
    runner.join();
    EXPECT_EQ(s.stats().failed, 0U);
}

}  // namespace
}  // namespace coserve
