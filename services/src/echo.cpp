#include <coserve/services/echo.hpp>

#include <coserve/services/ascii_upper.hpp>

namespace coserve {

void echo::options::read(option_reader& reader) {
    reader.choice(
        "mode",
        reply,
        {{"upper", mode::upper}, {"verbatim", mode::verbatim}},
        "what comes back: in upper case (a to z only), or as it came"
    );
}

task<> echo::handle() {
    while (auto request = co_await read_frame()) {
        if (options_.reply == mode::upper)
            ascii_upper(*request);
        co_await write_frame(*request);
    }
}

void datagram_echo::handle(const datagram& d) {
    if (d.truncated)
        return;
    if (options_.reply == echo::mode::upper)
        ascii_upper(d.data);
    reply(d, d.data);
}

}  // namespace coserve
