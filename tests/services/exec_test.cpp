#include <coserve/services/exec.hpp>

#include "protocol/exec_reply.hpp"
#include "protocol/exec_request.hpp"
#include "protocol/exec_wire.hpp"

#include <coserve/error.hpp>
#include <coserve/json_header.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/raw.hpp>
#include <coserve/testing/handler_session.hpp>
#include <coserve/testing/loopback_server.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- options and the policy

exec::options read_options(std::vector<option> given) {
    option_reader reader("exec=tcp://127.0.0.1:0", std::move(given));
    exec::options options;
    options.read(reader);
    reader.finish();
    return options;
}

std::string refusal(const std::function<void()>& work) {
    try {
        work();
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(exec_options_test, have_defaults) {
    const exec::options o = read_options({});
    EXPECT_EQ(o.wire, exec_wire::native);
    EXPECT_THAT(o.environment, IsEmpty());
    EXPECT_EQ(o.timeout, 0s);
    EXPECT_EQ(o.output_limit, std::size_t{64} << 20);
    EXPECT_EQ(o.per_connection, 8U);
    EXPECT_EQ(o.commands, 64U);
    EXPECT_EQ(o.limits.cpu, 0s);
    EXPECT_EQ(o.limits.core, 0U);
    EXPECT_TRUE(o.no_new_privs);
    EXPECT_FALSE(o.user);
}

TEST(exec_options_test, take_every_key) {
    const exec::options o = read_options({
        {"wire", "json-size"},
        {"env", "A=1"},
        {"env", "B="},
        {"directory", "/"},
        {"timeout", "1500ms"},
        {"output-limit", "1MiB"},
        {"commands-per-connection", "2"},
        {"commands", "3"},
        {"cpu-limit", "4s"},
        {"memory-limit", "1GiB"},
        {"file-limit", "512"},
        {"process-limit", "100"},
        {"descriptor-limit", "64"},
        {"no-new-privs", "off"},
        {"encoding", "GBK"},
    });
    EXPECT_EQ(o.wire, exec_wire::json_size);
    EXPECT_THAT(o.environment, ElementsAre("A=1", "B="));
    EXPECT_EQ(o.directory, "/");
    EXPECT_EQ(o.timeout, 1500ms);
    EXPECT_EQ(o.output_limit, std::size_t{1} << 20);
    EXPECT_EQ(o.per_connection, 2U);
    EXPECT_EQ(o.commands, 3U);
    EXPECT_EQ(o.limits.cpu, 4s);
    EXPECT_EQ(o.limits.memory, std::uint64_t{1} << 30);
    EXPECT_EQ(o.limits.file, 512U);
    EXPECT_EQ(o.limits.processes, 100U);
    EXPECT_EQ(o.limits.descriptors, 64U);
    EXPECT_FALSE(o.no_new_privs);
    EXPECT_EQ(o.encoding, "GBK");
}

TEST(exec_options_test, refuse_what_makes_no_sense) {
    for (const auto& [key, value, wire] : std::vector<std::array<std::string, 3>>{
             {"wire", "json", "native"},
             {"env", "A", "native"},
             {"env", "=1", "native"},
             {"directory", "/nonesuch", "native"},
             {"commands", "0", "native"},
             {"commands-per-connection", "0", "native"},
             {"output-limit", "0", "native"},
             {"output-limit", "1GiB", "concat"},
             {"memory-limit", "1", "native"},
             {"descriptor-limit", "2", "native"},
             {"user", "nobody-of-that-name", "native"},
             {"encoding", "GBK", "native"},
             {"encoding", "KLINGON", "concat"},
         }) {
        std::vector<option> given{{key, value}};
        if (key != "wire")
            given.push_back({"wire", wire});
        EXPECT_THAT(
            refusal([&] { read_options(given); }),
            AllOf(HasSubstr("exec=tcp://127.0.0.1:0: "), HasSubstr(key))
        ) << key
          << '=' << value;
    }
}

TEST(exec_options_test, know_no_framing) {
    registry r;
    r.add<exec>("exec", exec_policy(), exec_shared());
    server s({.cores = 1});
    s.registry().add<exec>("exec", exec_policy(), exec_shared());
    EXPECT_THAT(
        refusal([&] { s.check("exec=tcp://127.0.0.1:0?framing=raw"); }),
        HasSubstr("unknown key \"framing\"")
    );
    s.check("exec=tcp://127.0.0.1:0?wire=concat&max-frame=1KiB");
}

TEST(exec_policy_test, finds_programs_once) {
    exec_policy p;
    EXPECT_FALSE(p.allows_anything());
    p.allow("sh");
    p.allow("/bin/../bin/ls");
    EXPECT_TRUE(p.allows_anything());
    EXPECT_FALSE(p.allows_shell());
    EXPECT_THAT(*p.find("sh"), ::testing::EndsWith("/sh"));
    EXPECT_EQ(p.find(*p.find("sh")), p.find("sh"));
    EXPECT_EQ(p.find("ls"), "/bin/ls");
    EXPECT_EQ(p.find("/bin/../bin/ls"), "/bin/ls");
    EXPECT_EQ(p.find("/bin/ls"), "/bin/ls");
    for (const char* name : {"", "cat", "/bin/cat", "./ls", "bin/ls"})
        EXPECT_EQ(p.find(name), std::nullopt) << name;
}

TEST(exec_policy_test, refuses_what_is_not_there) {
    exec_policy p;
    for (const char* program : {"nonesuch", "", "/nonesuch", "/etc/passwd", "/tmp"})
        EXPECT_THAT(
            refusal([&] { p.allow(program); }), HasSubstr("exec-allow=" + std::string(program))
        );
    EXPECT_FALSE(p.allows_anything());
}

// ---- through memory, with real children

testing::stream_options frames_of_json() {
    return testing::stream_options([] { return std::make_unique<json_header_codec>(); });
}

testing::stream_options raw_frames() {
    return testing::stream_options([] { return std::make_unique<raw_codec>(); });
}

exec_policy all() {
    exec_policy p;
    p.allow_shell();
    return p;
}

struct native : testing::session<exec> {
    explicit native(std::string_view query = {})
        : session<exec>(query, frames_of_json(), all(), exec_shared()) {}

    void ask(std::string header, frame_view body = {}) {
        [[maybe_unused]] const auto queued = client().write_frame(header, body);
    }

    exec_reply reply() { return run(read_reply(client(), &output)); }

    /// Skips what is not the last word.
    exec_reply last() {
        for (;;) {
            exec_reply r = reply();
            if (std::holds_alternative<exec_result>(r.what) ||
                std::holds_alternative<exec_error>(r.what))
                return r;
        }
    }

    std::string output;

private:
    static task<exec_reply> read_reply(frame_stream& s, std::string* output) {
        const auto header = co_await s.read_header();
        if (!header)
            throw std::runtime_error("the server ended the connection");
        exec_reply r = parse_exec_reply(header->text());
        while (const auto piece = co_await s.read_body())
            *output += piece->text();
        co_return r;
    }
};

exec_result result_of(const exec_reply& r) {
    return std::get<exec_result>(r.what);
}

TEST(exec_test, runs_a_command) {
    native s;
    s.ask(R"({"id": 4, "command": "cat; exit 3"})", "through");
    const exec_reply last = s.last();
    EXPECT_EQ(last.id, 4U);
    EXPECT_EQ(result_of(last).exit, 3);
    EXPECT_EQ(s.output, "through");
}

/// The clock stands still: what is told can only be told because its time has come.
TEST(exec_test, keeps_time_by_the_cores_clock) {
    native s("timeout=1h");
    s.ask(R"({"command": "echo begun; sleep 1000"})");
    s.reply();
    EXPECT_EQ(s.output, "begun\n");
    s.advance(1h);
    const auto told = [&] {
        s.advance(10ms);  // a child that holds out is not waited for
        return s.client().queued() == 0;
    };
    EXPECT_TRUE(told());
    const exec_result r = result_of(s.last());
    EXPECT_EQ(r.reason, "timeout");
}

TEST(exec_test, refuses_in_the_protocol_and_goes_on) {
    native s;
    s.ask(R"({"argv": [], "id": 1})");
    EXPECT_EQ(std::get<exec_error>(s.last().what).word, "bad-request");
    s.ask(R"({"argv": ["nonesuch"], "id": 2})");
    EXPECT_EQ(std::get<exec_error>(s.last().what).word, "not-found");
    s.ask(R"({"argv": ["true"], "id": 3})");
    EXPECT_EQ(result_of(s.last()).exit, 0);
    EXPECT_THAT(s.log(), Contains(AllOf(HasSubstr("command refused"), HasSubstr("not-found"))));
}

/// What a command leaves behind is looked for again and again, by the session's clock.
void run_to_end(native& s) {
    const auto limit = std::chrono::steady_clock::now() + testing::default_limit;
    while (!s.ended() && std::chrono::steady_clock::now() < limit) {
        s.context().restart();
        s.context().run_one_for(1ms);
        s.advance(1ms);
    }
    s.run_to_end();
}

TEST(exec_test, ends_with_its_client) {
    native s;
    s.ask(R"({"command": "echo begun; sleep 1000"})");
    s.reply();
    s.wire().cut();
    EXPECT_THROW(run_to_end(s), system_error);
    EXPECT_THAT(s.log(), Contains(HasSubstr("commands stopped")));
}

TEST(exec_test, a_half_close_is_an_end) {
    native s;
    s.ask(R"({"command": "echo begun; sleep 1000"})");
    s.reply();
    s.wire().finish(testing::memory_wire::end::client);
    run_to_end(s);
    EXPECT_THAT(s.log(), Contains(HasSubstr("commands stopped")));
}

TEST(exec_test, takes_any_split) {
    native s;
    s.wire().split(1);
    s.ask(R"({"argv": ["cat"], "id": 1, "stdin": true})");
    s.ask(R"({"id": 1, "stdin": "data"})", "one");
    s.ask(R"({"id": 1, "stdin": "data"})", "two");
    s.ask(R"({"id": 1, "stdin": "end"})");
    EXPECT_EQ(result_of(s.last()).exit, 0);
    EXPECT_EQ(s.output, "onetwo");
}

task<std::string> exchange(frame_stream& s, std::string request, std::size_t size) {
    co_await s.write(request);
    const auto reply = co_await s.read_exactly(size);
    co_return std::string(reply ? reply->text() : "nothing");
}

TEST(exec_test, speaks_the_tutorials_wires) {
    using namespace std::string_literals;
    const std::map<std::string, std::string> replies{
        {"concat", "\x06\0\0\0e\no\nn\n"s.substr(0, 4) + "e\no\n"},
        {"stderr-first", "\x02\0\0\0e\n"s},
        {"json-size", "\x10\0\0\0{\"data_size\": 2}e\n"s},
    };
    for (const auto& [wire, reply] : replies) {
        testing::session<exec> s("wire=" + wire, raw_frames(), all(), exec_shared());
        std::string expected = reply;
        if (wire == "concat")
            expected[0] = 4;
        EXPECT_EQ(s.run(exchange(s.client(), "echo o; echo e >&2", expected.size())), expected)
            << wire;
    }
}

TEST(exec_test, runs_nothing_unless_it_is_allowed) {
    testing::session<exec> s("wire=concat", raw_frames(), exec_policy(), exec_shared());
    EXPECT_THAT(s.run(exchange(s.client(), "ls", 60)), HasSubstr("not enabled"));
}

}  // namespace
}  // namespace coserve
