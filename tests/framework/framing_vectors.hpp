/// \file
/// What the framings make of bytes, as one table: what is fed to codecs is sent over streams too.
#pragma once

#include "codec_check.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace codec_check {

/// What a stream of bytes comes to in one framing.
struct framing_vector {
    std::string query;  ///< of a listener's URL
    /// Digits in hex, text in apostrophes, blanks that mean nothing; `|` where one read ends.
    std::string input;
    std::vector<std::string> frames;
    coserve::error_code error = {};  ///< behind the frames; none: a clean end
    std::string detail = {};         ///< which the error's text has

    /// Whether it takes the end of the stream to see what is wrong.
    bool ends_early() const { return error == coserve::errc::truncated_frame; }

    friend std::ostream& operator<<(std::ostream& out, const framing_vector& v) {
        return out << v.query << ": " << ::testing::PrintToString(v.input);
    }
};

/// The bytes, in the pieces that a vector names.
struct named_pieces {
    std::string bytes = {};
    std::vector<std::size_t> ends = {};

    std::vector<std::string_view> views() const {
        std::vector<std::string_view> all;
        std::size_t begin = 0;
        for (const std::size_t end : ends) {
            all.push_back(std::string_view(bytes).substr(begin, end - begin));
            begin = end;
        }
        return all;
    }
};

inline named_pieces parse_input(std::string_view input) {
    named_pieces out;
    while (!input.empty()) {
        const bool is_text = input.front() == '\'';
        const std::size_t end = is_text ? input.find('\'', 1) : input.find_first_of("'|");
        const std::string_view part = input.substr(0, end);
        if (is_text)
            out.bytes += part.substr(1);
        else
            out.bytes += hex(part);
        input.remove_prefix(std::min(input.size(), part.size() + (is_text ? 1 : 0)));
        if (input.starts_with('|')) {
            out.ends.push_back(out.bytes.size());
            input.remove_prefix(1);
        }
    }
    out.ends.push_back(out.bytes.size());
    return out;
}

