// Peers that say nothing, or stop in the middle. Keys of the listener's URL end their connections;
// a read with a limit of its own lets the handler do something else first.
#include <coserve/server.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>

class patient_greeter final : public coserve::stream_handler {
public:
    struct options {
        coserve::duration patience = std::chrono::seconds(5);

        void read(coserve::option_reader& reader) {
            reader.time("patience", patience, "before it asks whether somebody is there");
        }
    };

    explicit patient_greeter(const options& o) : patience_(o.patience) {}

private:
    coserve::task<> handle() override {
        for (;;) {
            bool late = false;
            std::optional<coserve::frame> name;
            try {
                name = co_await read_frame(patience_);
            } catch (const coserve::system_error& e) {
                if (e.code() != coserve::errc::timeout)
                    throw;
                late = true;  // half a frame that came is kept, and goes on with the next read
            }
            if (!late && !name)
                co_return;
            const std::string reply = late ? "still there?" : "hello, " + std::string(name->text());
            co_await write_frame(reply);
        }
    }

    const coserve::duration patience_;
};

int main() {
    coserve::server server;
    server.registry().add<patient_greeter>("greet");
    for (const auto* query :
         {"patience=50ms", "first-frame-timeout=50ms", "idle-timeout=50ms", "frame-timeout=50ms"})
        std::cout << server.listen("greet=tcp://127.0.0.1:0?" + std::string(query)).url()
                  << std::endl;
    server.run();
}
