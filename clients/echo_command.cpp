#include "echo_command.hpp"

#include "complaint.hpp"
#include "conversation.hpp"
#include "datagram_conversation.hpp"
#include "encoded_lines.hpp"
#include "failure.hpp"
#include "literal_text.hpp"
#include "output.hpp"
#include "prompt.hpp"
#include "requests.hpp"
#include "run.hpp"
#include "server_url.hpp"

#include <coserve/connect.hpp>
#include <coserve/datagram_socket.hpp>
#include <coserve/error.hpp>
#include <coserve/text_encoding.hpp>
#include <coserve/units.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace coserve_client {
namespace {

constexpr const char* reference = R"(
Without TEXT it prompts on a terminal (q or end of input quits), and sends each line of a pipe.
The URL is tcp://HOST:PORT, unix:PATH or udp://HOST:PORT; its query takes the framing and limit keys of the server's listener,
read-framing being what the server writes, and write-framing what it reads:
  coserve echo 'tcp://127.0.0.1:8080?framing=raw' hello
Over raw framing nothing says where a request or a reply ends: one request is sent at a time, and a raw reply is
complete when it is as long as the request, when the server closes, or after a pause of 0.5s.
At udp://HOST:PORT each TEXT or line is a datagram, an empty one too, and so is each reply. One is sent at a time, and
its reply waited for (--timeout): one that does not come is said, and makes the exit code 1.
  coserve echo udp://127.0.0.1:7700 hello
With --encoding the server's text is turned into UTF-8 and yours from UTF-8. What it sends that is not
of that encoding is shown as \xNN; of yours, a character that the encoding lacks is an error:
  coserve echo 'tcp://127.0.0.1:8070?framing=raw' --encoding GBK adas
Exit codes: 0; 1 the server or the network failed; 2 usage.
)";

struct echo_options {
    std::string url;
    std::string framing;
    std::optional<std::string> encoding;
    std::optional<std::string> timeout;
    bool no_reply = false;
    std::vector<std::string> texts;
};

coserve::duration timeout_of(const echo_options& options, std::string_view otherwise) {
    const std::string text = options.timeout.value_or(std::string(otherwise));
    const auto time = coserve::parse_time(text);
    if (!time || *time > coserve::longest_time)
        throw coserve::configuration_error(
            "--timeout " + text + ": must be a time, such as 500ms or 10s"
        );
    return time->count() == 0 ? coserve::longest_time : *time;
}

/// A `text_decoder` or a `text_encoder`, where there is something to convert.
template <class Converter>
std::optional<Converter> make_converter(const echo_options& options) {
    return options.encoding ? std::optional<Converter>(*options.encoding) : std::nullopt;
}

/// One run of the command.
class echo {
public:
    explicit echo(const echo_options& options)
        : options_(options),
          url_(parse_server_url(options.url, options.framing)),
          encoder_(make_converter<coserve::text_encoder>(options)),
          texts_(encoded(options.texts)),
          output_(context_, make_converter<coserve::text_decoder>(options)) {}

    void run_all() {
        try {
            const std::unique_ptr<dialogue> talk = connect();
            exchange_and_flush(*talk);
            if (options_.no_reply)
                finish_sending(*talk);
        } catch (const coserve::system_error& e) {
            const std::string text = coserve::reason_of(e);
            throw failure(text.starts_with(url_.name) ? text : url_.name + ": " + text);
        }
    }

private:
    std::unique_ptr<dialogue> connect() {
        if (url_.is_datagrams) {
            const coserve::duration wait = timeout_of(options_, "2s");
            return std::make_unique<datagram_conversation>(
                run(context_, coserve::connect_datagrams(url_.text, wait)),
                url_.name,
                wait,
                !options_.no_reply,
                output_
            );
        }
        return std::make_unique<conversation>(
            context_,
            run(context_, coserve::connect(url_.text, timeout_of(options_, "10s"))),
            url_,
            !options_.no_reply,
            output_
        );
    }