/// Those that the formats' description names, and what lies close to them.
inline std::vector<framing_vector> framing_vectors() {
    using enum coserve::errc;
    const std::string big = "order=big";
    const std::string three = "00000009 'abcdefghi' 00000003 '123' 0000000b 'hello world'";
    const std::vector<std::string> three_frames{"abcdefghi", "123", "hello world"};
    return {
        // ---- length-prefix
        {"", "0300 00|00 61|62 63", {"abc"}},
        {"", "09000000 'abcdefghi'", {"abcdefghi"}},
        {"framing=length-prefix", "09000000 'abcdefghi'", {"abcdefghi"}},
        {"", "00000000 02000000 'ok' 00000000", {"", "ok", ""}},
        {"", "", {}},
        {"", "0000", {}, truncated_frame, "2 bytes"},
        {"", "09000000 'ab'", {}, truncated_frame, "6 of 13 bytes"},
        {"", "01000000 'x' 0000", {"x"}, truncated_frame, "2 bytes"},
        {"", "ffffffff", {}, negative_length},
        {"", "00000080", {}, negative_length},
        {"", "01000000 'x' ffffffff", {"x"}, negative_length},
        {"signed=off&max-frame=9", "ffffffff", {}, frame_too_long, "4294967295"},
        {"max-frame=3", "03000000 'abc' 04000000", {"abc"}, frame_too_long, "4 bytes"},
        {"max-frame=3&on-too-long=skip",
         "01000000 'a' 04000000 'abcd' 7f000000 '" + std::string(127, 'x') + "' 03000000 'xyz'",
         {"a", "xyz"}},
        {big, three, three_frames},
        {"width=1", "09 'abcdefghi' 00 01 'x'", {"abcdefghi", "", "x"}},
        {"width=1", "80", {}, negative_length},
        {"width=2&order=big&offset=4", "'zzzz' 0009 'abcdefghi'", {"abcdefghi"}},
        {"width=2&order=big&offset=4", "'zzzz' 00", {}, truncated_frame, "5 bytes"},
        {"width=3&order=big&strip=4&adjust=1", "00000b 0c 'Hello world'", {"Hello world"}},
        {"width=8&order=big", "0000000000000003 'abc'", {"abc"}},
        {"width=8", "0000000000000080", {}, negative_length},
        {"width=2&includes-header=on", "0500 'abc' 0200", {"abc", ""}},
        {"width=2&includes-header=on", "0300 'a' 0100", {"a"}, length_too_small},
        {"strip=0", "02000000 'ab'", {std::string("\2\0\0\0ab", 6)}},
        // ---- fixed
        {"framing=fixed&size=3", "'abcde'|'f'", {"abc", "def"}},
        {"framing=fixed&size=1", "'abc'", {"a", "b", "c"}},
        {"framing=fixed&size=3", "", {}},
        {"framing=fixed&size=3", "'abcd'", {"abc"}, truncated_frame, "1 of 3 bytes"},
        {"framing=fixed&size=4&max-frame=3", "'a'", {}, frame_too_long, "4 bytes"},
        // ---- netstring
        {"framing=netstring", "'0:,'", {""}},
        {"framing=netstring", "'5:hello,'", {"hello"}},
        {"framing=netstring", "'4:1:a,,'", {"1:a,"}},
        {"framing=netstring", "'1:a,1'|':b,'", {"a", "b"}},
        {"framing=netstring", "'abc'", {}, malformed_frame},
        {"framing=netstring", "'4:abcde'", {}, malformed_frame},
        {"framing=netstring", "'2:aaa,'", {}, malformed_frame},
        {"framing=netstring", "':aaa,'", {}, malformed_frame},
        {"framing=netstring", "'3aaa,'", {}, malformed_frame},
        {"framing=netstring", "'05:aaaaa,'", {}, malformed_frame},
        {"framing=netstring", "'1:a,-1:b,'", {"a"}, malformed_frame},
        {"framing=netstring", "'1:a, 1:b,'", {"a"}, malformed_frame},
        {"framing=netstring", "'1234567890123456789012'", {}, frame_too_long},
        {"framing=netstring", "'5:he'", {}, truncated_frame, "4 of 8 bytes"},
        {"framing=netstring&max-frame=9", "'1:a,10:'", {"a"}, frame_too_long, "10 bytes"},
        // ---- varint
        {"framing=varint", "03 'abc' 00 01 'x'", {"abc", "", "x"}},
        {"framing=varint", "8001 '" + std::string(128, 'v') + "'", {std::string(128, 'v')}},
        {"framing=varint", "8000", {}, malformed_frame},
        {"framing=varint", "01 'x' 8300 'abc'", {"x"}, malformed_frame},
        {"framing=varint", "ffffffffffffffffff02", {}, malformed_frame},
        {"framing=varint", "80808080808080808080", {}, malformed_frame},
        {"framing=varint", "ffffffffffffffffff01", {}, frame_too_long},
        {"framing=varint&max-frame=9", "01 'x' 0a", {"x"}, frame_too_long, "10 bytes"},
        {"framing=varint", "05 'abc'", {}, truncated_frame, "4 of 6 bytes"},
        // ---- line
        {"framing=line", "'line 1\nline 2\r\nline 3\n\r\n'", {"line 1", "line 2", "line 3", ""}},
        {"framing=line", "'a\rb\r\r\n\n'", {"a\rb\r", ""}},
        {"framing=line&keep-end", "'a\nb\r\n'", {"a\n", "b\r\n"}},
        {"framing=line", "'a\nbc'", {"a"}, truncated_frame, "2 bytes"},
        {"framing=line&max-frame=3", "'abc\r\nabcd'", {"abc"}, frame_too_long},
        {"framing=line&max-frame=3&on-too-long=skip", "'abc\r\nabcd\r\nx\n'", {"abc", "x"}},
        // ---- delimiter
        {"framing=delimiter&delimiter=aaa", "'QWEaa'|'XYaa'|'a'", {"QWEaaXY"}},
        {"framing=delimiter&delimiter=aaa", "'XXX'|'a'|'a'|'a'", {"XXX"}},
        {"framing=delimiter&delimiter=aaa", "'aaaaaaXa'", {"", ""}, truncated_frame, "2 bytes"},
        {"framing=delimiter&delimiter=%0d%0a", "'a\r\r\nb\r\n'", {"a\r", "b"}},
        {"framing=delimiter&delimiter=aab&keep-end=on", "'xaaab'", {"xaaab"}},
        {"framing=delimiter&any-of=;%00", "'a;b' 00 ';'", {"a", "b", ""}},
        {"framing=delimiter&delimiter=--&max-frame=3", "'abc--abcd'", {"abc"}, frame_too_long},
        {"framing=delimiter&delimiter=--&max-frame=3&on-too-long=skip",
         "'abc--abcde-f---x--y--'",
         {"abc", "-x", "y"}},
        // ---- json-header
        {"framing=json-header", "10000000 '{\"data_size\": 3}abc'", {"abc"}},
        {"framing=json-header",
         "11000000 '{\"data_size\": 61}" + std::string(61, 'x') + "' 10000000|'{\"data_size\": 0}'",
         {std::string(61, 'x'), ""}},
        {"framing=json-header&size-key=n", "08000000 '{\"n\": 2}ab'", {"ab"}},
        {"framing=json-header", "ffffffff", {}, negative_length},
        {"framing=json-header", "03000000 '[3]'", {}, malformed_frame},
        {"framing=json-header", "02000000 '{}'", {}, malformed_frame, "data_size"},
        {"framing=json-header&size-key=n", "09000000 '{\"n\": -1}'", {}, malformed_frame},
        {"framing=json-header&size-key=n&max-frame=1",
         "08000000 '{\"n\": 1}a' 08000000 '{\"n\": 2}'",
         {"a"},
         frame_too_long,
         "2 bytes"},
        {"framing=json-header&max-header=8", "09000000", {}, frame_too_long, "9 bytes"},
        {"framing=json-header", "11000000 '{\"data'", {}, truncated_frame, "10 bytes"},
        {"framing=json-header&size-key=n",
         "08000000 '{\"n\": 9}ab'",
         {},
         truncated_frame,
         "14 of 21 bytes"},
    };
}

}  // namespace codec_check
