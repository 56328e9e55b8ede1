/// \file
/// Where the requests of a command come from when nobody types them.
#pragma once

#include "readable.hpp"

#include <coserve/task.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_client {

/// What raises the bound of a frame.
inline constexpr const char* larger_frames = "max-send-frame in the URL's query allows more";

class request_source {
public:
    virtual ~request_source() = default;

    /// The next request that is at hand; valid until the next call of this or `fill()`.
    virtual std::optional<std::string_view> next() = 0;
    /// Waits for more; false: there is no more, and `next()` gave all.
    virtual coserve::task<bool> fill() = 0;
    /// Nobody wants more: `fill()` says that there is none, also where it waits.
    virtual void interrupt() = 0;
    /// Whether `next()` or the end of a begun request is still to come, as far as is known without
    /// waiting.
    virtual bool pending() const noexcept = 0;
};

/// The command line's TEXT arguments.
class arguments final : public request_source {
public:
    explicit arguments(std::vector<std::string> texts) : texts_(std::move(texts)) {}

    std::optional<std::string_view> next() override;
    coserve::task<bool> fill() override;

    void interrupt() override {}

    bool pending() const noexcept override;

private:
    std::vector<std::string> texts_;
    std::size_t given_ = 0;
};

/// One request a line of standard input, of any bytes but a line end; the last one may lack its
/// own.
class input_lines final : public request_source {
public:
    /// Errors: `failure`, from `fill()`, for a line of more than `longest` bytes; `hint`: what it
    /// says then of the bound.
    input_lines(boost::asio::io_context& context, std::size_t longest, std::string hint);

    std::optional<std::string_view> next() override;
    coserve::task<bool> fill() override;
    void interrupt() override;
    bool pending() const noexcept override;

private:
    coserve::task<bool> wait();

    readable input_;
    std::size_t longest_;
    std::string hint_;
    std::string buffer_;
    std::size_t begin_ = 0;     // of the line that is next
    std::size_t searched_ = 0;  // no line end before here
    std::size_t lines_ = 0;
    bool ended_ = false;
    bool interrupted_ = false;
};

}  // namespace coserve_client
