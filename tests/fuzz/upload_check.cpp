#include "upload_check.hpp"

#include "framing_check.hpp"
#include "protocol/marker_end.hpp"
#include "protocol/upload_error.hpp"
#include "protocol/upload_header.hpp"
#include "protocol/upload_name.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>

namespace upload_check {
namespace {

using framing_check::broken_rule;

constexpr std::size_t longest_complaint = 2000;
constexpr std::size_t longest_of_file_system = 255;

void demand(bool holds, const char* rule) {
    if (!holds)
        throw broken_rule(rule);
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

/// What people are shown, in a log too.
void check_complaint(const std::exception& e) {
    const std::string_view text = e.what();
    demand(!text.empty() && text.size() < longest_complaint, "a complaint is one short sentence");
    demand(!has_control(text), "a complaint has no control characters");
}

/// Of a name that was taken, however.
void check_taken_name(std::string_view name) {
    demand(!name.empty() && name != "." && name != "..", "a name is none of the directory's own");
    demand(name.find('/') == name.npos, "a name is one component");
    demand(!has_control(name), "a name has no control characters");
    demand(name.front() != '.', "a name is not hidden");
    const std::string numbered = coserve::numbered_name(name, 100'000);
    demand(numbered.size() <= longest_of_file_system, "a numbered name can be stored");
}

void check_name(std::string_view text) {
    try {
        coserve::check_upload_name(text);
    } catch (const coserve::upload_error& e) {
        return check_complaint(e);
    }
    check_taken_name(text);
}

void check_header(std::string_view text) {
    std::optional<coserve::upload_header> header;
    try {
        header = coserve::parse_upload_header(text);
    } catch (const coserve::upload_error& e) {
        return check_complaint(e);
    }
    check_taken_name(header->file_name);
    demand(header->file_size < std::uint64_t{1} << 63, "a size is one of a file");
    demand(header->sha256.empty() || header->sha256.size() == 64, "a digest is whole");
    const std::string written = to_json(*header);
    demand(
        to_json(coserve::parse_upload_header(written)) == written,
        "a header is read as it was written"
    );
    demand(
        std::ranges::none_of(written, [](unsigned char c) { return c >= 0x80; }),
        "a header is written in ASCII"
    );
}

void check_reply(std::string_view text) {
    std::optional<coserve::upload_reply> reply;
    try {
        reply = coserve::parse_upload_reply(text);
    } catch (const coserve::upload_error& e) {
        return check_complaint(e);
    }
    const std::string written = to_json(*reply);
    demand(
        to_json(coserve::parse_upload_reply(written)) == written,
        "a reply is read as it was written"
    );
}

std::optional<std::uint64_t> file_size(std::string_view stream, std::size_t piece) {
    coserve::marker_end end;
    while (!stream.empty()) {
        const auto part = stream.substr(0, piece);
        end.feed(std::as_bytes(std::span(part)));
        stream.remove_prefix(part.size());
    }
    return end.file_size();
}

void check_marker(std::string_view stream) {
    const std::string end = std::string(coserve::marker) + std::string(coserve::marker_text);
    const std::string marked = std::string(stream) + end;
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1024}}) {
        demand(
            file_size(marked, piece) == stream.size(), "a marked stream ends where it is marked"
        );
        demand(
            file_size(stream, piece).has_value() == stream.ends_with(end),
            "a stream that is not marked has no end"
        );
    }
}

}  // namespace

void check(std::string_view input) {
    // A block of exactly this size, so that the sanitizer sees a byte too many being read.
    const std::string copy(input);
    const std::string_view exact(copy.data(), copy.size());
    check_header(exact);
    check_reply(exact);
    check_name(exact);
    check_marker(exact);
}

}  // namespace upload_check
