#include <coserve/endpoint.hpp>
#include <coserve/error.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unordered_set>

namespace coserve {
namespace {

TEST(endpoint_test, reads_addresses_and_writes_them) {
    EXPECT_EQ(endpoint::ip("127.0.0.1", 7703).to_string(), "127.0.0.1:7703");
    EXPECT_EQ(endpoint::ip("2001:db8::7", 80).to_string(), "[2001:db8::7]:80");
    EXPECT_EQ(endpoint::ip("2001:db8::7", 80).address(), "2001:db8::7");
    EXPECT_EQ(endpoint::ip("10.0.0.1", 1).with_port(9), endpoint::ip("10.0.0.1", 9));
}

TEST(endpoint_test, refuses_what_is_no_address) {
    for (const char* const text : {"", "localhost", "1.2.3", "[::1]", "1.2.3.4.5", "::g"})
        EXPECT_THROW(endpoint::ip(text, 1), configuration_error) << text;
}

TEST(endpoint_test, knows_loopback) {
    EXPECT_TRUE(endpoint::ip("127.8.9.1", 1).is_loopback());
    EXPECT_TRUE(endpoint::ip("::1", 1).is_loopback());
    EXPECT_FALSE(endpoint::ip("126.0.0.1", 1).is_loopback());
    EXPECT_FALSE(endpoint::ip("::2", 1).is_loopback());
    EXPECT_TRUE(endpoint::ip("::", 1).is_unspecified());
    EXPECT_FALSE(endpoint::ip("::1", 1).is_unspecified());
}

TEST(endpoint_test, goes_to_the_kernel_and_back) {
    alignas(sockaddr_in6) std::array<std::byte, sizeof(sockaddr_in6)> room{};
    auto* const address = reinterpret_cast<sockaddr*>(room.data());
    for (const char* const text : {"192.0.2.9", "2001:db8::1", "fe80::1%3"}) {
        const endpoint e = endpoint::ip(text, 7703);
        const std::size_t size = e.to_sockaddr(address);
        EXPECT_EQ(endpoint(address, size), e) << text;
    }
    EXPECT_EQ(endpoint().to_sockaddr(address), 0U);
    EXPECT_EQ(endpoint::unix_peer(7).to_sockaddr(address), 0U);
}

TEST(endpoint_test, equal_ones_have_equal_hashes_and_neighbours_have_not) {
    EXPECT_EQ(endpoint::ip("10.0.0.1", 7).hash(), endpoint::ip("10.0.0.1", 7).hash());
    std::unordered_set<std::size_t> hashes;
    std::unordered_set<endpoint> endpoints;
    for (int host = 0; host < 40; ++host)
        for (int port = 0; port < 250; ++port)
            for (const std::string prefix : {"10.0.0.", "2001:db8::"}) {
                const auto number = static_cast<std::uint16_t>(port);
                const endpoint e = endpoint::ip(prefix + std::to_string(host), number);
                hashes.insert(e.hash());
                endpoints.insert(e);
            }
    EXPECT_EQ(endpoints.size(), 20'000U);
    EXPECT_EQ(hashes.size(), endpoints.size());
}

}  // namespace
}  // namespace coserve
