#include <coserve/text_encoding.hpp>

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include "encoding_name.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <iconv.h>

namespace coserve {
namespace {

// More than any encoding takes for a character, its shift sequence included.
constexpr std::size_t longest_character = 16;

bool is_none(void* converter) noexcept {
    return reinterpret_cast<std::intptr_t>(converter) == -1;
}

/// `open(name)` is an `iconv_t`.
template <class Open>
detail::converter make_converter(std::string_view name, Open open) {
    if (!is_encoding_name(name))
        refuse_encoding(name);
    void* made = open(std::string(name));
    if (is_none(made))
        if (const auto usual = usual_encoding_name(name))
            made = open(std::string(*usual));
    if (is_none(made))
        refuse_encoding(name);
    return detail::converter(made);
}

/// Converts and uses up what it can; what stopped it: 0 (all was used up), EINVAL (what is left is
/// the beginning of a character), EILSEQ (something cannot be converted).
int convert(void* converter, std::string_view& input, std::string& out) {
    std::array<char, 4096> buffer;
    int error = 0;
    do {
        if (input.empty())
            return 0;
        char* from = const_cast<char*>(input.data());
        std::size_t left = input.size();
        char* to = buffer.data();
        std::size_t room = buffer.size();
        const std::size_t result = ::iconv(converter, &from, &left, &to, &room);
        error = result == static_cast<std::size_t>(-1) ? errno : 0;
        out.append(buffer.data(), buffer.size() - room);
        input.remove_prefix(input.size() - left);
    } while (error == E2BIG);
    return error;
}

/// What the converter kept, or what ends a text.
void finish_text(void* converter, std::string& out) {
    std::array<char, 64> buffer;
    char* to = buffer.data();
    std::size_t room = buffer.size();
    ::iconv(converter, nullptr, nullptr, &to, &room);
    out.append(buffer.data(), buffer.size() - room);
}

void append_hex(std::string& out, std::uint32_t number) {
    unsigned digits = number > 0xfffff ? 6 : number > 0xffff ? 5 : 4;
    while (digits-- > 0)
        out += "0123456789ABCDEF"[number >> (4 * digits) & 15];
}

/// All characters of `input` as they are, and what is none as \xNN; uses up all but the beginning
/// of a character at its end.
std::string utf8_with_escapes(std::string_view& input) {
    std::string out;
    out.reserve(input.size());
    while (!input.empty() && !begins_character(input)) {
        const std::size_t size = std::max(ascii_run(input), first_character(input).size);
        if (size != 0)
            out += input.substr(0, size);
        else
            append_escaped(out, input.substr(0, 1));
        input.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return out;
}

/// The C library takes numbers above U+10FFFF for characters, which UTF-8 cannot have.
std::string without_beyond_unicode(std::string text) {
    const auto may_begin_one = [](char c) { return static_cast<unsigned char>(c) >= 0xf4; };
    std::string_view rest = text;
    return std::ranges::none_of(text, may_begin_one) ? text : utf8_with_escapes(rest);
}

/// Whether it is a further byte of a character in UTF-8.
bool continues(char c) noexcept {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// How much of the text, from its start, is UTF-8.
std::size_t length_as_utf8(std::string_view text) noexcept {
    std::string_view rest = text;
    while (!rest.empty()) {
        const std::size_t size = first_character(rest).size;
        if (size == 0)
            break;
        rest.remove_prefix(size);
    }
    return text.size() - rest.size();
}

/// The first byte of a text that is no UTF-8, and those that would belong to it.
std::size_t length_of_none(std::string_view text) {
    const auto end = std::find_if_not(text.begin() + 1, text.end(), continues);
    return static_cast<std::size_t>(end - text.begin());
}

/// Whether the text has one of the tags, U+E0000 to U+E007F, and this converter leaves them out
/// without a word.
bool drops_tag(void* converter, std::string_view utf8) {
    constexpr std::string_view tag = "\xf3\xa0\x81\x81";
    if (utf8.find("\xf3\xa0\x80") == utf8.npos && utf8.find("\xf3\xa0\x81") == utf8.npos)
        return false;
    std::string made;
    std::string_view left = tag;
    const int error = convert(converter, left, made);
    finish_text(converter, made);
    return error == 0 && made.empty();
}

/// The sentence for what `rest` begins with, `offset` bytes into the text.
std::string unencodable(std::string_view rest, std::size_t offset, const std::string& encoding) {
    if (rest.empty())
        return "a character is not in " + encoding;
    const utf8_character c = first_character(rest);
    std::string what;
    if (c.size == 0) {
        append_escaped(what, rest.substr(0, 1));
        return what + " at byte " + std::to_string(offset) + " is no UTF-8";
    }
    what += "U+";
    append_hex(what, c.number);
    return what + " (" + printable(rest.substr(0, c.size)) + ") at byte " + std::to_string(offset) +
           " is not in " + encoding;
}

}  // namespace

void detail::converter_closer::operator()(void* converter) const noexcept {
    ::iconv_close(converter);
}

text_decoder::text_decoder(std::string_view encoding)
    : stateless_(is_stateless_encoding(encoding)) {
    if (!names_utf8(encoding))
        converter_ = make_converter(encoding, [](const std::string& name) {
            return ::iconv_open("UTF-8", name.c_str());
        });
}

std::string text_decoder::decode(std::string_view bytes) {
    return converter_ ? convert_bytes(bytes) : check_utf8(bytes);
}

std::string text_decoder::check_utf8(std::string_view bytes) {
    kept_ += bytes;
    std::string_view left = kept_;
    std::string out = utf8_with_escapes(left);
    kept_.erase(0, kept_.size() - left.size());
    return out;
}

std::string text_decoder::convert_bytes(std::string_view bytes) {
    constexpr std::size_t block = 4096;
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(block, bytes.size()))) {
        const std::string_view next = bytes.substr(0, block);
        if (stateless_ && decode_block(next, out))
            continue;
        for (const char byte : next)
            decode_byte(byte, out);
    }
    return without_beyond_unicode(std::move(out));
}

/// All at once, where nothing in it is malformed; false: nothing was done.
bool text_decoder::decode_block(std::string_view bytes, std::string& out) {
    const std::string whole = kept_ + std::string(bytes);
    const std::size_t before = out.size();
    std::string_view left = whole;
    const int error = convert(converter_.get(), left, out);
    if (error == 0 || (error == EINVAL && left.size() < longest_character)) {
        kept_ = left;
        return true;
    }
    std::string unused;
    finish_text(converter_.get(), unused);
    out.resize(before);
    return false;
}

/// One at a time, because some converters use up what they cannot convert, and do not tell how much
/// that was: so no more is shown to them than what may be one character.
void text_decoder::decode_byte(char byte, std::string& out) {
    kept_ += byte;
    std::string_view left = kept_;
    const int error = convert(converter_.get(), left, out);
    if (error == 0 || (error == EINVAL && left.size() < longest_character)) {
        kept_.erase(0, kept_.size() - left.size());
        return;
    }
    const std::string rest = std::exchange(kept_, {});
    append_escaped(out, rest.substr(0, 1));
    for (const char next : std::string_view(rest).substr(1))
        decode_byte(next, out);
}

std::string text_decoder::finish() {
    std::string out;
    if (converter_)
        finish_text(converter_.get(), out);
    append_escaped(out, kept_);
    kept_.clear();
    return out;
}

text_encoder::text_encoder(std::string_view encoding)
    : name_(encoding), converter_(make_converter(encoding, [](const std::string& name) {
          return ::iconv_open(name.c_str(), "UTF-8");
      })) {}

std::string text_encoder::encode(std::string_view utf8) {
    const std::size_t valid = length_as_utf8(utf8);
    std::string_view left = utf8.substr(0, valid);
    std::string out;
    const int error = convert(converter_.get(), left, out);
    finish_text(converter_.get(), out);
    if (error != 0 || valid < utf8.size() || drops_tag(converter_.get(), utf8))
        refuse(utf8, valid);
    return out;
}

std::string text_encoder::encode(std::string_view utf8, std::string_view substitute) {
    constexpr std::size_t block = 4096;
    const std::string instead = encode(substitute);
    std::string out;
    while (!utf8.empty()) {
        const std::string_view next = utf8.substr(0, length_as_utf8(utf8.substr(0, block)));
        if (next.empty())
            out += instead;
        else
            encode_parts(next, instead, out);
        utf8.remove_prefix(next.empty() ? length_of_none(utf8) : next.size());
    }
    return out;
}

/// Halves what cannot be encoded as a whole, down to a character.
void text_encoder::encode_parts(std::string_view utf8, std::string_view instead, std::string& out) {
    if (encode_block(utf8, out))
        return;
    const std::size_t first = first_character(utf8).size;
    if (first == utf8.size()) {
        out += instead;
        return;
    }
    std::size_t middle = std::max(first, utf8.size() / 2);
    while (continues(utf8[middle]))
        --middle;
    encode_parts(utf8.substr(0, middle), instead, out);
    encode_parts(utf8.substr(middle), instead, out);
}

/// False: nothing was done.
bool text_encoder::encode_block(std::string_view utf8, std::string& out) {
    const std::size_t before = out.size();
    std::string_view left = utf8;
    const int error = convert(converter_.get(), left, out);
    finish_text(converter_.get(), out);
    if (error == 0 && !drops_tag(converter_.get(), utf8))
        return true;
    out.resize(before);
    return false;
}

bool is_utf8(std::string_view text) noexcept {
    return length_as_utf8(text) == text.size();
}

/// Where a converter stops is not always where what it lacks begins: one character at a time.
void text_encoder::refuse(std::string_view utf8, std::size_t valid) {
    std::string unused;
    std::size_t done = 0;
    while (done < valid) {
        std::string_view one = utf8.substr(done, first_character(utf8.substr(done)).size);
        const std::size_t size = one.size();
        if (drops_tag(converter_.get(), one) || convert(converter_.get(), one, unused) != 0)
            break;
        done += size;
    }
    finish_text(converter_.get(), unused);
    throw system_error(errc::unencodable_text, unencodable(utf8.substr(done), done, name_));
}

}  // namespace coserve
