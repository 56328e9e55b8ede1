/// \file
/// The members of one JSON object, each asked for by its key and its kind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coserve {

/// What is wrong with a JSON object: one sentence, which names the key.
class json_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads strictly: nothing is converted, rounded or cut, and a key that stands twice is refused.
///
/// Errors: `json_error`, also from each question about a member of another kind. A member that is
/// not there is nullopt.
class json_members {
public:
    /// `text` is to be one JSON object (RFC 8259, in UTF-8), nested no deeper than 32.
    explicit json_members(std::string_view text);

    /// From 0 to `most`.
    std::optional<std::uint64_t> whole(std::string_view key, std::uint64_t most) const;
    std::optional<bool> flag(std::string_view key) const;
    /// Without a NUL in it, which no program could be given.
    std::optional<std::string> text(std::string_view key) const;
    /// For people to read, NULs and all; empty: it is not there, or no text.
    std::string note(std::string_view key) const;
    /// An array of such texts.
    std::optional<std::vector<std::string>> texts(std::string_view key) const;

    bool has(std::string_view key) const noexcept;
    bool is_flag(std::string_view key) const noexcept;

    /// Refuses all keys but these.
    void know_only(std::initializer_list<std::string_view> keys) const;

private:
    class reader;

    /// What is no text, no whole number below 2^63, no boolean, and no array of texts.
    struct other {};

    using value = std::variant<other, std::uint64_t, bool, std::string, std::vector<std::string>>;

    template <class T>
    const T* find(std::string_view key, const char* kind) const;

    std::map<std::string, value, std::less<>> members_;
};

/// A text as it stands in JSON, with its quotes.
std::string json_text(std::string_view);

}  // namespace coserve
