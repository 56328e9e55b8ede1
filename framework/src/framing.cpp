#include <coserve/framing.hpp>

#include <coserve/delimiter.hpp>
#include <coserve/fixed.hpp>
#include <coserve/json_header.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/line.hpp>
#include <coserve/netstring.hpp>
#include <coserve/raw.hpp>
#include <coserve/varint.hpp>

#include <algorithm>

namespace coserve {

framing_names framing_names::in(const std::vector<option>& query) noexcept {
    framing_names both, named;
    for (const option& o : query) {
        if (o.key == "framing")
            both.read = both.write = o.value;
        else if (o.key == "read-framing")
            named.read = o.value;
        else if (o.key == "write-framing")
            named.write = o.value;
    }
    return {
        named.read.empty() ? both.read : named.read, named.write.empty() ? both.write : named.write
    };
}

framing_registry::framing_registry() {
    // The first is the default.
    add<length_prefix_codec>("length-prefix");
    add<raw_codec>("raw");
    add<fixed_codec>("fixed");
    add<line_codec>("line");
    add<delimiter_codec>("delimiter");
    add<netstring_codec>("netstring");
    add<varint_codec>("varint");
    add<json_header_codec>("json-header");
}

framing framing_registry::read(option_reader& reader, const stream_limits& limits) const {
    std::vector<std::string_view> names;
    for (const entry& e : entries_)
        names.push_back(e.name);
    const std::size_t both = reader.choice("framing", 0, names, "how frames lie in the stream");
    const std::size_t in =
        reader.choice("read-framing", both, names, "the same for what is read alone");
    const std::size_t out =
        reader.choice("write-framing", both, names, "the same for what is written alone");

    const make_factory reading = entries_[in].prepare(reader);
    // One codec for both directions has one set of keys.
    const bool same = entries_[in].prepare == entries_[out].prepare;
    const make_factory writing = same ? reading : entries_[out].prepare(reader);
    return {reading(limits.max_frame), writing(limits.max_send_frame)};
}

std::vector<std::string> framing_registry::names() const {
    std::vector<std::string> all;
    for (const entry& e : entries_)
        all.push_back(e.name);
    return all;
}

std::vector<option_description> framing_registry::keys(std::string_view name) const {
    const auto found = std::ranges::find(entries_, name, &entry::name);
    if (found == entries_.end())
        return {};
    option_reader reader({}, {});
    try {
        found->prepare(reader);
    } catch (const configuration_error&) {  // NOLINT(bugprone-empty-catch)
        // It has a key that must be given; the keys are described nevertheless.
    }
    return {reader.described().begin(), reader.described().end()};
}

void framing_registry::add(std::string_view name, prepare_function prepare) {
    if (std::ranges::find(entries_, name, &entry::name) != entries_.end())
        throw configuration_error("framing " + std::string(name) + ": is registered already");
    entries_.push_back({std::string(name), prepare});
}

}  // namespace coserve
