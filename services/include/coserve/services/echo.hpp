/// \file
/// The service `echo`: every frame, or every datagram, comes back.
#pragma once

#include <coserve/datagram_handler.hpp>
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

/// The same at `udp://`. An empty datagram is one like the others. One that was cut, because it is
/// longer than `max-datagram`, is not answered: half of an echo is none.
class datagram_echo final : public datagram_handler {
public:
    using options = echo::options;

    explicit datagram_echo(const options& o) noexcept : options_(o) {}

    void handle(const datagram&) override;

private:
    options options_;
};

}  // namespace coserve
