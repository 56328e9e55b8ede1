#include "codec_check.hpp"

#include <coserve/delimiter.hpp>
#include <coserve/fixed.hpp>
#include <coserve/framing.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>
#include <coserve/netstring.hpp>
#include <coserve/raw.hpp>
#include <coserve/url.hpp>
#include <coserve/varint.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace coserve {
namespace {

using codec_check::feed;
using codec_check::hex;
using codec_check::outcome;
using codec_check::wire;

/// A framing of a user's own: raw, but each frame has a mark in front of it when it is written.
class marked_codec final : public codec {
public:
    struct options {
        std::string mark = "*";

        void read(option_reader& reader) { reader.text("mark", mark, "in front of each frame"); }
    };

    explicit marked_codec(const options& o) : mark_(o.mark) { ++made; }

    marked_codec(const marked_codec& other) : codec(other), mark_(other.mark_) { ++copied; }

    decoded decode(std::span<const std::byte> input) override { return raw_.decode(input); }

    unfinished_frame unfinished(std::size_t) const noexcept override { return {}; }

    error_code encode(frame_view header, frame_view body, envelope& out) override {
        std::ranges::copy(std::as_bytes(std::span(mark_)), out.make_prefix(mark_.size()).begin());
        out.payload = {header, body};
        return {};
    }

