#include <coserve/json_header.hpp>

#include "json_scan.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace coserve {

namespace {

constexpr std::size_t length_size = 4;
constexpr std::size_t longest_to_write = 0x7fffffff;  // the length is signed
// What one piece of a body has at most.
constexpr std::uint64_t largest_piece = std::uint64_t{64} << 10;

std::int32_t load_length(std::span<const std::byte> input) noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = length_size; i-- > 0;)
        value = value << 8 | std::to_integer<std::uint32_t>(input[i]);
    return static_cast<std::int32_t>(value);
}

}  // namespace

void json_header_codec::options::read(option_reader& reader) {
    reader.text("size-key", size_key, "the header's member that has the body's size in bytes");
    if (size_key.empty())
        reader.refuse("size-key", "must not be empty");
    reader.size(
        "max-header", max_header, 2, std::size_t{1} << 20, "the longest header that is taken"
    );
}

json_header_codec::json_header_codec() : json_header_codec(options{}) {}

json_header_codec::json_header_codec(options o)
    : options_(std::make_shared<const options>(std::move(o))) {}

decoded json_header_codec::decode(std::span<const std::byte> input) {
    if (header_given_ && body_left() != 0)
        return skip(input.size());
    const bool begun = header_ != 0 && !header_given_;
    decoded result = find_header(input);
    if (result.what != decoded::outcome::frame)
        return result;
    if (!begun && body_ > max_frame())
        return refuse(
            errc::frame_too_long,
            options_->size_key + ": " + std::to_string(body_) + " bytes, the maximum being " +
                std::to_string(max_frame()),
            body_
        );
    const std::size_t whole = header_ + static_cast<std::size_t>(body_);
    if (input.size() < whole)
        return {.needed = whole};
    result.offset = header_;
    result.size = static_cast<std::size_t>(body_);
    result.consumed = whole;
    restart();
    return result;
}

decoded json_header_codec::decode_header(std::span<const std::byte> input) {
    if (header_given_ && body_left() != 0)
        return skip(input.size());
    const decoded result = find_header(input);
    header_given_ = result.what == decoded::outcome::frame;
    return result;
}

decoded json_header_codec::decode_body(std::span<const std::byte> input) {
    const auto most = static_cast<std::size_t>(std::min(body_left(), largest_piece));
    const std::size_t size = std::min(input.size(), most);
    if (size == 0)
        return {.needed = most};
    taken_ += size;
    return {.what = decoded::outcome::frame, .size = size, .consumed = size};
}

void json_header_codec::count_body(std::uint64_t size) noexcept {
    taken_ += size;
}

std::uint64_t json_header_codec::body_left() const noexcept {
    return header_given_ ? body_ - taken_ : 0;
}

unfinished_frame json_header_codec::unfinished(std::size_t buffered) const noexcept {
    if (!header_given_)
        return {buffered, header_ == 0 ? 0 : header_ + body_};
    if (body_left() == 0)
        return {buffered, 0};
    return {header_ + taken_ + buffered, header_ + body_};
}

void json_header_codec::restart() noexcept {
    header_ = 0;
    body_ = taken_ = 0;
    header_given_ = false;
}

// Frame: its text, and nothing more. Looks at a header once, however often it is asked.
decoded json_header_codec::find_header(std::span<const std::byte> input) {
    if (header_given_)
        restart();
    if (header_ == 0) {
        if (input.size() < length_size)
            return {};
        const std::int32_t length = load_length(input);
        if (length < 0)
            return refuse(errc::negative_length, {});
        const auto size = static_cast<std::size_t>(length);
        if (size > options_->max_header)
            return refuse(
                errc::frame_too_long,
                "a header of " + std::to_string(size) + " bytes, the maximum being " +
                    std::to_string(options_->max_header),
                size
            );
        if (input.size() < length_size + size)
            return {.needed = length_size + size};
        const std::string_view text(
            reinterpret_cast<const char*>(input.data()) + length_size, size
        );
        detail::json_scan found = detail::scan_json_object(text, options_->size_key);
        if (found.complaint.empty() && !found.size)
            found.complaint = options_->size_key + ": is missing";
        if (!found.complaint.empty())
            return refuse(errc::malformed_frame, std::move(found.complaint));
        header_ = length_size + size;
        body_ = *found.size;
    }
    return {
        .what = decoded::outcome::frame,
        .offset = length_size,
        .size = header_ - length_size,
        .consumed = header_
    };
}

decoded json_header_codec::skip(std::size_t available) noexcept {
    decoded result;
    if (available == 0)
        return result;
    result.what = decoded::outcome::skipped;
    result.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(body_left(), available));
    taken_ += result.consumed;
    return result;
}

decoded json_header_codec::refuse(error_code error, std::string complaint, std::uint64_t declared) {
    complaint_ = std::move(complaint);
    decoded result;
    result.what = decoded::outcome::error;
    result.error = error;
    result.declared = declared;
    return result;
}

error_code json_header_codec::encode(frame_view header, frame_view body, envelope& out) {
    const std::string_view given = header.empty() ? std::string_view("{}") : header.text();
    const detail::json_scan found = detail::scan_json_object(given, options_->size_key);
    complaint_ = found.complaint;
    if (found.size && !body.empty() && *found.size != body.size())
        complaint_ = options_->size_key + ": says " + std::to_string(*found.size) +
                     ", but the body has " + std::to_string(body.size()) + " bytes";
    if (!complaint_.empty())
        return errc::unencodable_frame;
    if (body.size() > max_frame())
        return errc::frame_too_long;

    // The member goes before the last brace.
    const std::size_t brace = found.size ? given.size() : given.rfind('}');
    std::string member;
    if (!found.size)
        member = (found.empty ? "" : ", ") + boost::json::serialize(options_->size_key) + ": " +
                 std::to_string(body.size());
    const std::size_t size = given.size() + member.size();
    if (size > longest_to_write) {
        complaint_ = "a header of " + std::to_string(size) + " bytes, the maximum being " +
                     std::to_string(longest_to_write);
        return errc::frame_too_long;
    }
    const std::span<std::byte> prefix = out.make_prefix(length_size + size);
    for (std::size_t i = 0; i < length_size; ++i)
        prefix[i] = static_cast<std::byte>(size >> (8 * i));
    auto to = reinterpret_cast<char*>(prefix.data()) + length_size;
    to = std::ranges::copy(given.substr(0, brace), to).out;
    to = std::ranges::copy(member, to).out;
    std::ranges::copy(given.substr(brace), to);
    out.payload = {body, {}};
    out.suffix = {};
    return {};
}

}  // namespace coserve
