// Headers that claim much: memory grows with what arrives, not with what is claimed.
#include "plain_client.hpp"

#include <coserve/services/echo.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <fstream>

namespace coserve::faults {
namespace {

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t pages = 0, resident = 0;
    statm >> pages >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(GreedyHeaders, TakeNoMemory) {
    testing::loopback_server server(
        [](registry& r) { r.add<echo>("echo"); }, "echo", {}, {.cores = 2}
    );
    const std::size_t before = resident_bytes();
    std::vector<plain_client> clients;
    for (int i = 0; i < 1000; ++i) {
        clients.emplace_back(server.url());
        ASSERT_TRUE(clients.back().send(std::string_view("\x00\x00\x00\x01x", 5))
        );  // 16 MiB, and one byte of it
    }
    plain_client last(server.url()
    );  // behind them all: they have been looked at when it is answered
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(last.send(framed("done?")));
        ASSERT_EQ(last.receive(9), framed("DONE?"));
    }
    EXPECT_LT(resident_bytes(), before + (std::size_t{64} << 20));
}

}  // namespace
}  // namespace coserve::faults
