#include "encoded_lines.hpp"

#include "failure.hpp"

#include <coserve/error.hpp>

#include <utility>

namespace coserve_client {

encoded_lines::encoded_lines(std::unique_ptr<request_source> lines, coserve::text_encoder encoder)
    : lines_(std::move(lines)), encoder_(std::move(encoder)) {}

std::optional<std::string_view> encoded_lines::next() {
    const auto line = lines_->next();
    if (!line)
        return std::nullopt;
    ++count_;
    try {
        encoded_ = encoder_.encode(*line);
    } catch (const coserve::system_error& e) {
        throw failure(
            "line " + std::to_string(count_) + " of standard input: " + coserve::reason_of(e)
        );
    }
    return encoded_;
}

coserve::task<bool> encoded_lines::fill() {
    return lines_->fill();
}

void encoded_lines::interrupt() {
    lines_->interrupt();
}

bool encoded_lines::pending() const noexcept {
    return lines_->pending();
}

}  // namespace coserve_client
