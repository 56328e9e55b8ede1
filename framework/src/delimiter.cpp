#include <coserve/delimiter.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstring>

namespace coserve {

/// One of the two.
struct delimiter_codec::pattern {
    std::string text;  ///< at least two bytes, or none
    std::bitset<256> set;
    std::string members;  ///< of the set
};

namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::byte carriage_return{'\r'};

/// Like memmem, which is far slower than memchr: so it has only what holds the first byte often.
const void* find_text(const std::byte* at, std::size_t size, std::string_view text) noexcept {
    const std::byte* const end = at + size;
    for (int candidates = 0; candidates < 8; ++candidates) {
        const void* first = std::memchr(at, text.front(), static_cast<std::size_t>(end - at));
        if (!first)
            return nullptr;
        at = static_cast<const std::byte*>(first);
        if (static_cast<std::size_t>(end - at) < text.size())
            return nullptr;
        if (std::memcmp(at, text.data(), text.size()) == 0)
            return at;
        ++at;
    }
    return ::memmem(at, static_cast<std::size_t>(end - at), text.data(), text.size());
}

/// The first of several bytes. A few of them by memchr, each in turn and in pieces that grow: one
/// that does not occur costs little where another is near.
const void* find_any(
    const std::byte* at, std::size_t size, std::string_view members, const std::bitset<256>& set
) {
    constexpr std::size_t few = 4, least = 64, most = 4096;
    const std::byte* const end = at + size;
    if (members.size() > few) {
        at = std::find_if(at, end, [&](std::byte b) {
            return set[std::to_integer<std::size_t>(b)];
        });
        return at == end ? nullptr : at;
    }
    for (std::size_t piece = least; at != end; piece = std::min(2 * piece, most)) {
        const std::size_t here = std::min(piece, static_cast<std::size_t>(end - at));
        const void* found = nullptr;
        std::size_t before = here;
        for (const char c : members)
            if (const void* first = std::memchr(at, static_cast<unsigned char>(c), before)) {
                found = first;
                before = static_cast<std::size_t>(static_cast<const std::byte*>(first) - at);
            }
        if (found)
            return found;
        at += here;
    }
    return nullptr;
}

}  // namespace

void delimiter_codec::options::read(option_reader& reader) {
    reader.text(
        "delimiter",
        delimiter,
        "the bytes that end a frame, in a URL percent-encoded, such as %0D%0A; this or any-of must "
        "be given"
    );
    reader.text(
        "any-of",
        any_of,
        "bytes of which each ends a frame, in a URL percent-encoded; the first is written"
    );
    reader.flag("keep-end", keep_end, "frames are delivered with their end, and may bring it");
    read_on_too_long(reader, too_long);
    if (delimiter.empty() && any_of.empty())
        reader.refuse("delimiter", "must be given with framing=delimiter, or any-of must");
    if (!delimiter.empty() && !any_of.empty())
        reader.refuse("any-of", "must not be given beside delimiter");
}

delimiter_codec::delimiter_codec(const options& o)
    : delimiter_codec(o.delimiter.empty() ? '\0' : o.delimiter.front(), o.keep_end, o.too_long) {
    optional_return_ = false;
    if (o.delimiter.empty() == o.any_of.empty())
        throw configuration_error("delimiter: must have a delimiter or any-of, not both");
    auto made = std::make_shared<pattern>();
    if (o.delimiter.size() > 1) {
        made->text = o.delimiter;
        pattern_ = made;
    } else if (o.delimiter.empty()) {
        byte_ = o.any_of.front();
        for (const char c : o.any_of) {
            if (!made->set[static_cast<unsigned char>(c)])
                made->members += c;
            made->set.set(static_cast<unsigned char>(c));
        }
        if (made->members.size() > 1)
            pattern_ = made;
    }
}

delimiter_codec::delimiter_codec(char end, bool keep_end, on_too_long too_long)
    : byte_(end),
      optional_return_(true),
      keeps_end_(keep_end),
      skips_too_long_(too_long == on_too_long::skip) {}

decoded delimiter_codec::decode(std::span<const std::byte> input) {
    if (skipping_) [[unlikely]]
        return skip(input, 0);
    if (!begun_)
        limit_ = max_frame();
    // What lies behind that decides nothing about a frame that is too long.
    const std::size_t end_size = end().size();
    const std::size_t reach = end_size + (optional_return_ ? 1 : 0);
    const bool much = input.size() > limit_ && input.size() - limit_ > reach;
    const std::size_t at = find(much ? input.first(limit_ + reach) : input, progress_);
    if (at == npos)
        return search_on(input);
    const bool returned = optional_return_ && at != 0 && input[at - 1] == carriage_return;
    const std::size_t payload = at - (returned ? 1 : 0);
    if (payload > limit_) [[unlikely]]
        return too_long(input, at);
    begun_ = false;
    progress_ = 0;
    const std::size_t consumed = at + end_size;
    return {
        .what = decoded::outcome::frame,
        .size = keeps_end_ ? consumed : payload,
        .consumed = consumed
    };
}

/// There is no end in the input, or none that comes in time.
decoded delimiter_codec::search_on(view input) noexcept {
    if (input.size() > limit_) {
        const bool returned = optional_return_ && input.back() == carriage_return;
        if (input.size() - begun_end(input) - (returned ? 1 : 0) > limit_)
            return too_long(input, ruled_out(std::min(input.size(), limit_)));
    }
    begun_ = !input.empty();
    progress_ = ruled_out(input.size());
    return {};
}

