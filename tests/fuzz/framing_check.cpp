#include "framing_check.hpp"

#include <coserve/codec.hpp>
#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/url.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace framing_check {
namespace {

using coserve::codec;
using coserve::codec_factory;
using coserve::decoded;
using coserve::error_code;

using pieces = std::vector<std::string_view>;

void demand(bool holds, const char* rule) {
    if (!holds)
        throw broken_rule(rule);
}

std::string hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes)
        out += {digits[static_cast<unsigned char>(c) >> 4], digits[c & 15]};
    return out;
}

// ---- reading

/// All that a stream of bytes came to.
struct outcome {
    std::vector<std::string> frames = {};
    error_code error = {};
    std::uint64_t declared = 0;               ///< with the error
    std::uint64_t skipped = 0;                ///< bytes dropped
    std::vector<std::uint64_t> reports = {};  ///< the declared length of each skipped frame
    std::uint64_t have = 0;                   ///< unfinished at the end of the stream
    std::uint64_t due = 0;

    bool operator==(const outcome&) const = default;
};

std::string to_text(const outcome& o) {
    std::string out = "frames:";
    for (const std::string& f : o.frames)
        out += " [" + hex(f) + ']';
    if (o.error)
        out += "; error: " + o.error.message() + ", declared " + std::to_string(o.declared);
    out += "; skipped " + std::to_string(o.skipped) + ", reported:";
    for (const std::uint64_t declared : o.reports)
        out += ' ' + std::to_string(declared);
    return out + "; unfinished: " + std::to_string(o.have) + " of " + std::to_string(o.due);
}

/// One connection's input: keeps what is not used up, and holds the codec to its contract.
class reader {
public:
    /// `most`: the longest frame that may be delivered.
    reader(codec& c, std::uint64_t most) : codec_(c), most_(most) {}

    void feed(std::string_view piece) {
        buffer_ += piece;
        while (!result_.error && step()) {
        }
    }

    bool failed() const { return result_.error.failed(); }

    /// The end of the stream.
    outcome end() {
        if (result_.error)
            return result_;
        const auto rest = codec_.unfinished(buffer_.size());
        demand(rest.have >= buffer_.size(), "what is left over belongs to an unfinished frame");
        demand(rest.due == 0 || rest.due > rest.have, "an unfinished frame lacks something");
        result_.have = rest.have;
        result_.due = rest.due;
        return result_;
    }

private:
    bool step() {
        // A block of exactly this size, so that the sanitizer sees a byte too many being read.
        const auto* data = reinterpret_cast<const std::byte*>(buffer_.data());
        const coserve::bytes input(data, data + buffer_.size());
        const decoded d = codec_.decode(input);
        switch (d.what) {
        case decoded::outcome::need_more:
            demand(d.consumed == 0, "need_more uses nothing up");
            demand(!d.error, "need_more is no error");
            demand(d.needed == 0 || d.needed > input.size(), "need_more needs more");
            needed_ = std::max(needed_, d.needed);
            return false;
        case decoded::outcome::error:
            demand(d.error.failed(), "an error says why");
            result_.error = d.error;
            result_.declared = d.declared;
            return false;
        case decoded::outcome::frame:
            deliver(d, input.size());
            break;
        case decoded::outcome::skipped:
            result_.skipped += d.consumed;
            if (d.error) {
                demand(
                    d.error == coserve::errc::frame_too_long, "only what is too long is skipped"
                );
                result_.reports.push_back(d.declared);
            }
            break;
        }
        demand(d.consumed > 0, "a frame, or a part of one, takes bytes");
        demand(d.consumed <= input.size(), "no more is used up than there is");
        buffer_.erase(0, d.consumed);
        needed_ = 0;
        return true;
    }

    void deliver(const decoded& d, std::size_t available) {
        demand(!d.error, "a frame is no error");
        demand(d.consumed <= available, "no more is used up than there is");
        demand(
            d.offset <= d.consumed && d.size <= d.consumed - d.offset,
            "a frame lies within what it uses up"
        );
        demand(d.size <= most_, "a frame is within the maximum");
        demand(available >= needed_, "no frame comes before all that it needs");
        result_.frames.push_back(buffer_.substr(d.offset, d.size));
    }

    codec& codec_;
    std::uint64_t most_;
    std::string buffer_;
    outcome result_;
    std::size_t needed_ = 0;  ///< as the codec said of the frame that has begun
};

pieces single_bytes(std::string_view stream) {
    pieces out;
    for (std::size_t i = 0; i < stream.size(); ++i)
        out.push_back(stream.substr(i, 1));
    return out;
}

/// The stream in pieces of these sizes, over and over.
pieces cut(std::string_view stream, std::string_view sizes) {
    if (sizes.empty())
        return {stream};
    pieces out;
    for (std::size_t i = 0; !stream.empty(); ++i) {
        const auto letter = static_cast<unsigned char>(sizes[i % sizes.size()]);
        const std::size_t size = 1 + ((letter - std::size_t{'1'}) & 63);
        out.push_back(stream.substr(0, size));
        stream.remove_prefix(out.back().size());
    }
    return out;
}

// ---- writing

std::string wire(const coserve::envelope& e) {
    const auto prefix = e.prefix();
    std::string out(reinterpret_cast<const char*>(prefix.data()), prefix.size());
    for (const auto& part : e.payload)
        out += part.text();
    out += e.suffix;
    demand(out.size() == e.size(), "an envelope knows its size");
    return out;
}

