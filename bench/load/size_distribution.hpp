/// \file
/// How long payloads are.
#pragma once

#include "random.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_bench {

/// As it is written: `64`; `64..4KiB`, each size in between as often; `exp:512`, around that mean,
/// from 1 to 16 times it, the short ones most often; and mixtures of these, `64:90%,16KiB:10%`.
class size_distribution {
public:
    /// The longest payload.
    static constexpr std::size_t longest = std::size_t{1} << 30;

    /// Always so long.
    explicit size_distribution(std::size_t fixed = 64);

    /// Errors: `coserve::configuration_error`, which says what is wrong with `text`.
    static size_distribution parse(std::string_view text);

    std::size_t draw(random_numbers& r) const noexcept { return fixed() ? least_ : draw_any(r); }

    bool fixed() const noexcept { return least_ == most_; }

    std::size_t least() const noexcept { return least_; }
    std::size_t most() const noexcept { return most_; }
    double mean() const noexcept;

    /// As it was written.
    const std::string& text() const noexcept { return text_; }

private:
    struct part {
        std::size_t least = 0, most = 0;
        double exponential = 0;  ///< the mean; 0: even
        double weight = 1;
        double until = 1;  ///< the sum of the weights up to here, of 1 in all

        std::size_t draw(random_numbers&) const noexcept;
        double mean() const noexcept;
    };

    static part parse_part(std::string_view text);
    static part parse_sizes(std::string_view text);
    std::size_t draw_any(random_numbers&) const noexcept;

    std::string text_;
    std::size_t least_, most_;
    std::vector<part> parts_;
};

}  // namespace coserve_bench
