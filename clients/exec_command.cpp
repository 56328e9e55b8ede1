#include "exec_command.hpp"

#include "exec_native.hpp"
#include "exec_talk.hpp"
#include "exec_text.hpp"
#include "exec_url.hpp"
#include "failure.hpp"
#include "literal_text.hpp"
#include "output.hpp"
#include "prompt.hpp"
#include "requests.hpp"
#include "run.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>
#include <coserve/text_encoding.hpp>
#include <coserve/units.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace coserve_client {
namespace {

constexpr const char* reference = R"(
Runs COMMAND on the server and ends with its exit code (128 + N where signal N ended it); its stdout and stderr
are this program's. Standard input is the command's, too; Ctrl-C is SIGINT for it, and a second one ends this program.
  coserve exec tcp://127.0.0.1:7701 -- ls -l /tmp
  coserve exec tcp://127.0.0.1:7701 -- sort < names
  coserve exec tcp://127.0.0.1:7701 --shell 'ls | wc -l'
--shell needs a server with --exec-shell; without it a server runs the programs of its --exec-allow.
Without COMMAND it prompts on a terminal (q or end of input quits), and runs each line of a pipe; lines are for the
server's shell, or where it allows none, programs with arguments.
The tutorials' wires are concat, stderr-first and json-size. They carry a command of at most 1024 bytes, no input and
no exit code:
  coserve exec tcp://127.0.0.1:8080 --wire concat --encoding GBK -- ls
Exit codes: the command's; 1 the server or the network failed, or the server refused; 2 usage.
)";

struct exec_options {
    std::string url;
    std::string wire;
    std::optional<std::string> encoding;
    std::optional<std::string> shell;
    std::string timeout = "10s";
    std::optional<std::string> time_limit;
    std::vector<std::string> command;
};

coserve::duration time_of(const char* flag, const std::string& text) {
    const auto time = coserve::parse_time(text);
    if (!time || *time > coserve::longest_time)
        throw coserve::configuration_error(
            std::string(flag) + ' ' + text + ": must be a time, such as 500ms or 10s"
        );
    return *time;
}

coserve::duration connect_timeout(const std::string& text) {
    const coserve::duration time = time_of("--timeout", text);
    return time.count() == 0 ? coserve::longest_time : time;
}

/// At least a millisecond; none for 0.
std::optional<std::chrono::milliseconds> command_timeout(const exec_options& o) {
    if (!o.time_limit)
        return std::nullopt;
    const coserve::duration time = time_of("--time-limit", *o.time_limit);
    if (time.count() == 0)
        return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(time);
}

/// On a terminal a character may be split between two pieces of what the server sends.
std::optional<coserve::text_decoder> decoder_for(const exec_options& o, int descriptor) {
    if (!o.encoding && ::isatty(descriptor) != 1)
        return std::nullopt;
    return std::optional<coserve::text_decoder>(o.encoding.value_or("UTF-8"));
}

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t\r") == line.npos;
}

/// One run of the subcommand.
class exec {
public:
    explicit exec(const exec_options& options)
        : options_(options),
          url_(parse_exec_url(options.url, options.wire)),
          time_limit_(command_timeout(options)),
          out_(context_, decoder_for(options, STDOUT_FILENO), STDOUT_FILENO),
          err_(context_, decoder_for(options, STDERR_FILENO), STDERR_FILENO) {
        if (!is_native() && time_limit_)
            throw coserve::configuration_error(
                "--time-limit: only the native wire has a place for it"
            );
    }

    /// The exit code.
    int run_all() {
        try {
            connect();
            if (options_.shell)
                return run_one({{}, *options_.shell, time_limit_, is_native()});
            if (!options_.command.empty())
                return run_one({options_.command, {}, time_limit_, is_native()});
            if (::isatty(STDIN_FILENO) == 1)
                return run_typed();
            return run_lines();
        } catch (const coserve::system_error& e) {
            const std::string text = coserve::reason_of(e);
            const std::string& name = url_.server.name;
            throw failure(text.starts_with(name) ? text : name + ": " + text);
        }
    }

private:
    bool is_native() const { return url_.wire == coserve::exec_wire::native; }

    void connect() {
        coserve::frame_stream stream =
            run(context_, coserve::connect(url_.server.text, connect_timeout(options_.timeout)));
        const exec_outputs outputs{out_, err_};
        if (is_native())
            talk_ = std::make_unique<exec_native>(
                context_, std::move(stream), url_.server.name, outputs
            );
        else
            talk_ = std::make_unique<exec_text>(
                context_, std::move(stream), url_.server.name, outputs, url_.wire
            );
    }

    int run_one(remote_command c) { return run(context_, talk_->run(std::move(c))); }

    int run_line(const std::string& line) { return run_one({{}, line, time_limit_, false, true}); }

    /// The last command's code.
    int run_lines() {
        input_lines lines(context_, url_.server.limits.max_send_frame, larger_frames);
        int code = 0;
        while (run(context_, lines.fill()))
            while (const auto line = lines.next())
                if (const std::string text(*line); !is_blank(text))
                    code = run_line(text);
        return code;
    }

    int run_typed() {
        prompt_ = std::make_unique<prompt>(context_, ">>> ");
        boost::asio::co_spawn(context_, talk_->gone(), [this](std::exception_ptr) {
            prompt_->interrupt();
        });
        int code = 0;
        while (const auto line = prompt_->read_line()) {
            if (*line == "q")
                return code;
            if (!is_blank(*line))
                code = run_line(*line);
        }
        std::fputs(
            prompt_->interrupted() ? "\ncoserve: the server ended the connection\n" : "\n", stderr
        );
        return code;
    }

    const exec_options& options_;
    exec_url url_;
    std::optional<std::chrono::milliseconds> time_limit_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()
    };
    output out_, err_;
    std::unique_ptr<exec_talk> talk_;
    std::unique_ptr<prompt> prompt_;  // what waits for keys refers to it
};

void start(exec_options options) {
    std::ranges::transform(options.command, options.command.begin(), &unmarked);
    if (options.shell)
        options.shell = unmarked(*options.shell);
    if (options.shell && !options.command.empty())
        throw coserve::configuration_error("--shell TEXT and COMMAND: write one of them");
    if (const int code = exec(options).run_all(); code != 0)
        throw remote_exit(code);
}

}  // namespace

void add_exec_command(CLI::App& app, std::function<void()>& chosen) {
    const auto options = std::make_shared<exec_options>();
    CLI::App* command = app.add_subcommand("exec", "Run a command on a server");
    command->add_option("URL", options->url, "Where the server listens")->required();
    command->add_option("COMMAND", options->command, "A program and its arguments, behind --");
    command->add_option("--wire", options->wire, "Short for the key wire in the URL [native]")
        ->type_name("W");
    command->add_option("--shell", options->shell, "A text for the server's shell, for COMMAND")
        ->type_name("TEXT");
    command->add_option("--time-limit", options->time_limit, "Of each command [the server's]")
        ->type_name("TIME");
    command->add_option("--encoding", options->encoding, "Of the command's output, such as GBK")
        ->type_name("NAME");
    command->add_option("--timeout", options->timeout, "To connect; 0: no limit [10s]")
        ->type_name("TIME");
    command->footer(reference);
    command->callback([options, &chosen] { chosen = [options] { start(*options); }; });
}

}  // namespace coserve_client
