/// \file
/// One description of a set of options: it reads them from a URL's query or a configuration table,
/// checks them, names the known keys in its errors, and lists them for the reference.
#pragma once

#include <coserve/error.hpp>
#include <coserve/units.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserve {

inline constexpr duration longest_time = std::chrono::hours(24 * 365);

/// A key as it was written, with its value; a bare key has an empty one.
struct option {
    std::string key, value;
};

/// What a key means, for `--help` and the reference.
struct option_description {
    std::string key, values, fallback, help;
    bool may_repeat = false;
};

/// Gives each member of an options struct the value that was written for its key, or leaves its
/// default.
///
///     void options::read(option_reader& reader) {
///         reader.choice("mode", mode, {{"upper", upper}, {"verbatim", verbatim}}, "what comes
///         back");
///     }
///
/// Errors: `configuration_error` that names the subject, the key, the value and what would be
/// right.
class option_reader {
public:
    /// `subject` stands at the head of errors, such as "echo=tcp://127.0.0.1:7700".
    option_reader(std::string subject, std::vector<option> given);

    void text(std::string_view key, std::string& value, std::string_view help);

    /// A key that may be written several times: one value each, in that order.
    void texts(std::string_view key, std::vector<std::string>& values, std::string_view help);

    /// on, true, 1, or a bare key; off, false, 0.
    void flag(std::string_view key, bool& value, std::string_view help);

    /// A whole number in [least, most].
    template <std::integral T>
    void count(
        std::string_view key,
        T& value,
        std::uint64_t least,
        std::uint64_t most,
        std::string_view help
    ) {
        value =
            static_cast<T>(read_count(key, static_cast<std::uint64_t>(value), least, most, help));
    }

    /// The same with a sign: `-4`, `12`.
    template <std::signed_integral T>
    void integer(
        std::string_view key, T& value, std::int64_t least, std::int64_t most, std::string_view help
    ) {
        value = static_cast<T>(read_integer(key, value, least, most, help));
    }

    /// Bytes: `512`, `64KiB`, `16MiB`, `1GiB`. A value below the least is none, and no default.
    void size(
        std::string_view key,
        std::size_t& value,
        std::size_t least,
        std::size_t most,
        std::string_view help
    );

    /// A time: `500ms`, `10s`, `5m`, `1h`; a bare number is seconds. At most `longest_time`, so
    /// that now + value cannot overflow.
    void time(std::string_view key, duration& value, std::string_view help);

    template <class E>
    void choice(
        std::string_view key,
        E& value,
        std::initializer_list<std::pair<std::string_view, std::type_identity_t<E>>> known,
        std::string_view help
    ) {
        std::vector<std::string_view> names;
        std::size_t chosen = 0;
        for (const auto& [name, meaning] : known) {
            if (meaning == value)
                chosen = names.size();
            names.push_back(name);
        }
        value =
            (known.begin() + static_cast<std::ptrdiff_t>(choice(key, chosen, names, help)))->second;
    }

    /// For names that are known at run time only: which of them, as an index. `chosen` where the
    /// key is not written.
    std::size_t choice(
        std::string_view key,
        std::size_t chosen,
        std::span<const std::string_view> names,
        std::string_view help
    );

    /// After everybody has read: refuses a key that nobody knows, or one that was written twice.
    void finish() const;

    /// The keys that were asked for so far, in that order, each once.
    std::span<const option_description> described() const noexcept { return described_; }

    /// The error for a value that a caller finds wrong for itself: "SUBJECT: KEY=VALUE: REASON".
    [[noreturn]] void refuse(std::string_view key, std::string_view reason) const;

private:
    const std::string* find(std::string_view key) const;
    std::string known_keys() const;
    void
    describe(std::string_view key, std::string values, std::string fallback, std::string_view help);
    std::uint64_t read_count(
        std::string_view key,
        std::uint64_t value,
        std::uint64_t least,
        std::uint64_t most,
        std::string_view help
    );
    std::int64_t read_integer(
        std::string_view key,
        std::int64_t value,
        std::int64_t least,
        std::int64_t most,
        std::string_view help
    );

    std::string subject_;
    std::vector<option> given_;
    std::vector<option_description> described_;
};

}  // namespace coserve
