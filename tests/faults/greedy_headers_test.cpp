// Headers that claim much: memory grows with what arrives, not with what is claimed.
#include "../framework/plain_peer.hpp"

#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <thread>
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

/// Of this process, such as `VmHWM`: most that was resident at a time.
std::size_t status_bytes(std::string_view name) {
    std::ifstream file("/proc/self/status");
    std::string line;
    while (std::getline(file, line))
        if (line.starts_with(name))
            return std::stoul(line.substr(name.size() + 1)) << 10;
    throw std::runtime_error("/proc/self/status has no " + std::string(name));
}

/// What this process takes from here on, whether it gives it back or not. What it took before and
/// gave back hides as much of that: VmHWM begins anew where the kernel allows it, VmPeak never.
class memory_taken {
public:
    memory_taken() {
        std::ofstream("/proc/self/clear_refs") << "5";
        resident_ = status_bytes("VmHWM");
        reserved_ = status_bytes("VmPeak");
    }

    /// Bytes that were in use at once, beside those before.
    std::size_t resident() const { return status_bytes("VmHWM") - resident_; }

    /// The same of addresses: memory that was asked for and not touched counts too.
    std::size_t reserved() const { return status_bytes("VmPeak") - reserved_; }

private:
    std::size_t resident_ = 0, reserved_ = 0;
};

/// A header's word is not enough to get memory: a thousand claim 1 GiB each.
TEST(greedy_headers_test, take_no_memory) {
    const std::size_t count = make_room_for(1000);
    loopback_server s(
        &add_services, "echo", "max-frame=1GiB&frame-timeout=1h", {.cores = 2, .drain_timeout = {}}
    );
    std::vector<plain_peer> peers;
    for (std::size_t i = 0; i < count; ++i)
        peers.emplace_back(s.url());
    eventually([&] { return s.server().stats().active == count; }, "all are there");
    const memory_taken taken;
    // The second time it is known what is to come.
    for (const std::string& part : {std::string("\0\0\0\x40x", 5), std::string("y")}) {
        for (plain_peer& p : peers)
            p.send(part);
        for (plain_peer& p : peers)
            p.await_arrival();
        // Each core has met all of its own once it answers those that came after them.
        plain_peer one(s.url()), two(s.url());
        EXPECT_EQ(one.ask("1"), "1");
        EXPECT_EQ(two.ask("2"), "2");
    }
    // A buffer each, of 16 KiB, and what a sanitizer adds to it.
    EXPECT_LT(taken.resident(), count * (std::size_t{64} << 10)) << taken.resident() / count;
    EXPECT_LT(taken.reserved(), std::size_t{512} << 20);
    EXPECT_GE(s.server().stats().active, count);
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
        const memory_taken taken;
        for (plain_peer& p : peers)
            p.send(c.bytes);
        for (plain_peer& p : peers)
            EXPECT_EQ(p.receive_rest(), "");
        EXPECT_LT(taken.resident(), std::size_t{64} << 20);
        EXPECT_LT(taken.reserved(), std::size_t{1} << 30);
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
