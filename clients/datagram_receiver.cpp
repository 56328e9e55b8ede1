#include "datagram_receiver.hpp"

#include <coserve/error.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/sleep.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

namespace coserve_client {

using coserve::task;

namespace {

constexpr unsigned most_in_a_turn = 64;

}  // namespace

datagram_receiver::datagram_receiver(
    boost::asio::io_context& context, coserve::datagram_socket socket, listener& l
)
    : context_(context), socket_(std::move(socket)), listener_(l), ended_(context) {}

void datagram_receiver::start() {
    const auto finish = [this](std::exception_ptr error) {
        running_ = false;
        ended_.notify();
        if (error && !closing_)
            std::rethrow_exception(error);
    };
    running_ = true;
    boost::asio::co_spawn(
        context_, receive_all(), boost::asio::bind_cancellation_slot(stop_.slot(), finish)
    );
}

task<> datagram_receiver::receive_all() {
    while (!closing_) {
        std::optional<std::string> error;
        try {
            co_await receive_next();
        } catch (const coserve::system_error& e) {
            if (e.code() == boost::asio::error::operation_aborted)
                throw;
            error = coserve::reason_of(e);
        }
        if (!error)
            continue;
        listener_.unreachable(*error);
        co_await coserve::sleep(std::chrono::milliseconds(10));  // an error may stay
    }
}

task<> datagram_receiver::receive_next() {
    // What has arrived is received without waiting: others would never have their turn.
    if (++received_ % most_in_a_turn == 0)
        co_await boost::asio::post(context_, boost::asio::deferred);
    const auto datagram = co_await socket_.receive(coserve::longest_time);
    if (datagram && !datagram->truncated)  // what is cut could be told for something else
        listener_.received({datagram->data.data(), datagram->data.size()});
}

task<> datagram_receiver::close() {
    closing_ = true;
    stop_.emit(boost::asio::cancellation_type::terminal);
    while (running_)
        co_await ended_.wait();
}

}  // namespace coserve_client
