// One answer, then the end: the smallest server there is. No framing: what the client's one send
// brought is the question, and its one recv brings the answer.
//
//     $ example_01_one_shot 8070
//     $ coserve echo 'tcp://127.0.0.1:8070?framing=raw' --encoding GBK adas
#include <coserve/server.hpp>
#include <coserve/text_encoding.hpp>

#include <iostream>
#include <string>

class one_shot final : public coserve::stream_handler {
    coserve::task<> handle() override {
        const auto question = co_await read_frame();
        if (!question)
            co_return;  // it left without asking
        coserve::text_encoder gbk("GBK");
        co_await write_frame(gbk.encode("帅逼"));  // cb a7 b1 c6
    }  // the connection closes once all was sent
};

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add<one_shot>("one-shot");
    const std::string port = argc > 1 ? argv[1] : "0";  // 0: any free one
    const auto listener = server.listen("one-shot=tcp://127.0.0.1:" + port + "?framing=raw");
    std::cout << listener.url() << std::endl;
    server.run();  // until SIGINT or SIGTERM
}
