/// \file
/// A connection, from its beginning to its end.
#pragma once

#include "job.hpp"
#include "payload.hpp"
#include "plan.hpp"
#include "stream_target.hpp"

#include <coserve/io.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coserve_bench {

/// Connects, has one request and its reply where the plan says so, and ends the connection.
class connect_job final : public job {
public:
    connect_job(const plan&, coserve::executor, std::size_t number, std::shared_ptr<const stream_target>);

    coserve::task<> connect() override;
    coserve::task<std::uint64_t> perform(std::size_t size) override;
    void abort() noexcept override;
    void disconnect() noexcept override;

private:
    using socket = boost::asio::generic::stream_protocol::socket;

    coserve::task<> open();
    coserve::task<> exchange(std::size_t size);
    coserve::task<std::string> read_reply(std::size_t size);

    const plan& plan_;
    const std::size_t number_;
    const std::shared_ptr<const stream_target> target_;
    payload payload_;
    socket socket_;
    std::size_t address_ = 0;  // of the target: the last that was good
    std::uint64_t requests_ = 0;
};

}  // namespace coserve_bench
