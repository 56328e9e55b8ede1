#include "exec_text.hpp"

#include "protocol/exec_wire.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/error.hpp>
#include <coserve/text_encoding.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <variant>

namespace coserve {

namespace {

constexpr std::size_t piece_size = std::size_t{64} << 10;

/// A web page can make its reader's browser send a request of its own making to any port. It begins
/// like this, and what follows is the page's.
bool is_http(std::string_view request) noexcept {
    constexpr std::array<std::string_view, 10> methods{
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"
    };
    const std::string_view line = request.substr(0, request.find_first_of("\r\n"));
    const std::size_t end = std::min(line.find(' '), line.size());
    return std::ranges::find(methods, line.substr(0, end)) != methods.end() &&
           (line.substr(end).starts_with(" /") || line.find(" HTTP/") != line.npos);
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
        auto convert = [this] { encode(); };
        if (out_.size() + err_.size() <= piece_size)
            convert();
        else if (!context_.options.encoding.empty())
            co_await run_blocking(convert);
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
        out_ = encoder.encode(out_, "?");
        err_ = encoder.encode(err_, "?");
    }

    exec_context& context_;
    std::string out_, err_;
    bool written_ = false;
};

exec_error refuse_http() {
    return {"http", "this is no web server: a request of HTTP is no command"};
}

}  // namespace

exec_text::exec_text(const exec_context& c) : exec_connection(c, 1) {}

task<> exec_text::read_requests() {
    constexpr std::size_t most_waiting = 64;
    while (const auto request = co_await context().stream.read_frame()) {
        const bool http = is_http(request->text());
        exec_plan planned;
        if (http)
            planned = refuse_http();
        else
            planned = plan(request->text());
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
        co_await commands().at_most(http ? 0 : most_waiting);
        if (http)
            co_return;
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
