// State: options that the listener's URL sets, members of one connection, and a counter that all
// connections of a core share.
#include <coserve/server.hpp>

#include <cstdint>
#include <iostream>
#include <string>

using visits = coserve::core_local<std::uint64_t>;

class greeter final : public coserve::stream_handler {
public:
    struct options {
        std::string greeting = "hello";
        unsigned most = 3;

        void read(coserve::option_reader& reader) {
            reader.text("greeting", greeting, "what each name is greeted with");
            reader.count("most", most, 1, 1000, "how many greetings a connection gets");
        }
    };

    greeter(const options& o, const visits& v) : options_(o), visits_(v) {}

private:
    coserve::task<> handle() override {
        while (auto name = co_await read_frame()) {
            ++*visits_;  // this core's own: no lock
            co_await write_frame(options_.greeting + ", " + std::string(name->text()));
            if (++greeted_ == options_.most)
                co_return;  // closes, once all is sent
        }
    }

    const options options_;
    const visits visits_;
    unsigned greeted_ = 0;
};

int main(int argc, char** argv) {
    coserve::server server({.cores = 2});
    const visits counts(server.cores());
    server.registry().add<greeter>("greet", counts);
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listener =
        server.listen("greet=tcp://127.0.0.1:" + port + "?greeting=good%20day&most=2");
    std::cout << listener.url() << std::endl;
    server.run();

    std::uint64_t total = 0;
    counts.all([&](std::uint64_t count) { total += count; });
    std::cout << total << " greeted" << std::endl;
}
