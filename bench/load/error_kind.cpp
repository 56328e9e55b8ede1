#include "error_kind.hpp"

namespace coserve_bench {

std::string_view name_of(error_kind kind) noexcept {
    switch (kind) {
    case error_kind::refused:
        return "refused";
    case error_kind::reset:
        return "reset";
    case error_kind::closed:
        return "closed";
    case error_kind::timeout:
        return "timeout";
    case error_kind::unanswered:
        return "unanswered";
    case error_kind::wrong_reply:
        return "wrong_reply";
    case error_kind::malformed:
        return "malformed";
    case error_kind::failed:
        return "failed";
    case error_kind::other:
        return "other";
    }
    return "other";
}

error_kind kind_of(const coserve::error_code& code) noexcept {
    namespace errc = boost::system::errc;
    if (code == errc::connection_refused || code == errc::no_such_file_or_directory)
        return error_kind::refused;
    if (code == errc::connection_reset || code == errc::broken_pipe ||
        code == errc::connection_aborted)
        return error_kind::reset;
    if (code == errc::timed_out || code == coserve::errc::timeout ||
        code == coserve::errc::write_timeout || code == coserve::errc::frame_timeout)
        return error_kind::timeout;
    if (code == coserve::errc::truncated_frame)
        return error_kind::closed;
    if (code.category() == coserve::error_category())
        return error_kind::malformed;
    return error_kind::other;
}

}  // namespace coserve_bench
