/// \file
/// SHA-256, by OpenSSL.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace coserve {

class sha256 {
public:
    sha256();
    sha256(sha256&&) noexcept;
    sha256& operator=(sha256&&) noexcept;
    ~sha256();

    void feed(std::span<const std::byte>);
    /// In lower-case hex digits; nothing more may be fed.
    std::string digest();

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace coserve
