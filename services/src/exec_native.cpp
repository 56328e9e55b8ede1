#include "exec_native.hpp"

#include <coserve/error.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

namespace coserve {

namespace {

// The bodies of a connection's requests may be so many times the longest one.
constexpr std::size_t longest_bodies = 4;

using log_function = std::function<void(log_level, std::string_view, std::string_view)>;

/// The client of one command.
class native_client final : public exec_client {
public:
    native_client(frame_stream& s, exec_id id, const log_function& log)
        : stream_(s), id_(id), log_(log) {}

    task<> put(exec_stream from, frame_view piece) override {
        const std::string header = exec_header(exec_reply{id_, exec_output{from}});
        co_await stream_.write_frame(header, piece);
    }

    void grant(std::uint64_t size) override { say({id_, exec_window{size}}); }

    task<> tell(exec_result r) override {
        say({id_, std::move(r)});
        co_return;
    }

    task<> tell(exec_error e) override {
        log_(log_level::info, "command refused", e.word + ": " + e.message);
        say({id_, std::move(e)});
        co_return;
    }

private:
    /// Not awaited: a client that does not read bounds these by what it has under way.
    void say(const exec_reply& r) {
        [[maybe_unused]] const auto queued = stream_.write_frame(exec_header(r), frame_view());
    }

    frame_stream& stream_;
    exec_id id_;
    const log_function& log_;
};

/// What the framing, not the connection, has complained of.
bool is_broken_framing(const system_error& e) {
    return e.code() == errc::malformed_frame || e.code() == errc::frame_too_long ||
           e.code() == errc::negative_length;
}

}  // namespace

exec_native::exec_native(const exec_context& c) : exec_connection(c, c.options.per_connection) {}

task<> exec_native::read_requests() {
    try {
        while (const auto header = co_await context().stream.read_header()) {
            exec_request request;
            std::optional<exec_error> error;
            try {
                request = parse_exec_request(header->text());
            } catch (const bad_exec_request& e) {
                request.id = e.id;
                error = exec_error{"bad-request", e.what()};
            }
            if (error)
                co_await refuse(request.id, std::move(*error));
            else
                co_await take(std::move(request));
        }
    } catch (const system_error& e) {
        if (!broken_off_ && is_broken_framing(e))
            say({}, {e.code() == errc::frame_too_long ? "too-long" : "bad-request", reason_of(e)});
        throw;
    }
}

/// A body that nobody takes is dropped before the next header.
task<> exec_native::take(exec_request r) {
    if (std::holds_alternative<exec_start>(r.what))
        co_await take_start(std::move(r));
    else if (std::holds_alternative<exec_input>(r.what))
        co_await take_input(std::move(r));
    else if (std::holds_alternative<exec_cancel>(r.what))
        commands().stop(r.id, exec_stop::cancelled);
    else if (const auto command = commands().find(r.id))
        command->signal(std::get<exec_signal>(r.what).number);
}

task<> exec_native::take_start(exec_request r) {
    auto& start = std::get<exec_start>(r.what);
    std::optional<exec_error> error = objection(r);
    exec_plan planned;
    if (!error) {
        planned = plan(start);
        if (const auto* const refusal = std::get_if<exec_error>(&planned))
            error = *refusal;
    }
    if (error) {
        co_await refuse(r.id, std::move(*error));
        co_return;
    }
    exec_command_options o =
        command_options(std::get<subprocess_options>(std::move(planned)), start.timeout);
    o.interactive = start.interactive;
    o.input = co_await read_body(r.data_size);
    commands().add(
        r.id,
        std::make_shared<exec_command>(
            context().where,
            std::move(o),
            std::make_unique<native_client>(context().stream, r.id, context().log)
        )
    );
}

/// Why the connection cannot take it, whatever it is that is to run.
std::optional<exec_error> exec_native::objection(const exec_request& r) {
    const std::size_t longest = context().stream.limits().max_frame;
    if (commands().find(r.id))
        return exec_error{
            "duplicate-id",
            r.id ? "a command of this id is under way"
                 : "a command without an id is under way: give each an id"
        };
    if (r.data_size > longest)
        return exec_error{
            "too-long",
            "data_size: " + std::to_string(r.data_size) + " bytes, the maximum being " +
                std::to_string(longest) + "; more goes with \"stdin\": true"
        };
    if (commands().full() || commands().body_size() + r.data_size > longest_bodies * longest)
        return exec_error{"busy", "too many commands are under way on this connection"};
    return std::nullopt;
}

exec_plan exec_native::plan(const exec_start& start) {
    const exec_context& c = context();
    if (start.argv.empty())
        return plan_shell(c.policy, c.options, start.command);
    return plan_program(c.policy, c.options, start.argv);
}

/// For a command that has just ended it comes to nothing.
task<> exec_native::take_input(exec_request r) {
    const auto command = commands().find(r.id);
    if (!command)
        co_return;
    if (!command->takes_input())
        break_off(r.id, "stdin: this command takes no input, or no more");
    if (r.data_size > command->window())
        break_off(
            r.id,
            "data_size: " + std::to_string(r.data_size) + " bytes, the window being " +
                std::to_string(command->window())
        );
    if (std::get<exec_input>(r.what).ends) {
        command->end_input();
        co_return;
    }
    bytes piece = co_await read_body(r.data_size);
    command->input(std::move(piece));
}

task<bytes> exec_native::read_body(std::uint64_t size) {
    bytes body;
    if (size == 0)
        co_return body;
    while (const auto piece = co_await context().stream.read_body())
        body.insert(body.end(), piece->begin(), piece->end());
    co_return body;
}

task<> exec_native::refuse(exec_id id, exec_error error) {
    context().log(log_level::info, "command refused", error.word + ": " + error.message);
    const std::string header = exec_header(exec_reply{id, std::move(error)});
    co_await context().stream.write_frame(header, frame_view());
}

/// The connection ends: the last that its client hears.
void exec_native::say(exec_id id, const exec_error& error) {
    [[maybe_unused]] const auto queued =
        context().stream.write_frame(exec_header(exec_reply{id, error}), frame_view());
}

void exec_native::break_off(exec_id id, const std::string& why) {
    broken_off_ = true;
    say(id, {"bad-request", why});
    throw system_error(make_error_code(errc::malformed_frame), why);
}

}  // namespace coserve
