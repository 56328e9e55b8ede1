// A framing of one's own: "0005hello", the length as four decimal digits. One class, bytes in and
// frames out; once it is registered a URL can name it, and every service works with it.
#include <coserve/server.hpp>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <string>

class decimal_codec final : public coserve::codec {
public:
    struct options {
        void read(coserve::option_reader&) {}  // keys of its own would be read here
    };

    explicit decimal_codec(const options&) {}

    coserve::decoded decode(std::span<const std::byte> input) override {
        using enum coserve::decoded::outcome;
        const auto digits = coserve::frame_view(input).text().substr(0, 4);
        const char* const end = digits.data() + digits.size();
        std::size_t size = 0;
        if (std::from_chars(digits.data(), end, size).ptr != end)
            return {.what = error, .error = coserve::errc::malformed_frame};
        if (size > max_frame())
            return {.what = error, .error = coserve::errc::frame_too_long, .declared = size};
        if (digits.size() < 4 || input.size() < 4 + size)
            return {.what = need_more};
        return {.what = frame, .offset = 4, .size = size, .consumed = 4 + size};
    }

    coserve::unfinished_frame unfinished(std::size_t buffered) const noexcept override {
        return {buffered, 0};
    }

    coserve::error_code
    encode(coserve::frame_view header, coserve::frame_view body, coserve::envelope& out) override {
        const std::size_t size = header.size() + body.size();
        if (size > std::min<std::size_t>(9999, max_frame()))
            return coserve::errc::frame_too_long;
        const std::string digits = std::to_string(10'000 + size);
        std::ranges::copy(std::as_bytes(std::span(digits).subspan(1)), out.make_prefix(4).begin());
        out.payload = {header, body};
        return {};
    }
};

int main() {
    coserve::server server;
    server.registry().framings().add<decimal_codec>("decimal");
    server.registry().add("echo", [](coserve::frame_stream& stream) -> coserve::task<> {
        while (auto message = co_await stream.read_frame())
            co_await stream.write_frame(*message);
    });
    std::cout << server.listen("echo=tcp://127.0.0.1:0?framing=decimal").url() << std::endl;
    server.run();
}
