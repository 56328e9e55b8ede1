// A header that says what follows, then a body of any size, read in pieces: memory for one piece is
// enough for a film. The header is JSON and names the body's size; json.dumps writes it in Python.
#include <coserve/server.hpp>

#include <array>
#include <iostream>
#include <string>

class census final : public coserve::stream_handler {
    coserve::task<> handle() override {
        while (const auto header = co_await stream().read_header()) {
            const std::string about(header->text());  // the frame is lent until the next read
            std::array<std::uint64_t, 256> seen{};
            while (const auto piece = co_await stream().read_body())
                for (const std::byte b : *piece)
                    ++seen[std::to_integer<std::size_t>(b)];
            std::string counts;
            for (std::size_t b = 0; b < seen.size(); ++b)
                if (seen[b] != 0)
                    counts += (counts.empty() ? "" : ", ") + ('"' + std::to_string(b) + "\": ") +
                              std::to_string(seen[b]);
            // The size of what is written as the body is put into the header.
            co_await write_frame(R"({"of": )" + about + "}", "{" + counts + "}");
        }
    }
};

int main(int argc, char** argv) {
    coserve::server server;
    server.registry().add<census>("census");
    const std::string port = argc > 1 ? argv[1] : "0";
    const auto listening =
        server.listen("census=tcp://127.0.0.1:" + port + "?framing=json-header&max-header=1KiB");
    std::cout << listening.url() << std::endl;
    server.run();
}
