/// \file
/// Text of other encodings: GBK, GB18030, Big5, Shift-JIS, Latin-1, and all else that the C
/// library's iconv knows.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace coserve {

namespace detail {

struct converter_closer {
    void operator()(void* converter) const noexcept;
};

/// An `iconv_t`.
using converter = std::unique_ptr<void, converter_closer>;

}  // namespace detail

/// From an encoding to UTF-8, in pieces as they arrive: the same bytes give the same text in any
/// split. What is no text in that encoding is shown as \xNN, byte by byte, and nothing is dropped;
/// so the result is for people to read, and control characters in it are as they were.
///
/// The name is one of `iconv --list`, in any case; hyphens and underscores of the usual ones may be
/// left out or added.
///
/// Thread: one at a time.
/// Errors: `configuration_error` for a name that is unknown, from the constructor.
class text_decoder {
public:
    explicit text_decoder(std::string_view encoding);

    /// All characters that are complete; the beginning of one is kept for the next call.
    std::string decode(std::string_view bytes);
    /// The text has ended: what is left of it, an unfinished character as \xNN. The next `decode()`
    /// begins a new text.
    std::string finish();

    /// Whether a character has begun and not ended.
    bool unfinished() const noexcept { return !kept_.empty(); }

private:
    std::string check_utf8(std::string_view bytes);
    std::string convert_bytes(std::string_view bytes);
    bool decode_block(std::string_view bytes, std::string& out);
    void decode_byte(char byte, std::string& out);

    bool stateless_;               ///< what one character becomes depends on no other
    detail::converter converter_;  ///< none for UTF-8
    std::string kept_;
};

/// From UTF-8 to an encoding, a whole text at a time.
///
/// Thread: one at a time.
/// Errors: as `text_decoder`.
class text_encoder {
public:
    explicit text_encoder(std::string_view encoding);

    /// Errors: `errc::unencodable_text`, which names the first character that the encoding does not
    /// have, or the byte that is no UTF-8.
    std::string encode(std::string_view utf8);
    /// The same with `substitute`, which is in UTF-8 and the encoding has, for each character that
    /// it does not have, and for each sequence of bytes that would be a character but is no UTF-8.
    std::string encode(std::string_view utf8, std::string_view substitute);

private:
    bool encode_block(std::string_view utf8, std::string& out);
    void encode_parts(std::string_view utf8, std::string_view instead, std::string& out);
    [[noreturn]] void refuse(std::string_view utf8, std::size_t valid);

    std::string name_;
    detail::converter converter_;
};

/// Whether it is UTF-8 as RFC 3629 has it: no longer forms than needed, no surrogates.
bool is_utf8(std::string_view text) noexcept;

}  // namespace coserve
