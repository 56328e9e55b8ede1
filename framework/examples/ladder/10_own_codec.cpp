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
        const auto digits = coserve::frame_view(input).text().substr(0, 4);
        const char* const end = digits.data() + digits.size();
        std::size_t size = 0;
        coserve::decoded result;  // need_more, unless something else is said
        if (std::from_chars(digits.data(), end, size).ptr != end)
            result.error = coserve::errc::malformed_frame;
        else if (size > max_frame())
            result.error = coserve::errc::frame_too_long;
        if (result.error)
            result.what = coserve::decoded::outcome::error;
        else if (digits.size() == 4 && input.size() >= 4 + size)
            result = {coserve::decoded::outcome::frame, 4, size, 4 + size, 0, {}, 0};
        return result;
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
