// What the framings make of bytes, in any split: fed to codecs, and over streams of each kind.
#include "framing_vectors.hpp"
#include "stream_pair.hpp"

#include <coserve/framing.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/url.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {
namespace {

using namespace stream_check;
using codec_check::framing_vector;
using codec_check::framing_vectors;
using codec_check::named_pieces;
using ::testing::HasSubstr;

using pieces = std::vector<std::string_view>;

/// As a listener's URL has them.
testing::stream_options options_of(const std::string& query) {
    const std::string url = "unix:x?" + query;
    const endpoint_url parsed = parse_url(url);
    option_reader reader(url, parsed.query);
    testing::stream_options out;
    out.limits.read(reader);
    const framing f = framing_registry().read(reader, out.limits);
    reader.finish();
    out.read = f.read;
    out.write = f.write;
    return out;
}

pieces single_bytes(std::string_view all) {
    pieces out;
    for (std::size_t i = 0; i < all.size(); ++i)
        out.push_back(all.substr(i, 1));
    return out;
}

/// In one piece, byte by byte, as the vector has them, and at random: the same ones in each run.
std::vector<pieces> ways_of(const named_pieces& input) {
    std::vector<pieces> out{{input.bytes}, single_bytes(input.bytes), input.views()};
    for (const unsigned seed : {1U, 2U, 3U, 4U}) {
        std::mt19937 random(seed);
        const std::size_t most = seed % 2 == 0 ? 3 : 1 + input.bytes.size() / 2;
        out.push_back(codec_check::random_chunks(input.bytes, random, most));
    }
    return out;
}

// ---- codecs

/// How an end that comes too early is told of.
std::string in_words(const codec_check::outcome& o) {
    const std::string have = std::to_string(o.have);
    return o.due == 0 ? have + " bytes" : have + " of " + std::to_string(o.due) + " bytes";
}

bool agrees(const codec_check::outcome& got, const framing_vector& v) {
    if (got.frames != v.frames)
        return false;
    if (v.ends_early())
        return !got.error && in_words(got) == v.detail;
    return got.error == v.error && got.have == 0;
}

TEST(framing_vectors_test, every_framing_has_some) {
    const std::vector<framing_vector> all = framing_vectors();
    for (const std::string& name : framing_registry().names()) {
        const auto is_one = [&](const framing_vector& v) {
            const std::string key = "framing=" + name;
            return v.query == key || v.query.starts_with(key + '&');
        };
        // Where a read is a frame, no split is like another.
        EXPECT_EQ(std::ranges::any_of(all, is_one), name != "raw") << name;
    }
}

TEST(framing_vectors_test, codecs_agree_in_any_split) {
    for (const framing_vector& v : framing_vectors()) {
        SCOPED_TRACE(::testing::PrintToString(v));
        const auto options = options_of(v.query);
        const auto check = [&](const pieces& chunks) {
            const std::unique_ptr<codec> c = options.read();
            const auto got = codec_check::feed(*c, chunks);
            EXPECT_TRUE(agrees(got, v)) << got << "\nfor " << ::testing::PrintToString(chunks);
        };
        const named_pieces input = codec_check::parse_input(v.input);
        for (const pieces& chunks : ways_of(input))
            check(chunks);
        if (input.bytes.size() < 100)
            codec_check::for_each_split(input.bytes, check);
    }
}

// ---- streams

task<> collect_frames(frame_stream& s, std::vector<std::string>& got) {
    while (const auto f = co_await s.read_frame())
        got.emplace_back(f->text());
}

class framing_vectors_stream_test : public stream_test {
protected:
    void check(const framing_vector& v, const pieces& chunks) {
        open(options_of(v.query));
        std::vector<std::string> got;
        const auto reader = start(collect_frames(*near_, got));
        for (const std::string_view chunk : chunks)
            hand_over(chunk, *reader);
        // What is wrong is told of before the end, unless it is the end that is wrong.
        if (!v.error || v.ends_early())
            far_->close();
        until([&] { return reader->done; });
        EXPECT_EQ(code_of(reader->error), v.error);
        EXPECT_THAT(text_of(reader->error), HasSubstr(v.detail));
        EXPECT_EQ(got, v.frames);
    }

private:
    /// Sends that much alone: it is read before more is sent.
    void hand_over(std::string_view chunk, const beside& reader) {
        finish(start(send(*far_, std::string(chunk))));
        until([&] { return reader.done || arrived() == 0; });
    }

    static std::string text_of(const std::exception_ptr& error) {
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const std::exception& e) {
            return e.what();
        }
        return {};
    }
};

INSTANTIATE_TEST_SUITE_P(, framing_vectors_stream_test, every_medium(), name_of);

TEST_P(framing_vectors_stream_test, streams_agree_in_any_split) {
    for (const framing_vector& v : framing_vectors()) {
        SCOPED_TRACE(::testing::PrintToString(v));
        const named_pieces input = codec_check::parse_input(v.input);
        for (const pieces& chunks : ways_of(input)) {
            SCOPED_TRACE(::testing::PrintToString(chunks));
            check(v, chunks);
        }
    }
}

}  // namespace
}  // namespace coserve
