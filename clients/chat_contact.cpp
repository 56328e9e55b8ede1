#include "chat_contact.hpp"

#include <algorithm>
#include <utility>

namespace coserve_client {

using coserve::chat_time;

void chat_contact::begin_waiting(chat_time now, bool told) {
    since_ = now;
    told_ = told;
}

bool chat_contact::unreachable(const std::string& reason) {
    return std::exchange(unreachable_, reason) != reason;
}

bool chat_contact::to_be_told(chat_time now) {
    if (told_ || now < since_ + silence)
        return false;
    told_ = true;
    return !unreachable_;  // else that was told
}

chat_time chat_contact::due() const {
    return told_ ? last_hope() : std::min(since_ + silence, last_hope());
}

chat_time chat_contact::last_hope() const {
    return patience ? since_ + *patience : chat_time::max();
}

std::string chat_contact::reason(const std::string& server) const {
    if (!unreachable_)
        return server + ": the server does not answer";
    return unreachable_->starts_with(server) ? *unreachable_ : server + ": " + *unreachable_;
}

}  // namespace coserve_client