    static inline int made = 0;
    static inline int copied = 0;

private:
    std::string mark_;
    raw_codec raw_;
};

framing read(std::vector<option> given, const stream_limits& limits = {}) {
    framing_registry registry;
    registry.add<marked_codec>("marked");
    option_reader reader("echo", std::move(given));
    framing result = registry.read(reader, limits);
    reader.finish();
    return result;
}

std::string mistake(std::vector<option> given) {
    try {
        read(std::move(given));
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

std::string written(const framing& f, std::string_view payload) {
    const auto c = f.write();
    envelope e;
    EXPECT_FALSE(c->encode({}, payload, e));
    return wire(e);
}

std::vector<std::string> frames(const framing& f, std::string_view input) {
    const auto c = f.read();
    return feed(*c, {input}).frames;
}

std::vector<std::string> keys(std::vector<option> given) {
    framing_registry registry;
    option_reader reader("echo", std::move(given));
    registry.read(reader, {});
    std::vector<std::string> names;
    for (const auto& d : reader.described())
        names.push_back(d.key);
    return names;
}

TEST(framing_test, is_length_prefix_by_default) {
    const framing f = read({});
    EXPECT_EQ(written(f, "abc"), hex("03000000") + "abc");
    EXPECT_EQ(frames(f, hex("03000000") + "abc"), std::vector<std::string>{"abc"});
}

TEST(framing_test, is_named_for_both_directions) {
    const framing f = read({{"framing", "raw"}});
    EXPECT_EQ(written(f, "abc"), "abc");
    EXPECT_EQ(frames(f, "abc"), std::vector<std::string>{"abc"});
}

TEST(framing_test, is_named_for_each_direction) {
    const framing reading = read({{"read-framing", "raw"}});
    EXPECT_EQ(written(reading, "abc"), hex("03000000") + "abc");
    EXPECT_EQ(frames(reading, "abc"), std::vector<std::string>{"abc"});
    const framing writing = read({{"write-framing", "raw"}});
    EXPECT_EQ(written(writing, "abc"), "abc");
    EXPECT_EQ(frames(writing, hex("03000000") + "abc"), std::vector<std::string>{"abc"});
    const framing both = read({{"framing", "raw"}, {"write-framing", "length-prefix"}});
    EXPECT_EQ(written(both, "abc"), hex("03000000") + "abc");
    EXPECT_EQ(frames(both, "abc"), std::vector<std::string>{"abc"});
}

TEST(framing_test, tells_the_names_in_a_query) {
    using query = std::vector<option>;
    const auto names = [](const query& q) {
        const framing_names n = framing_names::in(q);
        return std::string(n.read) + '/' + std::string(n.write);
    };
    EXPECT_EQ(names({}), "/");
    EXPECT_EQ(names({{"framing", "raw"}, {"max-frame", "1"}}), "raw/raw");
    EXPECT_EQ(names({{"write-framing", "raw"}}), "/raw");
    EXPECT_EQ(names({{"read-framing", "line"}, {"framing", "raw"}}), "line/raw");
}

TEST(framing_test, reads_the_keys_of_its_codecs) {
    const framing f = read({{"width", "2"}, {"order", "big"}});
    EXPECT_EQ(written(f, "abc"), hex("0003") + "abc");
    EXPECT_EQ(frames(f, hex("0003") + "abc"), std::vector<std::string>{"abc"});
    const framing mixed = read({{"write-framing", "marked"}, {"width", "1"}, {"mark", "> "}});
    EXPECT_EQ(written(mixed, "abc"), "> abc");
    EXPECT_EQ(
        frames(
            mixed,
            "\x03"
            "abc"
        ),
        std::vector<std::string>{"abc"}
    );
}

TEST(framing_test, knows_the_keys_of_the_named_codecs_only) {
    EXPECT_EQ(
        mistake({{"framing", "raw"}, {"width", "2"}}),
        "echo: unknown key \"width\"; the known keys are framing, read-framing, write-framing"
    );
    EXPECT_EQ(
        mistake({{"framing", "marked"}, {"width", "2"}}),
        "echo: unknown key \"width\"; the known keys are framing, read-framing, write-framing, mark"
    );
}

TEST(framing_test, describes_the_keys_of_one_codec_once) {
    const std::vector<std::string> length_prefix_keys = {
        "framing",
        "read-framing",
        "write-framing",
        "width",
        "order",
        "signed",
        "offset",
        "adjust",
        "strip",
        "includes-header",
        "on-too-long"
    };
    EXPECT_EQ(keys({}), length_prefix_keys);
    EXPECT_EQ(keys({{"read-framing", "raw"}}), length_prefix_keys);
    EXPECT_EQ(keys({{"write-framing", "raw"}}), length_prefix_keys);
}

TEST(framing_test, an_unknown_name_lists_the_known) {
    const std::string known =
        "length-prefix, raw, fixed, line, delimiter, netstring, varint, json-header or marked";
    EXPECT_EQ(mistake({{"framing", "morse"}}), "echo: framing=morse: must be " + known);
    EXPECT_EQ(mistake({{"read-framing", "morse"}}), "echo: read-framing=morse: must be " + known);
    EXPECT_EQ(mistake({{"write-framing", ""}}), "echo: write-framing=: must be " + known);
}

TEST(framing_test, each_direction_has_its_maximum) {
    for (const std::string& name : framing_registry().names()) {
        std::vector<option> given{{"framing", name}};
        if (name == "fixed")
            given.push_back({"size", "3"});
        if (name == "delimiter")
            given.push_back({"delimiter", "--"});
        const framing f = read(given, {.max_frame = 7, .max_send_frame = 11});
        EXPECT_EQ(f.read()->max_frame(), 7u) << name;
        EXPECT_EQ(f.write()->max_frame(), 11u) << name;
    }
}

TEST(framing_test, connections_do_not_share_a_codec) {
    const framing f = read({});
    const auto first = f.read();
    const auto second = f.read();
    EXPECT_EQ(feed(*first, {hex("05000000") + "ab"}), (outcome{.have = 6, .due = 9}));
    EXPECT_EQ(feed(*second, {hex("02000000") + "cd"}), (outcome{.frames = {"cd"}}));
    first->set_max_frame(1);
    EXPECT_EQ(f.read()->max_frame(), stream_limits{}.max_frame);
}

TEST(framing_test, a_connections_codec_is_one_copy) {
    const framing f = read({{"framing", "marked"}});
    marked_codec::made = marked_codec::copied = 0;
    const auto c = f.read();
    EXPECT_EQ(marked_codec::made, 0);
    EXPECT_EQ(marked_codec::copied, 1);
}

TEST(framing_test, outlives_its_registry) {
    framing f;
    {
        framing_registry registry;
        option_reader reader("echo", {{"width", "1"}});
        f = registry.read(reader, {});
    }
    EXPECT_EQ(
        written(f, "abc"),
        "\x03"
        "abc"
    );
}

TEST(framing_test, a_name_is_taken_once) {
    framing_registry registry;
    EXPECT_THROW(registry.add<marked_codec>("raw"), configuration_error);
    registry.add<marked_codec>("marked");
    EXPECT_THROW(registry.add<marked_codec>("marked"), configuration_error);
}

// The framings that come with the library

using list = std::vector<std::string>;

TEST(framing_test, reads_the_keys_of_every_framing) {
    const framing fixed = read({{"framing", "fixed"}, {"size", "3"}});
    EXPECT_EQ(written(fixed, "abc"), "abc");
    EXPECT_EQ(frames(fixed, "abcdefg"), (list{"abc", "def"}));

    const framing line = read({{"framing", "line"}, {"keep-end", "on"}});
    EXPECT_EQ(written(line, "abc"), "abc\n");
    EXPECT_EQ(frames(line, "a\r\nb\n"), (list{"a\r\n", "b\n"}));

    const framing delimiter = read({{"framing", "delimiter"}, {"delimiter", "\r\n"}});
    EXPECT_EQ(written(delimiter, "abc"), "abc\r\n");
    EXPECT_EQ(frames(delimiter, "a\nb\r\nc\r\n"), (list{"a\nb", "c"}));

    const framing any_of = read({{"framing", "delimiter"}, {"any-of", ";\n"}});
    EXPECT_EQ(written(any_of, "abc"), "abc;");
    EXPECT_EQ(frames(any_of, "a\nb;"), (list{"a", "b"}));

    const framing netstring = read({{"framing", "netstring"}});
    EXPECT_EQ(written(netstring, "abc"), "3:abc,");
    EXPECT_EQ(frames(netstring, "3:abc,0:,"), (list{"abc", ""}));

    const framing varint = read({{"framing", "varint"}});
    EXPECT_EQ(written(varint, "abc"), "\3abc");
    EXPECT_EQ(frames(varint, "\3abc"), list{"abc"});
}

TEST(framing_test, takes_a_delimiter_as_a_url_has_it) {
    const endpoint_url url =
        parse_url("tcp://127.0.0.1:1?framing=delimiter&delimiter=%00%ff%25&on-too-long=skip");
    const framing f = read(url.query, {.max_frame = 3});
    EXPECT_EQ(written(f, "abc"), std::string("abc\0\xff%", 6));
    EXPECT_EQ(frames(f, std::string("abc\0\xff%long\0\xff%d\0\xff%", 17)), (list{"abc", "d"}));
}

TEST(framing_test, two_framings_may_share_a_key) {
    const framing f = read(
        {{"read-framing", "line"},
         {"write-framing", "delimiter"},
         {"delimiter", "--"},
         {"keep-end", "on"}}
    );
    EXPECT_EQ(written(f, "abc"), "abc--");
    EXPECT_EQ(frames(f, "abc\n"), list{"abc\n"});
}

TEST(framing_test, mistakes_in_the_keys_of_every_framing) {
    EXPECT_EQ(
        mistake({{"framing", "fixed"}}),
        "echo: size: must be given with framing=fixed: the size of every frame"
    );
    EXPECT_EQ(
        mistake({{"framing", "fixed"}, {"size", "none"}}),
        "echo: size=none: must be a size from 1 to 4GiB, such as 512, 64KiB or 16MiB"
    );
    EXPECT_EQ(
        mistake({{"framing", "line"}, {"on-too-long", "cut"}}),
        "echo: on-too-long=cut: must be close or skip"
    );
    EXPECT_EQ(
        mistake({{"framing", "line"}, {"keep-end", "maybe"}}),
        "echo: keep-end=maybe: must be on or off"
    );
    EXPECT_EQ(
        mistake({{"framing", "delimiter"}}),
        "echo: delimiter: must be given with framing=delimiter, or any-of must"
    );
    EXPECT_EQ(
        mistake({{"framing", "varint"}, {"size", "3"}}),
        "echo: unknown key \"size\"; the known keys are framing, read-framing, write-framing"
    );
}

TEST(framing_test, names_its_framings_and_describes_the_keys_of_each) {
    framing_registry registry;
    registry.add<marked_codec>("marked");
    EXPECT_EQ(
        registry.names(),
        (list{
            "length-prefix",
            "raw",
            "fixed",
            "line",
            "delimiter",
            "netstring",
            "varint",
            "json-header",
            "marked"
        })
    );
    const auto keys_of = [&](std::string_view name) {
        list names;
        for (const auto& d : registry.keys(name)) {
            names.push_back(d.key);
            EXPECT_FALSE(d.help.empty()) << name << ' ' << d.key;
        }
        return names;
    };
    EXPECT_EQ(keys_of("raw"), list{});
    EXPECT_EQ(keys_of("fixed"), list{"size"});
    EXPECT_EQ(keys_of("line"), (list{"keep-end", "on-too-long"}));
    EXPECT_EQ(keys_of("delimiter"), (list{"delimiter", "any-of", "keep-end", "on-too-long"}));
    EXPECT_EQ(keys_of("marked"), list{"mark"});
    EXPECT_EQ(keys_of("morse"), list{});
}

struct not_a_codec {
    struct options {
        void read(option_reader&) {}
    };

    explicit not_a_codec(const options&) {}
};

static_assert(nameable_codec<marked_codec>);
static_assert(nameable_codec<length_prefix_codec>);
static_assert(nameable_codec<raw_codec>);
static_assert(nameable_codec<fixed_codec>);
static_assert(nameable_codec<line_codec>);
static_assert(nameable_codec<delimiter_codec>);
static_assert(nameable_codec<netstring_codec>);
static_assert(nameable_codec<varint_codec>);
static_assert(!nameable_codec<not_a_codec>);

}  // namespace
}  // namespace coserve
