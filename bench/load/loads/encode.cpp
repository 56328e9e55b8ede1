#include "encode.hpp"

#include <coserve/error.hpp>

namespace coserve_bench {

namespace {

void append(std::string& to, coserve::frame_view bytes) {
    to.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

void encode(coserve::codec& encoder, coserve::frame_view payload, std::string& out) {
    coserve::envelope parts;
    if (const coserve::error_code error = encoder.encode({}, payload, parts))
        throw coserve::system_error(error);
    append(out, parts.prefix());
    for (const coserve::frame_view& part : parts.payload)
        append(out, part);
    out += parts.suffix;
}

}  // namespace coserve_bench
