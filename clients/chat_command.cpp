#include "chat_command.hpp"

#include "chat_native.hpp"
#include "chat_plain.hpp"
#include "chat_session.hpp"
#include "failure.hpp"
#include "interruptions.hpp"
#include "literal_text.hpp"
#include "prompt_signals.hpp"
#include "run.hpp"
#include "server_url.hpp"

#include "protocol/chat_datagram.hpp"

#include <coserve/datagram_socket.hpp>
#include <coserve/error.hpp>
#include <coserve/units.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <pwd.h>
#include <unistd.h>

namespace coserve_client {
namespace {

constexpr const char* reference = R"(
At a terminal what others say comes above the line that you type. /who shows who is there, /join ROOM moves to another
room, /quit, Ctrl-D and Ctrl-C leave, /help shows all commands, and //TEXT says /TEXT.
From a pipe each line is said, in order and no faster than servers allow, or is a command too. At its end it waits
until its own messages have come back, and leaves.
  coserve chat udp://127.0.0.1:7703 --name Ann --room tea
  printf '%s\n' 'The build is broken.' | coserve chat udp://127.0.0.1:7703 --name robot
  tail -f /dev/null | coserve chat udp://127.0.0.1:7703 --name log >> said
What is said is on standard output as NAME: TEXT, and so is the answer to /who, behind a star; all else is on standard
error, behind a star too, but for why the program failed. What is not to be seen in a text is shown as \xNN.
Nothing is sent twice: what the network loses is told. Where nothing of one's own ever came back, as from a server
without echo, it says that it is not known whether it was heard; that alone is no failure.
A server that goes is told too, and joined again when it is back.
With --plain it speaks the tutorials' format, NAME的消息TEXT and nothing else: there are no rooms, names, losses
or heartbeats, and you are no member before you say something.
Exit codes: 0; 1 the server, the network, or some lines of a pipe failed, or you interrupted it before it had done
all; 2 usage.
)";

constexpr const char* otherwise_name = "guest";
constexpr std::chrono::minutes patience_of_pipes{1};
constexpr int signal_code = 128;
constexpr std::size_t longest_line = std::size_t{16} << 20;

struct chat_options {
    std::string url;
    std::optional<std::string> name, room, timeout;
    bool plain = false;
};

/// What a user is called on this machine.
std::string login_name() {
    const char* name = std::getenv("USER");
    if (const passwd* entry = name ? nullptr : ::getpwuid(::geteuid()))
        name = entry->pw_name;
    return name && coserve::is_chat_name(name) ? name : otherwise_name;
}

std::string
checked_name(const char* flag, const std::string& name, coserve::chat_refusal otherwise) {
    if (!coserve::is_chat_name(name))
        throw coserve::configuration_error(
            std::string(flag) + ": " + std::string(text_of(otherwise))
        );
    return name;
}

std::optional<coserve::duration> timeout_of(const chat_options& o) {
    if (!o.timeout)
        return std::nullopt;
    const auto time = coserve::parse_time(*o.timeout);
    if (!time || *time > coserve::longest_time)
        throw coserve::configuration_error(
            "--timeout " + *o.timeout + ": must be a time, such as 500ms or 10s"
        );
    return time->count() == 0 ? coserve::longest_time : *time;
}

chat_wishes wishes_of(const chat_options& o) {
    using enum coserve::chat_refusal;
    if (o.plain && o.room)
        throw coserve::configuration_error("--room: plain text (--plain) knows no rooms");
    const server_url url = parse_server_url(o.url, "");
    if (!url.is_datagrams)
        throw coserve::configuration_error(url.name + ": chat needs udp://HOST:PORT");
    const auto timeout = timeout_of(o);
    chat_wishes w;
    w.server = url.name;
    w.name = checked_name("--name", o.name.value_or(login_name()), bad_name);
    w.room =
        checked_name("--room", o.room.value_or(std::string(coserve::usual_chat_room)), bad_room);
    w.join_time = timeout.value_or(std::chrono::seconds(10));
    w.typed = ::isatty(STDIN_FILENO) == 1;
    if (!w.typed)
        w.patience = timeout.value_or(patience_of_pipes);
    return w;
}

/// One run of the command.
class chat {
public:
    explicit chat(const chat_options& options)
        : options_(options), wishes_(wishes_of(options)), screen_(context_) {}

