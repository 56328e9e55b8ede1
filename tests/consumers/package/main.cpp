#include <coserve/server.hpp>
#include <coserve/services/bundled.hpp>
#include <coserve/testing/handler_session.hpp>

#include <iostream>
#include <stdexcept>

class shout final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (auto request = co_await read_frame())
            co_await write_frame(*request);
    }
};

coserve::task<> talk(coserve::frame_stream& server) {
    co_await server.write_frame("hello");
    const auto reply = co_await server.read_frame();
    if (!reply || reply->text() != "hello")
        throw std::runtime_error("not what was sent");
}

int main() {
    coserve::server server({.cores = 1});
    coserve::add_bundled_services(server.registry());
    server.check("echo=tcp://127.0.0.1:0?mode=verbatim");

    coserve::testing::session<shout> connection;
    connection.run(talk(connection.client()));
    std::cout << "installed, and at work" << std::endl;
}
