// Datagrams: one object a core, called once for each. Who sends anything is a listener from then
// on, and hears what anybody says, on whichever core either of them is.
#include <coserve/datagram_handler.hpp>
#include <coserve/server.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

class party_line final : public coserve::datagram_handler {
    void handle(const coserve::datagram& d) override {
        if (d.data.text() == "bye") {
            std::erase(listeners_, d.sender);
            return;
        }
        if (std::ranges::find(listeners_, d.sender) == listeners_.end()) {
            if (listeners_.size() ==
                most)  // whoever sends chooses the address: bound what you keep
                return;
            listeners_.push_back(d.sender);
        }
        const std::string text = d.sender.to_string() + ": " + std::string(d.data.text());
        tell(text);
        on_other_cores(*this, [text](party_line& there) { there.tell(text); });
    }

    void unreachable(const coserve::endpoint& peer, const coserve::error_code&) override {
        std::erase(listeners_, peer);  // it has gone without a word
    }

    void tell(const std::string& text) { send(listeners_, text); }

    static constexpr std::size_t most = 1000;
    std::vector<coserve::endpoint> listeners_;  // this core's: no lock
};

int main(int argc, char** argv) {
    coserve::server server({.cores = 2});
    server.registry().add<party_line>("party-line");
    const std::string port = argc > 1 ? argv[1] : "0";
    std::cout << server.listen("party-line=udp://127.0.0.1:" + port).url() << std::endl;
    server.run();
}
