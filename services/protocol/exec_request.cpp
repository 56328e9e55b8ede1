#include "protocol/exec_request.hpp"

#include "protocol/json_members.hpp"
#include "protocol/signal_name.hpp"

#include <limits>

namespace coserve {

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t longest_timeout_ms = std::uint64_t{365} * 24 * 3600 * 1000;

/// nullopt where it is missing or none: what is wrong with a header is told with its id, if there
/// is one.
std::optional<std::uint64_t> try_whole(const json_members& m, std::string_view key) noexcept {
    try {
        return m.whole(key, most);
    } catch (const json_error&) {
        return std::nullopt;
    }
}

void refuse_body(const exec_request& r, const char* what) {
    if (r.data_size != 0)
        throw json_error(std::string("data_size: must be 0 with ") + what);
}

std::vector<std::string> read_argv(const json_members& m) {
    std::vector<std::string> argv = m.texts("argv").value_or(std::vector<std::string>());
    if (m.has("argv") && (argv.empty() || argv.front().empty()))
        throw json_error("argv: must begin with the name of a program");
    return argv;
}

std::optional<std::chrono::milliseconds> read_timeout(const json_members& m) {
    const auto time = m.whole("timeout_ms", longest_timeout_ms);
    if (!time)
        return std::nullopt;
    if (*time == 0)
        throw json_error("timeout_ms: must be at least 1");
    return std::chrono::milliseconds(*time);
}

exec_start read_start(const json_members& m, const exec_request& r) {
    m.know_only({"argv", "command", "id", "timeout_ms", "stdin", "data_size"});
    if (m.has("argv") && m.has("command"))
        throw json_error("argv: must not stand beside command");
    exec_start start;
    start.argv = read_argv(m);
    start.command = m.text("command").value_or("");
    start.timeout = read_timeout(m);
    start.interactive = m.flag("stdin").value_or(false);
    if (start.interactive)
        refuse_body(r, "\"stdin\": true; the input follows in frames of its own");
    return start;
}

exec_input read_input(const json_members& m, const exec_request& r) {
    m.know_only({"stdin", "id", "data_size"});
    const std::string what = m.text("stdin").value_or("");
    if (what != "data" && what != "end")
        throw json_error(R"(stdin: must be "data" or "end", or true beside argv or command)");
    const bool ends = what == "end";
    if (ends)
        refuse_body(r, "\"stdin\": \"end\"");
    return {ends};
}

exec_signal read_signal(const json_members& m, const exec_request& r) {
    m.know_only({"signal", "id", "data_size"});
    const auto number = signal_number(m.text("signal").value_or(""));
    if (!number)
        throw json_error("signal: must be the name of one, such as \"SIGINT\"");
    refuse_body(r, "signal");
    return {*number};
}

void read_cancel(const json_members& m, exec_request& r) {
    m.know_only({"cancel", "data_size"});
    r.id = m.whole("cancel", most);
    refuse_body(r, "cancel");
    r.what = exec_cancel();
}

void read_rest(const json_members& m, exec_request& r) {
    r.id = m.whole("id", most);
    r.data_size = m.whole("data_size", most).value_or(0);
    if (m.has("argv") || m.has("command"))
        r.what = read_start(m, r);
    else if (m.has("cancel"))
        read_cancel(m, r);
    else if (m.has("signal"))
        r.what = read_signal(m, r);
    else if (m.has("stdin"))
        r.what = read_input(m, r);
    else
        throw json_error("argv: is missing, and so are command, stdin, signal and cancel");
}

json_members members_of(std::string_view header) {
    try {
        return json_members(header);
    } catch (const json_error& e) {
        throw bad_exec_request(e.what(), std::nullopt, 0);
    }
}

std::string array_of(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& t : texts)
        out.append(out.empty() ? "" : ", ").append(json_text(t));
    return '[' + out + ']';
}

/// `"KEY": VALUE` behind what there is.
void append(std::string& out, const char* key, const std::string& value) {
    out.append(out.empty() ? "" : ", ").append(json_text(key)).append(": ").append(value);
}

void append_what(std::string& out, const exec_start& s) {
    if (s.argv.empty())
        append(out, "command", json_text(s.command));
    else
        append(out, "argv", array_of(s.argv));
    if (s.timeout)
        append(out, "timeout_ms", std::to_string(s.timeout->count()));
    if (s.interactive)
        append(out, "stdin", "true");
}

void append_what(std::string& out, const exec_input& i) {
    append(out, "stdin", json_text(i.ends ? "end" : "data"));
}

void append_what(std::string& out, const exec_signal& s) {
    append(out, "signal", json_text(signal_name(s.number)));
}

void append_what(std::string&, const exec_cancel&) {}

}  // namespace

exec_request parse_exec_request(std::string_view header) {
    const json_members m = members_of(header);
    exec_request request;
    try {
        read_rest(m, request);
    } catch (const json_error& e) {
        throw bad_exec_request(e.what(), try_whole(m, "id"), try_whole(m, "data_size").value_or(0));
    }
    return request;
}

std::string exec_header(const exec_request& r) {
    std::string out;
    const bool cancels = std::holds_alternative<exec_cancel>(r.what);
    if (r.id || cancels)
        append(out, cancels ? "cancel" : "id", std::to_string(r.id.value_or(0)));
    std::visit([&](const auto& what) { append_what(out, what); }, r.what);
    return '{' + out + '}';
}

}  // namespace coserve
