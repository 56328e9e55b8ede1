/// \file
/// Lines for a server whose text is not UTF-8.
#pragma once

#include "requests.hpp"

#include <coserve/text_encoding.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coserve_client {

/// The requests of another source, which are UTF-8, in an encoding.
/// Errors: `failure`, from `next()`, that names the line and what cannot be encoded in it.
class encoded_lines final : public request_source {
public:
    encoded_lines(std::unique_ptr<request_source> lines, coserve::text_encoder);

    std::optional<std::string_view> next() override;
    coserve::task<bool> fill() override;
    void interrupt() override;
    bool pending() const noexcept override;

private:
    std::unique_ptr<request_source> lines_;
    coserve::text_encoder encoder_;
    std::string encoded_;
    std::size_t count_ = 0;
};

}  // namespace coserve_client
