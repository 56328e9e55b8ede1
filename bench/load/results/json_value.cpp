#include "json_value.hpp"

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include <boost/json/stream_parser.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

namespace coserve_bench {

namespace json = boost::json;

using coserve::configuration_error;

std::optional<json_value> json_value::find(std::string_view name) const {
    const json::value* found = object().if_contains(name);
    if (!found || found->is_null())
        return std::nullopt;
    return json_value(*found, file_, (place_.empty() ? "" : place_ + ".") + std::string(name));
}

json_value json_value::at(std::string_view name) const {
    auto found = find(name);
    if (!found)
        refuse("has no \"" + std::string(name) + "\"");
    return *std::move(found);
}

json_value json_value::at(std::size_t index) const {
    return {array().at(index), file_, place_ + "[" + std::to_string(index) + "]"};
}

std::size_t json_value::size() const {
    return array().size();
}

std::uint64_t json_value::count(std::uint64_t most) const {
    if (value_->is_int64() && value_->get_int64() >= 0)
        if (const auto n = static_cast<std::uint64_t>(value_->get_int64()); n <= most)
            return n;
    refuse("must be a whole number from 0 to " + std::to_string(most));
}

std::uint64_t json_value::count_or_0(std::string_view name) const {
    const auto found = find(name);
    return found ? found->count() : 0;
}

double json_value::number() const {
    const double n = value_->is_number() ? value_->to_number<double>() : -1;
    if (!std::isfinite(n) || n < 0)
        refuse("must be a number of 0 or more");
    return n;
}

std::string json_value::text() const {
    if (!value_->is_string())
        refuse("must be a string");
    return std::string(value_->get_string());
}

const json::object& json_value::object() const {
    if (!value_->is_object())
        refuse("must be an object");
    return value_->get_object();
}

const json::array& json_value::array() const {
    if (!value_->is_array())
        refuse("must be an array");
    return value_->get_array();
}

void json_value::refuse(const std::string& why) const {
    const std::string place = place_.empty() ? "it" : coserve::printable(place_);
    throw configuration_error(file_ + ": " + place + " " + why);
}

json::value parse_json(std::string_view text, const std::string& file) {
    json::stream_parser parser;
    json::error_code error;
    const std::size_t read = parser.write_some(text.data(), text.size(), error);
    if (!error && read < text.size())
        error = json::error::extra_data;
    if (!error)
        parser.finish(error);
    if (!error)
        return parser.release();
    const std::string_view before = text.substr(0, read);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = read - (before.rfind('\n') + 1) + 1;
    throw configuration_error(
        file + ":" + std::to_string(line) + ":" + std::to_string(column) +
        ": not JSON: " + error.message()
    );
}

std::string read_file(const std::string& path) {
    constexpr std::size_t longest = std::size_t{1} << 30;
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::string text;
    std::array<char, 65536> block{};
    while (file && text.size() <= longest) {
        file.read(block.data(), block.size());
        text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    }
    if (text.size() > longest)
        throw configuration_error(path + ": longer than 1 GiB");
    if (!file.eof() || file.bad())
        throw configuration_error("cannot read " + path + ": " + std::strerror(errno));
    return text;
}

}  // namespace coserve_bench
