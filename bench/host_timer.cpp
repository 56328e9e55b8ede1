// A host with a timer of its own beside a coserve server that echoes: what the server does to the
// host's other work. Prints its URL; SIGTERM prints how late the timer was.
#include "peers/timer_lateness.hpp"
#include "peers/to_upper.hpp"

#include <coserve/server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <iostream>

coserve::task<> echo(coserve::frame_stream& stream) {
    while (auto frame = co_await stream.read_frame()) {
        to_upper(reinterpret_cast<char*>(frame->data()), frame->size());
        co_await stream.write_frame(*frame);
    }
}

int main() {
    boost::asio::io_context host(1);
    coserve::server server(host.get_executor());
    server.registry().add("echo", echo);
    std::cout << server.listen("echo=tcp://127.0.0.1:0").url() << std::endl;
    boost::asio::co_spawn(host, server.serve(), boost::asio::detached);
    timer_lateness timer(host);
    host.run();
}
