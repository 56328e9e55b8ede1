// Every codec, fed an exchange of about a hundred bytes in which something is wrong.
#include "codec_check.hpp"

#include <coserve/delimiter.hpp>
#include <coserve/fixed.hpp>
#include <coserve/json_header.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>
#include <coserve/netstring.hpp>
#include <coserve/varint.hpp>

#include <functional>
#include <optional>
#include <span>

namespace coserve {
namespace {

/// What a stream came to, in few words: where each frame lay stands for what was in it.
struct summary {
    std::uint64_t frames = 0;    ///< places and sizes, hashed
    std::uint64_t streamed = 0;  ///< bytes of bodies that came in pieces
    std::uint64_t skipped = 0;
    std::uint64_t reports = 0;
    std::uint64_t declared = 0;
    int error = 0;
    std::uint64_t have = 0;
    std::uint64_t due = 0;
    bool sound = true;  ///< the codec kept to its contract

    bool operator==(const summary&) const = default;
};

/// What is asked for, from one frame to the next, over and over.
enum class ask : std::uint8_t {
    frame,
    pieces,  ///< the header, then the body as it comes
    header,  ///< and its body is dropped
    none,    ///< no payload at all is within the maximum, from this frame on
    little,  ///< what is at most 8 bytes is
    all,     ///< what is within the test's maximum is
};

constexpr std::size_t maximum = 40;

/// Feeds one codec piece by piece; nothing is copied, since this is done millions of times.
class quick_feeder {
public:
    quick_feeder(codec& c, std::span<const ask> plan, std::span<const std::byte> all)
        : codec_(c), headers_(dynamic_cast<header_codec*>(&c)), plan_(plan), all_(all) {}

    /// Up to that many bytes of the stream have arrived.
    void arrive(std::size_t size) {
        while (result_.error == 0 && result_.sound && step(all_.subspan(used_, size - used_))) {
        }
    }

    summary end() {
        if (result_.error == 0) {
            const unfinished_frame rest = codec_.unfinished(all_.size() - used_);
            result_.have = rest.have;
            result_.due = rest.due;
        }
        return result_;
    }

private:
    bool step(std::span<const std::byte> input) {
        if (input.empty())
            return false;
        if (!asked_)
            begin();
        const decoded d = look_at(input);
        switch (d.what) {
        case decoded::outcome::need_more:
            result_.sound = d.consumed == 0 && (d.needed == 0 || d.needed > input.size());
            return false;
        case decoded::outcome::error:
            result_.error = d.error.value();
            result_.declared = d.declared;
            result_.sound = d.error.failed();
            return false;
        case decoded::outcome::frame:
            result_.sound = d.offset + d.size <= d.consumed;
            take(d);
            break;
        case decoded::outcome::skipped:
            result_.skipped += d.consumed;
            if (d.error)
                add(result_.reports, d.declared + 1);
            break;
        }
        result_.sound = result_.sound && d.consumed != 0 && d.consumed <= input.size();
        used_ += d.consumed;
        return result_.sound;
    }

    void begin() {
        asked_ = plan_[frames_++ % plan_.size()];
        if (*asked_ >= ask::none)
            codec_.set_max_frame(*asked_ == ask::none ? 0 : *asked_ == ask::little ? 8 : maximum);
    }

    decoded look_at(std::span<const std::byte> input) const {
        if (in_body_)
            return headers_->decode_body(input);
        return asked_ == ask::pieces || asked_ == ask::header ? headers_->decode_header(input)
                                                              : codec_.decode(input);
    }

    void take(const decoded& d) {
        if (in_body_) {
            result_.streamed += d.size;
        } else {
            add(result_.frames, used_ + d.offset);
            add(result_.frames, d.size);
        }
        if (asked_ == ask::pieces || asked_ == ask::header)
            in_body_ = asked_ == ask::pieces && headers_->body_left() != 0;
        else  // with an end that is kept
            result_.sound = result_.sound && d.size <= codec_.max_frame() + 2;
        if (!in_body_)
            asked_.reset();
    }

