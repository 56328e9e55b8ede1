#include "stream_target.hpp"

#include <coserve/io.hpp>
#include <coserve/limits.hpp>
#include <coserve/url.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <string>

namespace coserve_bench {

namespace {

using tcp = boost::asio::ip::tcp;
using local = boost::asio::local::stream_protocol;

std::vector<stream_target::endpoint> resolve(const coserve::endpoint_url& url) {
    if (url.kind == coserve::endpoint_url::scheme::unix_stream)
        return {local::endpoint(url.path)};
    boost::asio::io_context context;
    tcp::resolver resolver(context);
    std::vector<stream_target::endpoint> found;
    coserve::error_code error;
    for (const auto& entry : resolver.resolve(url.host, std::to_string(url.port), error))
        found.emplace_back(entry.endpoint());
    if (error)
        throw coserve::system_error(error, url.to_string());
    return found;
}

}  // namespace

coserve::framing framing_of(const std::string& url) {
    const coserve::endpoint_url parts = coserve::parse_url(url);
    coserve::option_reader reader(url, parts.query);
    coserve::stream_limits limits;
    limits.read(reader);
    coserve::framing codecs = coserve::framing_registry().read(reader, limits);
    reader.finish();
    return codecs;
}

stream_target::stream_target(const plan& p)
    : addresses(resolve(coserve::parse_url(p.url))), codecs(framing_of(p.url)) {}

}  // namespace coserve_bench
