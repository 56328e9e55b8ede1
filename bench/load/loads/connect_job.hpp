/// \file
/// A connection, from its beginning to its end.
#pragma once

#include "job.hpp"
#include "payload.hpp"
#include "plan.hpp"

#include <coserve/framing.hpp>
#include <coserve/io.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coserve_bench {

/// What the connections of a run have in common.
struct connect_target {
    boost::asio::generic::stream_protocol::endpoint address;
    coserve::framing codecs;

    /// A name is resolved here, once: to its first address.
    /// Errors: `coserve::configuration_error`; `coserve::system_error` where there is no address.
    explicit connect_target(const plan&);
};

/// Connects, has one request and its reply where the plan says so, and ends the connection. It uses
/// bare sockets: `coserve::connect()` would read the URL and resolve its name each time.
class connect_job final : public job {
public:
    connect_job(const plan&, coserve::executor, std::size_t number, std::shared_ptr<const connect_target>);

    coserve::task<> connect() override;
    coserve::task<std::uint64_t> perform(std::size_t size) override;
    void abort() noexcept override;
    void disconnect() noexcept override;

private:
    using socket = boost::asio::generic::stream_protocol::socket;

    coserve::task<> exchange(std::size_t size);
    std::string encoded(std::string_view request) const;
    coserve::task<std::string> read_reply(std::size_t size);

    const plan& plan_;
    const std::size_t number_;
    const std::shared_ptr<const connect_target> target_;
    payload payload_;
    socket socket_;
    std::uint64_t requests_ = 0;
};

}  // namespace coserve_bench
