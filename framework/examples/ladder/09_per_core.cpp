// State that connections share, on every core at full speed: each core counts for itself, without a
// lock, and the sum is made when no core runs any more.
#include <coserve/server.hpp>

#include <cstdint>
#include <iostream>
#include <string>

struct counts {
    std::uint64_t connections = 0;
    std::uint64_t messages = 0;
};

using shared_counts = coserve::core_local<counts>;

class counting_echo final : public coserve::stream_handler {
public:
    explicit counting_echo(const shared_counts& c) : counts_(c) {}

private:
    coserve::task<> handle() override {
        ++counts_->connections;
        while (const auto message = co_await read_frame()) {
            ++counts_->messages;  // this core's
            co_await write_frame(*message);
        }
    }

    const shared_counts counts_;
};

int main(int argc, char** argv) {
    coserve::server server({.cores = 2});
    const shared_counts all(server.cores());
    server.registry().add<counting_echo>("counting-echo", all);
    const std::string port = argc > 1 ? argv[1] : "0";
    std::cout << server.listen("counting-echo=tcp://127.0.0.1:" + port).url() << std::endl;
    server.run();

    counts sum;
    all.all([&](const counts& core) {
        std::cout << core.connections << " connections, " << core.messages << " messages\n";
        sum.connections += core.connections;
        sum.messages += core.messages;
    });
    std::cout << "in all " << sum.connections << ", " << sum.messages << std::endl;
}
