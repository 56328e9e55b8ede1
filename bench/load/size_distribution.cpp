#include "size_distribution.hpp"

#include <coserve/error.hpp>
#include <coserve/units.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace coserve_bench {

namespace {

constexpr std::string_view exponential_prefix = "exp:";
constexpr std::size_t longest_of_mean = 16;  // beyond it is one in nine million

[[noreturn]] void refuse(std::string_view text, const char* why) {
    throw coserve::configuration_error(std::string(text) + ": " + why);
}

std::size_t parse_one(std::string_view text) {
    const auto size = coserve::parse_size(text);
    if (!size || *size > size_distribution::longest)
        refuse(text, "must be a size from 0 to 1GiB, such as 64 or 16KiB");
    return *size;
}

double parse_weight(std::string_view text) {
    std::string_view number = text;
    if (number.ends_with('%'))
        number.remove_suffix(1);
    double weight = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
    if (error != std::errc() || end != number.data() + number.size() || !(weight > 0) ||
        !(weight <= 1e9))
        refuse(text, "must say how often, such as 90% or 9");
    return weight;
}

}  // namespace

size_distribution::size_distribution(std::size_t fixed)
    : text_(std::to_string(fixed)), least_(fixed), most_(fixed), parts_{{fixed, fixed}} {}

size_distribution size_distribution::parse(std::string_view text) {
    size_distribution d;
    d.text_ = text;
    d.parts_.clear();
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        d.parts_.push_back(parse_part(text.substr(at, comma - at)));
        at = comma + 1;
    }
    double all = 0, sum = 0;
    for (const part& p : d.parts_)
        all += p.weight;
    d.least_ = longest;
    d.most_ = 0;
    for (part& p : d.parts_) {
        p.until = (sum += p.weight) / all;
        d.least_ = std::min(d.least_, p.least);
        d.most_ = std::max(d.most_, p.most);
    }
    return d;
}

/// Sizes, and after a colon how often.
size_distribution::part size_distribution::parse_part(std::string_view text) {
    const std::size_t prefix = text.starts_with(exponential_prefix) ? exponential_prefix.size() : 0;
    const std::size_t colon = text.find(':', prefix);
    part p = parse_sizes(text.substr(0, colon));
    if (colon != text.npos)
        p.weight = parse_weight(text.substr(colon + 1));
    return p;
}

size_distribution::part size_distribution::parse_sizes(std::string_view text) {
    part p;
    if (text.starts_with(exponential_prefix)) {
        const std::size_t mean = parse_one(text.substr(exponential_prefix.size()));
        if (mean == 0)
            refuse(text, "the mean must be at least 1");
        p.exponential = static_cast<double>(mean);
        p.least = 1;
        p.most = std::min(mean * longest_of_mean, longest);
        return p;
    }
    const std::size_t dots = text.find("..");
    p.least = parse_one(text.substr(0, dots));
    p.most = dots == text.npos ? p.least : parse_one(text.substr(dots + 2));
    if (p.most < p.least)
        refuse(text, "the smaller size stands first");
    return p;
}

std::size_t size_distribution::draw_any(random_numbers& r) const noexcept {
    const double at = parts_.size() == 1 ? 0 : r.part();
    const auto chosen = std::ranges::upper_bound(parts_, at, {}, &part::until);
    return (chosen == parts_.end() ? parts_.back() : *chosen).draw(r);
}

std::size_t size_distribution::part::draw(random_numbers& r) const noexcept {
    if (exponential == 0)
        return least + r.next() % (most - least + 1);
    const double size = -exponential * std::log1p(-r.part());
    return std::clamp(static_cast<std::size_t>(std::llround(size)), least, most);
}

double size_distribution::part::mean() const noexcept {
    return exponential != 0 ? exponential
                            : (static_cast<double>(least) + static_cast<double>(most)) / 2;
}

double size_distribution::mean() const noexcept {
    double all = 0, sum = 0;
    for (const part& p : parts_) {
        all += p.weight;
        sum += p.weight * p.mean();
    }
    return sum / all;
}

}  // namespace coserve_bench
