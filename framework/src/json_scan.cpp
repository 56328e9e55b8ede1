#include "json_scan.hpp"

#include <coserve/printable.hpp>

#include <boost/json/basic_parser_impl.hpp>

#include <set>
#include <utility>
#include <vector>

namespace coserve::detail {

namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 32;
constexpr std::size_t longest_shown = 64;  // of a key, in bytes

// What Boost.JSON's parser tells as it reads.
class listener {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    explicit listener(std::string_view size_key) : size_key_(size_key) {}

    bool on_document_begin(json::error_code&) { return true; }

    bool on_document_end(json::error_code&) { return true; }

    bool on_object_begin(json::error_code& e) {
        if ((!open_.empty() && !on_value(e)) || !goes_deeper(e))
            return false;
        open_.emplace_back();
        return true;
    }

    bool on_object_end(std::size_t, json::error_code&) {
        open_.pop_back();
        --depth_;
        return true;
    }

    bool on_array_begin(json::error_code& e) { return on_value(e) && goes_deeper(e); }

    bool on_array_end(std::size_t, json::error_code&) {
        --depth_;
        return true;
    }

    bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
        add_to_key(part);
        return true;
    }

    bool on_key(json::string_view part, std::size_t, json::error_code& e) {
        add_to_key(part);
        key_ended_ = true;
        result.empty = false;
        is_size_ = open_.size() == 1 && key_ == size_key_;
        return open_.back().insert(key_).second || refuse(key_, "stands twice", e);
    }

    bool on_string_part(json::string_view, std::size_t, json::error_code& e) { return on_value(e); }

    bool on_string(json::string_view, std::size_t, json::error_code& e) { return on_value(e); }

    bool on_number_part(json::string_view, json::error_code&) { return true; }

    bool on_int64(std::int64_t n, json::string_view, json::error_code& e) {
        if (!is_size_ || n < 0)
            return on_value(e);
        is_size_ = false;
        result.size = static_cast<std::uint64_t>(n);
        return true;
    }

    bool on_uint64(std::uint64_t, json::string_view, json::error_code& e) { return on_value(e); }

    bool on_double(double, json::string_view, json::error_code& e) { return on_value(e); }

    bool on_bool(bool, json::error_code& e) { return on_value(e); }

    bool on_null(json::error_code& e) { return on_value(e); }

    bool on_comment_part(json::string_view, json::error_code&) { return true; }

    bool on_comment(json::string_view, json::error_code&) { return true; }

    json_scan result;

private:
    // Any but the size that is asked for.
    bool on_value(json::error_code& e) {
        if (is_size_)
            return refuse(size_key_, "must be a whole number from 0 to 9223372036854775807", e);
        if (!open_.empty())
            return true;
        result.complaint = "the header must be a JSON object";
        return stop(e);
    }

    bool goes_deeper(json::error_code& e) {
        return ++depth_ <= deepest || refuse(key_, "is nested too deep", e);
    }

    void add_to_key(std::string_view part) {
        if (std::exchange(key_ended_, false))
            key_.clear();
        key_ += part;
    }

    bool refuse(std::string_view key, const char* why, json::error_code& e) {
        result.complaint = printable(key.substr(0, longest_shown)) + ": " + why;
        return stop(e);
    }

    static bool stop(json::error_code& e) {
        e = make_error_code(boost::system::errc::invalid_argument);
        return false;
    }

    std::string_view size_key_;
    std::vector<std::set<std::string, std::less<>>> open_;  // the keys of each object that is open
    std::string key_;                                       // the last one
    std::size_t depth_ = 0;
    bool key_ended_ = false;
    bool is_size_ = false;  // the next value
};

}  // namespace

json_scan scan_json_object(std::string_view text, std::string_view size_key) {
    json::parse_options options;
    options.max_depth = deepest + 1;  // the listener refuses it first
    json::basic_parser<listener> parser(options, size_key);
    json::error_code error;
    const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
    json_scan& result = parser.handler().result;
    if (!result.complaint.empty())
        return std::move(result);
    if (!error && read < text.size())
        error = json::error::extra_data;
    if (error)
        result.complaint = "the header must be a JSON object: " + error.message() + " at byte " +
                           std::to_string(read);
    return std::move(result);
}

}  // namespace coserve::detail
