#include "chat_screen.hpp"

#include <boost/asio/post.hpp>

#include <array>
#include <ctime>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace coserve_client {
namespace {

constexpr std::size_t usual_columns = 80;

std::string time_of_day() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    std::array<char, 8> text{};
    ::localtime_r(&now, &parts);
    return {text.data(), std::strftime(text.data(), text.size(), "%H:%M ", &parts)};
}

}  // namespace

chat_screen::chat_screen(boost::asio::io_context& context)
    : context_(context),
      out_(context),
      err_(context, std::nullopt, STDERR_FILENO),
      out_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      err_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void chat_screen::show(std::string_view line) {
    put(out_is_terminal_, out_, (out_is_terminal_ ? time_of_day() : "").append(line));
}

void chat_screen::tell(std::string_view line) {
    put(err_is_terminal_, err_, (err_is_terminal_ ? time_of_day() : "").append("* ").append(line));
}

void chat_screen::explain(std::string_view lines) {
    for (std::size_t end = 0; (end = lines.find('\n')) != lines.npos; lines.remove_prefix(end + 1))
        tell(lines.substr(0, end));
}

void chat_screen::put(bool is_terminal, output& to, std::string line) {
    if (!prompt_ || !is_terminal)
        return to.line(line);
    // All lines of a turn together: drawing the one that is typed takes as long as many of them.
    if (above_.empty())
        boost::asio::post(context_, [this] { flush(); });
    above_.append(line).append("\n");
}

void chat_screen::flush() {
    if (prompt_ && !above_.empty())
        prompt_->above(std::exchange(above_, {}));
    out_.flush();
    err_.flush();
}

void chat_screen::share_with(prompt* p) {
    flush();
    prompt_ = p;
}

std::size_t chat_screen::columns() const {
    winsize size{};
    if (!out_is_terminal_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return usual_columns;
    const std::size_t time = time_of_day().size();
    return size.ws_col > 2 * time ? size.ws_col - time : usual_columns;
}

}  // namespace coserve_client
