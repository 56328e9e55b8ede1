#include "exec_text.hpp"

#include "failure.hpp"
#include "interruptions.hpp"

#include "protocol/command_text.hpp"
#include "protocol/json_members.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace coserve_client {

using coserve::task;

namespace {

constexpr std::size_t largest_piece = std::size_t{64} << 10;
constexpr std::size_t longest_json = std::size_t{64} << 10;
constexpr std::size_t length_size = 4;
constexpr int signal_code = 128;

/// What servers that skip blank texts would never answer.
std::string text_of(const remote_command& c) {
    std::string text = c.argv.empty() ? c.text : coserve::join_command(c.argv);
    if (text.size() > coserve::longest_command_text)
        throw coserve::configuration_error(
            "the command has " + std::to_string(text.size()) +
            " bytes; this wire carries at most " + std::to_string(coserve::longest_command_text)
        );
    return text;
}

}  // namespace

task<int> exec_text::run(remote_command c) {
    const std::string text = text_of(c);
    const interruptions keys(context_, [] { std::_Exit(signal_code + SIGINT); });
    co_await stream_.write(text);
    std::uint64_t left = co_await read_size();
    while (left != 0) {
        const coserve::frame piece =
            co_await read_piece(std::min<std::uint64_t>(left, largest_piece));
        left -= piece.size();
        outputs_.out.part(piece.text());
        outputs_.out.flush();
    }
    outputs_.out.finish();
    co_return 0;
}

task<std::uint64_t> exec_text::read_size() {
    const std::size_t length = co_await read_length();
    if (wire_ != coserve::exec_wire::json_size)
        co_return length;
    if (length > longest_json)
        throw failure(
            name_ + ": a header of " + std::to_string(length) + " bytes is none of this wire"
        );
    const std::string json = co_await read_json(length);
    try {
        co_return coserve::parse_json_size(json);
    } catch (const coserve::json_error& e) {
        throw failure(name_ + ": not a reply of this wire: " + e.what());
    }
}

task<std::string> exec_text::read_json(std::size_t size) {
    if (size == 0)
        co_return std::string();
    const coserve::frame json = co_await read_piece(size);
    co_return std::string(json.text());
}

task<std::size_t> exec_text::read_length() {
    const coserve::frame bytes = co_await read_piece(length_size);
    const std::int32_t length =
        coserve::unpack_i32(std::span<const std::byte, length_size>(bytes.data(), length_size));
    if (length < 0)
        throw failure(name_ + ": a reply of " + std::to_string(length) + " bytes");
    co_return static_cast<std::size_t>(length);
}

task<coserve::frame> exec_text::read_piece(std::size_t size) {
    const auto piece = co_await stream_.read_exactly(size);
    if (!piece)
        throw failure(name_ + ": the server ended the connection before its reply's end");
    co_return *piece;
}

}  // namespace coserve_client
