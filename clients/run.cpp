#include "run.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>

namespace coserve_client {

void run(boost::asio::io_context& context, coserve::task<> work) {
    std::exception_ptr error;
    bool ended = false;
    const auto finish = [&](std::exception_ptr e) {
        ended = true;
        error = e;
    };
    boost::asio::co_spawn(context, std::move(work), finish);
    while (!ended)
        context.run_one();
    if (error)
        std::rethrow_exception(error);
}

}  // namespace coserve_client