/// What goes on the wire for a payload; nothing, if the framing refuses it.
std::optional<std::string> encode(codec& c, std::string_view header, std::string_view body) {
    coserve::envelope out;
    std::ranges::fill(out.make_prefix(3), std::byte{'x'});
    out.payload = {"left", ""};
    out.suffix = "over";
    const std::string before = wire(out);
    const error_code error = c.encode(header, body, out);
    std::string after = wire(out);
    if (error) {
        demand(after == before, "a refused payload leaves the output untouched");
        return std::nullopt;
    }
    demand(header.size() + body.size() <= c.max_frame(), "no payload over the maximum is written");
    return after;
}

// ---- one framing with its options

class subject {
public:
    subject(std::string_view name, std::string_view query) : is_raw_(name == "raw") {
        static const coserve::framing_registry registry;
        std::string url = "unix:x?framing=" + std::string(name);
        if (!query.empty())
            url.append("&").append(query);
        const coserve::endpoint_url parsed = coserve::parse_url(url);
        coserve::option_reader options(url, parsed.query);
        limits_.read(options);
        framing_ = registry.read(options, limits_);
        options.finish();
        // A header of JSON is not a first part of the payload.
        has_header_ = name == "json-header";
        for (const coserve::option& o : parsed.query) {
            if (o.key == "read-framing" || o.key == "write-framing")
                throw coserve::configuration_error(url + ": one framing for both directions");
            reads_less_ = reads_less_ || o.key == "strip" || o.key == "max-header";
            keeps_end_ = keeps_end_ || o.key == "keep-end";
            // What may be left around the payload: any header of length-prefix, any delimiter.
            if (o.key == "strip" || o.key == "keep-end")
                around_ = 255 + 8 + query.size();
        }
    }

    void check(std::string_view stream, std::string_view sizes) const {
        const pieces chosen = cut(stream, sizes);
        check_any_split(stream, chosen, limits_.max_frame);
        check_restart(stream);
        check_written(chosen, sizes);
        check_written({stream}, sizes);
    }

private:
    /// That the stream is the same in one piece, byte by byte and in the chosen pieces.
    outcome
    check_any_split(std::string_view stream, const pieces& chosen, std::size_t max_frame) const {
        const outcome whole = read({stream}, max_frame);
        check_same(whole, read(single_bytes(stream), max_frame), "byte by byte");
        check_same(whole, read(chosen, max_frame), "in pieces");
        return whole;
    }

    /// That a codec whose frame was taken away begins anew.
    void check_restart(std::string_view stream) const {
        const std::unique_ptr<codec> c = framing_.read();
        reader begun(*c, limits_.max_frame + around_);
        begun.feed(stream.substr(0, stream.size() / 2));
        if (begun.failed())
            return;
        c->restart();
        reader again(*c, limits_.max_frame + around_);
        again.feed(stream);
        check_same(read({stream}, limits_.max_frame), normal(again.end()), "after a restart");
    }

    /// That what is written is read back.
    void check_written(const pieces& payloads, std::string_view sizes) const {
        const std::unique_ptr<codec> c = framing_.write();
        std::string stream;
        outcome expected;
        for (const std::string_view payload : payloads) {
            const std::size_t header = has_header_ ? 0 : payload.size() / 2;
            if (const auto text = encode(*c, payload.substr(0, header), payload.substr(header))) {
                stream += *text;
                expected.frames.emplace_back(payload);
            }
        }
        const outcome got = check_any_split(stream, cut(stream, sizes), c->max_frame());
        if (reads_less_)  // than is written, or wants more
            return;
        if (keeps_end_)
            check_ends(expected, got);
        else
            check_same(normal(expected), got, "written and read back");
    }

    static void check_ends(const outcome& expected, outcome got) {
        if (got.frames.size() == expected.frames.size())
            for (std::size_t i = 0; i < got.frames.size(); ++i)
                if (got.frames[i].starts_with(expected.frames[i]))
                    got.frames[i].resize(expected.frames[i].size());
        check_same(expected, got, "written and read back with its end");
    }

    outcome read(const pieces& stream, std::size_t max_frame) const {
        const std::unique_ptr<codec> c = framing_.read();
        c->set_max_frame(max_frame);
        reader r(*c, max_frame + around_);
        for (const std::string_view piece : stream)
            r.feed(piece);
        return normal(r.end());
    }

    /// Where raw's frames end depends on how they arrive, and nothing else may.
    outcome normal(outcome o) const {
        if (is_raw_)
            o.frames = {std::accumulate(o.frames.begin(), o.frames.end(), std::string())};
        return o;
    }

    static void check_same(const outcome& expected, const outcome& got, const char* how) {
        if (!(expected == got))
            throw broken_rule(
                std::string(how) + ":\n  got " + to_text(got) + "\n  not " + to_text(expected)
            );
    }

    coserve::stream_limits limits_;
    coserve::framing framing_;
    std::size_t around_ = 0;
    bool is_raw_;
    bool has_header_ = false;
    bool reads_less_ = false;
    bool keeps_end_ = false;
};

std::string_view take_line(std::string_view& input) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    return line;
}

}  // namespace

void check(std::string_view framing, std::string_view input) {
    const std::string_view query = take_line(input);
    const std::string_view sizes = take_line(input);
    subject(framing, query).check(input, sizes);
}

}  // namespace framing_check
