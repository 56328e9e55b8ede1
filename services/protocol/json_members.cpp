#include "protocol/json_members.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <algorithm>
#include <utility>

namespace coserve {

namespace json = boost::json;

namespace {

constexpr std::size_t deepest = 32;
constexpr std::size_t longest_shown = 64;  // of a key, in bytes

/// A key as it is shown to people: a stranger wrote it.
std::string shown(std::string_view key) {
    return json_text(key.substr(0, longest_shown));
}

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
    throw json_error(std::string(key) + ": " + why);
}

void refuse_nul(std::string_view key, std::string_view text) {
    if (text.find('\0') != text.npos)
        refuse(key, "must not contain a NUL");
}

}  // namespace

/// What Boost.JSON's parser tells as it reads.
class json_members::reader {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    bool on_document_begin(json::error_code&) { return true; }

    bool on_document_end(json::error_code&) { return true; }

    bool on_object_begin(json::error_code& e) {
        ++depth_;
        return depth_ == 1 || on_other(e);
    }

    bool on_object_end(std::size_t, json::error_code&) {
        --depth_;
        return true;
    }

    bool on_array_begin(json::error_code& e) {
        if (++depth_ != 2)
            return on_other(e);
        return put(std::vector<std::string>());
    }

    bool on_array_end(std::size_t, json::error_code&) {
        --depth_;
        return true;
    }

    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        text_ += part;
        return true;
    }

    bool on_key(json::string_view part, std::size_t, json::error_code& e) {
        text_ += part;
        std::string key = std::exchange(text_, {});
        if (depth_ != 1)
            return true;
        const auto [at, is_new] = members.try_emplace(std::move(key));
        member_ = &at->second;
        if (!is_new)
            complaint = shown(at->first) + " stands twice";
        return is_new || stop(e);
    }

    bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
        text_ += part;
        return true;
    }

    bool on_string(json::string_view part, std::size_t, json::error_code& e) {
        text_ += part;
        std::string text = std::exchange(text_, {});
        if (depth_ == 1)
            return put(std::move(text));
        auto* const list = depth_ == 2 ? std::get_if<std::vector<std::string>>(member_) : nullptr;
        if (!list)
            return on_other(e);
        list->push_back(std::move(text));
        return true;
    }

    bool on_number_part(json::string_view, json::error_code&) { return true; }

    bool on_int64(std::int64_t n, json::string_view, json::error_code& e) {
        return n >= 0 && depth_ == 1 ? put(static_cast<std::uint64_t>(n)) : on_other(e);
    }

    bool on_uint64(std::uint64_t, json::string_view, json::error_code& e) { return on_other(e); }

    bool on_double(double, json::string_view, json::error_code& e) { return on_other(e); }

    bool on_bool(bool b, json::error_code& e) { return depth_ == 1 ? put(b) : on_other(e); }

    bool on_null(json::error_code& e) { return on_other(e); }

    bool on_comment_part(json::string_view, json::error_code&) { return true; }

    bool on_comment(json::string_view, json::error_code&) { return true; }

    std::map<std::string, value, std::less<>> members;
    std::string complaint;

private:
    template <class T>
    bool put(T v) {
        *member_ = std::move(v);
        return true;
    }

    /// Within a member it makes the whole of it something else; outside of all it is no object.
    bool on_other(json::error_code& e) {
        if (!member_)
            return stop(e);
        *member_ = other();
        return true;
    }

    static bool stop(json::error_code& e) {
        e = make_error_code(boost::system::errc::invalid_argument);
        return false;
    }

    std::size_t depth_ = 0;
    std::string text_;  // of a key or a string so far
    value* member_ = nullptr;
};

json_members::json_members(std::string_view text) {
    json::parse_options options;
    options.max_depth = deepest;
    json::basic_parser<reader> parser(options);
    json::error_code error;
    // What is no object is stopped at its first byte.
    const std::size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (text.substr(first, 1) != "{")
        throw json_error("the header must be a JSON object");
    const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
    if (!parser.handler().complaint.empty())
        throw json_error(parser.handler().complaint);
    if (!error && read < text.size())
        error = json::error::extra_data;
    if (error)
        throw json_error(
            "the header must be a JSON object: " + error.message() + " at byte " +
            std::to_string(read)
        );
    members_ = std::move(parser.handler().members);
}

std::optional<std::uint64_t> json_members::whole(std::string_view key, std::uint64_t most) const {
    const auto* const n = find<std::uint64_t>(key, "a whole number");
    if (n && *n > most)
        refuse(key, "must be at most " + std::to_string(most));
    return n ? std::optional(*n) : std::nullopt;
}

std::optional<bool> json_members::flag(std::string_view key) const {
    const auto* const b = find<bool>(key, "true or false");
    return b ? std::optional(*b) : std::nullopt;
}

std::optional<std::string> json_members::text(std::string_view key) const {
    const auto* const t = find<std::string>(key, "a string");
    if (!t)
        return std::nullopt;
    refuse_nul(key, *t);
    return *t;
}

std::string json_members::note(std::string_view key) const {
    const auto found = members_.find(key);
    const auto* const text =
        found == members_.end() ? nullptr : std::get_if<std::string>(&found->second);
    return text ? *text : std::string();
}

std::optional<std::vector<std::string>> json_members::texts(std::string_view key) const {
    const auto* const list = find<std::vector<std::string>>(key, "an array of strings");
    if (!list)
        return std::nullopt;
    for (const std::string& t : *list)
        refuse_nul(key, t);
    return *list;
}

bool json_members::has(std::string_view key) const noexcept {
    return members_.find(key) != members_.end();
}

bool json_members::is_flag(std::string_view key) const noexcept {
    const auto found = members_.find(key);
    return found != members_.end() && std::holds_alternative<bool>(found->second);
}

void json_members::know_only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, v] : members_) {
        if (std::ranges::find(keys, key) != keys.end())
            continue;
        std::string known;
        for (const std::string_view k : keys)
            known.append(known.empty() ? "" : ", ").append(k);
        throw json_error("unknown key " + shown(key) + "; here the known ones are " + known);
    }
}

template <class T>
const T* json_members::find(std::string_view key, const char* kind) const {
    const auto found = members_.find(key);
    if (found == members_.end())
        return nullptr;
    const T* const v = std::get_if<T>(&found->second);
    if (!v)
        refuse(key, std::string("must be ") + kind);
    return v;
}

std::string json_text(std::string_view text) {
    return json::serialize(json::string(text));
}

}  // namespace coserve
