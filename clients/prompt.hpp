/// \file
/// A prompt on a terminal, with line editing and history.
#pragma once

#include "readable.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <histedit.h>

namespace coserve_client {

/// Runs the context while somebody types.
///
/// Lifetime: the context's turns end before it.
class prompt {
public:
    prompt(boost::asio::io_context&, std::string text);
    prompt(const prompt&) = delete;
    prompt& operator=(const prompt&) = delete;

    /// The next line, without its end; nullopt: the input has ended, or `interrupt()` was called.
    /// Errors: what leaves the context's `run_one()`.
    std::optional<std::string> read_line();

    /// Ends `read_line()`, now and from now on.
    void interrupt() noexcept { interrupted_ = true; }

    bool interrupted() const noexcept { return interrupted_; }

    /// Shows whole lines. The one that is being typed is taken away before, and is below them
    /// afterwards.
    void above(std::string_view lines);

    // ---- for whoever handles the signals of the terminal, which the prompt does otherwise

    void leave_signals();
    /// The terminal is as it was before.
    void suspend();
    /// It is the prompt's again, whoever had it meanwhile.
    void resume();
    void resized();

private:
    static prompt& of(EditLine*);
    static char* show(EditLine*);
    static int read_character(EditLine*, wchar_t*);

    bool wait_for_key();
    void run_until_key();
    int next_character(wchar_t& character);
    void remember(const char* line);
    void hide();
    void clear_from(int rows_above);
    int number_of(const char* capability);

    boost::asio::io_context& context_;
    readable terminal_;
    std::string text_;
    std::FILE* screen_;
    std::unique_ptr<EditLine, void (*)(EditLine*)> editor_;
    std::unique_ptr<History, void (*)(History*)> history_;
    std::exception_ptr error_;
    bool typing_ = false;
    bool waiting_ = false;
    bool interrupted_ = false;
};

}  // namespace coserve_client
