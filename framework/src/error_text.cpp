#include "error_text.hpp"

#include <coserve/error.hpp>

#include <boost/asio/error.hpp>

namespace coserve {

namespace {

bool peer_vanished(const error_code& code) {
    namespace errc = boost::system::errc;
    return code == errc::connection_reset || code == errc::broken_pipe || code == errc::timed_out ||
           code == errc::host_unreachable || code == errc::network_unreachable ||
           code == errc::connection_aborted;
}

}  // namespace

error_description describe(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        const error_code code = e.code();
        if (code == boost::asio::error::operation_aborted)
            return {"cancelled", log_level::info};
        if (peer_vanished(code))
            return {reason_of(e), log_level::debug};
        return {
            reason_of(e),
            code.category() == error_category() ? log_level::warning : log_level::error
        };
    } catch (const std::exception& e) {
        return {e.what(), log_level::error};
    } catch (...) {
        return {"an exception that is not a std::exception", log_level::error};
    }
}

}  // namespace coserve
