#include "protocol/command_text.hpp"

#include <algorithm>

namespace coserve {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view plain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./-_";

/// One argument after the other, from the front of a text.
class splitter {
public:
    explicit splitter(std::string_view text) : left_(text) {}

    bool skip_blanks() {
        left_.remove_prefix(std::min(left_.find_first_not_of(blanks), left_.size()));
        return !left_.empty();
    }

    /// false: it does not end.
    bool take(std::string& argument) {
        while (!left_.empty() && blanks.find(left_.front()) == blanks.npos)
            if (!take_part(argument))
                return false;
        return true;
    }

private:
    char next() {
        const char c = left_.front();
        left_.remove_prefix(1);
        return c;
    }

    bool take_part(std::string& argument) {
        const char c = next();
        if (c == '\'')
            return take_until_quote(argument);
        if (c == '"')
            return take_in_double_quotes(argument);
        if (c == '\\' && left_.empty())
            return false;
        argument += c == '\\' ? next() : c;
        return true;
    }

    bool take_until_quote(std::string& argument) {
        const std::size_t end = left_.find('\'');
        if (end == left_.npos)
            return false;
        argument += left_.substr(0, end);
        left_.remove_prefix(end + 1);
        return true;
    }

    bool take_in_double_quotes(std::string& argument) {
        while (!left_.empty()) {
            const char c = next();
            if (c == '"')
                return true;
            const bool escapes = c == '\\' && (left_.starts_with('"') || left_.starts_with('\\'));
            argument += escapes ? next() : c;
        }
        return false;
    }

    std::string_view left_;
};

std::string quoted(std::string_view argument) {
    if (!argument.empty() && argument.find_first_not_of(plain) == argument.npos)
        return std::string(argument);
    std::string out = "'";
    for (const char c : argument)
        if (c == '\'')
            out += R"('\'')";
        else
            out += c;
    return out + '\'';
}

}  // namespace

std::optional<std::vector<std::string>> split_command(std::string_view text) {
    std::vector<std::string> arguments;
    splitter parts(text);
    while (parts.skip_blanks())
        if (!parts.take(arguments.emplace_back()))
            return std::nullopt;
    return arguments;
}

std::string join_command(const std::vector<std::string>& arguments) {
    std::string text;
    for (const std::string& a : arguments)
        text.append(text.empty() ? "" : " ").append(quoted(a));
    return text;
}

}  // namespace coserve
