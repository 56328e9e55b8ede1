#include "framing_check.hpp"

#include <coserve/codec.hpp>
#include <coserve/framing.hpp>
#include <coserve/header_codec.hpp>
#include <coserve/limits.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/raw.hpp>
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
using coserve::header_codec;

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

/// What is asked of a codec, from one frame to the next; each letter for one frame, over and over.
class plan {
public:
    explicit plan(std::string_view letters) : letters_(letters) {}

    char next() { return letters_.empty() ? whole : letters_[at_++ % letters_.size()]; }

    static constexpr char whole = 'f';      ///< and so is every letter that is not below
    static constexpr char in_pieces = 'p';  ///< the header, then the body as it comes
    static constexpr char begun = 'b';      ///< the header and the body's beginning
    static constexpr char dropped = 'd';    ///< the header alone
    static bool is_maximum(char letter) { return letter >= '0' && letter <= '9'; }

private:
    std::string_view letters_;
    std::size_t at_ = 0;
};

/// One connection's input: keeps what is not used up, and holds the codec to its contract.
class reader {
public:
    /// `around`: what may be delivered beside the payload.
    reader(codec& c, std::size_t around, const plan& p)
        : codec_(c),
          headers_(dynamic_cast<header_codec*>(&c)),
          around_(around),
          plan_(p),
          maximum_(c.max_frame()) {}

    /// From here on the maximum changes once a frame's size is known, and is another one to the
    /// next frame only.
    void meddle() { meddles_ = true; }

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
    enum class part : std::uint8_t { next, frame, header, body };

