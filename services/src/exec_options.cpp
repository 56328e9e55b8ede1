#include <coserve/services/exec.hpp>

#include "protocol/exec_wire.hpp"

#include <coserve/error.hpp>
#include <coserve/json_header.hpp>
#include <coserve/raw.hpp>
#include <coserve/text_encoding.hpp>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <unistd.h>

namespace coserve {

namespace {

constexpr std::size_t largest_stream = std::size_t{1} << 40;
/// Both of a command's together are one reply.
constexpr std::size_t largest_text_stream = largest_text_reply / 2 - (std::size_t{64} << 10);
constexpr std::size_t largest_limit = std::size_t{1} << 50;

void check_environment(option_reader& reader, const std::vector<std::string>& environment) {
    for (const std::string& e : environment)
        if (e.find('=') == e.npos || e.starts_with('=') || e.find('\0') != e.npos)
            reader.refuse("env", "must be NAME=VALUE, such as TZ=UTC");
}

void check_directory(option_reader& reader, const std::string& directory) {
    std::error_code error;
    if (!directory.empty() && !std::filesystem::is_directory(directory, error))
        reader.refuse("directory", "is no directory");
}

void check_encoding(option_reader& reader, const exec::options& o) {
    if (o.encoding.empty())
        return;
    if (o.wire == exec_wire::native)
        reader.refuse("encoding", "needs one of the wires concat, stderr-first and json-size");
    try {
        const text_encoder known(o.encoding);
    } catch (const configuration_error& e) {
        reader.refuse("encoding", e.what());
    }
}

/// Who asks for the user that it is already asks for nothing.
std::optional<subprocess_user> find_user(option_reader& reader, const std::string& name) {
    if (name.empty())
        return std::nullopt;
    subprocess_user user;
    try {
        user = subprocess_user::named(name);
    } catch (const configuration_error& e) {
        reader.refuse("user", e.what());
    }
    if (::geteuid() == 0)
        return user;
    if (user.id != ::geteuid())
        reader.refuse("user", "only root can run commands as another user");
    return std::nullopt;
}

void read_limits(option_reader& reader, subprocess_limits& l) {
    reader.time("cpu-limit", l.cpu, "processor time of a command, in whole seconds; 0s: none");
    std::size_t memory = 0, file = 0;
    reader.size(
        "memory-limit", memory, std::size_t{1} << 20, largest_limit, "address space of each process"
    );
    reader.size("file-limit", file, 1, largest_limit, "of any file that a command writes");
    l.memory = memory;
    l.file = file;
    reader.count(
        "process-limit",
        l.processes,
        0,
        4'194'304,
        "processes of the commands' user, all together; does not bind root; 0: none"
    );
    reader.count(
        "descriptor-limit", l.descriptors, 0, 1'048'576, "open in each process, 8 or more; 0: none"
    );
    if (l.descriptors != 0 && l.descriptors < 8)
        reader.refuse("descriptor-limit", "must be 0, or 8 or more");
}

template <class Codec>
codec_factory copies_of(Codec prototype, std::size_t max_frame) {
    prototype.set_max_frame(max_frame);
    return [prototype] { return std::make_unique<Codec>(prototype); };
}

}  // namespace

void exec::options::read(option_reader& reader) {
    reader.choice(
        "wire",
        wire,
        {{"native", exec_wire::native},
         {"concat", exec_wire::concat},
         {"stderr-first", exec_wire::stderr_first},
         {"json-size", exec_wire::json_size}},
        "what requests and replies look like"
    );
    reader.texts("env", environment, "NAME=VALUE for commands, beside PATH and LANG");
    check_environment(reader, environment);
    reader.text("directory", directory, "where commands run; none: the server's own");
    check_directory(reader, directory);
    reader.time("timeout", timeout, "of a command, which may ask for less; 0s: none");
    reader.size(
        "output-limit",
        output_limit,
        1,
        wire == exec_wire::native ? largest_stream : largest_text_stream,
        "of each stream of a command, which is then stopped"
    );
    reader.count(
        "commands-per-connection",
        per_connection,
        1,
        1024,
        "at once; 64 more wait, further ones are refused"
    );
    reader.count(
        "commands",
        commands,
        1,
        65'536,
        "at once on the whole server; 256 more wait, further ones are refused"
    );
    read_limits(reader, limits);
    reader.flag("no-new-privs", no_new_privs, "programs like sudo give a command no more rights");
    std::string user_name;
    reader.text("user", user_name, "whom commands run as, if the server is root's; none: the same");
    user = find_user(reader, user_name);
    reader.text("encoding", encoding, "of what is sent, such as GBK, from the commands' UTF-8");
    check_encoding(reader, *this);
}

/// A command's own timeout bounds how long its output waits for a client that does not read.
void exec::options::preset(stream_limits& l) const {
    if (wire == exec_wire::native)
        l.write_timeout = {};
}

framing exec::options::codecs(const stream_limits& l) const {
    if (wire == exec_wire::native)
        return {
            copies_of(json_header_codec(), l.max_frame),
            copies_of(json_header_codec(), l.max_send_frame)
        };
    return {copies_of(raw_codec(), l.max_frame), copies_of(raw_codec(), l.max_send_frame)};
}

}  // namespace coserve
