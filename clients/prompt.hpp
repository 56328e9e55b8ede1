/// \file
/// A prompt on a terminal, with line editing and history.
#pragma once

#include "readable.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <optional>
#include <string>

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
    std::optional<std::string> read_line();

    /// Ends `read_line()`, now and from now on.
    void interrupt() noexcept { interrupted_ = true; }

    bool interrupted() const noexcept { return interrupted_; }

private:
    static prompt& of(EditLine*);
    static char* show(EditLine*);
    static int read_character(EditLine*, wchar_t*);

    bool wait_for_key();
    int next_character(wchar_t& character);
    void remember(const char* line);

    boost::asio::io_context& context_;
    readable terminal_;
    std::string text_;
    std::unique_ptr<EditLine, void (*)(EditLine*)> editor_;
    std::unique_ptr<History, void (*)(History*)> history_;
    bool waiting_ = false;
    bool interrupted_ = false;
};

}  // namespace coserve_client
