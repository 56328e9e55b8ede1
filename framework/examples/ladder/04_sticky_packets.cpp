// TCP carries bytes and knows nothing of messages: they stick together, or come in pieces. Send the
// same messages to the three addresses, and see side by side what the first reads of each brought.
#include <coserve/server.hpp>

#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

using columns = coserve::core_local<std::vector<std::vector<std::string>>>;

class ten_reads final : public coserve::stream_handler {
public:
    struct options {
        std::string title;

        void read(coserve::option_reader& reader) { reader.text("title", title, "of the column"); }
    };

    ten_reads(const options& o, const columns& done) : mine_{o.title}, done_(done) {}

private:
    coserve::task<> handle() override {
        while (mine_.size() <= 10) {
            const auto read = co_await read_frame();
            if (!read)
                co_return;
            mine_.push_back(std::to_string(read->size()) + ": " + std::string(read->text(), 0, 15));
        }
    }

    coserve::task<> finish() override {  // whatever ended handle()
        mine_.resize(11);
        done_->push_back(mine_);
        if (done_->size() == 3)
            print();
        co_return;
    }

    void print() {
        for (std::size_t row = 0; row <= 10; ++row) {
            for (const auto& each : *done_)
                std::cout << std::left << std::setw(22) << each[row];
            std::cout << std::endl;
        }
        done_->clear();
    }

    std::vector<std::string> mine_;
    const columns done_;
};

int main() {
    coserve::server server({.cores = 1});
    server.registry().add<ten_reads>("reads", columns(1));
    for (const std::string query :
         {"framing=raw&title=recv()", "framing=raw&max-frame=5&title=recv(5)", "title=framed"})
        std::cout << server.listen("reads=tcp://127.0.0.1:0?" + query).url() << std::endl;
    server.run();
}
