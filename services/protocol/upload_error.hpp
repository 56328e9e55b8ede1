/// \file
/// Why an upload was refused, as both ends say it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace coserve {

/// What a client is told with a stable word and a sentence.
class upload_error : public std::runtime_error {
public:
    /// `word` is a literal.
    upload_error(std::string_view word, const std::string& sentence)
        : std::runtime_error(sentence), word_(word) {}

    /// bad-header, bad-name, exists, too-large, quota, no-space, checksum, too-slow, busy, gone,
    /// storage.
    std::string_view word() const noexcept { return word_; }

private:
    std::string_view word_;
};

}  // namespace coserve
