#include "protocol/upload_header.hpp"

#include "protocol/json_members.hpp"
#include "protocol/upload_name.hpp"

#include <algorithm>
#include <optional>

namespace coserve {
namespace {

constexpr std::uint64_t largest_file = (std::uint64_t{1} << 63) - 1;

// ---- writing, as json.dumps does

void append_escaped(std::string& out, unsigned unit) {
    constexpr char digits[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += digits[unit >> shift & 15];
}

/// A character of several bytes at the front of valid UTF-8, which is taken off.
void append_wide(std::string& out, std::string_view& text) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t c = first & (0xffU >> (size + 1));
    for (std::size_t i = 1; i < std::min(size, text.size()); ++i)
        c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
    text.remove_prefix(std::min(size, text.size()));
    if (c < 0x10000)
        return append_escaped(out, c);
    append_escaped(out, 0xd800 + ((c - 0x10000) >> 10));
    append_escaped(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
}

void append_narrow(std::string& out, char c) {
    constexpr std::string_view escaped = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
    if (const auto at = escaped.find(c); at != escaped.npos)
        (out += '\\') += letters[at];
    else if (static_cast<unsigned char>(c) < 0x20)
        append_escaped(out, static_cast<unsigned char>(c));
    else
        out += c;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        if (static_cast<unsigned char>(text[0]) >= 0x80) {
            append_wide(out, text);
            continue;
        }
        append_narrow(out, text[0]);
        text.remove_prefix(1);
    }
    return out += '"';
}

class object {
public:
    object& text(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }

    object& number(std::string_view key, std::uint64_t value) {
        return raw(key, std::to_string(value));
    }

    object& yes(std::string_view key) { return raw(key, "true"); }

    std::string end() { return text_ + '}'; }

private:
    object& raw(std::string_view key, const std::string& value) {
        text_ += text_.size() == 1 ? "" : ", ";
        text_ += quoted(key) + ": " + value;
        return *this;
    }

    std::string text_ = "{";
};

// ---- reading

std::uint64_t file_size(const json_members& members) {
    std::optional<std::uint64_t> size;
    try {
        size = members.whole("file_size", largest_file);
    } catch (const json_error&) {
        throw json_error(
            "file_size: must be a whole number from 0 to " + std::to_string(largest_file)
        );
    }
    if (!size)
        throw json_error("file_size: is missing");
    return *size;
}

std::string file_name(const json_members& members) {
    const bool misspelt = !members.has("file_name");
    if (!misspelt && members.has("fiel_name"))
        throw json_error("fiel_name: means file_name, which is there too");
    const auto name = members.text(misspelt ? "fiel_name" : "file_name");
    if (!name)
        throw json_error("file_name: is missing");
    return *name;
}

std::string sha256(const json_members& members) {
    std::string digest = members.text("sha256").value_or("");
    const auto is_digit = [](char c) { return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f'); };
    for (char& c : digest)
        if ('A' <= c && c <= 'F')
            c = static_cast<char>(c - 'A' + 'a');
    if (members.has("sha256") && (digest.size() != 64 || !std::ranges::all_of(digest, is_digit)))
        throw json_error("sha256: must be 64 hex digits");
    return digest;
}

bool wants_reply(const json_members& members) noexcept {
    try {
        return members.flag("reply").value_or(false);
    } catch (const json_error&) {
        return false;
    }
}

upload_header read_members(const json_members& members) {
    upload_header h;
    h.reply = members.flag("reply").value_or(false);
    h.file_name = file_name(members);
    h.file_size = file_size(members);
    h.message = members.note("msg");
    h.sha256 = sha256(members);
    h.resume = members.flag("resume").value_or(false);
    if (h.resume && h.sha256.empty())
        throw json_error("resume: needs sha256");
    if (h.resume && !h.reply)
        throw json_error("resume: needs reply, which says where to go on");
    return h;
}

}  // namespace

upload_header parse_upload_header(std::string_view json) {
    bool reply = false;
    try {
        const json_members members(json);
        reply = wants_reply(members);
        upload_header h = read_members(members);
        check_upload_name(h.file_name);
        return h;
    } catch (const json_error& e) {
        throw bad_upload_header("bad-header", e.what(), reply);
    } catch (const upload_error& e) {
        throw bad_upload_header(e.word(), e.what(), reply);
    }
}

std::string to_json(const upload_header& h) {
    object out;
    out.text("file_name", h.file_name).number("file_size", h.file_size);
    if (!h.message.empty())
        out.text("msg", h.message);
    if (h.reply)
        out.yes("reply");
    if (!h.sha256.empty())
        out.text("sha256", h.sha256);
    if (h.resume)
        out.yes("resume");
    return out.end();
}

std::string to_json(const upload_reply& r) {
    object out;
    switch (r.what) {
    case upload_reply::kind::ready:
        out.text("status", "ready").number("offset", r.offset);
        break;
    case upload_reply::kind::stored:
        out.text("status", "stored").text("file_name", r.file_name).number("size", r.size);
        out.text("sha256", r.sha256);
        break;
    case upload_reply::kind::refused:
        out.text("error", r.error).text("message", r.message);
        break;
    }
    return out.end();
}

upload_reply parse_upload_reply(std::string_view json) {
    try {
        const json_members members(json);
        upload_reply r;
        if (members.has("error")) {
            r.what = upload_reply::kind::refused;
            r.error = members.text("error").value();
            r.message = members.text("message").value_or("");
            return r;
        }
        const std::string status = members.text("status").value_or("");
        if (status == "ready") {
            r.offset = members.whole("offset", largest_file).value_or(0);
        } else if (status == "stored") {
            r.what = upload_reply::kind::stored;
            r.file_name = members.text("file_name").value_or("");
            r.size = members.whole("size", largest_file).value_or(0);
            r.sha256 = members.text("sha256").value_or("");
        } else {
            throw json_error("status: must be ready or stored");
        }
        return r;
    } catch (const json_error& e) {
        throw upload_error("bad-reply", std::string("the server's reply: ") + e.what());
    }
}

}  // namespace coserve
