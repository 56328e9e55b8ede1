// The cure for sticky packets: each message behind its length, 4 bytes of it, as Python's
// struct.pack('i', n) writes them. This is the default: no framing is named, none is written here.
#include <coserve/server.hpp>

#include <iostream>
#include <string>

class measure final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (const auto message = co_await read_frame()) {  // all of one message, and no more
            const std::string size = std::to_string(message->size());
            co_await write_frame(size + " bytes: ", *message);  // two parts of one frame
        }
    }
};

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add<measure>("measure");
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto four = server.listen("measure=tcp://127.0.0.1:" + port + "?max-frame=1MiB");
    // Other peers, other headers: the same service, and another key or two.
    const auto two = server.listen("measure=tcp://127.0.0.1:0?width=2&order=big");
    std::cout << four.url() << '\n' << two.url() << std::endl;
    server.run();
}
