#include "prompt.hpp"

#include "prompt_rows.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
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

/// What is typed is shown on the terminal, which standard output need not be.
std::FILE* find_screen() {
    return ::isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
}

EditLine* make_editor(std::FILE* screen) {
    choose_characters();
    return ::el_init("coserve", stdin, screen, stderr);
}

}  // namespace

prompt::prompt(boost::asio::io_context& context, std::string text)
    : context_(context),
      terminal_(context, STDIN_FILENO),
      text_(std::move(text)),
      screen_(find_screen()),
      editor_(make_editor(screen_), &::el_end),
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
    typing_ = true;
    const char* typed = ::el_gets(editor_.get(), &size);
    typing_ = false;
    if (error_)
        std::rethrow_exception(std::exchange(error_, nullptr));
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

/// Runs the context until there is something to read; false: interrupted. No exception may pass
/// libedit, which is C.
bool prompt::wait_for_key() {
    try {
        run_until_key();
    } catch (...) {
        error_ = std::current_exception();
        return false;
    }
    return !interrupted_;
}

void prompt::run_until_key() {
    if (!waiting_) {
        waiting_ = true;
        boost::asio::co_spawn(context_, terminal_.wait(), [this](std::exception_ptr) {
            waiting_ = false;
        });
    }
    while (waiting_ && !interrupted_)
        context_.run_one();
}

void prompt::above(std::string_view lines) {
    if (typing_)
        hide();
    std::fwrite(lines.data(), 1, lines.size(), screen_);
    std::fflush(screen_);
    if (typing_)
        ::el_set(editor_.get(), EL_REFRESH);
}

/// Libedit has no call for it. What it draws afterwards begins in the cursor's row.
void prompt::hide() {
    const LineInfoW* line = ::el_wline(editor_.get());
    std::wstring drawn(text_.begin(), text_.end());
    drawn.append(line->buffer, line->cursor);
    const auto columns = static_cast<std::size_t>(std::max(number_of("co"), 0));
    const auto rows = static_cast<int>(rows_above_cursor(drawn, columns));
    // A line that is longer than the screen begins above it.
    clear_from(std::min(rows, number_of("li") - 1));
}

/// The cursor's row, those below, and so many above.
void prompt::clear_from(int rows_above) {
    char* can_clear = nullptr;
    ::el_get(editor_.get(), EL_GETTC, "cd", &can_clear);
    if (!can_clear) {
        std::fputc('\n', screen_);
        return;
    }
    if (rows_above > 0)
        std::fprintf(screen_, "\x1b[%dA", rows_above);
    std::fputs("\r\x1b[J", screen_);
}

int prompt::number_of(const char* capability) {
    int number = 0;
    ::el_get(editor_.get(), EL_GETTC, capability, &number);
    return number;
}

void prompt::leave_signals() {
    ::el_set(editor_.get(), EL_SIGNAL, 0);
}

void prompt::suspend() {
    ::el_set(editor_.get(), EL_PREP_TERM, 0);
}

void prompt::resume() {
    if (!typing_)
        return;
    ::el_set(editor_.get(), EL_PREP_TERM, 0);  // else it would believe that nothing has changed
    ::el_set(editor_.get(), EL_PREP_TERM, 1);
    clear_from(0);  // above may be what a shell has written
    std::fflush(screen_);
    ::el_set(editor_.get(), EL_REFRESH);
}

void prompt::resized() {
    ::el_resize(editor_.get());
    above("");
}

}  // namespace coserve_client
