// Headers that claim much: memory grows with what arrives, not with what is claimed.
#include "../framework/plain_peer.hpp"

#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace coserve {
namespace {

using namespace server_check;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::loopback_server;

class echo final : public stream_handler {
    task<> handle() override {
        while (auto f = co_await read_frame())
            co_await write_frame(*f);
    }
};

void add_services(registry& r) {
    r.add<echo>("echo");
}

/// Descriptors of both ends of so many connections, and some to spare; fewer where the machine does
/// not allow them.
std::size_t make_room_for(std::size_t connections) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, 4096));
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min<std::size_t>(connections, (limit.rlim_cur - 100) / 2);
}

std::size_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::size_t all = 0, resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A header's word is not enough to get memory: a thousand claim 16 GiB together.
TEST(greedy_headers_test, take_no_memory) {
    const std::size_t count = make_room_for(1000);
    loopback_server s(&add_services, "echo", "frame-timeout=1h", {.cores = 2, .drain_timeout = {}});
    std::vector<plain_peer> peers;
    for (std::size_t i = 0; i < count; ++i)
        peers.emplace_back(s.url());
    eventually([&] { return s.server().stats().active == count; }, "all are there");
    const std::size_t before = resident_bytes();
    for (plain_peer& p : peers)
        p.send(std::string("\0\0\0\1x", 5));
    for (plain_peer& p : peers)
        p.await_arrival();
    // Each core has met all of its own once it answers those that came after them.
    plain_peer one(s.url()), two(s.url());
    EXPECT_EQ(one.ask("1"), "1");
    EXPECT_EQ(two.ask("2"), "2");
    const std::size_t after = resident_bytes();
    // A buffer each, of 16 KiB, and what a sanitizer adds to it.
    EXPECT_LT(after, before + count * (std::size_t{64} << 10)) << (after - before) / count;
    EXPECT_EQ(s.server().stats().active, count + 2);
}

struct claim {
    const char* framing;
    std::string bytes;  // the beginning of a frame
    const char* declares;
};

/// Each framing that declares lengths refuses them before it takes memory.
TEST(greedy_headers_test, what_is_over_the_maximum_is_refused_at_once) {
    const std::vector<claim> claims = {
        {"", std::string("\xff\xff\xff\x7f", 4), "2147483647"},
        {"signed=off", std::string("\xff\xff\xff\xff", 4), "4294967295"},
        {"width=8&order=big", std::string("\0\0\0\1\0\0\0\0", 8), "4294967296"},
        {"framing=netstring", "2147483647:", "2147483647"},
        {"framing=varint", "\xff\xff\xff\xff\x07", "2147483647"},
        {"framing=json-header",
         std::string("\x19\0\0\0", 4) + "{\"data_size\": 2147483647}",
         "2147483647"},
    };
    const std::size_t count = make_room_for(1000) / 2;
    for (const claim& c : claims) {
        SCOPED_TRACE(c.framing);
        loopback_server s(&add_services, "echo", c.framing, {.cores = 2, .drain_timeout = {}});
        std::vector<plain_peer> peers;
        for (std::size_t i = 0; i < count; ++i)
            peers.emplace_back(s.url());
        eventually([&] { return s.server().stats().active == count; }, "all are there");
        const std::size_t before = resident_bytes();
        for (plain_peer& p : peers)
            p.send(c.bytes);
        for (plain_peer& p : peers)
            EXPECT_EQ(p.receive_rest(), "");
        EXPECT_LT(resident_bytes(), before + (std::size_t{64} << 20));
        eventually([&] { return s.log().size() == count; }, "each is logged");
        EXPECT_THAT(
            s.log().back(),
            AllOf(HasSubstr(c.declares), HasSubstr("the frame is longer than the maximum"))
        );
    }
}

/// What arrives of a claim is taken as it comes, and given back with its connection.
TEST(greedy_headers_test, a_frame_grows_with_what_arrives) {
    loopback_server s(&add_services, "echo", "", {.cores = 1});
    plain_peer p(s.url());
    const std::string most = pattern(std::size_t{16} << 20);
    std::thread sender([&] { p.send_frame(most); });
    EXPECT_TRUE(p.receive_frame() == most);
    sender.join();
    p.send(std::string("\1\0\0\1", 4));
    EXPECT_EQ(p.receive_rest(), "");
    p.close();
    s.stop();
    EXPECT_THAT(s.log(), ElementsAre(HasSubstr("the frame is longer than the maximum")));
}

}  // namespace
}  // namespace coserve
