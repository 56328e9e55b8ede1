#include "protocol/signal_name.hpp"

#include <charconv>
#include <csignal>
#include <cstring>

namespace coserve {

namespace {

constexpr std::string_view prefix = "SIG";
constexpr int last_signal = 64;

}  // namespace

std::string signal_name(int number) {
    const char* const name = ::sigabbrev_np(number);
    return std::string(prefix) + (name ? std::string(name) : std::to_string(number));
}

std::optional<int> signal_number(std::string_view name) noexcept {
    if (!name.starts_with(prefix))
        return std::nullopt;
    name.remove_prefix(prefix.size());
    for (int number = 1; number < NSIG; ++number)
        if (const char* const known = ::sigabbrev_np(number); known && name == known)
            return number;
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_number = error == std::errc() && end == name.data() + name.size();
    const bool is_nameless = number > 0 && number <= last_signal && !::sigabbrev_np(number);
    return is_number && is_nameless ? std::optional(number) : std::nullopt;
}

}  // namespace coserve
