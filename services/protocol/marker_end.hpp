/// \file
/// Where a file ends in the upload format `marker`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace coserve {

/// What stands behind the file: the marker and the closing text, at the very end of the stream.
inline constexpr std::string_view marker = "##";
inline constexpr std::string_view marker_text = "发送完毕";
inline constexpr std::size_t marker_end_size = marker.size() + marker_text.size();

/// Sees the stream pass by, in any pieces, and says at its end how much of it is the file. What
/// looks like an end within it decides nothing.
class marker_end {
public:
    void feed(std::span<const std::byte> piece) noexcept;

    std::uint64_t received() const noexcept { return received_; }

    /// The stream has ended: the file's size; nullopt: it did not end as it must.
    std::optional<std::uint64_t> file_size() const noexcept;

private:
    std::uint64_t received_ = 0;
    std::array<char, marker_end_size> last_{};  // the latest bytes, the latest at the end
};

}  // namespace coserve
