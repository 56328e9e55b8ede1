#include <coserve/services/sink.hpp>

#include <coserve/services/text_line.hpp>

#include <string>

namespace coserve {

task<> sink::handle() {
    while (const auto request = co_await read_frame()) {
        const std::string line = text_line(request->text());
        co_await output_.write(line);
    }
}

}  // namespace coserve
