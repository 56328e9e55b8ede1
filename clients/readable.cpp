#include "readable.hpp"

#include <boost/asio/deferred.hpp>

#include <cerrno>
#include <system_error>

#include <sys/epoll.h>

namespace coserve_client {

readable::readable(boost::asio::io_context& context, int fd)
    : set_(context, ::epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0)
        return;
    if (errno != EPERM)
        throw std::system_error(errno, std::generic_category(), "cannot read standard input");
    is_file_ = true;
}

coserve::task<> readable::wait() {
    if (!is_file_)
        co_await set_.async_wait(
            boost::asio::posix::descriptor_base::wait_read, boost::asio::deferred
        );
}

}  // namespace coserve_client
