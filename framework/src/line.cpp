#include <coserve/line.hpp>

namespace coserve {

void line_codec::options::read(option_reader& reader) {
    reader.flag(
        "keep-end", keep_end, "frames are delivered with their \\n or \\r\\n, and may bring it"
    );
    read_on_too_long(reader, too_long);
}

}  // namespace coserve
