/// \file
/// Feeds a codec as a stream does, in any split, and says what came out.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/header_codec.hpp>
#include <coserve/option_reader.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace codec_check {

using coserve::bytes;
using coserve::codec;
using coserve::decoded;
using coserve::error_code;

/// `hex("0a ff")` are two bytes; blanks mean nothing.
inline std::string hex(std::string_view digits) {
    std::string out;
    std::string pair;
    for (const char c : digits) {
        if (c == ' ')
            continue;
        pair += c;
        if (pair.size() == 2) {
            out += static_cast<char>(std::stoi(pair, nullptr, 16));
            pair.clear();
        }
    }
    EXPECT_TRUE(pair.empty()) << digits;
    return out;
}

/// All that a stream of bytes came to.
struct outcome {
    std::vector<std::string> frames = {};
    error_code error = {};                    ///< where decoding ended early
    std::uint64_t declared = 0;               ///< with the error
    std::uint64_t skipped = 0;                ///< bytes dropped
    std::vector<std::uint64_t> reports = {};  ///< the declared length of each skipped frame
    std::uint64_t have = 0;                   ///< unfinished at the end of the stream
    std::uint64_t due = 0;

    bool operator==(const outcome&) const = default;

    friend std::ostream& operator<<(std::ostream& out, const outcome& o) {
        out << "frames:";
        for (const auto& f : o.frames)
            out << ' ' << ::testing::PrintToString(f);
        out << " error: " << o.error.message() << " declared: " << o.declared;
        out << " skipped: " << o.skipped << " reports: " << ::testing::PrintToString(o.reports);
        return out << " have: " << o.have << " due: " << o.due;
    }
};

inline std::vector<std::string> frames(std::initializer_list<std::string> list) {
    return list;
}

/// One connection's input: keeps what is not used up, and holds the codec to its contract.
class feeder {
public:
    explicit feeder(codec& c) : codec_(c) {}

    void feed(std::string_view chunk) {
        const auto* data = reinterpret_cast<const std::byte*>(chunk.data());
        buffer_.insert(buffer_.end(), data, data + chunk.size());
        while (!result_.error && step()) {
        }
    }

    /// The end of the stream.
    outcome end() {
        if (!result_.error) {
            const auto rest = codec_.unfinished(buffer_.size());
            result_.have = rest.have;
            result_.due = rest.due;
        }
        return result_;
    }

    const outcome& so_far() const { return result_; }

    std::size_t buffered() const { return buffer_.size(); }

    /// What the last `need_more` said.
    std::size_t needed() const { return needed_; }

private:
    bool step() {
        // A block of exactly this size, so that the sanitizer sees a byte too many being read.
        const bytes input(buffer_.begin(), buffer_.end());
        const decoded d = codec_.decode(input);
        needed_ = 0;
        switch (d.what) {
        case decoded::outcome::need_more:
            EXPECT_EQ(d.consumed, 0u);
            EXPECT_FALSE(d.error);
            EXPECT_TRUE(d.needed == 0 || d.needed > input.size());
            needed_ = d.needed;
            return false;
        case decoded::outcome::error:
            EXPECT_TRUE(d.error);
            result_.error = d.error;
            result_.declared = d.declared;
            return false;
        case decoded::outcome::frame:
            EXPECT_FALSE(d.error);
            EXPECT_LE(d.offset, d.consumed);
            EXPECT_LE(d.size, d.consumed - d.offset);
            result_.frames.emplace_back(
                reinterpret_cast<const char*>(input.data()) + d.offset, d.size
            );
            break;
        case decoded::outcome::skipped:
            result_.skipped += d.consumed;
            if (d.error) {
                EXPECT_EQ(d.error, coserve::errc::frame_too_long);
                result_.reports.push_back(d.declared);
            }
            break;
        }
        return use_up(d.consumed);
    }

    bool use_up(std::size_t size) {
        EXPECT_GE(size, 1u);
        EXPECT_LE(size, buffer_.size());
        if (size == 0 || size > buffer_.size())
            return false;
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size));
        return true;
    }

    codec& codec_;
    bytes buffer_;
    outcome result_;
    std::size_t needed_ = 0;
};

inline outcome feed(codec& c, const std::vector<std::string_view>& chunks) {
    feeder f(c);
    for (const auto chunk : chunks)
        f.feed(chunk);
    return f.end();
}

