// How late a timer of 1 ms is in an io_context that serves beside it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <vector>

/// On SIGTERM it prints its result as one line of JSON, and stops the context.
class timer_lateness {
public:
    explicit timer_lateness(boost::asio::io_context& context)
        : context_(context), timer_(context), signals_(context, SIGTERM) {
        wait();
        signals_.async_wait([this](boost::system::error_code, int) {
            print();
            context_.stop();
        });
    }

private:
    using clock = std::chrono::steady_clock;

    void wait() {
        timer_.expires_after(std::chrono::milliseconds(1));
        timer_.async_wait([this](boost::system::error_code) {
            const std::chrono::duration<double, std::micro> late = clock::now() - timer_.expiry();
            late_us_.push_back(late.count());
            wait();
        });
    }

    void print() {
        std::ranges::sort(late_us_);
        const auto quantile = [&](double fraction) {
            return late_us_[static_cast<std::size_t>(
                fraction * static_cast<double>(late_us_.size() - 1)
            )];
        };
        std::cout << "{\"expired\": " << late_us_.size() << ", \"p50_us\": " << quantile(0.5)
                  << ", \"p99_us\": " << quantile(0.99) << ", \"max_us\": " << late_us_.back()
                  << "}" << std::endl;
    }

    boost::asio::io_context& context_;
    boost::asio::steady_timer timer_;
    boost::asio::signal_set signals_;
    std::vector<double> late_us_;
};
