#include "exec_job.hpp"

#include "protocol/command_text.hpp"
#include "protocol/exec_reply.hpp"
#include "protocol/exec_request.hpp"
#include "protocol/json_members.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <variant>

namespace coserve_bench {

using coserve::exec_wire;
using coserve::task;

namespace {

constexpr std::array<std::pair<std::string_view, exec_wire>, 4> wires{{
    {"native", exec_wire::native},
    {"concat", exec_wire::concat},
    {"stderr-first", exec_wire::stderr_first},
    {"json-size", exec_wire::json_size},
}};
constexpr std::size_t length_size = 4;
constexpr std::size_t largest_piece = std::size_t{64} << 10;
constexpr std::size_t longest_json = std::size_t{64} << 10;

[[noreturn]] void fail_closed() {
    throw job_failure(error_kind::closed, "the server ended the connection", true);
}

coserve::exec_reply parse(std::string_view header) {
    try {
        return coserve::parse_exec_reply(header);
    } catch (const coserve::json_error& e) {
        throw job_failure(error_kind::malformed, e.what(), true);
    }
}

void check_end(const coserve::exec_result& r) {
    if (r.exit == 0)
        return;
    const std::string how = r.exit ? "with " + std::to_string(*r.exit) : "by " + r.signal;
    throw job_failure(error_kind::failed, "the command ended " + how, false);
}

}  // namespace

exec_wire exec_wire_of(std::string_view name) {
    const auto found = std::ranges::find(wires, name, [](const auto& w) { return w.first; });
    if (found == wires.end())
        throw coserve::configuration_error(
            "wire " + std::string(name) + ": must be native, concat, stderr-first or json-size"
        );
    return found->second;
}

exec_job::exec_job(const plan& p)
    : plan_(p),
      wire_(exec_wire_of(p.wire)),
      text_(p.shell ? p.command.front() : coserve::join_command(p.command)) {}

task<> exec_job::connect() {
    coserve::frame_stream stream = co_await coserve::connect(plan_.url, plan_.timeout);
    stream_.emplace(std::move(stream));
}

task<std::uint64_t> exec_job::perform(std::size_t) {
    if (!stream_)
        co_await connect();
    bytes_ = 0;
    output_.clear();
    if (wire_ == exec_wire::native)
        co_await run_native();
    else
        co_await run_text();
    check_output();
    co_return bytes_;
}

void exec_job::abort() noexcept {
    if (stream_)
        stream_->abort();
}

void exec_job::disconnect() noexcept {
    stream_.reset();
}

task<> exec_job::run_native() {
    coserve::exec_start start;
    if (plan_.shell)
        start.command = text_;
    else
        start.argv = plan_.command;
    const coserve::exec_request request{++id_, 0, std::move(start)};
    const std::string asked = coserve::exec_header(request);
    co_await stream_->write_frame(asked, {});
    while (const auto header = co_await stream_->read_header()) {
        const coserve::exec_reply reply = parse(header->text());
        if (const auto* error = std::get_if<coserve::exec_error>(&reply.what))
            throw job_failure(error_kind::failed, error->message + " (" + error->word + ")", false);
        if (std::holds_alternative<coserve::exec_output>(reply.what)) {
            co_await take_output();
        } else if (const auto* end = std::get_if<coserve::exec_result>(&reply.what)) {
            if (plan_.verify != verification::off)
                check_end(*end);
            co_return;
        }
    }
    fail_closed();
}

task<> exec_job::take_output() {
    while (const auto piece = co_await stream_->read_body())
        take(piece->text());
}

task<> exec_job::run_text() {
    co_await stream_->write(text_);
    std::uint64_t left = co_await read_size();
    while (left != 0) {
        const auto piece =
            co_await stream_->read_exactly(std::min<std::uint64_t>(left, largest_piece));
        if (!piece)
            fail_closed();
        left -= piece->size();
        take(piece->text());
    }
}

task<std::uint64_t> exec_job::read_size() {
    const std::uint64_t length = co_await read_length();
    if (wire_ != exec_wire::json_size)
        co_return length;
    if (length == 0 || length > longest_json)
        throw job_failure(error_kind::malformed, "a header of so many bytes is none", true);
    const auto json = co_await stream_->read_exactly(length);
    if (!json)
        fail_closed();
    try {
        co_return coserve::parse_json_size(json->text());
    } catch (const coserve::json_error& e) {
        throw job_failure(error_kind::malformed, e.what(), true);
    }
}

task<std::uint64_t> exec_job::read_length() {
    const auto bytes = co_await stream_->read_exactly(length_size);
    if (!bytes)
        fail_closed();
    const std::int32_t length =
        coserve::unpack_i32(std::span<const std::byte, length_size>(bytes->data(), length_size));
    if (length < 0)
        throw job_failure(error_kind::malformed, "a negative length", true);
    co_return static_cast<std::uint64_t>(length);
}

void exec_job::take(std::string_view piece) {
    bytes_ += piece.size();
    if (plan_.verify == verification::full)
        output_ += piece;
}

void exec_job::check_output() {
    if (plan_.verify != verification::full)
        return;
    if (!first_)
        first_ = output_;
    if (output_ != *first_)
        throw job_failure(
            error_kind::wrong_reply, "the command wrote something else than the first time", false
        );
}

}  // namespace coserve_bench
