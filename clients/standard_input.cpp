#include "standard_input.hpp"

#include "failure.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <unistd.h>

namespace coserve_client {

standard_input::standard_input(boost::asio::io_context& context) : input_(context, STDIN_FILENO) {}

coserve::task<std::optional<coserve::bytes>> standard_input::read(std::size_t most) {
    coserve::bytes piece(most);
    for (;;) {
        co_await input_.wait();
        const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (got == 0)
            co_return std::nullopt;
        if (got > 0) {
            piece.resize(static_cast<std::size_t>(got));
            co_return piece;
        }
        if (errno != EAGAIN && errno != EINTR)
            throw failure(std::string("cannot read standard input: ") + std::strerror(errno));
    }
}

}  // namespace coserve_client
