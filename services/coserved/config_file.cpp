#include "config_file.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace coserved {
namespace {

using coserve::configuration_error;

std::string contents(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(path.c_str(), "rbe"), &std::fclose
    );
    std::string text;
    std::array<char, 4096> part;
    while (file && !std::ferror(file.get())) {
        const std::size_t size = std::fread(part.data(), 1, part.size(), file.get());
        if (size == 0 && std::feof(file.get()))
            return text;
        text.append(part.data(), size);
    }
    throw configuration_error(
        "cannot read the configuration file " + path + ": " + std::strerror(errno)
    );
}

/// The text that would stand in a URL's query; nullopt where TOML's value has none.
std::optional<std::string> query_text(const toml::node& value) {
    if (const auto* text = value.as_string())
        return text->get();
    if (const auto* number = value.as_integer())
        return std::to_string(number->get());
    if (const auto* flag = value.as_boolean())
        return flag->get() ? "on" : "off";
    return std::nullopt;
}

/// The same for each element of an array; nullopt where one of them has none.
std::optional<std::vector<std::string>> query_texts(const toml::node& value) {
    const toml::array* const list = value.as_array();
    if (!list) {
        auto text = query_text(value);
        return text ? std::optional(std::vector{std::move(*text)}) : std::nullopt;
    }
    std::vector<std::string> texts;
    for (const toml::node& element : *list) {
        auto text = query_text(element);
        if (!text)
            return std::nullopt;
        texts.push_back(std::move(*text));
    }
    return texts;
}

/// Everything but letters, digits and a few marks as %NN.
std::string percent_encoded(std::string_view text) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (plain.find(c) != plain.npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

class config_file {
public:
    config_file(const std::string& path, const coserve::registry& services, settings& into)
        : path_(path), services_(services), settings_(into) {}

    void read() {
        const toml::table root = parse();
        for (const auto& [key, value] : root)
            if (key.str() == "listen")
                read_listeners(value);
            else
                read_setting(key, value);
    }

private:
    toml::table parse() const {
        const std::string text = contents(path_);
        try {
            return toml::parse(text, path_);
        } catch (const toml::parse_error& e) {
            throw configuration_error(place(e.source()) + ": " + std::string(e.description()));
        }
    }

    std::string place(const toml::source_region& at) const {
        return path_ + ':' + std::to_string(at.begin.line);
    }

    [[noreturn]] void
    refuse(const toml::source_region& at, std::string_view what, std::string_view reason) const {
        throw configuration_error(place(at).append(": ").append(what).append(": ").append(reason));
    }

    void read_setting(const toml::key& key, const toml::node& value) {
        check_setting(key, value);
        const auto texts = query_texts(value);
        if (!texts)
            refuse(value.source(), key.str(), "must be a string, a whole number or a boolean");
        std::vector<coserve::option> given;
        for (const std::string& text : *texts)
            given.push_back({std::string(key.str()), text});
        coserve::option_reader reader(place(value.source()), std::move(given));
        settings_.read(reader);
        reader.finish();
    }

    void check_setting(const toml::key& key, const toml::node& value) const {
        coserve::option_reader reader({}, {});
        settings().read(reader);
        std::string known;
        for (const coserve::option_description& d : reader.described()) {
            if (d.key != key.str()) {
                known += d.key + ", ";
                continue;
            }
            if (d.values == "text" && !value.is_string())
                refuse(value.source(), key.str(), "must be a string, in quotes");
            if (value.is_array() && !d.may_repeat)
                refuse(value.source(), key.str(), "must be a string, a whole number or a boolean");
            return;
        }
        refuse(
            key.source(),
            "unknown key \"" + std::string(key.str()) + '"',
            "the known keys are " + known + "and [[listen]]"
        );
    }

    void read_listeners(const toml::node& value) {
        const toml::array* tables = value.as_array();
        if (!tables || !tables->is_homogeneous(toml::node_type::table))
            refuse(value.source(), "listen", "is written as tables, each headed [[listen]]");
        for (const toml::node& table : *tables)
            settings_.listeners.push_back(read_listener(*table.as_table()));
    }

    listen_request read_listener(const toml::table& table) const {
        const std::string service = required(table, "service");
        std::string written = service + '=' + required(table, "url");
        char separator = written.find('?') == written.npos ? '?' : '&';
        for (const auto& [key, value] : table) {
            if (key.str() == "service" || key.str() == "url")
                continue;
            const auto texts = query_texts(value);
            if (!texts || (value.is_array() && !may_repeat(service, key.str())))
                refuse(value.source(), key.str(), "must be a string, a whole number or a boolean");
            for (const std::string& text : *texts) {
                written += separator + percent_encoded(key.str()) + '=' + percent_encoded(text);
                separator = '&';
            }
        }
        return {std::move(written), place(table.source())};
    }

    std::string required(const toml::table& table, std::string_view key) const {
        const toml::node* value = table.get(key);
        if (!value)
            refuse(
                table.source(),
                "[[listen]]",
                "has no " + std::string(key) +
                    "; write service = \"echo\" and url = \"tcp://127.0.0.1:7700\""
            );
        if (!value->is_string())
            refuse(value->source(), key, "must be a string, in quotes");
        return value->as_string()->get();
    }

    /// A service that is not known is complained of later.
    bool may_repeat(const std::string& service, std::string_view key) const {
        const std::vector<std::string> names = services_.names();
        if (std::ranges::find(names, service) == names.end())
            return false;
        std::vector<coserve::option_description> keys;
        if (services_.has_streams(service))
            keys = services_.keys(service);
        else
            keys = services_.datagram_keys(service);
        for (const coserve::option_description& d : keys)
            if (d.key == key)
                return d.may_repeat;
        return false;
    }

    const std::string& path_;
    const coserve::registry& services_;
    settings& settings_;
};

}  // namespace

void read_config_file(const std::string& path, const coserve::registry& services, settings& into) {
    config_file(path, services, into).read();
}

}  // namespace coserved