/// Calls `check(chunks)` with `input` in one piece, byte by byte, at every split and at every pair
/// of splits.
template <class F>
void for_each_split(std::string_view input, F check) {
    check(std::vector<std::string_view>{input});
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < input.size(); ++i)
        single.push_back(input.substr(i, 1));
    check(single);
    for (std::size_t i = 1; i < input.size(); ++i) {
        check(std::vector{input.substr(0, i), input.substr(i)});
        for (std::size_t j = i + 1; j < input.size(); ++j)
            check(std::vector{input.substr(0, i), input.substr(i, j - i), input.substr(j)});
    }
}

/// That `make()`'s codec makes `expected` of `input`, however it is split.
template <class Make>
void expect_in_any_split(Make make, std::string_view input, const outcome& expected) {
    for_each_split(input, [&](const std::vector<std::string_view>& chunks) {
        const std::unique_ptr<codec> c = make();
        const outcome got = feed(*c, chunks);
        if (!(got == expected))
            ADD_FAILURE() << "got " << got << "\nnot " << expected << "\nfor "
                          << ::testing::PrintToString(chunks);
    });
}

/// The bytes that an envelope stands for.
inline std::string wire(const coserve::envelope& e) {
    const auto prefix = e.prefix();
    std::string out(reinterpret_cast<const char*>(prefix.data()), prefix.size());
    for (const auto& part : e.payload)
        out += part.text();
    out += e.suffix;
    EXPECT_EQ(out.size(), e.size());
    return out;
}

/// What is written for a payload; nullopt where that is refused.
inline std::optional<std::string> encoded(codec& c, std::string_view payload) {
    coserve::envelope e;
    // Some in front and the rest behind: what is one frame on the wire may come as two views, but
    // where a header has its own place.
    const bool has_header = dynamic_cast<coserve::header_codec*>(&c) != nullptr;
    const std::size_t middle = has_header ? 0 : payload.size() / 3;
    if (c.encode(payload.substr(0, middle), payload.substr(middle), e))
        return std::nullopt;
    return wire(e);
}

/// The error of `encode`, which must leave what stood in the envelope.
inline error_code error_of(codec& c, std::string_view header, std::string_view body) {
    coserve::envelope e;
    e.payload = {"kept", "too"};
    e.suffix = "!";
    e.make_prefix(2)[0] = std::byte{'<'};
    e.make_prefix(2)[1] = std::byte{'>'};
    const error_code error = c.encode(header, body, e);
    EXPECT_EQ(wire(e), "<>kepttoo!");
    return error;
}

/// Pieces of 1 to `most` bytes.
inline std::vector<std::string_view>
random_chunks(std::string_view input, std::mt19937& random, std::size_t most) {
    std::vector<std::string_view> chunks;
    while (!input.empty()) {
        const std::size_t size = std::min<std::size_t>(input.size(), 1 + random() % most);
        chunks.push_back(input.substr(0, size));
        input.remove_prefix(size);
    }
    return chunks;
}

/// That `make()`'s codec makes `expected` of `input` in one piece, byte by byte and in random
/// pieces: for inputs too long to be split everywhere.
template <class Make>
void expect_in_random_splits(
    Make make, std::string_view input, const outcome& expected, unsigned seed
) {
    std::mt19937 random(seed);
    for (const std::size_t most :
         {input.size() + 1, std::size_t{1}, std::size_t{9}, std::size_t{900}}) {
        const std::unique_ptr<codec> c = make();
        const outcome got =
            most > input.size() ? feed(*c, {input}) : feed(*c, random_chunks(input, random, most));
        EXPECT_EQ(got, expected) << "seed " << seed << ", pieces of up to " << most;
    }
}

/// The options as they are read, and no key left over.
template <class C>
typename C::options read_options(std::vector<coserve::option> given) {
    typename C::options o;
    coserve::option_reader reader("echo", std::move(given));
    o.read(reader);
    reader.finish();
    return o;
}

/// What is wrong with them.
template <class C>
std::string mistake_in(std::vector<coserve::option> given) {
    try {
        read_options<C>(std::move(given));
    } catch (const coserve::configuration_error& e) {
        return e.what();
    }
    return "none";
}

}  // namespace codec_check
