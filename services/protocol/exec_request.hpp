/// \file
/// What a client of native exec asks: the headers of its frames.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coserve {

/// Names one of a connection's commands that are under way; none: the one that has no name.
using exec_id = std::optional<std::uint64_t>;

/// Bytes of interactive input that a client may send before the server grants more.
inline constexpr std::uint64_t exec_first_window = std::uint64_t{64} << 10;

/// Runs a command, whose input is the frame's body, or comes by `exec_input`.
struct exec_start {
    std::vector<std::string> argv;  ///< empty: `command` is for the shell
    std::string command;
    std::optional<std::chrono::milliseconds> timeout;
    bool interactive = false;
};

/// The frame's body is a piece of a command's input; or the input ends.
struct exec_input {
    bool ends = false;
};

struct exec_signal {
    int number = 0;
};

struct exec_cancel {};

struct exec_request {
    exec_id id;
    std::uint64_t data_size = 0;  ///< bytes of body behind the header
    std::variant<exec_start, exec_input, exec_signal, exec_cancel> what;
};

/// A header that means nothing. `what()` is one sentence, which names the key.
class bad_exec_request : public std::runtime_error {
public:
    bad_exec_request(const std::string& why, exec_id i, std::uint64_t size)
        : std::runtime_error(why), id(i), data_size(size) {}

    exec_id id;               ///< where it could be read
    std::uint64_t data_size;  ///< likewise; a body of that size follows
};

/// Errors: `bad_exec_request`.
exec_request parse_exec_request(std::string_view header);

/// Without `data_size`, which the framing `json-header` adds.
std::string exec_header(const exec_request&);

}  // namespace coserve
