#include <coserve/units.hpp>

#include <array>
#include <charconv>
#include <limits>
#include <numeric>

namespace coserve {
namespace {

struct unit {
    std::string_view name;
    std::uint64_t size;
};

// The largest first, as formatting tries them.
constexpr std::array<unit, 3> size_units{{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}}};
constexpr std::array<unit, 5> time_units{
    {{"h", 3'600'000'000'000},
     {"m", 60'000'000'000},
     {"s", 1'000'000'000},
     {"ms", 1'000'000},
     {"us", 1'000}}
};
constexpr std::uint64_t microsecond = time_units.back().size;

template <std::size_t N>
const unit* find_unit(const std::array<unit, N>& units, std::string_view name) noexcept {
    for (const unit& u : units)
        if (u.name == name)
            return &u;
    return nullptr;
}

/// Takes the digits at the start of `text`; nullopt where there are none or they do not fit.
std::optional<std::uint64_t> take_digits(std::string_view& text) noexcept {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    return value;
}

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result))
        return std::nullopt;
    return result;
}

/// Takes ".125" at the start of `text`, as a part of a unit; nullopt where that is no whole number.
std::optional<std::uint64_t>
take_fraction(std::string_view& text, std::uint64_t unit_size) noexcept {
    if (!text.starts_with('.'))
        return 0;
    text.remove_prefix(1);
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    if (count == 0)
        return std::nullopt;
    std::string_view digits = text.substr(0, count);
    text.remove_prefix(count);
    digits = digits.substr(0, digits.find_last_not_of('0') + 1);
    if (digits.empty())
        return 0;
    // An hour, 2^13 * 3^2 * 5^11 ns, is divisible by no more: a longer fraction leaves a part of a
    // nanosecond.
    constexpr std::size_t longest = 13;
    if (digits.size() > longest)
        return std::nullopt;
    std::uint64_t scale = 1;
    for (std::size_t i = 0; i < digits.size(); ++i)
        scale *= 10;
    const std::uint64_t common = std::gcd(scale, unit_size);
    const std::uint64_t value = *take_digits(digits);
    if (value % (scale / common) != 0)
        return std::nullopt;
    return value / (scale / common) * (unit_size / common);
}

/// The unit at the end of `text`: what is left over from digits and a point.
std::string_view unit_name(std::string_view text) noexcept {
    return text.substr(std::min(text.find_first_not_of("0123456789."), text.size()));
}

template <std::size_t N>
std::string whole_units(std::uint64_t value, const std::array<unit, N>& units) {
    if (value != 0)
        for (const unit& u : units)
            if (value % u.size == 0)
                return std::to_string(value / u.size).append(u.name);
    return {};
}

/// Three decimals of a microsecond, without zeros at the end.
std::string microseconds(std::uint64_t nanoseconds) {
    const std::string thousandths = std::to_string(1000 + nanoseconds % microsecond).substr(1);
    return std::to_string(nanoseconds / microsecond) + '.' +
           thousandths.substr(0, thousandths.find_last_not_of('0') + 1) + "us";
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
    const auto number = take_digits(text);
    if (!number || text.empty())
        return number;
    const unit* u = find_unit(size_units, text);
    return u ? product(*number, u->size) : std::nullopt;
}

std::optional<std::chrono::nanoseconds> parse_time(std::string_view text) noexcept {
    const std::string_view name = unit_name(text);
    text.remove_suffix(name.size());
    const unit* u = find_unit(time_units, name.empty() ? "s" : name);
    const auto number = take_digits(text);
    if (!u || !number)
        return std::nullopt;
    const auto whole = product(*number, u->size);
    const auto part = take_fraction(text, u->size);
    constexpr std::uint64_t longest = std::numeric_limits<std::chrono::nanoseconds::rep>::max();
    if (!whole || !part || !text.empty() || *whole > longest || *part > longest - *whole)
        return std::nullopt;
    return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(*whole + *part));
}

std::string format_size(std::uint64_t bytes) {
    const std::string whole = whole_units(bytes, size_units);
    return whole.empty() ? std::to_string(bytes) : whole;
}

std::string format_time(std::chrono::nanoseconds time) {
    const bool negative = time.count() < 0;
    const auto count = static_cast<std::uint64_t>(time.count());
    const std::uint64_t magnitude = negative ? 0 - count : count;
    if (magnitude == 0)
        return "0s";
    std::string text = whole_units(magnitude, time_units);
    if (text.empty())
        text = microseconds(magnitude);
    return negative ? '-' + text : text;
}

}  // namespace coserve
