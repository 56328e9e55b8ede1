// Many clients at once, many messages each. Nothing is added for it: each connection has an object
// of its own, whose members are that client's alone, and a wait of one lets the others go on.
#include <coserve/server.hpp>

#include <iostream>
#include <string>

class counting_echo final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (const auto message = co_await read_frame()) {
            const std::string number = std::to_string(++messages_);
            co_await write_frame(number + " " + std::string(message->text()));
        }
    }

    unsigned messages_ = 0;  // one thread at a time: no lock
};

int main(int argc, char** argv) {
    coserve::server server;  // on every core of the machine
    server.registry().add<counting_echo>("counting-echo");
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listener = server.listen("counting-echo=tcp://127.0.0.1:" + port + "?framing=raw");
    std::cout << listener.url() << std::endl;
    server.run();
}
