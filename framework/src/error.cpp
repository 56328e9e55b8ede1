#include <coserve/error.hpp>

namespace coserve {
namespace {

const char* sentence(errc code) noexcept {
    switch (code) {
    case errc::truncated_frame:
        return "the stream ended inside a frame";
    case errc::frame_too_long:
        return "the frame is longer than the maximum";
    case errc::negative_length:
        return "the length field is negative";
    case errc::length_too_small:
        return "the length does not even cover what its framing counts in it";
    case errc::malformed_frame:
        return "the bytes do not follow the framing";
    case errc::unencodable_frame:
        return "the framing has no way to write this frame";
    case errc::no_headers:
        return "the framing has no headers to read";
    case errc::concurrent_read:
        return "another coroutine is already reading this stream";
    case errc::output_overflow:
        return "too much output is queued because its writer does not await its writes";
    case errc::timeout:
        return "the time that the caller gave has run out";
    case errc::first_frame_timeout:
        return "the peer sent nothing after it connected";
    case errc::idle_timeout:
        return "the peer sent nothing for too long";
    case errc::frame_timeout:
        return "the rest of a started frame did not come in time";
    case errc::write_timeout:
        return "the peer took none of the queued output for too long";
    case errc::closed:
        return "this side has closed the stream";
    case errc::wrong_executor:
        return "the executor is not an io_context's own";
    case errc::unencodable_text:
        return "the text cannot be encoded";
    case errc::concurrent_send:
        return "another coroutine is already sending a file on this stream";
    case errc::file_too_short:
        return "the file has fewer bytes than were to be sent";
    }
    return "unknown error";
}

// g++ takes the protected destructor of Boost's class for an accessible one.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

class coserve_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "coserve"; }

    std::string message(int value) const override { return sentence(static_cast<errc>(value)); }

    // Without this, taking a message would build a string that is thrown away.
    const char* message(int value, char*, std::size_t) const noexcept override {
        return sentence(static_cast<errc>(value));
    }
};

#pragma GCC diagnostic pop

constinit const coserve_category the_category;

}  // namespace

const boost::system::error_category& error_category() noexcept {
    return the_category;
}

error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), the_category};
}

std::string reason_of(const system_error& error) {
    std::string text = error.what();
    const std::string code = error.code().what();
    if (const auto at = text.rfind(code); at != text.npos)
        text.replace(at, code.size(), error.code().message());
    return text;
}

}  // namespace coserve
