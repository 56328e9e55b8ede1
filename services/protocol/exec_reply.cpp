#include "protocol/exec_reply.hpp"

#include "protocol/json_members.hpp"

#include <limits>

namespace coserve {

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t longest_ms = std::uint64_t{1} << 48;

void append(std::string& out, std::string_view key, std::string_view value) {
    out.append(out.empty() ? "\"" : ", \"").append(key).append("\": ").append(value);
}

void append(std::string& out, std::string_view key, std::uint64_t value) {
    append(out, key, std::to_string(value));
}

void append(std::string& out, std::string_view key, std::chrono::milliseconds value) {
    append(out, key, std::to_string(value.count()));
}

void append_what(std::string& out, const exec_output& o) {
    append(out, "stream", o.stream == exec_stream::out ? "\"stdout\"" : "\"stderr\"");
}

void append_what(std::string& out, const exec_window& w) {
    append(out, "window", w.bytes);
}

void append_what(std::string& out, const exec_result& r) {
    if (r.exit)
        append(out, "exit", std::to_string(*r.exit));
    else
        append(out, "signal", json_text(r.signal));
    if (!r.reason.empty())
        append(out, "reason", json_text(r.reason));
    append(out, "duration_ms", r.lasted);
    append(out, "stdout_bytes", r.stdout_bytes);
    append(out, "stderr_bytes", r.stderr_bytes);
    append(out, "truncated", r.truncated ? "true" : "false");
    if (!r.usage)
        return;
    append(out, "user_cpu_ms", r.usage->user);
    append(out, "system_cpu_ms", r.usage->system);
    append(out, "peak_memory_bytes", r.usage->peak_memory);
}

void append_what(std::string& out, const exec_error& e) {
    append(out, "error", json_text(e.word));
    append(out, "message", json_text(e.message));
}

exec_output read_output(const json_members& m) {
    const std::string name = *m.text("stream");
    if (name != "stdout" && name != "stderr")
        throw json_error(R"(stream: must be "stdout" or "stderr")");
    return {name == "stdout" ? exec_stream::out : exec_stream::err};
}

exec_error read_error(const json_members& m) {
    return {m.text("error").value_or(""), m.text("message").value_or("")};
}

std::chrono::milliseconds read_time(const json_members& m, std::string_view key) {
    return std::chrono::milliseconds(m.whole(key, longest_ms).value_or(0));
}

std::optional<exec_usage> read_usage(const json_members& m) {
    if (!m.has("user_cpu_ms"))
        return std::nullopt;
    exec_usage usage;
    usage.user = read_time(m, "user_cpu_ms");
    usage.system = read_time(m, "system_cpu_ms");
    usage.peak_memory = m.whole("peak_memory_bytes", most).value_or(0);
    return usage;
}

exec_result read_result(const json_members& m) {
    exec_result r;
    if (const auto code = m.whole("exit", 255))
        r.exit = static_cast<int>(*code);
    r.signal = m.text("signal").value_or("");
    if (!r.exit && r.signal.empty())
        throw json_error("exit: is missing, and so are signal, stream, window and error");
    r.reason = m.text("reason").value_or("");
    r.lasted = read_time(m, "duration_ms");
    r.stdout_bytes = m.whole("stdout_bytes", most).value_or(0);
    r.stderr_bytes = m.whole("stderr_bytes", most).value_or(0);
    r.truncated = m.flag("truncated").value_or(false);
    r.usage = read_usage(m);
    return r;
}

}  // namespace

exec_reply parse_exec_reply(std::string_view header) {
    const json_members m(header);
    exec_reply reply;
    reply.id = m.whole("id", most);
    if (m.has("stream"))
        reply.what = read_output(m);
    else if (m.has("window"))
        reply.what = exec_window{m.whole("window", most).value_or(0)};
    else if (m.has("error"))
        reply.what = read_error(m);
    else
        reply.what = read_result(m);
    return reply;
}

std::string exec_header(const exec_reply& r) {
    std::string out;
    if (r.id)
        append(out, "id", *r.id);
    std::visit([&](const auto& what) { append_what(out, what); }, r.what);
    return '{' + out + '}';
}

}  // namespace coserve
