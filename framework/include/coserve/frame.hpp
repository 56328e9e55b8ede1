/// \file
/// Bytes of one message: `frame` as it is read, `frame_view` as it is written.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace coserve {

using bytes = std::vector<std::byte>;

/// Borrowed, mutable bytes of the connection's own buffer: change them in place and write them
/// back.
///
/// Lifetime: until the next read on the stream that gave it (sanitizer builds poison it then).
/// `copy()` keeps it.
class frame {
public:
    frame(std::byte* data, std::size_t size) noexcept : data_(data), size_(size) {}

    std::byte* data() const noexcept { return data_; }

    std::size_t size() const noexcept { return size_; }

    bool empty() const noexcept { return size_ == 0; }

    std::byte* begin() const noexcept { return data_; }

    std::byte* end() const noexcept { return data_ + size_; }

    /// The same bytes as text, as borrowed as the frame itself.
    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

    bytes copy() const { return {begin(), end()}; }

private:
    std::byte* data_;
    std::size_t size_;
};

/// Bytes to send. A parameter type only: what it points at is read during the call it is passed to.
class frame_view {
public:
    frame_view() noexcept = default;

    frame_view(frame f) noexcept : data_(f.data()), size_(f.size()) {}

    frame_view(std::string_view text) noexcept
        : data_(reinterpret_cast<const std::byte*>(text.data())), size_(text.size()) {}

    frame_view(const char* text) noexcept : frame_view(std::string_view(text)) {}

    frame_view(const std::string& text) noexcept : frame_view(std::string_view(text)) {}

    frame_view(const bytes& b) noexcept : data_(b.data()), size_(b.size()) {}

    frame_view(std::span<const std::byte> s) noexcept : data_(s.data()), size_(s.size()) {}

    const std::byte* data() const noexcept { return data_; }

    std::size_t size() const noexcept { return size_; }

    bool empty() const noexcept { return size_ == 0; }

    std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

    operator std::span<const std::byte>() const noexcept { return {data_, size_}; }

private:
    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Whether a `T` points at bytes that somebody else owns, so that a coroutine must not keep it.
template <class T>
inline constexpr bool is_borrowed = std::is_same_v<T, frame> || std::is_same_v<T, frame_view> ||
                                    std::is_same_v<T, std::string_view>;
template <class T, std::size_t Size>
inline constexpr bool is_borrowed<std::span<T, Size>> = true;
template <class T>
inline constexpr bool is_borrowed<std::optional<T>> = is_borrowed<T>;

}  // namespace coserve
