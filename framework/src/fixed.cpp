#include <coserve/fixed.hpp>

namespace coserve {

void fixed_codec::options::read(option_reader& reader) {
    reader.size("size", size, 1, std::size_t{4} << 30, "of every frame; must be given");
    if (size == 0)
        reader.refuse("size", "must be given with framing=fixed: the size of every frame");
}

fixed_codec::fixed_codec(const options& o) : size_(o.size) {
    if (size_ == 0)
        throw configuration_error("fixed: size=0: must be at least 1");
}

decoded fixed_codec::decode(std::span<const std::byte> input) {
    if (input.empty())
        return {};
    if (!begun_ && size_ > max_frame()) [[unlikely]]
        return {.what = decoded::outcome::error, .error = errc::frame_too_long, .declared = size_};
    begun_ = input.size() < size_;
    if (begun_)
        return {.needed = size_};
    return {.what = decoded::outcome::frame, .size = size_, .consumed = size_};
}

unfinished_frame fixed_codec::unfinished(std::size_t buffered) const noexcept {
    return {buffered, buffered == 0 ? 0 : size_};
}

void fixed_codec::restart() noexcept {
    begun_ = false;
}

error_code fixed_codec::encode(frame_view header, frame_view body, envelope& out) {
    const std::size_t size = header.size() + body.size();
    if (size > max_frame())
        return errc::frame_too_long;
    if (size != size_)
        return errc::unencodable_frame;
    out.make_prefix(0);
    out.payload = {header, body};
    out.suffix = {};
    return {};
}

}  // namespace coserve
