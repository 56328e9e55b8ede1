// A service is a class: straight-line code, one object per connection.
//
//     $ example_shout 9000
//     $ printf 'hello' | nc -q1 127.0.0.1 9000
#include <coserve/server.hpp>

#include <cstddef>
#include <iostream>
#include <string>

coserve::frame to_upper(coserve::frame text) {
    for (std::byte& letter : text)
        if (letter >= std::byte{'a'} && letter <= std::byte{'z'})
            letter ^= std::byte{'a' ^ 'A'};
    return text;
}

class shout final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (auto request = co_await read_frame())  // nullopt: the peer finished
            co_await write_frame(to_upper(*request));
    }
};

int main(int argc, char** argv) {
    coserve::server server({.cores = 4});
    server.registry().add<shout>("shout");
    const std::string port = argc > 1 ? argv[1] : "0";  // 0: any free one
    const auto listener = server.listen("shout=tcp://127.0.0.1:" + port + "?framing=raw");
    std::cout << listener.url() << std::endl;
    server.run();  // until SIGINT or SIGTERM, and all that was asked is answered
}
