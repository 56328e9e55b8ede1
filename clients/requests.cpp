#include "requests.hpp"

#include "failure.hpp"

#include <coserve/error.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace coserve_client {

std::optional<std::string_view> arguments::next() {
    if (given_ == texts_.size())
        return std::nullopt;
    return texts_[given_++];
}

coserve::task<bool> arguments::fill() {
    co_return false;
}

bool arguments::pending() const noexcept {
    return given_ < texts_.size();
}

input_lines::input_lines(boost::asio::io_context& context, std::size_t longest, std::string hint)
    : input_(context, STDIN_FILENO), longest_(longest), hint_(std::move(hint)) {}

std::optional<std::string_view> input_lines::next() {
    const std::size_t found = buffer_.find('\n', searched_);
    if (found == buffer_.npos && !(ended_ && begin_ < buffer_.size())) {
        searched_ = buffer_.size();
        return std::nullopt;
    }
    const std::size_t end = std::min(found, buffer_.size());
    const auto line = std::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = searched_ = std::min(end + 1, buffer_.size());
    ++lines_;
    return line;
}

coserve::task<bool> input_lines::fill() {
    constexpr std::size_t part = std::size_t{64} << 10;
    if (ended_ || interrupted_)
        co_return false;
    buffer_.erase(0, begin_);
    begin_ = 0;
    if (buffer_.size() > longest_)
        throw failure(
            "line " + std::to_string(lines_ + 1) + " of standard input is longer than " +
            std::to_string(longest_) + " bytes; " + hint_
        );
    const std::size_t size = buffer_.size();
    ssize_t got = -1;
    do {
        const bool readable = co_await wait();
        if (!readable)
            co_return false;
        buffer_.resize(size + part);
        got = ::read(STDIN_FILENO, buffer_.data() + size, part);
        buffer_.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            throw failure(std::string("cannot read standard input: ") + std::strerror(errno));
    } while (got < 0);
    searched_ = size;
    ended_ = got == 0;
    co_return !ended_ || !buffer_.empty();
}

/// false: interrupted.
coserve::task<bool> input_lines::wait() {
    try {
        co_await input_.wait();
    } catch (const coserve::system_error&) {
        if (!interrupted_)
            throw;
    }
    co_return !interrupted_;
}

void input_lines::interrupt() {
    interrupted_ = true;
    input_.cancel();
}

bool input_lines::pending() const noexcept {
    return begin_ < buffer_.size();
}

}  // namespace coserve_client
