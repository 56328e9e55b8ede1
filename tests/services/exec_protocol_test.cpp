#include "protocol/exec_reply.hpp"
#include "protocol/exec_request.hpp"
#include "protocol/exec_wire.hpp"
#include "protocol/json_members.hpp"
#include "protocol/signal_name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// ---- requests

template <class T>
T read(std::string_view header) {
    return std::get<T>(parse_exec_request(header).what);
}

bad_exec_request refusal(std::string_view header) {
    try {
        parse_exec_request(header);
    } catch (const bad_exec_request& e) {
        return e;
    }
    ADD_FAILURE() << "taken: " << header;
    return {"", {}, 0};
}

std::string complaint(std::string_view header) {
    return refusal(header).what();
}

TEST(exec_request_test, runs_a_program_with_its_arguments) {
    const exec_request r = parse_exec_request(
        R"({"id": 7, "argv": ["ls", "-l", "", "阿宸"], "timeout_ms": 1500, "data_size": 12})"
    );
    EXPECT_EQ(r.id, 7U);
    EXPECT_EQ(r.data_size, 12U);
    const auto& start = std::get<exec_start>(r.what);
    EXPECT_THAT(start.argv, ElementsAre("ls", "-l", "", "阿宸"));
    EXPECT_EQ(start.timeout, 1500ms);
    EXPECT_FALSE(start.interactive);
}

TEST(exec_request_test, runs_a_text_in_the_shell) {
    const exec_request r = parse_exec_request(R"({"command": "ls | wc -l", "data_size": 0})");
    EXPECT_FALSE(r.id);
    const auto& start = std::get<exec_start>(r.what);
    EXPECT_THAT(start.argv, IsEmpty());
    EXPECT_EQ(start.command, "ls | wc -l");
    EXPECT_FALSE(start.timeout);
}

TEST(exec_request_test, takes_input_in_pieces) {
    EXPECT_TRUE(read<exec_start>(R"({"argv": ["cat"], "stdin": true})").interactive);
    EXPECT_FALSE(read<exec_input>(R"({"id": 1, "stdin": "data", "data_size": 9})").ends);
    EXPECT_TRUE(read<exec_input>(R"({"id": 1, "stdin": "end", "data_size": 0})").ends);
    EXPECT_EQ(parse_exec_request(R"({"id": 1, "stdin": "data", "data_size": 9})").data_size, 9U);
}

TEST(exec_request_test, signals_and_cancels) {
    EXPECT_EQ(read<exec_signal>(R"({"id": 1, "signal": "SIGINT"})").number, SIGINT);
    const exec_request r = parse_exec_request(R"({"cancel": 3, "data_size": 0})");
    EXPECT_TRUE(std::holds_alternative<exec_cancel>(r.what));
    EXPECT_EQ(r.id, 3U);
}

TEST(exec_request_test, says_which_key_is_wrong) {
    for (const auto& [header, key] : std::vector<std::pair<std::string, std::string>>{
             {R"({"argv": "ls"})", "argv: must be an array of strings"},
             {R"({"argv": ["ls", 1]})", "argv: must be an array of strings"},
             {R"({"argv": ["ls", null, "x"]})", "argv: must be an array of strings"},
             {R"({"argv": ["ls", ["x"]]})", "argv: must be an array of strings"},
             {R"({"argv": []})", "argv: must begin with"},
             {R"({"argv": [""]})", "argv: must begin with"},
             {R"({"argv": ["a\u0000b"]})", "argv: must not contain a NUL"},
             {R"({"command": "a\u0000b"})", "command: must not contain a NUL"},
             {R"({"command": 1})", "command: must be a string"},
             {R"({"command": "ls", "argv": ["ls"]})", "argv: must not stand beside command"},
             {R"({"argv": ["ls"], "id": "one"})", "id: must be a whole number"},
             {R"({"argv": ["ls"], "id": -1})", "id: must be a whole number"},
             {R"({"argv": ["ls"], "id": 1.0})", "id: must be a whole number"},
             {R"({"argv": ["ls"], "id": 9223372036854775808})", "id: must be a whole number"},
             {R"({"argv": ["ls"], "timeout_ms": 0})", "timeout_ms: must be at least 1"},
             {R"({"argv": ["ls"], "timeout_ms": "1s"})", "timeout_ms: must be a whole number"},
             {R"({"argv": ["ls"], "timeout_ms": 99999999999999})", "timeout_ms: must be at most"},
             {R"({"argv": ["ls"], "stdin": "true"})", "stdin: must be true or false"},
             {R"({"argv": ["ls"], "stdin": true, "data_size": 3})", "data_size: must be 0"},
             {R"({"argv": ["ls"], "timeout": 3})", R"(unknown key "timeout")"},
             {R"({"stdin": "more"})", "stdin: must be \"data\" or \"end\""},
             {R"({"stdin": true})", "stdin: must be a string"},
             {R"({"stdin": "end", "data_size": 1})", "data_size: must be 0"},
             {R"({"signal": "SIGNONE"})", "signal: must be the name"},
             {R"({"signal": 2})", "signal: must be a string"},
             {R"({"signal": "SIGINT", "data_size": 1})", "data_size: must be 0"},
             {R"({"cancel": "1"})", "cancel: must be a whole number"},
             {R"({"cancel": 1, "id": 2})", R"(unknown key "id")"},
             {R"({"cancel": 1, "data_size": 1})", "data_size: must be 0"},
             {R"({"data_size": 0})", "argv: is missing"},
             {R"({})", "argv: is missing"},
         })
        EXPECT_THAT(complaint(header), StartsWith(key)) << header;
}

