#include <coserve/option_reader.hpp>

#include <coserve/printable.hpp>
#include <coserve/units.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace coserve {
namespace {

template <class T>
std::optional<T> whole_number(std::string_view text) noexcept {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return value;
}

template <class T>
std::string range(T least, T most) {
    return std::to_string(least) + " to " + std::to_string(most);
}

/// "a, b or c".
std::string alternatives(std::span<const std::string_view> names) {
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (i > 0)
            list += i + 1 == names.size() ? " or " : ", ";
        list += names[i];
    }
    return list;
}

}  // namespace

option_reader::option_reader(std::string subject, std::vector<option> given)
    : subject_(std::move(subject)), given_(std::move(given)) {}

void option_reader::text(std::string_view key, std::string& value, std::string_view help) {
    describe(key, "text", value, help);
    if (const std::string* written = find(key))
        value = *written;
}

void option_reader::texts(
    std::string_view key, std::vector<std::string>& values, std::string_view help
) {
    std::string fallback;
    for (const std::string& value : values)
        fallback += (fallback.empty() ? "" : ", ") + value;
    describe(key, "text, may be repeated", std::move(fallback), help);
    std::ranges::find(described_, key, &option_description::key)->may_repeat = true;
    if (find(key))
        values.clear();
    for (const option& o : given_)
        if (o.key == key)
            values.push_back(o.value);
}

void option_reader::flag(std::string_view key, bool& value, std::string_view help) {
    describe(key, "on or off", value ? "on" : "off", help);
    const std::string* written = find(key);
    if (!written)
        return;
    if (written->empty() || *written == "on" || *written == "true" || *written == "1")
        value = true;
    else if (*written == "off" || *written == "false" || *written == "0")
        value = false;
    else
        refuse(key, "must be on or off");
}

void option_reader::size(
    std::string_view key,
    std::size_t& value,
    std::size_t least,
    std::size_t most,
    std::string_view help
) {
    const std::string sizes = format_size(least) + " to " + format_size(most);
    describe(key, sizes, value < least ? "" : format_size(value), help);
    const std::string* written = find(key);
    if (!written)
        return;
    const auto read = parse_size(*written);
    if (!read || *read < least || *read > most)
        refuse(key, "must be a size from " + sizes + ", such as 512, 64KiB or 16MiB");
    value = *read;
}

void option_reader::time(std::string_view key, duration& value, std::string_view help) {
    const std::string times = "0s to " + format_time(longest_time);
    describe(key, times, format_time(value), help);
    const std::string* written = find(key);
    if (!written)
        return;
    const auto read = parse_time(*written);
    if (!read || *read > longest_time)
        refuse(key, "must be a time from " + times + ", such as 500ms, 10s or 5m");
    value = *read;
}

std::size_t option_reader::choice(
    std::string_view key,
    std::size_t chosen,
    std::span<const std::string_view> names,
    std::string_view help
) {
    const std::string known = alternatives(names);
    describe(key, known, std::string(names[chosen]), help);
    const std::string* written = find(key);
    if (!written)
        return chosen;
    const auto found = std::find(names.begin(), names.end(), *written);
    if (found == names.end())
        refuse(key, "must be " + known);
    return static_cast<std::size_t>(found - names.begin());
}

std::uint64_t option_reader::read_count(
    std::string_view key,
    std::uint64_t value,
    std::uint64_t least,
    std::uint64_t most,
    std::string_view help
) {
    describe(key, range(least, most), std::to_string(value), help);
    const std::string* written = find(key);
    if (!written)
        return value;
    const auto read = whole_number<std::uint64_t>(*written);
    if (!read || *read < least || *read > most)
        refuse(key, "must be a whole number from " + range(least, most));
    return *read;
}

std::int64_t option_reader::read_integer(
    std::string_view key,
    std::int64_t value,
    std::int64_t least,
    std::int64_t most,
    std::string_view help
) {
    describe(key, range(least, most), std::to_string(value), help);
    const std::string* written = find(key);
    if (!written)
        return value;
    const auto read = whole_number<std::int64_t>(*written);
    if (!read || *read < least || *read > most)
        refuse(key, "must be a whole number from " + range(least, most));
    return *read;
}

void option_reader::finish() const {
    for (auto o = given_.begin(); o != given_.end(); ++o) {
        const auto known = std::ranges::find(described_, o->key, &option_description::key);
        if (known == described_.end())
            throw configuration_error(
                subject_ + ": unknown key \"" + printable(o->key) + "\"; " + known_keys()
            );
        if (!known->may_repeat && std::ranges::find(given_.begin(), o, o->key, &option::key) != o)
            throw configuration_error(
                subject_ + ": " + o->key + '=' + printable(o->value) + ": the key is written twice"
            );
    }
}

std::string option_reader::known_keys() const {
    std::string list;
    for (const option_description& known : described_)
        list += (list.empty() ? "the known keys are " : ", ") + known.key;
    return list.empty() ? "no key is known here" : list;
}

void option_reader::refuse(std::string_view key, std::string_view reason) const {
    std::string message = subject_ + ": " + printable(key);
    if (const std::string* written = find(key))
        message += '=' + printable(*written);
    message += ": ";
    message += reason;
    throw configuration_error(message);
}

const std::string* option_reader::find(std::string_view key) const {
    const auto found = std::ranges::find(given_, key, &option::key);
    return found == given_.end() ? nullptr : &found->value;
}

void option_reader::describe(
    std::string_view key, std::string values, std::string fallback, std::string_view help
) {
    // Two framings of one listener may share a key.
    if (std::ranges::find(described_, key, &option_description::key) != described_.end())
        return;
    described_.push_back(
        {std::string(key), std::move(values), std::move(fallback), std::string(help)}
    );
}

}  // namespace coserve
