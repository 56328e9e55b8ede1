// Handlers that throw at every step of their life.
#include "../framework/plain_peer.hpp"

#include <coserve/server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using namespace server_check;
using ::testing::StartsWith;

enum class step { none, verify, constructor, setup, handle, task, finish };

constexpr std::array<const char*, 7> names{
    "none", "verify", "constructor", "setup", "handle", "task", "finish"
};

std::atomic<int> handlers_alive = 0;

class failing final : public stream_handler {
public:
    struct options {
        step where = step::none;

        void read(option_reader& reader) {
            reader.choice(
                "at",
                where,
                {{"none", step::none},
                 {"verify", step::verify},
                 {"constructor", step::constructor},
                 {"setup", step::setup},
                 {"handle", step::handle},
                 {"task", step::task},
                 {"finish", step::finish}},
                "where it throws"
            );
        }
    };

    explicit failing(const options& o) : where_(o.where) {
        fail_at(step::constructor);
        ++handlers_alive;
    }

    ~failing() override { --handlers_alive; }

private:
    task<> setup() override {
        co_await sleep(duration::zero());
        fail_at(step::setup);
    }

    /// Throws at the frame whose number is in the first one.
    task<> handle() override {
        tasks().spawn(&failing::work, this);
        int last = -1;
        for (int number = 0; auto f = co_await read_frame(); ++number) {
            if (number == 0)
                last = std::stoi(std::string(f->text()));
            co_await write_frame(*f);
            if (number == last)
                fail_at(step::handle);
        }
        tasks().cancel();
    }

    task<> finish() override {
        co_await sleep(duration::zero());
        fail_at(step::finish);
    }

    task<> work() {
        co_await sleep(std::chrono::milliseconds(1));
        fail_at(step::task);
        co_await sleep(std::chrono::hours(1));
    }

    void fail_at(step here) const {
        if (here == where_)
            throw std::runtime_error(names.at(static_cast<std::size_t>(here)));
    }

    step where_;
};

TEST(throwing_handlers_test, a_thousand_at_every_step_disturb_nobody) {
    constexpr int waves = 20, a_wave = 50;
    std::mutex mutex;
    std::map<std::string, int> logged, reported;
    const std::size_t descriptors = open_descriptors();
    {
        server s({.cores = 2, .log = [&](const log_record& r) {
                      const std::scoped_lock lock(mutex);
                      std::string what(r.message);
                      for (const auto& [key, value] : r.fields) {
                          if (key == "reason")
                              what += ": " + std::string(value);
                          if (key == "peer") {
                              EXPECT_THAT(std::string(value), StartsWith("127.0.0.1:"));
                          }
                          if (key == "listener") {
                              EXPECT_THAT(std::string(value), StartsWith("tcp://127.0.0.1:"));
                          }
                      }
                      ++logged[what];
                  }});
        s.registry().add<failing>("fail");
        std::vector<std::string> urls;
        for (const char* at : names) {
            listener_hooks hooks;
            if (at == std::string_view("verify"))
                hooks.verify_request = [](const peer_info&) -> bool {
                    throw std::runtime_error("verify");
                };
            hooks.handle_error = [&](const peer_info&, const std::exception_ptr& error) {
                const std::scoped_lock lock(mutex);
                try {
                    std::rethrow_exception(error);
                } catch (const std::runtime_error& e) {
                    ++reported[e.what()];
                }
            };
            const auto text = std::string("fail=tcp://127.0.0.1:0?at=") + at;
            urls.push_back(s.listen(text, std::move(hooks)).url());
        }
        std::thread runner([&] { s.run(); });
        plain_peer bystander(urls[0]);
        bystander.ask("1000000");
        for (int wave = 0; wave < waves; ++wave) {
            std::vector<plain_peer> peers;
            for (int i = 0; i < a_wave; ++i)
                peers.emplace_back(urls[static_cast<std::size_t>(i) % urls.size()]);
            for (int i = 0; i < a_wave; ++i) {
                const auto last = std::to_string(i % 10);
                std::string frames = framed(last);
                for (int n = 1; n < 10; ++n)
                    frames += framed("frame " + std::to_string(n));
                try {
                    peers[i].send(frames);
                } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): it has ended
                                                      // already
                }
            }
            for (int i = 0; i < a_wave; ++i) {
                const auto at = static_cast<step>(static_cast<std::size_t>(i) % urls.size());
                std::string due;
                for (int n = 0; n < (at == step::handle ? i % 10 + 1 : 10); ++n)
                    due += framed(n == 0 ? std::to_string(i % 10) : "frame " + std::to_string(n));
                if (at != step::task)
                    peers[i].finish();
                const std::string got = peers[i].receive_rest();
                if (at == step::task)
                    due.resize(got.size());  // it cuts in anywhere
                else if (at != step::none && at != step::handle && at != step::finish)
                    due.clear();
                EXPECT_EQ(got, due) << names.at(static_cast<std::size_t>(at));
            }
            peers.clear();
            EXPECT_EQ(bystander.ask("still here"), "still here");
        }
        bystander.close();
        eventually([&] { return s.stats().active == 0; }, "all have ended");
        s.stop();
        runner.join();

        // 50 are 7 of each, and one more of the first.
        constexpr int each = waves * (a_wave / 7), more = waves;
        EXPECT_EQ(s.stats().accepted, 1001U);
        EXPECT_EQ(s.stats().failed, static_cast<std::size_t>(5 * each));
        for (const char* at : {"verify", "constructor", "setup", "handle", "task"}) {
            EXPECT_EQ(reported[at], each) << at;
            EXPECT_EQ(logged[std::string("connection ended: ") + at], each) << at;
        }
        EXPECT_EQ(logged["finish() failed: finish"], each);
        EXPECT_EQ(logged.size(), 6U);
        EXPECT_EQ(reported.size(), 5U);
        static_assert(7 * each + more == 1000);
    }
    EXPECT_EQ(handlers_alive, 0);
    EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
}  // namespace coserve