decoded delimiter_codec::too_long(view input, std::size_t from) noexcept {
    decoded result;
    result.what = decoded::outcome::error;
    if (skips_too_long_) {
        skipping_ = true;
        progress_ = 0;
        result = skip(input, from);
    }
    result.error = errc::frame_too_long;
    return result;
}

/// Drops all but what may be the beginning of an end.
decoded delimiter_codec::skip(view input, std::size_t from) noexcept {
    decoded result;
    const std::size_t at = find(input, from);
    result.consumed = at != npos ? at + end().size() : input.size() - begun_end(input);
    if (result.consumed == 0)
        return result;
    result.what = decoded::outcome::skipped;
    progress_ += result.consumed;
    if (at != npos)
        restart();
    return result;
}

unfinished_frame delimiter_codec::unfinished(std::size_t buffered) const noexcept {
    return {skipping_ ? progress_ + buffered : buffered, 0};
}

void delimiter_codec::restart() noexcept {
    begun_ = skipping_ = false;
    progress_ = 0;
}

error_code delimiter_codec::encode(frame_view header, frame_view body, envelope& out) {
    view first = header;
    view second = body;
    const std::size_t own = keeps_end_ ? own_end(first, second) : 0;
    const std::size_t from_second = std::min(own, second.size());
    second = second.first(second.size() - from_second);
    first = first.first(first.size() - (own - from_second));
    if (first.size() + second.size() > max_frame())
        return errc::frame_too_long;
    if (holds_end(first, second))
        return errc::unencodable_frame;
    out.make_prefix(0);
    out.payload = {header, body};
    out.suffix = own == 0 ? end() : std::string_view();
    return {};
}

inline std::string_view delimiter_codec::end() const noexcept {
    return pattern_ && !pattern_->text.empty() ? std::string_view(pattern_->text)
                                               : std::string_view(&byte_, 1);
}

inline std::size_t delimiter_codec::find(view input, std::size_t from) const noexcept {
    const std::byte* const begin = input.data();
    const std::size_t size = input.size();
    if (from >= size)
        return npos;
    const void* found = nullptr;
    if (!pattern_) {
        found = std::memchr(begin + from, static_cast<unsigned char>(byte_), size - from);
    } else if (const std::string& text = pattern_->text; !text.empty()) {
        found = find_text(begin + from, size - from, text);
    } else {
        found = find_any(begin + from, size - from, pattern_->members, pattern_->set);
    }
    return found ? static_cast<std::size_t>(static_cast<const std::byte*>(found) - begin) : npos;
}

/// In so many bytes without an end: the places where none begins, whatever comes behind them.
inline std::size_t delimiter_codec::ruled_out(std::size_t size) const noexcept {
    const std::size_t open = end().size() - 1;
    return size - std::min(size, open);
}

/// How many of the last bytes are the beginning of a byte string that ends frames; the most that
/// are.
std::size_t delimiter_codec::begun_end(view input) const noexcept {
    const std::string_view text = end();
    for (std::size_t size = std::min(input.size(), text.size() - 1); size != 0; --size)
        if (std::memcmp(input.data() + input.size() - size, text.data(), size) == 0)
            return size;
    return 0;
}

/// How many of a payload's last bytes are an end.
std::size_t delimiter_codec::own_end(view header, view body) const noexcept {
    const std::size_t size = header.size() + body.size();
    const auto from_behind = [&](std::size_t i) {
        return i < body.size() ? body[body.size() - 1 - i]
                               : header[header.size() - 1 - (i - body.size())];
    };
    const std::string_view text = end();
    if (size < text.size())
        return 0;
    if (pattern_ && pattern_->text.empty())
        return pattern_->set[std::to_integer<std::size_t>(from_behind(0))] ? 1 : 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (from_behind(i) != static_cast<std::byte>(text[text.size() - 1 - i]))
            return 0;
    const bool returned = optional_return_ && size > 1 && from_behind(1) == carriage_return;
    return text.size() + (returned ? 1 : 0);
}

/// Whether a reader would find an end before the one that is written behind this.
bool delimiter_codec::holds_end(view header, view body) const noexcept {
    const view last = body.empty() ? header : body;
    if (optional_return_ && !keeps_end_ && !last.empty() && last.back() == carriage_return)
        return true;
    return find(header, 0) != npos || find(body, 0) != npos ||
           crosses(header, body, header.size()) ||
           crosses(header, body, header.size() + body.size());
}

/// Whether a byte string that ends frames begins before the border, and goes on behind it; the end
/// is written behind the body.
bool delimiter_codec::crosses(view header, view body, std::size_t border) const noexcept {
    const std::string_view text = end();
    const std::array<view, 3> parts{header, body, std::as_bytes(std::span(text))};
    const auto byte = [&](std::size_t i) {
        const view* part = parts.data();
        for (; i >= part->size(); ++part)
            i -= part->size();
        return (*part)[i];
    };
    for (std::size_t at = ruled_out(border); at < border; ++at) {
        std::size_t same = 0;
        while (same < text.size() && byte(at + same) == static_cast<std::byte>(text[same]))
            ++same;
        if (same == text.size())
            return true;
    }
    return false;
}

}  // namespace coserve