    std::vector<std::string> encoded(std::vector<std::string> texts) {
        if (!encoder_)
            return texts;
        std::size_t number = 0;
        for (std::string& text : texts) {
            ++number;
            try {
                text = encoder_->encode(text);
            } catch (const coserve::system_error& e) {
                throw coserve::configuration_error(
                    "TEXT " + std::to_string(number) + ": " + coserve::reason_of(e)
                );
            }
        }
        return texts;
    }

    /// What was answered before a failure is printed too.
    void exchange_and_flush(dialogue& talk) {
        try {
            exchange(talk);
        } catch (const std::exception&) {
            output_.flush();
            throw;
        }
        output_.flush();
    }

    void exchange(dialogue& talk) {
        if (!texts_.empty())
            ask_all(talk, std::make_unique<arguments>(texts_));
        else if (::isatty(STDIN_FILENO) == 1)
            ask_at_prompt(talk);
        else
            ask_all(talk, input());
    }

    std::unique_ptr<request_source> input() {
        auto lines =
            std::make_unique<input_lines>(context_, url_.limits.max_send_frame, larger_frames);
        if (!encoder_)
            return lines;
        return std::make_unique<encoded_lines>(std::move(lines), std::move(*encoder_));
    }

    void ask_all(dialogue& talk, std::unique_ptr<request_source> requests) {
        run(context_, talk.ask_all(*requests));
    }

    void ask_at_prompt(dialogue& talk) {
        prompt_ = std::make_unique<prompt>(context_, ">>> ");
        if (talk.tells_of_end())
            boost::asio::co_spawn(context_, talk.server_gone(), [this](std::exception_ptr) {
                prompt_->interrupt();
            });
        while (const auto line = prompt_->read_line()) {
            if (*line == "q")
                return;
            if (!line->empty() || talk.asks_nothing())
                ask_typed(talk, *line);
        }
        std::fputs(
            prompt_->interrupted() ? "\ncoserve: the server ended the connection\n" : "\n", stderr
        );
    }

    void ask_typed(dialogue& talk, std::string line) {
        if (encoder_) {
            try {
                line = encoder_->encode(line);
            } catch (const coserve::system_error& e) {
                complain(coserve::reason_of(e));
                return;
            }
        }
        run(context_, talk.ask(line));
        output_.flush();
    }

    /// An exit with replies unread would reset the connection, and what was sent could be lost.
    void finish_sending(dialogue& talk) {
        run(context_, talk.close());
        work_.reset();
        context_.run();
    }

    const echo_options& options_;
    server_url url_;
    std::optional<coserve::text_encoder> encoder_;
    std::vector<std::string> texts_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()
    };
    output output_;
    std::unique_ptr<prompt> prompt_;  // what waits for keys refers to it
};

void start(echo_options options) {
    std::ranges::transform(options.texts, options.texts.begin(), &unmarked);
    echo(options).run_all();
}

}  // namespace

void add_echo_command(CLI::App& app, std::function<void()>& chosen) {
    const auto options = std::make_shared<echo_options>();
    CLI::App* command = app.add_subcommand("echo", "Send text, print what comes back");
    command->add_option("URL", options->url, "Where the server listens")->required();
    command->add_option("TEXT", options->texts, "Sent one after the other, each in a frame");
    command->add_option("--framing", options->framing, "Short for the key framing in the URL")
        ->type_name("F");
    command->add_option("--encoding", options->encoding, "Of the server's text, such as GBK")
        ->type_name("NAME");
    command->add_flag("--no-reply", options->no_reply, "Only send")->disable_flag_override();
    command
        ->add_option(
            "--timeout",
            options->timeout,
            "To connect [10s]; over UDP, for each reply [2s]; 0: no limit"
        )
        ->type_name("TIME");
    command->footer(reference);
    command->callback([options, &chosen] { chosen = [options] { start(*options); }; });
}

}  // namespace coserve_client
