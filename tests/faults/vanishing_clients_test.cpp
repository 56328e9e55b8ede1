// Clients that reset their connection at any point.
#include "plain_client.hpp"

#include <coserve/services/echo.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <filesystem>
#include <random>

namespace coserve::faults {
namespace {

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(VanishingClients, DisturbNobodyAndLeaveNothing) {
    testing::loopback_server server(
        [](registry& r) { r.add<echo>("echo"); }, "echo", {}, {.cores = 2}
    );
    plain_client beside(server.url());
    ASSERT_TRUE(beside.send(framed("first")));
    ASSERT_EQ(beside.receive(9), framed("FIRST"));
    const std::size_t before = open_descriptors();

    std::mt19937 random(20260101);
    std::string stream;
    for (int i = 0; i < 40; ++i)
        stream += framed(std::string(random() % 3000, 'x'));
    for (int i = 0; i < 1000; ++i) {
        plain_client client(server.url());
        ASSERT_TRUE(client.send(std::string_view(stream).substr(0, random() % stream.size())));
        if (random() % 2 == 0)
            client.receive(0);
        if (random() % 4 == 0)
            client.finish();
        client.reset();
        if (i % 50 == 0) {
            ASSERT_TRUE(beside.send(framed("still here")));
            ASSERT_EQ(beside.receive(14), framed("STILL HERE"));
        }
    }

    beside.finish();
    EXPECT_EQ(beside.receive_rest(), "");
    server.stop();
    EXPECT_EQ(server.server().stats().active, 0U);
    EXPECT_LE(open_descriptors(), before);
}

}  // namespace
}  // namespace coserve::faults
