// Clients that reset their connection at random points, and clients that come and go in thousands.
#include "../framework/plain_peer.hpp"

#include <coserve/server.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace server_check;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::loopback_server;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

/// Speaks without being asked, too.
class talker final : public stream_handler {
    task<> handle() override {
        tasks().spawn(&talker::talk, this);
        while (auto f = co_await read_frame()) {
            const std::string answer(f->size() * 3, 'x');
            co_await write_frame(answer);
        }
        tasks().cancel();
    }

    task<> talk() {
        for (;;) {
            co_await sleep(std::chrono::microseconds(100));
            co_await write_frame("by the way");
        }
    }
};

void add_services(registry& r) {
    r.add<echo>("echo");
    r.add<talker>("talk");
}

TEST(vanishing_clients_test, a_thousand_reset_at_random_points) {
    std::mt19937 random(20240517);
    const auto up_to = [&](std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(0, most)(random);
    };
    const std::size_t descriptors = open_descriptors();
    for (const char* service : {"echo", "talk"}) {
        loopback_server s(&add_services, service, "frame-timeout=60s", {.cores = 2});
        plain_peer bystander(s.url());
        const bool quiet = service == std::string_view("echo");
        std::vector<plain_peer> open;
        for (int i = 0; i < 500; ++i) {
            std::string frames;
            std::size_t first = 0;
            for (std::size_t n = up_to(5); n > 0; --n) {
                frames += framed(pattern(up_to(1) ? up_to(100) : up_to(40'000)));
                if (first == 0)
                    first = frames.size();
            }
            // More than the server answers while nobody reads would wait for ever.
            frames.resize(std::min<std::size_t>(frames.size(), 60'000));
            if (up_to(1))
                frames.resize(up_to(frames.size()));
            plain_peer p(s.url(), up_to(1) ? 4096 : 0);
            p.send(frames);
            if (up_to(2) == 0 && first != 0 && frames.size() >= first)
                p.receive(up_to(4));
            if (up_to(3) == 0)
                p.finish();
            if (up_to(2) == 0)
                open.push_back(std::move(p));
            else
                p.reset();
            if (open.size() > 20) {
                const auto one = open.begin() + static_cast<std::ptrdiff_t>(up_to(20));
                one->reset();
                open.erase(one);
            }
            if (i % 50 == 0 && quiet) {
                EXPECT_EQ(bystander.ask(std::to_string(i)), std::to_string(i));
            }
        }
        for (plain_peer& p : open)
            p.reset();
        bystander.close();
        eventually([&] { return s.server().stats().active == 0; }, "all have ended");
        s.stop();
        EXPECT_EQ(s.server().stats().accepted, 501U);
        EXPECT_THAT(s.log(), Each(HasSubstr("connection ended peer=127.0.0.1:")));
    }
    EXPECT_EQ(open_descriptors(), descriptors);
}

TEST(vanishing_clients_test, ten_thousand_cycles_leave_no_descriptor) {
    const temporary_directory directory;
    const std::size_t before = open_descriptors();
    {
        server s({.cores = 2, .log = [](const log_record&) {}});
        add_services(s.registry());
        const std::string tcp = s.listen("echo=tcp://127.0.0.1:0").url();
        const std::string local = s.listen("echo=unix:" + directory / "x.sock").url();
        std::thread runner([&] { s.run(); });
        eventually([&] { return plain_peer(tcp).ask("x") == "x"; }, "it serves");
        eventually([&] { return s.stats().active == 0; }, "the first has ended");
        const std::size_t idle = open_descriptors();
        for (int i = 0; i < 10'000; ++i) {
            plain_peer p(i % 4 == 3 ? local : tcp);
            if (i % 4 == 1)
                p.reset();
            if (i % 4 == 2)
                p.send("\x04");
        }
        eventually([&] { return s.stats().accepted == 10'001; }, "all have been accepted");
        eventually([&] { return s.stats().active == 0; }, "all have ended");
        EXPECT_EQ(open_descriptors(), idle);
        EXPECT_EQ(plain_peer(tcp).ask("still here"), "still here");
        s.stop();
        runner.join();
    }
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace coserve
