#include "wakeup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>

#include <algorithm>

namespace coserve_client {

coserve::task<> wakeup::wait(std::chrono::steady_clock::time_point until) {
    // A timer's arithmetic overflows at the end of time.
    const auto latest = std::chrono::steady_clock::now() + std::chrono::hours(24);
    timer_.expires_at(std::min(until, latest));
    co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::deferred));
}

}  // namespace coserve_client