TEST(exec_request_test, refuses_what_is_no_object) {
    for (const char* header :
         {"",
          " ",
          "[]",
          "1",
          "\"ls\"",
          "null",
          "{",
          "{]",
          "{\"argv\": [\"ls\"]",
          "{} x",
          "{\"argv\": [\"\xff\"]}",
          "{\"argv\": [\"\\ud800\"]}"})
        EXPECT_THAT(complaint(header), StartsWith("the header must be a JSON object")) << header;
    EXPECT_THAT(complaint(R"({"id": 1, "id": 2})"), HasSubstr(R"("id" stands twice)"));
    std::string deep;
    for (int i = 0; i < 40; ++i)
        deep += "{\"a\":";
    EXPECT_THAT(complaint(deep), StartsWith("the header must be a JSON object"));
}

TEST(exec_request_test, says_of_what_request_it_complains) {
    const bad_exec_request bad = refusal(R"({"id": 5, "argv": 1, "data_size": 17})");
    EXPECT_EQ(bad.id, 5U);
    EXPECT_EQ(bad.data_size, 17U);
    EXPECT_FALSE(refusal(R"({"id": "5", "argv": 1})").id);
}

TEST(exec_request_test, shows_a_strangers_key_in_one_safe_line) {
    EXPECT_THAT(complaint("{\"a\\nb\": 1, \"argv\": [\"x\"]}"), HasSubstr(R"("a\nb")"));
    EXPECT_LT(complaint("{\"argv\": [\"x\"], \"" + std::string(9000, 'k') + "\": 1}").size(), 300U);
}

TEST(exec_request_test, reads_what_it_writes) {
    exec_request r;
    r.id = 9;
    r.what = exec_start{{"a \"b\"", "\\"}, "", 20ms, true};
    EXPECT_EQ(
        exec_header(r), R"({"id": 9, "argv": ["a \"b\"", "\\"], "timeout_ms": 20, "stdin": true})"
    );
    EXPECT_THAT(read<exec_start>(exec_header(r)).argv, ElementsAre("a \"b\"", "\\"));
    r.what = exec_start{{}, "ls", {}, false};
    EXPECT_EQ(exec_header(r), R"({"id": 9, "command": "ls"})");
    r.what = exec_input{true};
    EXPECT_EQ(exec_header(r), R"({"id": 9, "stdin": "end"})");
    r.what = exec_signal{SIGINT};
    EXPECT_EQ(exec_header(r), R"({"id": 9, "signal": "SIGINT"})");
    r.what = exec_cancel();
    EXPECT_EQ(exec_header(r), R"({"cancel": 9})");
    r.id.reset();
    r.what = exec_input{false};
    EXPECT_EQ(exec_header(r), R"({"stdin": "data"})");
}

// ---- replies

TEST(exec_reply_test, reads_what_it_writes) {
    exec_reply r;
    r.id = 1;
    r.what = exec_output{exec_stream::err};
    EXPECT_EQ(exec_header(r), R"({"id": 1, "stream": "stderr"})");
    EXPECT_EQ(
        std::get<exec_output>(parse_exec_reply(exec_header(r)).what).stream, exec_stream::err
    );
    r.what = exec_window{65536};
    EXPECT_EQ(exec_header(r), R"({"id": 1, "window": 65536})");
    EXPECT_EQ(std::get<exec_window>(parse_exec_reply(exec_header(r)).what).bytes, 65536U);
    r.what = exec_error{"busy", "too much \"at once\""};
    EXPECT_EQ(exec_header(r), R"({"id": 1, "error": "busy", "message": "too much \"at once\""})");
    EXPECT_EQ(std::get<exec_error>(parse_exec_reply(exec_header(r)).what).word, "busy");
}

