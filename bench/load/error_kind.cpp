#include "error_kind.hpp"

namespace coserve_bench {

std::string kind_of(const coserve::error_code& code) {
    namespace errc = boost::system::errc;
    if (code == errc::connection_refused)
        return "refused";
    if (code == errc::connection_reset || code == errc::broken_pipe ||
        code == errc::connection_aborted)
        return "reset";
    if (code == errc::timed_out || code == coserve::errc::timeout ||
        code == coserve::errc::write_timeout || code == coserve::errc::frame_timeout)
        return "timeout";
    if (code == coserve::errc::truncated_frame)
        return "closed";
    if (code.category() == coserve::error_category())
        return "malformed";
    return "other";
}

}  // namespace coserve_bench
