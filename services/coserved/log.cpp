#include "log.hpp"

#include <coserve/printable.hpp>

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace coserved {
namespace {

spdlog::level::level_enum spdlog_level(coserve::log_level level) noexcept {
    switch (level) {
    case coserve::log_level::debug:
        return spdlog::level::debug;
    case coserve::log_level::info:
        return spdlog::level::info;
    case coserve::log_level::warning:
        return spdlog::level::warn;
    case coserve::log_level::error:
        break;
    }
    return spdlog::level::err;
}

/// What stands before and behind `json_members` makes it an object.
constexpr const char* json_pattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
constexpr const char* text_pattern = "%Y-%m-%dT%H:%M:%S.%eZ %l %v";

/// What JSON has no escapes for is escaped as in the text format: bytes that are no UTF-8, too.
std::string json_text(std::string_view text) {
    constexpr std::string_view escaped_by_json(
        "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
        "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\\",
        33
    );
    const std::string shown = coserve::printable(text, {.escape = {}, .keep = escaped_by_json});
    return boost::json::serialize(boost::json::string(shown));
}

void append_json_member(std::string& out, std::string_view key, std::string_view value) {
    out += json_text(key);
    out += ':';
    out += json_text(value);
}

std::string json_members(const coserve::log_record& record) {
    std::string out;
    append_json_member(out, "message", record.message);
    for (const auto& [key, value] : record.fields) {
        out += ',';
        append_json_member(out, key, value);
    }
    return out;
}

}  // namespace

coserve::log_sink make_log(coserve::log_level least, log_format format) {
    auto logger = std::make_shared<spdlog::logger>(
        "coserved", std::make_shared<spdlog::sinks::stderr_sink_mt>()
    );
    const bool json = format == log_format::json;
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        json ? json_pattern : text_pattern, spdlog::pattern_time_type::utc
    ));
    logger->set_level(spdlog_level(least));
    return [logger, json](const coserve::log_record& record) {
        const auto level = spdlog_level(record.level);
        if (!logger->should_log(level))
            return;
        try {
            logger->log(level, json ? json_members(record) : coserve::log_text(record));
        } catch (const std::exception&) {
            coserve::log_to_stderr(record);
        }
    };
}

}  // namespace coserved
