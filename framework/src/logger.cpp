#include <coserve/logger.hpp>

#include <coserve/printable.hpp>

#include <exception>

#include <unistd.h>

namespace coserve {
namespace {

void append_value(std::string& line, std::string_view value) {
    const bool quoted = value.empty() || value.find(' ') != value.npos;
    if (quoted)
        line += '"';
    line += printable(value, {.escape = "\""});
    if (quoted)
        line += '"';
}

void write_line(std::string_view line) noexcept {
    // There is nowhere to report that stderr is gone.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

std::string_view to_string(log_level level) noexcept {
    switch (level) {
    case log_level::debug:
        return "debug";
    case log_level::info:
        return "info";
    case log_level::warning:
        return "warning";
    case log_level::error:
        return "error";
    }
    return "unknown";
}

std::string log_text(const log_record& record) {
    std::string line = printable(record.message);
    for (const auto& [key, value] : record.fields) {
        line += ' ';
        line += printable(key);
        line += '=';
        append_value(line, value);
    }
    return line;
}

void log_to_stderr(const log_record& record) noexcept {
    if (record.level < log_level::warning)
        return;
    try {
        std::string line(to_string(record.level));
        line += ": ";
        line += log_text(record);
        line += '\n';
        // One call, so that lines of several cores do not mix.
        write_line(line);
    } catch (const std::exception&) {
        write_line("error: no memory for a line of the log\n");
    }
}

}  // namespace coserve
