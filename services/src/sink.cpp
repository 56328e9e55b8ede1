#include <coserve/services/sink.hpp>

#include <coserve/error.hpp>
#include <coserve/printable.hpp>

#include <string>

namespace coserve {
namespace {

/// Escaped is what cannot be shown, by `text_decoder` too: a backslash alone is no harm.
std::string as_line(const std::string& text) {
    return printable(text, {.escape = {}, .keep = "\\"});
}

}  // namespace

void sink::options::read(option_reader& reader) {
    reader.text(
        "encoding", encoding, "of the clients' text: GBK, BIG5, or any other that iconv knows"
    );
    try {
        text_decoder{encoding};
    } catch (const configuration_error& e) {
        reader.refuse("encoding", e.what());
    }
}

task<> sink::handle() {
    while (const auto request = co_await read_frame()) {
        const std::string line = as_line(text_.decode(request->text()));
        if (!line.empty() || !text_.unfinished())
            co_await output_.write(line);
    }
}

task<> sink::finish() {
    const std::string rest = text_.finish();
    if (!rest.empty())
        co_await output_.write(rest);
}

}  // namespace coserve
