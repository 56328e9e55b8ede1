// A drain while clients write as fast as they can, with slow readers and idle peers beside:
// whatever was delivered to a handler is answered, the answer arrives, and each connection ends
// with FIN.
#include "plain_client.hpp"

#include <coserve/core_local.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <atomic>
#include <latch>
#include <thread>

namespace coserve::faults {
namespace {

constexpr int busy_clients = 8, slow_clients = 4, idle_clients = 20;
constexpr std::size_t payload = 500;

class counting_echo final : public stream_handler {
public:
    explicit counting_echo(const core_local<std::size_t>& delivered) : delivered_(delivered) {}

private:
    task<> handle() override {
        while (auto request = co_await read_frame()) {
            ++*delivered_;
            co_await write_frame(*request);
        }
    }

    const core_local<std::size_t> delivered_;
};

// Frames as fast as they are taken, until the server takes no more.
void write_on(plain_client& client) {
    const std::string batch = framed(std::string(payload, 'b'));
    while (client.send(batch)) {
    }
}

struct outcome {
    std::size_t replies = 0;
    bool whole = false;
    int error = 0;
};

outcome read_all(plain_client& client) {
    const std::string all = client.receive_rest();
    const std::string one = framed(std::string(payload, 'b'));
    outcome o{all.size() / one.size(), all.size() % one.size() == 0, client.error()};
    for (std::size_t i = 0; i < o.replies; ++i)
        o.whole = o.whole && std::string_view(all).substr(i * one.size(), one.size()) == one;
    return o;
}

TEST(DrainUnderLoad, AnswersAllThatWasDelivered) {
    const core_local<std::size_t> delivered(2);
    testing::loopback_server server(
        [&](registry& r) { r.add<counting_echo>("echo", delivered); },
        "echo",
        {},
        {.cores = 2, .drain_timeout = std::chrono::seconds(30)}
    );
    std::vector<plain_client> clients;
    for (int i = 0; i < busy_clients; ++i)
        clients.emplace_back(server.url());
    for (int i = 0; i < slow_clients; ++i)
        clients.emplace_back(server.url(), 4096);
    std::vector<plain_client> idle;
    for (int i = 0; i < idle_clients; ++i)
        idle.emplace_back(server.url());

    std::vector<outcome> outcomes(clients.size());
    std::latch under_way(busy_clients), stopped(1);
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < clients.size(); ++i) {
        threads.emplace_back([&, i] { write_on(clients[i]); });
        threads.emplace_back([&, i] {
            const bool slow = i >= busy_clients;
            if (slow) {
                stopped.wait();  // until then it reads nothing at all
            } else {
                EXPECT_EQ(clients[i].receive(payload + 4).size(), payload + 4);
                under_way.count_down();
            }
            outcomes[i] = read_all(clients[i]);
            outcomes[i].replies += slow ? 0 : 1;
        });
    }
    under_way.wait();
    server.server().stop();
    stopped.count_down();
    for (plain_client& client : idle) {
        EXPECT_EQ(client.receive_rest(), "");
        EXPECT_EQ(client.error(), 0) << std::strerror(client.error());
    }
    threads.clear();
    clients.clear();
    server.stop();

    std::size_t answered = 0, counted = 0;
    for (const outcome& o : outcomes) {
        EXPECT_TRUE(o.whole);
        EXPECT_EQ(o.error, 0) << std::strerror(o.error);
        answered += o.replies;
    }
    delivered.all([&](std::size_t count) { counted += count; });
    EXPECT_GT(answered, 0U);
    EXPECT_EQ(answered, counted);
    EXPECT_EQ(server.log(), std::vector<std::string>());
}

}  // namespace
}  // namespace coserve::faults
