#include "payload.hpp"

#include <algorithm>

namespace coserve_bench {

namespace {

constexpr std::size_t letters_of_connection = 5, letters_of_number = 9;  // 11 million, 5 * 10^12

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

payload::payload(std::size_t longest, verification v, marking m)
    : verify_(v), marks_(m == numbered || v == verification::full), bytes_(longest, 'x') {
    for (std::size_t i = 0; i < longest; ++i)
        bytes_[i] = static_cast<char>('a' + i % 26);
}

bool payload::is_full_reply(
    std::string_view reply, std::size_t size, std::uint64_t connection, std::uint64_t number
) {
    const std::string_view sent = request(size, connection, number);
    return reply == sent ||
           (reply.size() == size && std::ranges::equal(reply, sent, {}, {}, upper));
}

std::optional<std::uint64_t> payload::number_of(std::string_view reply) noexcept {
    if (reply.size() < letters_of_number)
        return std::nullopt;
    std::uint64_t number = 0;
    for (std::size_t i = letters_of_number; i-- > 0;) {
        const char letter = upper(reply[i]);
        if (letter < 'A' || letter > 'Z')
            return std::nullopt;
        number = number * 26 + static_cast<std::uint64_t>(letter - 'A');
    }
    return number;
}

// The lowest letters first, so that a short payload has those that change.
void payload::mark(std::uint64_t connection, std::uint64_t number) {
    const std::size_t room = bytes_.size();
    std::size_t at = 0;
    for (; at < std::min(room, letters_of_number); ++at, number /= 26)
        bytes_[at] = static_cast<char>('a' + number % 26);
    for (; at < std::min(room, letters_of_number + letters_of_connection); ++at, connection /= 26)
        bytes_[at] = static_cast<char>('a' + connection % 26);
}

}  // namespace coserve_bench
