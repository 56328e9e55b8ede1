// Prints what each read brings, and never answers. A client may vanish at any time: what it sent
// before is printed, and the next one is served.
#include <coserve/server.hpp>
#include <coserve/text_encoding.hpp>

#include <iostream>
#include <string>

class print_loop final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (const auto text = co_await read_frame())
            print(text_.decode(text->text()));  // a character split over two reads comes out whole
    }

    // Runs also where a reset connection ended handle() with an error.
    coserve::task<> finish() override {
        print(text_.finish());
        co_return;
    }

    static void print(const std::string& text) {
        if (!text.empty())
            std::cout << text << std::endl;
    }

    coserve::text_decoder text_{"UTF-8"};  // what is no UTF-8 is shown as \xNN
};

int main(int argc, char** argv) {
    coserve::server server({.cores = 1});  // so that nobody else prints at the same time
    server.registry().add<print_loop>("print");
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listener = server.listen("print=tcp://127.0.0.1:" + port + "?framing=raw");
    std::cout << listener.url() << std::endl;
    server.run();
}
