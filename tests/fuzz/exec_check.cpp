#include "exec_check.hpp"

#include "framing_check.hpp"
#include "protocol/command_text.hpp"
#include "protocol/exec_reply.hpp"
#include "protocol/exec_request.hpp"
#include "protocol/exec_wire.hpp"
#include "protocol/json_members.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>

namespace exec_check {
namespace {

using framing_check::broken_rule;

constexpr std::size_t longest_complaint = 2000;

void demand(bool holds, const char* rule) {
    if (!holds)
        throw broken_rule(rule);
}

/// What people are shown, in a log too.
void check_complaint(const std::exception& e) {
    const std::string_view text = e.what();
    demand(!text.empty() && text.size() < longest_complaint, "a complaint is one short sentence");
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    demand(std::ranges::none_of(text, is_control), "a complaint has no control characters");
}

void check_request(std::string_view header) {
    std::optional<coserve::exec_request> request;
    try {
        request = coserve::parse_exec_request(header);
    } catch (const coserve::bad_exec_request& e) {
        return check_complaint(e);
    }
    if (const auto* const start = std::get_if<coserve::exec_start>(&request->what)) {
        demand(start->command.find('\0') == std::string::npos, "no NUL reaches a program");
        for (const std::string& argument : start->argv)
            demand(argument.find('\0') == std::string::npos, "no NUL reaches a program");
        demand(!start->timeout || start->timeout->count() > 0, "a timeout is some time");
    }
    const std::string written = coserve::exec_header(*request);
    const std::string again = coserve::exec_header(coserve::parse_exec_request(written));
    demand(written == again, "a request that is written is read as the same");
}

void check_reply(std::string_view header) {
    std::optional<coserve::exec_reply> reply;
    try {
        reply = coserve::parse_exec_reply(header);
    } catch (const coserve::json_error& e) {
        return check_complaint(e);
    }
    const std::string written = coserve::exec_header(*reply);
    const std::string again = coserve::exec_header(coserve::parse_exec_reply(written));
    demand(written == again, "a reply that is written is read as the same");
}

void check_size(std::string_view json) {
    try {
        demand(
            coserve::parse_json_size(json) <= coserve::largest_text_reply, "a size fits its reply"
        );
    } catch (const coserve::json_error& e) {
        check_complaint(e);
    }
}

void check_command(std::string_view text) {
    const auto arguments = coserve::split_command(text);
    if (!arguments)
        return;
    const auto again = coserve::split_command(coserve::join_command(*arguments));
    demand(again == arguments, "arguments that are joined are split as they were");
}

}  // namespace

void check(std::string_view input) {
    // A block of exactly this size, so that the sanitizer sees a byte too many being read.
    const std::string copy(input);
    const std::string_view exact(copy.data(), copy.size());
    check_request(exact);
    check_reply(exact);
    check_size(exact);
    check_command(exact);
}

}  // namespace exec_check
