#include "chat_directory.hpp"

#include <utility>

namespace coserve {

// ---- chat_place

chat_place::chat_place(chat_place&& other) noexcept
    : directory_(std::exchange(other.directory_, nullptr)),
      room_(std::move(other.room_)),
      name_(std::move(other.name_)),
      id_(other.id_),
      token_(other.token_) {}

chat_place::~chat_place() {
    if (directory_)
        directory_->leave(*this);
}

// ---- chat_directory

chat_directory::chat_directory(const chat_rules& rules, random_source random)
    : rules_(rules), random_(std::move(random)), last_id_(random_()) {}

std::variant<chat_place, chat_refusal>
chat_directory::enter(std::string_view room, std::string_view name, chat_place* instead_of) {
    if (!is_chat_name(room))
        return chat_refusal::bad_room;
    if (!is_chat_name(name))
        return chat_refusal::bad_name;
    const std::scoped_lock lock(mutex_);
    if (instead_of)
        remove(*instead_of);
    auto refusal = why_not(room);
    const auto there = rooms_.find(room);
    if (!closed_ && there != rooms_.end() && there->second->names_.contains(name))
        refusal = chat_refusal::name_taken;
    if (!refusal) {
        if (instead_of)
            instead_of->directory_ = nullptr;
        return take(room, std::string(name));
    }
    if (instead_of)
        put_back(*instead_of);
    return *refusal;
}

std::optional<chat_place> chat_directory::enter_plain(
    std::string_view room, std::optional<std::string_view> name, const std::string& other
) {
    const std::scoped_lock lock(mutex_);
    if (why_not(room))
        return std::nullopt;
    const auto there = rooms_.find(room);
    const auto is_taken = [&](std::string_view n) {
        return there != rooms_.end() && there->second->names_.contains(n);
    };
    if (name && !is_taken(*name))
        return take(room, std::string(*name));
    std::string free = other;
    for (unsigned i = 2; is_taken(free); ++i)
        free = other + '~' + std::to_string(i);
    return take(room, std::move(free));
}

bool chat_directory::rename(chat_place& p, std::string_view name) {
    const std::scoped_lock lock(mutex_);
    auto& names = p.room_->names_;
    if (!names.emplace(name).second)
        return false;
    names.erase(p.name_);
    p.name_ = name;
    return true;
}

std::string chat_directory::names(const chat_room& r, std::size_t longest) const {
    std::string names;
    const std::scoped_lock lock(mutex_);
    for (const std::string& n : r.names_) {
        if (names.size() + 1 + n.size() > longest)
            break;
        append_chat_name(names, n);
    }
    return names;
}

void chat_directory::close() {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
}

std::size_t chat_directory::rooms() const {
    const std::scoped_lock lock(mutex_);
    return rooms_.size();
}

std::size_t chat_directory::members() const {
    const std::scoped_lock lock(mutex_);
    return members_;
}

void chat_directory::leave(const chat_place& p) noexcept {
    const std::scoped_lock lock(mutex_);
    remove(p);
}

// ---- with the mutex

std::optional<chat_refusal> chat_directory::why_not(std::string_view room) const {
    if (closed_)
        return chat_refusal::ending;
    if (members_ >= rules_.max_members)
        return chat_refusal::too_many_members;
    const auto there = rooms_.find(room);
    if (there != rooms_.end())
        return there->second->members() < rules_.max_room_members
                   ? std::nullopt
                   : std::optional(chat_refusal::room_full);
    return room == rules_.plain_room || other_rooms() < rules_.max_rooms
               ? std::nullopt
               : std::optional(chat_refusal::too_many_rooms);
}

// Without the plain one: those who are in it could not be anywhere else.
std::size_t chat_directory::other_rooms() const {
    return rooms_.size() - (rooms_.contains(rules_.plain_room) ? 1 : 0);
}

std::shared_ptr<chat_room> chat_directory::open(std::string_view room) {
    const auto there = rooms_.find(room);
    if (there != rooms_.end())
        return there->second;
    auto made = std::make_shared<chat_room>(room, random_(), rate(rules_.room_rate));
    return rooms_.emplace(room, std::move(made)).first->second;
}

chat_place chat_directory::take(std::string_view room, std::string name) {
    chat_place p(open(room), std::move(name));
    p.id_ = ++last_id_;
    p.token_ = random_();
    p.room_->names_.insert(p.name_);
    p.room_->members_.fetch_add(1, std::memory_order_relaxed);
    ++members_;
    p.directory_ = this;
    return p;
}

void chat_directory::put_back(const chat_place& p) {
    rooms_.emplace(p.room_->name_, p.room_);
    p.room_->names_.insert(p.name_);
    p.room_->members_.fetch_add(1, std::memory_order_relaxed);
    ++members_;
}

void chat_directory::remove(const chat_place& p) noexcept {
    p.room_->names_.erase(p.name_);
    --members_;
    if (p.room_->members_.fetch_sub(1, std::memory_order_relaxed) == 1)
        rooms_.erase(p.room_->name_);
}

}  // namespace coserve
