#include "protocol/marker_end.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace coserve {

void marker_end::feed(std::span<const std::byte> piece) noexcept {
    received_ += piece.size();
    const auto latest = piece.last(std::min(piece.size(), last_.size()));
    std::memmove(last_.data(), last_.data() + latest.size(), last_.size() - latest.size());
    if (!latest.empty())
        std::memcpy(last_.data() + (last_.size() - latest.size()), latest.data(), latest.size());
}

std::optional<std::uint64_t> marker_end::file_size() const noexcept {
    const std::string_view last(last_.data(), last_.size());
    if (received_ < last.size() || !last.starts_with(marker) || !last.ends_with(marker_text))
        return std::nullopt;
    return received_ - last.size();
}

}  // namespace coserve
