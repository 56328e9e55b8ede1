#include "exec_text.hpp"

#include "protocol/exec_wire.hpp"

#include <coserve/text_encoding.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace coserve {

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10;

/// The length of the first character, at least one byte.
std::size_t character_size(std::string_view text) noexcept {
    const auto is_rest = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    std::size_t size = 1;
    while (size < text.size() && is_rest(text[size]))
        ++size;
    return size;
}

/// nullopt: there is something in it that the encoding lacks.
std::optional<std::string> try_encode(text_encoder& encoder, std::string_view text) {
    try {
        return encoder.encode(text);
    } catch (const system_error&) {
        return std::nullopt;
    }
}

/// What the encoding lacks, and what is no text, as `?`.
std::string encode_anyway(text_encoder& encoder, std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t line = std::min(text.find('\n'), text.size() - 1) + 1;
        if (const auto whole = try_encode(encoder, text.substr(0, line))) {
            out += *whole;
            text.remove_prefix(line);
            continue;
        }
        for (const std::string_view end = text.substr(line); text.size() > end.size();) {
            const std::size_t size = character_size(text);
            out += try_encode(encoder, text.substr(0, size)).value_or("?");
            text.remove_prefix(size);
        }
    }
    return out;
}

/// Collects what a command writes, and sends it at its end.
class text_client final : public exec_client {
public:
    explicit text_client(exec_context& c) : context_(c) {}

    task<> put(exec_stream from, frame_view piece) override {
        (from == exec_stream::out ? out_ : err_) += piece.text();
        co_return;
    }

    task<> tell(exec_result r) override {
        std::string note;
        if (!r.reason.empty())
            note = "coserved: the command was stopped: " + r.reason + '\n';
        if (r.truncated)
            note += "coserved: its output is truncated\n";
        co_await send(std::move(note));
    }

    /// As the command's own stderr would come.
    task<> tell(exec_error e) override {
        context_.log(log_level::info, "command refused", e.word + ": " + e.message);
        out_.clear();
        err_ = "coserved: " + e.message + '\n';
        co_await send({});
    }

private:
    task<> send(std::string note) {
        encode();
        const exec_text_reply reply = make_text_reply(context_.options.wire, out_, err_, note);
        // Clients read the head once, and what follows once.
        std::string first = reply.head;
        for (std::string_view part : reply.parts) {
            if (first.size() < piece_size) {
                const std::string_view begin = part.substr(0, piece_size - first.size());
                first += begin;
                part.remove_prefix(begin.size());
            }
            if (part.empty())
                continue;
            co_await write_first(first);
            for (; !part.empty(); part.remove_prefix(std::min(piece_size, part.size())))
                co_await context_.stream.write(part.substr(0, piece_size));
        }
        co_await write_first(first);
    }

    task<> write_first(std::string& first) {
        if (std::exchange(written_, true))
            co_return;
        co_await context_.stream.write(first);
    }

    void encode() {
        if (context_.options.encoding.empty())
            return;
        text_encoder encoder(context_.options.encoding);
        out_ = encode_anyway(encoder, out_);
        err_ = encode_anyway(encoder, err_);
    }

    exec_context& context_;
    std::string out_, err_;
    bool written_ = false;
};

bool is_utf8(std::string_view text) {
    text_encoder same("UTF-8");
    return try_encode(same, text).has_value();
}

}  // namespace

exec_text::exec_text(const exec_context& c) : exec_connection(c, 1) {}

task<> exec_text::read_requests() {
    constexpr std::size_t most_waiting = 64;
    while (const auto request = co_await context().stream.read_frame()) {
        exec_plan planned = plan(request->text());
        auto client = std::make_unique<text_client>(context());
        exec_command_options o;
        std::optional<exec_error> error;
        if (auto* const child = std::get_if<subprocess_options>(&planned))
            o = command_options(std::move(*child), std::nullopt);
        else
            error = std::get<exec_error>(std::move(planned));
        auto command =
            std::make_shared<exec_command>(context().where, std::move(o), std::move(client));
        if (error)
            command->refuse_later(std::move(*error));
        commands().add(std::nullopt, std::move(command));
        co_await commands().at_most(most_waiting);
    }
}

exec_plan exec_text::plan(std::string_view request) {
    const exec_context& c = context();
    if (request.size() > longest_command_text)
        return exec_error{
            "too-long",
            "a command has at most " + std::to_string(longest_command_text) + " bytes, not " +
                std::to_string(request.size())
        };
    if (request.find('\0') != request.npos)
        return exec_error{"bad-request", "a command must not contain a NUL"};
    if (!is_utf8(request))
        return exec_error{"bad-request", "a command must be text in UTF-8"};
    return plan_text(c.policy, c.options, std::string(request));
}

}  // namespace coserve
