/// \file
/// JSON of strangers: every value with its place, and the checks that it is what it should be.
#pragma once

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coserve_bench {

/// A value that lives as long as the document, and where it stands there.
///
/// Errors: each of these throws `coserve::configuration_error`, which names the file and the place.
class json_value {
public:
    json_value(const boost::json::value& v, std::string file, std::string place = "")
        : value_(&v), file_(std::move(file)), place_(std::move(place)) {}

    /// A member. nullopt: there is none, or it is null.
    std::optional<json_value> find(std::string_view name) const;
    json_value at(std::string_view name) const;

    /// An element.
    json_value at(std::size_t index) const;
    std::size_t size() const;

    /// A whole number from 0 on.
    std::uint64_t count(std::uint64_t most = std::uint64_t{1} << 53) const;
    std::uint64_t count_or_0(std::string_view name) const;
    /// A finite number that is not negative.
    double number() const;
    std::string text() const;
    const boost::json::object& object() const;

    [[noreturn]] void refuse(const std::string& why) const;

private:
    const boost::json::array& array() const;

    const boost::json::value* value_;
    std::string file_, place_;
};

/// The document in `text`.
///
/// Errors: `coserve::configuration_error` with the line and the column of what is no JSON.
boost::json::value parse_json(std::string_view text, const std::string& file);

/// All of a file that is no longer than 1 GiB.
///
/// Errors: `coserve::configuration_error`.
std::string read_file(const std::string& path);

}  // namespace coserve_bench
