// Full duplex: a second coroutine of the connection writes while the first one reads.
#include <coserve/server.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

class ticker final : public coserve::stream_handler {
    coserve::task<> handle() override {
        tasks().spawn(&ticker::tick, this);
        while (auto command = co_await read_frame()) {
            interval_ = command->text() == "fast" ? 1ms : 100ms;  // both run on one core: no lock
            co_await write_frame("ok");
        }
        tasks().cancel();  // else handle() would wait for it
    }

    coserve::task<> tick() {
        for (unsigned count = 1;; ++count) {
            co_await sleep(interval_);
            co_await write_frame("tick " + std::to_string(count));
        }
    }

    std::chrono::milliseconds interval_ = 100ms;
};

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add<ticker>("ticker");
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listener = server.listen("ticker=tcp://127.0.0.1:" + port);
    std::cout << listener.url() << std::endl;
    server.run();
}
