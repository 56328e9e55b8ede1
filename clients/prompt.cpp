#include "prompt.hpp"

#include <boost/asio/co_spawn.hpp>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <exception>
#include <string_view>
#include <utility>

#include <langinfo.h>
#include <unistd.h>

namespace coserve_client {
namespace {

/// Terminals speak UTF-8, also where nobody set a locale.
void choose_characters() {
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(::nl_langinfo(CODESET), "ANSI_X3.4-1968") == 0)
        std::setlocale(LC_CTYPE, "C.UTF-8");
}

EditLine* make_editor() {
    choose_characters();
    // What is typed is shown on the terminal, which standard output need not be.
    std::FILE* screen = ::isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
    return ::el_init("coserve", stdin, screen, stderr);
}

}  // namespace

prompt::prompt(boost::asio::io_context& context, std::string text)
    : context_(context),
      terminal_(context, STDIN_FILENO),
      text_(std::move(text)),
      editor_(make_editor(), &::el_end),
      history_(::history_init(), &::history_end) {
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, 1000);
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    ::el_set(editor_.get(), EL_CLIENTDATA, this);
    ::el_set(editor_.get(), EL_PROMPT, &prompt::show);
    ::el_set(editor_.get(), EL_EDITOR, "emacs");
    ::el_set(editor_.get(), EL_SIGNAL, 1);
    ::el_set(editor_.get(), EL_HIST, ::history, history_.get());
    ::el_set(editor_.get(), EL_GETCFN, &prompt::read_character);
}

std::optional<std::string> prompt::read_line() {
    if (interrupted_)
        return std::nullopt;
    int size = 0;
    // Before the prompt is shown: what a quick typist types then would be read by the terminal's
    // own editor.
    ::el_set(editor_.get(), EL_PREP_TERM, 1);
    const char* typed = ::el_gets(editor_.get(), &size);
    if (!typed || size <= 0)
        return std::nullopt;
    std::string_view line(typed, static_cast<std::size_t>(size));
    if (line.ends_with('\n'))
        line.remove_suffix(1);
    if (!line.empty())
        remember(typed);
    return std::string(line);
}

void prompt::remember(const char* line) {
    HistEvent event;
    ::history(history_.get(), &event, H_ENTER, line);
}

prompt& prompt::of(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return *static_cast<prompt*>(self);
}

char* prompt::show(EditLine* editor) {
    return of(editor).text_.data();
}

int prompt::read_character(EditLine* editor, wchar_t* character) {
    return of(editor).next_character(*character);
}

/// 1: a character, 0: the end of the input, as libedit has it.
int prompt::next_character(wchar_t& character) {
    std::mbstate_t state{};
    for (;;) {
        char byte = 0;
        if (!wait_for_key())
            return 0;
        const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            return 0;
        const std::size_t used = std::mbrtowc(&character, &byte, 1, &state);
        if (used == static_cast<std::size_t>(-1))
            state = {};
        else if (used != static_cast<std::size_t>(-2))
            return 1;
    }
}

/// Runs the context until there is something to read; false: interrupted.
bool prompt::wait_for_key() {
    if (!waiting_) {
        waiting_ = true;
        boost::asio::co_spawn(context_, terminal_.wait(), [this](std::exception_ptr) {
            waiting_ = false;
        });
    }
    while (waiting_ && !interrupted_)
        context_.run_one();
    return !interrupted_;
}

}  // namespace coserve_client