    static void add(std::uint64_t& to, std::uint64_t value) {
        to = (to ^ value) * 0x9e3779b97f4a7c15U + 1;
    }

    codec& codec_;
    header_codec* headers_;
    std::span<const ask> plan_;
    std::span<const std::byte> all_;
    std::size_t frames_ = 0;    // that were asked for
    std::optional<ask> asked_;  // of the frame that comes
    bool in_body_ = false;
    std::size_t used_ = 0;
    summary result_;
};

/// One codec under test, with an exchange that it understands.
struct subject {
    std::string name;
    std::function<std::unique_ptr<codec>()> make;
    std::string exchange;
    std::vector<ask> plan{ask::frame};

    friend std::ostream& operator<<(std::ostream& out, const subject& s) { return out << s.name; }
};

template <class C>
subject about(
    std::string name,
    typename C::options o,
    std::vector<std::string> payloads,
    std::vector<ask> plan = {ask::frame}
) {
    C prototype(o);
    prototype.set_max_frame(maximum);
    std::string exchange;
    for (const std::string& payload : payloads)
        exchange += codec_check::encoded(prototype, payload).value();
    return {
        std::move(name),
        [prototype] { return std::make_unique<C>(prototype); },
        std::move(exchange),
        std::move(plan)
    };
}

std::vector<subject> subjects() {
    const std::vector<std::string> texts{
        "GET /", "", "x", "hello world", "0:,", "a\rb", "12345678901234567890", "aabaa", "last one"
    };
    const std::vector<std::string> records(11, "a record!");
    const std::vector<std::string> objects{"GET /", "", R"({"n": 1})", "x"};
    const std::vector<ask> maxima{ask::frame, ask::little, ask::all, ask::none, ask::little};
    const std::vector<ask> sufficient{
        ask::little,
        ask::none,
        ask::little,
        ask::all,
        ask::little,
        ask::frame,
        ask::all,
        ask::little,
        ask::frame
    };
    constexpr auto skip = on_too_long::skip;
    return {
        about<length_prefix_codec>("length_prefix", {}, texts),
        about<length_prefix_codec>(
            "length_prefix_varied",
            {.width = 2,
             .big_endian = true,
             .is_signed = false,
             .offset = 1,
             .adjust = -1,
             .strip = 2,
             .includes_header = true,
             .too_long = skip},
            texts
        ),
        about<fixed_codec>("fixed", {.size = 9}, records),
        about<line_codec>("line", {}, texts),
        about<line_codec>("line_kept_or_skipped", {.keep_end = true, .too_long = skip}, texts),
        about<delimiter_codec>("delimiter_byte", {.delimiter = "|", .any_of = {}}, texts),
        about<delimiter_codec>(
            "delimiter_text", {.delimiter = "abab", .any_of = {}, .too_long = skip}, texts
        ),
        about<delimiter_codec>(
            "any_of", {.delimiter = {}, .any_of = ";|", .too_long = skip}, texts
        ),
        about<netstring_codec>("netstring", {}, texts),
        about<varint_codec>("varint", {}, texts),
        about<json_header_codec>("json_header", {.size_key = "n"}, objects),
        about<json_header_codec>("json_header_pieces", {.size_key = "n"}, objects, {ask::pieces}),
        about<json_header_codec>("json_header_dropped", {.size_key = "n"}, objects, {ask::header}),
        about<json_header_codec>(
            "json_header_in_turn",
            {.size_key = "n"},
            objects,
            {ask::header, ask::frame, ask::pieces, ask::all}
        ),
        about<json_header_codec>(
            "json_header_maxima",
            {.size_key = "n"},
            objects,
            {ask::little, ask::none, ask::pieces, ask::all}
        ),
        about<length_prefix_codec>("length_prefix_maxima", {.too_long = skip}, texts, maxima),
        about<line_codec>("line_maxima", {.keep_end = false, .too_long = skip}, texts, maxima),
        about<delimiter_codec>(
            "delimiter_maxima", {.delimiter = "abab", .any_of = {}, .too_long = skip}, texts, maxima
        ),
        about<netstring_codec>("netstring_maxima", {}, texts, sufficient),
        about<varint_codec>("varint_maxima", {}, texts, sufficient),
    };
}

class codec_mutation_test : public ::testing::TestWithParam<subject> {
protected:
    codec_mutation_test() : input_(bytes_of(GetParam().exchange)) {}