TEST(exec_reply_test, tells_how_a_command_ended) {
    exec_result result;
    result.exit = 3;
    result.lasted = 12ms;
    result.stdout_bytes = 4;
    result.usage = exec_usage{1ms, 2ms, 4096};
    EXPECT_EQ(
        exec_header({{}, result}),
        R"({"exit": 3, "duration_ms": 12, "stdout_bytes": 4, "stderr_bytes": 0, "truncated": false, )"
        R"("user_cpu_ms": 1, "system_cpu_ms": 2, "peak_memory_bytes": 4096})"
    );
    const auto read = std::get<exec_result>(parse_exec_reply(exec_header({{}, result})).what);
    EXPECT_EQ(read.exit, 3);
    EXPECT_EQ(read.usage->peak_memory, 4096U);

    exec_result stopped;
    stopped.signal = "SIGTERM";
    stopped.reason = "timeout";
    stopped.truncated = true;
    const std::string header = exec_header({7, stopped});
    EXPECT_THAT(header, StartsWith(R"({"id": 7, "signal": "SIGTERM", "reason": "timeout")"));
    EXPECT_THAT(header, ::testing::Not(HasSubstr("user_cpu_ms")));
    const auto again = std::get<exec_result>(parse_exec_reply(header).what);
    EXPECT_FALSE(again.exit);
    EXPECT_FALSE(again.usage);
    EXPECT_TRUE(again.truncated);
}

TEST(exec_reply_test, leaves_members_alone_that_it_does_not_know) {
    const exec_reply r =
        parse_exec_reply(R"({"exit": 0, "data_size": 0, "weather": {"sun": [1]}})");
    EXPECT_EQ(std::get<exec_result>(r.what).exit, 0);
}

TEST(exec_reply_test, refuses_what_no_server_says) {
    for (const char* header :
         {"[]",
          "{}",
          R"({"stream": "stdin"})",
          R"({"stream": 1})",
          R"({"exit": 256})",
          R"({"exit": "0"})",
          R"({"window": -1})",
          R"({"error": 1})",
          R"({"id": "1", "exit": 0})"})
        EXPECT_THROW(parse_exec_reply(header), json_error) << header;
}

// ---- the wires whose replies are one piece

std::string flat(const exec_text_reply& r) {
    std::string all = r.head;
    for (const std::string_view part : r.parts)
        all += part;
    return all;
}

using std::string_literals::operator""s;

TEST(exec_wire_test, concat_puts_stderr_before_stdout) {
    EXPECT_EQ(flat(make_text_reply(exec_wire::concat, "out", "error", "")), "\x08\0\0\0errorout"s);
    EXPECT_EQ(flat(make_text_reply(exec_wire::concat, "", "", "")), "\0\0\0\0"s);
    EXPECT_EQ(flat(make_text_reply(exec_wire::concat, "o", "e", "!")), "\x03\0\0\0eo!"s);
}

TEST(exec_wire_test, stderr_first_leaves_stdout_out_where_there_is_stderr) {
    const exec_wire wire = exec_wire::stderr_first;
    EXPECT_EQ(flat(make_text_reply(wire, "out", "", "")), "\x03\0\0\0out"s);
    EXPECT_EQ(flat(make_text_reply(wire, "out", "error", "")), "\x05\0\0\0error"s);
    EXPECT_EQ(flat(make_text_reply(wire, "", "", "note")), "\x04\0\0\0note"s);
}

TEST(exec_wire_test, json_size_has_the_tutorials_header) {
    const std::string body(61, 'x');
    EXPECT_EQ(
        flat(make_text_reply(exec_wire::json_size, body, "", "")),
        "\x11\0\0\0{\"data_size\": 61}"s + body
    );
    EXPECT_EQ(
        flat(make_text_reply(exec_wire::json_size, body, "no", "")),
        "\x10\0\0\0{\"data_size\": 2}no"s
    );
    EXPECT_EQ(
        flat(make_text_reply(exec_wire::json_size, "", "", "")), "\x10\0\0\0{\"data_size\": 0}"s
    );
}

TEST(exec_wire_test, sizes_are_signed_and_little_endian) {
    EXPECT_EQ(pack_i32(1234532111), "\x0f\x77\x95\x49"s);
    for (const std::int32_t n : {0, 1, -1, 1234532111, INT32_MAX, INT32_MIN}) {
        const std::string packed = pack_i32(static_cast<std::uint32_t>(n));
        std::array<std::byte, 4> bytes{};
        std::ranges::transform(packed, bytes.begin(), [](char c) { return std::byte(c); });
        EXPECT_EQ(unpack_i32(bytes), n);
    }
}

TEST(exec_wire_test, refuses_a_size_that_is_none) {
    EXPECT_EQ(parse_json_size(R"({"data_size": 61})"), 61U);
    for (const char* json :
         {"{}",
          R"({"data_size": -1})",
          R"({"data_size": "61"})",
          R"({"data_size": 2147483648})",
          "[61]",
          R"({"data_size": 1, "data_size": 2})"})
        EXPECT_THROW(parse_json_size(json), json_error) << json;
}

// ---- signals

TEST(signal_name_test, names_every_signal_and_finds_it_again) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_number("SIGUSR1"), SIGUSR1);
    for (int number = 1; number <= 64; ++number)
        EXPECT_EQ(signal_number(signal_name(number)), number) << signal_name(number);
    for (const char* name :
         {"", "SIG", "TERM", "sigterm", "SIGTERM ", "SIG0", "SIG15", "SIG65", "SIG-1"})
        EXPECT_FALSE(signal_number(name)) << name;
}

}  // namespace
}  // namespace coserve
