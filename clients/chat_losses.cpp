#include "chat_losses.hpp"

#include <algorithm>
#include <iterator>

namespace coserve_client {

using coserve::chat_time;

void chat_losses::skipped(
    chat_time now, std::uint64_t member, std::string_view name, std::uint64_t count
) {
    losses_.push_back(
        {.member = member, .name = std::string(name), .count = count, .due = now + patience}
    );
}

void chat_losses::came_late(std::uint64_t member) {
    const auto found = std::ranges::find(losses_, member, &loss::member);
    if (found != losses_.end() && --found->count == 0)
        losses_.erase(found);
}

std::vector<chat_losses::loss> chat_losses::take(chat_time now) {
    const auto later = std::ranges::upper_bound(losses_, now, {}, &loss::due);
    std::vector<loss> taken(std::move_iterator(losses_.begin()), std::move_iterator(later));
    losses_.erase(losses_.begin(), later);
    return taken;
}

chat_time chat_losses::due() const noexcept {
    return losses_.empty() ? chat_time::max() : losses_.front().due;
}

}  // namespace coserve_client
