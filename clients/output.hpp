/// \file
/// Standard output: data, and nothing else; and what a remote command says on its stderr.
#pragma once

#include <coserve/text_encoding.hpp>

#include <boost/asio/io_context.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace coserve_client {

/// Collects what is written in one turn of the context, and writes it then.
///
/// Lifetime: outlives the context's turns.
/// Errors: `failure`, also out of the context's `run()`.
class output {
public:
    /// Without a decoder a pipe or a file gets the exact bytes. With one all is UTF-8, what is not
    /// of that encoding being shown as \xNN.
    explicit output(
        boost::asio::io_context&,
        std::optional<coserve::text_decoder> = std::nullopt,
        int descriptor = 1
    );

    /// One line. On a terminal control characters and bytes that are no UTF-8 are shown as \xNN,
    /// so that a server cannot command the terminal.
    void line(std::string_view text);
    /// The same in pieces; the last one is followed by `end_line()`.
    void part(std::string_view text);
    void end_line();
    /// The text has ended, perhaps within a character. Flushes.
    void finish();

    /// Whether the parts so far end within a character of their encoding.
    bool inside_character() const noexcept { return decoder_ && decoder_->unfinished(); }

    void flush();

private:
    void show(std::string_view text);
    void append(std::string_view text);

    boost::asio::io_context& context_;
    int descriptor_;
    std::optional<coserve::text_decoder> decoder_;
    bool is_terminal_;
    bool scheduled_ = false;
    std::string buffer_;
};

}  // namespace coserve_client
