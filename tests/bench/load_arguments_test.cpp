#include <commands/load_arguments.hpp>
#include <commands/wire_url.hpp>

#include <coserve/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace coserve_bench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

load_arguments of(load_kind load, const std::string& url) {
    load_arguments a;
    a.load = load;
    a.url = url;
    return a;
}

std::string complaint(const load_arguments& a) {
    try {
        plan_of(a);
    } catch (const coserve::configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(load_arguments_test, what_nobody_said) {
    const plan p = plan_of(of(load_kind::echo, "tcp://127.0.0.1:7700"));
    EXPECT_EQ(p.connections, 64);
    EXPECT_EQ(p.depth, 1);
    EXPECT_EQ(p.sizes.text(), "64");
    EXPECT_EQ(p.time, 10s);
    EXPECT_EQ(p.warmup, 1s);
    EXPECT_EQ(p.timeout, 10s);
    EXPECT_EQ(p.reconnect, 0s);
    EXPECT_FALSE(p.requests);
    EXPECT_FALSE(p.raw);
}

TEST(load_arguments_test, so_many_requests_need_no_warm_up) {
    load_arguments a = of(load_kind::echo, "tcp://127.0.0.1:7700");
    a.requests = 5;
    EXPECT_EQ(plan_of(a).warmup, 0s);
    a.time = "3s";
    EXPECT_THAT(complaint(a), HasSubstr("--requests and --duration"));
}

TEST(load_arguments_test, datagrams_are_lost_sooner) {
    EXPECT_EQ(plan_of(of(load_kind::echo, "udp://127.0.0.1:7700")).timeout, 1s);
    load_arguments a = of(load_kind::echo, "udp://127.0.0.1:7700");
    a.size = "exp:8KiB";
    EXPECT_THAT(complaint(a), HasSubstr("65507"));
}

TEST(load_arguments_test, the_framing_of_a_wire_is_its_own) {
    load_arguments a = of(load_kind::exec, "tcp://127.0.0.1:7701?max-frame=1KiB&wire=concat");
    a.command = {"true"};
    const plan p = plan_of(a);
    EXPECT_EQ(p.wire, "concat");
    EXPECT_EQ(p.url, "tcp://127.0.0.1:7701?max-frame=1KiB&framing=raw");
    EXPECT_EQ(p.name, "tcp://127.0.0.1:7701");
    a.url = "tcp://127.0.0.1:7701";
    EXPECT_EQ(plan_of(a).url, "tcp://127.0.0.1:7701?framing=json-header");
}

TEST(load_arguments_test, members_speak_once_a_second) {
    load_arguments a = of(load_kind::chat, "udp://127.0.0.1:7703");
    a.connections = 40;
    EXPECT_EQ(plan_of(a).rate, 40);
    a.rooms = 21;
    EXPECT_THAT(complaint(a), HasSubstr("--rooms 21"));
}

TEST(load_arguments_test, what_a_framing_cannot_carry_is_refused) {
    load_arguments a = of(load_kind::echo, "tcp://127.0.0.1:7700?width=1");
    a.size = "100..127";
    EXPECT_EQ(complaint(a), "none");
    a.size = "100..300";
    EXPECT_THAT(complaint(a), HasSubstr("--size 100..300: must be what the framing can carry"));
    a.url = "tcp://127.0.0.1:7700?framing=fixed&size=12";
    a.size = "";
    EXPECT_EQ(plan_of(a).sizes.most(), 12);
}

TEST(load_arguments_test, a_wire_is_taken_out_of_the_query) {
    const auto taken = [](const char* url) {
        const wire_url w = take_wire(url, "", "usual");
        return w.url + " " + w.wire;
    };
    EXPECT_EQ(taken("tcp://h:1"), "tcp://h:1 usual");
    EXPECT_EQ(taken("tcp://h:1?wire=marker"), "tcp://h:1 marker");
    EXPECT_EQ(taken("tcp://h:1?a=1&wire=marker&b=2"), "tcp://h:1?a=1&b=2 marker");
    EXPECT_EQ(take_wire("unix:x?wire=a", "a", "usual").wire, "a");
    EXPECT_THROW(take_wire("unix:x?wire=a", "b", "usual"), coserve::configuration_error);
}

}  // namespace
}  // namespace coserve_bench
