/// \file
/// The service `echo`: every frame comes back.
#pragma once

#include <coserve/stream_handler.hpp>

namespace coserve {

/// Any framing. A peer that ends its side gets all its replies first.
class echo final : public stream_handler {
public:
    enum class mode {
        upper,     ///< in upper case: ASCII letters only, as Python's `bytes.upper()`
        verbatim,  ///< as it came
    };

    struct options {
        mode reply = mode::upper;  ///< key `mode`

        void read(option_reader&);
    };

    explicit echo(const options& o) noexcept : options_(o) {}

    task<> handle() override;

private:
    options options_;
};

}  // namespace coserve
