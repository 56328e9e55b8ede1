// A service can be a function: all that a handler's members do is also on the stream.
#include <coserve/server.hpp>

#include <iostream>
#include <string>

coserve::task<> banner(coserve::frame_stream& stream) {
    co_await stream.write_frame("hello, " + stream.peer().address());
}

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add("banner", banner);
    server.registry().add("double", [](coserve::frame_stream& stream) -> coserve::task<> {
        while (auto number = co_await stream.read_frame()) {
            const std::string text(number->text());
            co_await stream.write_frame(std::to_string(2 * std::stol(text)));
        }
    });
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto doubling = server.listen("double=tcp://127.0.0.1:" + port + "?framing=raw");
    const auto greeting = server.listen("banner=tcp://127.0.0.1:0?framing=raw");
    std::cout << doubling.url() << '\n' << greeting.url() << std::endl;
    server.run();
}