    static bytes bytes_of(std::string_view text) {
        const auto all = std::as_bytes(std::span(text));
        return {all.begin(), all.end()};
    }

    /// In pieces that end at multiples of `piece`, then the rest.
    static summary in_pieces(std::span<const std::byte> all, std::size_t piece) {
        const auto c = GetParam().make();
        quick_feeder stream(*c, GetParam().plan, all);
        for (std::size_t size = piece; size < all.size(); size += piece)
            stream.arrive(size);
        stream.arrive(all.size());
        return stream.end();
    }

    static summary in_random_pieces(std::span<const std::byte> all, std::mt19937& random) {
        const auto c = GetParam().make();
        quick_feeder stream(*c, GetParam().plan, all);
        for (std::size_t size = random() % 9; size < all.size(); size += 1 + random() % 9)
            stream.arrive(size);
        stream.arrive(all.size());
        return stream.end();
    }

    /// That the bytes come to the same in one piece, one by one and in random pieces, of each so
    /// many different ones.
    void check(std::span<const std::byte> all, int random_splits = 2) {
        const summary whole = in_pieces(all, all.size() + 1);
        bool same = whole.sound && in_pieces(all, 1) == whole;
        while (same && random_splits-- > 0)
            same = in_random_pieces(all, random_) == whole;
        if (!same)
            ADD_FAILURE() << ::testing::PrintToString(all);
    }

    void flip(std::size_t bit) { input_[bit / 8] ^= static_cast<std::byte>(1U << bit % 8); }

    bytes input_;
    std::mt19937 random_;
};

std::string name_of(const ::testing::TestParamInfo<subject>& about) {
    return about.param.name;
}

INSTANTIATE_TEST_SUITE_P(, codec_mutation_test, ::testing::ValuesIn(subjects()), name_of);

TEST_P(codec_mutation_test, the_exchange_is_whole_and_of_a_fair_size) {
    EXPECT_GE(input_.size(), 60u);
    EXPECT_LE(input_.size(), 120u);
    const summary all = in_pieces(input_, input_.size());
    EXPECT_TRUE(all.sound);
    EXPECT_EQ(all.error, 0);
    EXPECT_EQ(all.have, 0u);
    EXPECT_NE(all.frames, 0u);
    check(input_);
}

TEST_P(codec_mutation_test, every_truncation) {
    for (std::size_t size = 0; size < input_.size(); ++size) {
        // A block of its own, so that the sanitizer sees a byte too many being read.
        const bytes all(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(size));
        check(all);
    }
}

TEST_P(codec_mutation_test, every_bit) {
    for (std::size_t bit = 0; bit < input_.size() * 8; ++bit) {
        flip(bit);
        check(input_);
        flip(bit);
    }
}

TEST_P(codec_mutation_test, every_pair_of_bits) {
    for (std::size_t one = 0; one < input_.size() * 8; ++one) {
        flip(one);
        for (std::size_t other = 0; other < one; ++other) {
            flip(other);
            check(input_, 1);
            flip(other);
        }
        flip(one);
    }
}

TEST_P(codec_mutation_test, every_value_of_every_byte) {
    for (std::byte& place : input_) {
        const std::byte right = place;
        for (unsigned value = 0; value < 256; ++value) {
            place = static_cast<std::byte>(value);
            check(input_);
        }
        place = right;
    }
}

}  // namespace
}  // namespace coserve
