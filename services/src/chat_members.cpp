#include "chat_members.hpp"

#include <iterator>
#include <utility>

namespace coserve {

chat_members::member&
chat_members::add(chat_time now, const chat_path& from, chat_place place, list& all) {
    member& m = all.emplace_back(from, std::move(place));
    m.self = std::prev(all.end());
    m.heard = now;
    m.is_plain = &all == &plains_;
    m.here = &rooms_[m.place.room().get()];
    m.audience = &m.neighbours().add(m.address, m.local, m.seat);
    by_address_.emplace(m.address, m.self);
    return m;
}

chat_place chat_members::remove(member& m) noexcept {
    m.neighbours().remove(*m.audience, m.seat);
    by_address_.erase(m.address);
    if (m.here->size() == 0)
        rooms_.erase(m.place.room().get());
    chat_place place = std::move(m.place);
    list_of(m).erase(m.self);
    return place;
}

void chat_members::clear() noexcept {
    by_address_.clear();
    rooms_.clear();
    natives_.clear();
    plains_.clear();
}

}  // namespace coserve
