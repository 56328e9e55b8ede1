#include "protocol/exec_wire.hpp"

#include "protocol/json_members.hpp"

namespace coserve {

exec_text_reply
make_text_reply(exec_wire wire, std::string_view out, std::string_view err, std::string_view note) {
    exec_text_reply reply;
    if (wire == exec_wire::concat)
        reply.parts = {err, out, note};
    else
        reply.parts = {err.empty() ? out : err, note, {}};
    std::size_t size = 0;
    for (const std::string_view part : reply.parts)
        size += part.size();
    reply.head = pack_i32(static_cast<std::uint32_t>(size));
    if (wire != exec_wire::json_size)
        return reply;
    const std::string json = R"({"data_size": )" + std::to_string(size) + '}';
    reply.head = pack_i32(static_cast<std::uint32_t>(json.size())) + json;
    return reply;
}

std::string pack_i32(std::uint32_t n) {
    std::string bytes;
    for (unsigned shift = 0; shift < 32; shift += 8)
        bytes += static_cast<char>(n >> shift);
    return bytes;
}

std::int32_t unpack_i32(std::span<const std::byte, 4> bytes) noexcept {
    std::uint32_t n = 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        n = n << 8 | std::to_integer<std::uint32_t>(bytes[i]);
    return static_cast<std::int32_t>(n);
}

std::uint64_t parse_json_size(std::string_view json) {
    const auto size = json_members(json).whole("data_size", largest_text_reply);
    if (!size)
        throw json_error("data_size: is missing");
    return *size;
}

}  // namespace coserve
