// The same service on this machine alone: a Unix socket is a file, whose rights say who may
// connect. Nothing changes but the URL.
//
//     $ example_07_unix_socket /tmp/shout.sock
//     $ coserve echo unix:/tmp/shout.sock hello
#include <coserve/server.hpp>

#include <cctype>
#include <cstddef>
#include <iostream>
#include <string>

class shout final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (auto request = co_await read_frame()) {
            for (std::byte& letter : *request)
                letter = std::byte(std::toupper(std::to_integer<int>(letter)));
            co_await write_frame(*request);
        }
    }
};

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add<shout>("shout");
    const std::string path = argc > 1 ? argv[1] : "shout.sock";
    std::cout << server.listen("shout=unix:" + path).url() << '\n'
              << server.listen("shout=tcp://127.0.0.1:0").url() << std::endl;
    server.run();  // and the file goes with it
}