    void run_all() {
        try {
            connect();
            const interruptions keys(
                context_, [this] { interrupt(); }, interruptions::hangups::interrupt
            );
            talk_until_the_end();
        } catch (const coserve::system_error& e) {
            const std::string text = coserve::reason_of(e);
            throw failure(text.starts_with(wishes_.server) ? text : wishes_.server + ": " + text);
        }
    }

private:
    void connect() {
        auto socket = run(context_, coserve::connect_datagrams(options_.url, wishes_.join_time));
        if (options_.plain)
            talk_ = std::make_unique<chat_plain>(context_, std::move(socket), wishes_, screen_);
        else
            talk_ = std::make_unique<chat_native>(context_, std::move(socket), wishes_, screen_);
        session_ = std::make_unique<chat_session>(context_, *talk_, screen_);
    }

    void talk_until_the_end() {
        try {
            run(context_, talk_->begin());
            if (wishes_.typed)
                obey_typed();
            else
                obey_lines();
        } catch (const chat_stopped&) {
            leave();
            throw failure(wishes_.server + ": interrupted");
        } catch (...) {
            leave();
            throw;
        }
        leave();
        if (wishes_.typed)  // who types has seen it
            return;
        if (const std::string complaint = session_->complaint(); !complaint.empty())
            throw failure(wishes_.server + ": " + complaint);
    }

    void obey_lines() {
        lines_ = std::make_unique<input_lines>(context_, longest_line, "no server takes more");
        try {
            run(context_, obey_and_settle());
        } catch (const chat_stopped&) {
            if (settling_ || session_->pending() || lines_->pending())
                throw;
        }
    }

    coserve::task<> obey_and_settle() {
        co_await session_->obey_all(*lines_);
        settling_ = !interrupted_;
        co_await talk_->settle();
    }

    void obey_typed() {
        prompt_ = std::make_unique<prompt>(context_, ">>> ");
        const prompt_signals signals(context_, *prompt_);
        screen_.share_with(prompt_.get());
        obeying_ = true;
        boost::asio::co_spawn(context_, session_->obey_entered(), [this](std::exception_ptr e) {
            obeying_ = false;
            error_ = e;
            prompt_->interrupt();
        });
        enter_typed();
        screen_.share_with(nullptr);
        talk_->lose_patience();
        end_obeying();
        if (error_ && (!interrupted_ || session_->pending()))
            std::rethrow_exception(error_);
        if (!interrupted_)
            run(context_, talk_->settle());
    }

    void enter_typed() {
        while (const auto line = prompt_->read_line()) {
            const bool is_blank = line->find_first_not_of(" \t") == line->npos;
            if (is_blank && !options_.plain)
                continue;
            if (!session_->enter(*line))
                return;
        }
        std::fputs("\n", stderr);
    }

    void end_obeying() {
        session_->finish();
        while (obeying_)
            context_.run_one();
    }

    void leave() {
        if (obeying_) {
            talk_->stop();
            end_obeying();
        }
        screen_.share_with(nullptr);
        run(context_, talk_->end());
        screen_.flush();
    }

    void interrupt() {
        if (interrupted_)
            std::_Exit(signal_code + SIGINT);
        interrupted_ = true;
        talk_->stop();
        if (lines_)
            lines_->interrupt();
        if (prompt_)
            prompt_->interrupt();
    }

    const chat_options& options_;
    const chat_wishes wishes_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()
    };
    chat_screen screen_;
    std::unique_ptr<chat_talk> talk_;
    std::unique_ptr<chat_session> session_;
    std::unique_ptr<input_lines> lines_;
    std::unique_ptr<prompt> prompt_;  // what waits for keys refers to it
    bool obeying_ = false;
    bool settling_ = false;  // all lines of a pipe are done
    bool interrupted_ = false;
    std::exception_ptr error_;
};

void start(chat_options options) {
    if (options.name)
        options.name = unmarked(*options.name);
    if (options.room)
        options.room = unmarked(*options.room);
    chat(options).run_all();
}

}  // namespace

void add_chat_command(CLI::App& app, std::function<void()>& chosen) {
    const auto options = std::make_shared<chat_options>();
    CLI::App* command = app.add_subcommand("chat", "Talk with others in a room");
    command->add_option("URL", options->url, "Where the server listens: udp://HOST:PORT")
        ->required();
    command->add_option("--name", options->name, "What you are called [your login name]")
        ->type_name("NAME");
    command->add_option("--room", options->room, "Where you talk [lobby]")->type_name("ROOM");
    command->add_flag("--plain", options->plain, "Speak as the tutorials' programs do")
        ->disable_flag_override();
    command
        ->add_option(
            "--timeout",
            options->timeout,
            "To join [10s], and to join again from a pipe [1m]; 0: no limit"
        )
        ->type_name("TIME");
    command->footer(reference);
    command->callback([options, &chosen] { chosen = [options] { start(*options); }; });
}

}  // namespace coserve_client
