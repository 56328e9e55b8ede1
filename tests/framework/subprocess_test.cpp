#include <coserve/sleep.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

namespace coserve {
namespace {

using namespace std::chrono_literals;

std::string text_of(const bytes& b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};
}

subprocess_options sh(std::string command) {
    auto o = subprocess_options::shell(std::move(command));
    o.environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
    return o;
}

class subprocess_test : public ::testing::Test {
protected:
    task<subprocess_result> output_of(subprocess_options o, std::string input) {
        subprocess p = co_await subprocess::start(o);
        co_return co_await p.collect(std::size_t{64} << 20, input);
    }

    subprocess_result run(subprocess_options o, std::string input = {}) {
        return testing::run_coroutine(context_, output_of(std::move(o), std::move(input)));
    }

    io_context context_{1};
};

TEST_F(subprocess_test, gives_what_a_command_writes) {
    const subprocess_result r = run(sh("echo out; echo err >&2; exit 3"));
    EXPECT_EQ(text_of(r.output), "out\n");
    EXPECT_EQ(text_of(r.errors), "err\n");
    EXPECT_EQ(r.exit.code, 3);
    EXPECT_EQ(r.exit.signal, 0);
    EXPECT_FALSE(r.truncated);
}

}  // namespace
}  // namespace coserve