    bool step() {
        if (asked_ == part::next)
            begin();
        // A block of exactly this size, so that the sanitizer sees a byte too many being read.
        const auto* data = reinterpret_cast<const std::byte*>(buffer_.data());
        const coserve::bytes input(data, data + buffer_.size());
        const decoded d = ask(input);
        switch (d.what) {
        case decoded::outcome::need_more:
            demand(d.consumed == 0, "need_more uses nothing up");
            demand(!d.error, "need_more is no error");
            demand(d.needed == 0 || d.needed > input.size(), "need_more needs more");
            needed_ = std::max(needed_, d.needed);
            if (meddles_ && codec_.unfinished(input.size()).due != 0)
                codec_.set_max_frame(maximum_ == 0 ? 1000 : 0);
            return false;
        case decoded::outcome::error:
            demand(asked_ != part::body, "a body has no errors");
            demand(d.error.failed(), "an error says why");
            result_.error = d.error;
            result_.declared = d.declared;
            return false;
        case decoded::outcome::frame:
            deliver(d, input.size());
            break;
        case decoded::outcome::skipped:
            demand(asked_ != part::body, "what is asked for is not dropped");
            result_.skipped += d.consumed;
            if (meddles_)  // its next frame may begin here
                codec_.set_max_frame(maximum_);
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

    /// The codec has been asked nothing of the frame that comes now.
    void begin() {
        how_ = plan_.next();
        const bool in_parts =
            how_ == plan::in_pieces || how_ == plan::begun || how_ == plan::dropped;
        asked_ = headers_ && in_parts ? part::header : part::frame;
        if (plan::is_maximum(how_))
            codec_.set_max_frame(static_cast<std::size_t>(how_ - '0'));
        else if (meddles_)
            codec_.set_max_frame(maximum_);
        maximum_ = codec_.max_frame();
    }

    decoded ask(const coserve::bytes& input) {
        switch (asked_) {
        case part::header:
            return headers_->decode_header(input);
        case part::body:
            return headers_->decode_body(input);
        default:
            return codec_.decode(input);
        }
    }

    void deliver(const decoded& d, std::size_t available) {
        demand(!d.error, "a frame is no error");
        demand(d.consumed <= available, "no more is used up than there is");
        demand(
            d.offset <= d.consumed && d.size <= d.consumed - d.offset,
            "a frame lies within what it uses up"
        );
        const std::string_view text = std::string_view(buffer_).substr(d.offset, d.size);
        if (asked_ == part::body)
            return deliver_piece(text);
        demand(available >= needed_, "no frame comes before all that it needs");
        result_.frames.emplace_back(text);
        if (asked_ == part::header)
            return begin_body();
        demand(d.size <= longest(), "a frame is within the maximum");
        asked_ = part::next;
    }

    std::size_t longest() const {
        // Raw gives a byte at least: with nothing it would not come to an end.
        const bool is_raw = dynamic_cast<const coserve::raw_codec*>(&codec_) != nullptr;
        return is_raw ? std::max<std::size_t>(1, maximum_) : maximum_ + around_;
    }

    void begin_body() {
        body_left_ = headers_->body_left();
        if (how_ == plan::dropped) {
            asked_ = part::next;
            return;
        }
        result_.frames.emplace_back();
        asked_ = body_left_ == 0 ? part::next : part::body;
    }

    void deliver_piece(std::string_view text) {
        demand(!text.empty() && text.size() <= body_left_, "a piece is a part of its body");
        body_left_ -= text.size();
        demand(headers_->body_left() == body_left_, "what is left of a body is what was not given");
        if (how_ == plan::in_pieces) {
            result_.frames.back() += text;
            asked_ = body_left_ == 0 ? part::next : part::body;
            return;
        }
        // How much of it comes at once is up to the split; together with what is dropped it is not.
        result_.frames.back() = text.front();
        result_.skipped += text.size();
        asked_ = part::next;
    }

    codec& codec_;
    header_codec* headers_;
    std::size_t around_;
    plan plan_;
    char how_ = plan::whole;
    part asked_ = part::next;
    std::uint64_t body_left_ = 0;
    std::size_t maximum_;  ///< for the frame that is asked for
    bool meddles_ = false;
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

    void check(std::string_view stream, std::string_view sizes, const plan& asked) const {
        const pieces chosen = cut(stream, sizes);
        check_any_split(stream, chosen, limits_.max_frame, asked);
        check_restart(stream, asked);
        if (has_header_)
            check_headers(stream);
        check_written(chosen, sizes, asked);
        check_written({stream}, sizes, asked);
    }

private:
    /// That the stream is the same in one piece, byte by byte and in the chosen pieces.
    outcome check_any_split(
        std::string_view stream, const pieces& chosen, std::size_t max_frame, const plan& asked
    ) const {
        const outcome whole = read({stream}, max_frame, asked);
        check_same(whole, read(single_bytes(stream), max_frame, asked), "byte by byte");
        check_same(whole, read(chosen, max_frame, asked), "in pieces");
        check_same(
            whole,
            read(single_bytes(stream), max_frame, asked, true),
            "with other maxima for frames that have begun"
        );
        return whole;
    }

    /// That a codec whose frame was taken away begins anew.
    void check_restart(std::string_view stream, const plan& asked) const {
        const std::unique_ptr<codec> c = framing_.read();
        reader begun(*c, around_, asked);
        begun.feed(stream.substr(0, stream.size() / 2));
        if (begun.failed())
            return;
        c->restart();
        c->set_max_frame(limits_.max_frame);
        reader again(*c, around_, asked);
        again.feed(stream);
        check_same(
            read({stream}, limits_.max_frame, asked), normal(again.end()), "after a restart"
        );
    }

    /// That headers and bodies are the same, however they are asked for.
    void check_headers(std::string_view stream) const {
        const outcome bodies = read({stream}, limits_.max_frame, plan(""));
        const outcome both = read({stream}, limits_.max_frame, plan("p"));
        outcome headers = read({stream}, limits_.max_frame, plan("d"));
        outcome expected = both;
        expected.frames.clear();
        headers.skipped = 0;  // the bodies
        for (std::size_t i = 0; i < both.frames.size(); i += 2) {
            expected.frames.push_back(both.frames[i]);
            demand(
                i / 2 >= bodies.frames.size() || both.frames.at(i + 1) == bodies.frames[i / 2],
                "a body in pieces is the body of the whole frame"
            );
        }
        check_same(expected, headers, "headers alone");
        demand(
            both.frames.size() / 2 >= bodies.frames.size(), "what can be read whole has a header"
        );
    }

    /// That what is written is read back.
    void check_written(const pieces& payloads, std::string_view sizes, const plan& asked) const {
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
        const pieces chosen = cut(stream, sizes);
        check_any_split(stream, chosen, c->max_frame(), asked);
        const outcome got = check_any_split(stream, chosen, c->max_frame(), plan(""));
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

    outcome read(
        const pieces& stream, std::size_t max_frame, const plan& asked, bool meddle = false
    ) const {
        const std::unique_ptr<codec> c = framing_.read();
        c->set_max_frame(max_frame);
        reader r(*c, around_, asked);
        if (meddle)
            r.meddle();
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
    const std::string_view second = take_line(input);
    const std::size_t blank = std::min(second.find(' '), second.size());
    const plan asked(second.substr(std::min(blank + 1, second.size())));
    subject(framing, query).check(input, second.substr(0, blank), asked);
}

}  // namespace framing_check
