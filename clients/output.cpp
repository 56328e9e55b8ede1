#include "output.hpp"

#include "failure.hpp"

#include <coserve/printable.hpp>

#include <boost/asio/post.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace coserve_client {
namespace {

constexpr std::size_t full = std::size_t{64} << 10;

/// Whoever shares standard output may have made it non-blocking.
void wait_writable(int descriptor) {
    pollfd p{descriptor, POLLOUT, 0};
    ::poll(&p, 1, -1);
}

}  // namespace

output::output(
    boost::asio::io_context& context, std::optional<coserve::text_decoder> decoder, int descriptor
)
    : context_(context),
      descriptor_(descriptor),
      decoder_(std::move(decoder)),
      is_terminal_(::isatty(descriptor) == 1) {}

void output::line(std::string_view text) {
    part(text);
    end_line();
}

void output::part(std::string_view text) {
    if (decoder_)
        show(decoder_->decode(text));
    else
        show(text);
}

void output::end_line() {
    if (decoder_)
        show(decoder_->finish());
    append("\n");
}

void output::finish() {
    if (decoder_)
        show(decoder_->finish());
    flush();
}

void output::show(std::string_view text) {
    if (is_terminal_)
        append(coserve::printable(text, {.escape = {}, .keep = "\n\t\\"}));
    else
        append(text);
}

void output::append(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= full)
        flush();
    if (buffer_.empty() || scheduled_)
        return;
    scheduled_ = true;
    boost::asio::post(context_, [this] {
        scheduled_ = false;
        flush();
    });
}

void output::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written >= 0)
            rest.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EAGAIN)
            wait_writable(descriptor_);
        else if (errno != EINTR) {
            buffer_.clear();
            throw failure(
                std::string("cannot write standard ") +
                (descriptor_ == STDOUT_FILENO ? "output: " : "error: ") + std::strerror(errno)
            );
        }
    }
    buffer_.clear();
}

}  // namespace coserve_client
