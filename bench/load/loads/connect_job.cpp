#include "connect_job.hpp"

#include "encode.hpp"

#include <coserve/codec.hpp>
#include <coserve/error.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace coserve_bench {

using boost::asio::use_awaitable;
using coserve::task;

namespace {

constexpr std::size_t largest_read = std::size_t{16} << 10;

[[noreturn]] void fail_reply(error_kind kind, const char* sentence) {
    throw job_failure(kind, sentence, true);
}

}  // namespace

connect_job::connect_job(
    const plan& p,
    coserve::executor core,
    std::size_t number,
    std::shared_ptr<const stream_target> target
)
    : plan_(p),
      number_(number),
      target_(std::move(target)),
      payload_(p.echoes ? p.sizes.most() : 0, p.verify),
      socket_(core) {}

task<> connect_job::connect() {
    co_return;
}

task<std::uint64_t> connect_job::perform(std::size_t size) {
    co_await open();
    if (plan_.echoes)
        co_await exchange(size);
    // A port is free again at once after a reset alone.
    if (plan_.resets)
        socket_.set_option(boost::asio::socket_base::linger(true, 0));
    disconnect();
    co_return plan_.echoes ? size : 0;
}

/// At any of the server's addresses.
task<> connect_job::open() {
    const std::size_t count = target_->addresses.size();
    for (std::size_t tried = 1;; ++tried) {
        const auto& to = target_->addresses[address_];
        coserve::error_code error;
        socket_.open(to.protocol());
        co_await socket_.async_connect(to, boost::asio::redirect_error(use_awaitable, error));
        if (!error)
            co_return;
        disconnect();
        if (tried == count || error == boost::asio::error::operation_aborted)
            throw coserve::system_error(error);
        address_ = (address_ + 1) % count;
    }
}

void connect_job::abort() noexcept {
    disconnect();
}

void connect_job::disconnect() noexcept {
    coserve::error_code ignored;
    socket_.close(ignored);
}

task<> connect_job::exchange(std::size_t size) {
    const std::uint64_t number = requests_++;
    std::string request;
    encode(*target_->codecs.write(), payload_.request(size, number_, number), request);
    co_await boost::asio::async_write(socket_, boost::asio::buffer(request), use_awaitable);
    const std::string reply = co_await read_reply(size);
    if (!payload_.is_reply(reply, size, number_, number))
        fail_reply(error_kind::wrong_reply, "a reply is not that to its request");
}

task<std::string> connect_job::read_reply(std::size_t size) {
    const auto codec = target_->codecs.read();
    std::string bytes;
    for (;;) {
        const std::size_t had = bytes.size();
        bytes.resize(had + largest_read);
        coserve::error_code error;
        const std::size_t got = co_await socket_.async_read_some(
            boost::asio::buffer(bytes.data() + had, largest_read),
            boost::asio::redirect_error(use_awaitable, error)
        );
        if (error == boost::asio::error::eof)
            fail_reply(error_kind::closed, "the server ended the connection");
        if (error)
            throw coserve::system_error(error);
        bytes.resize(had + got);
        if (plan_.raw && bytes.size() < size)
            continue;
        if (plan_.raw)
            co_return bytes;
        const coserve::decoded frame = codec->decode(std::as_bytes(std::span(bytes)));
        if (frame.what == coserve::decoded::outcome::frame)
            co_return bytes.substr(frame.offset, frame.size);
        if (frame.what == coserve::decoded::outcome::error)
            throw coserve::system_error(frame.error);
    }
}

}  // namespace coserve_bench
