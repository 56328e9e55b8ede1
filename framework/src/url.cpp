#include <coserve/url.hpp>

#include <coserve/printable.hpp>

#include <boost/url.hpp>

#include <charconv>

#include <sys/un.h>

namespace coserve {
namespace {

namespace urls = boost::urls;

constexpr std::string_view shapes = "tcp://HOST:PORT, udp://HOST:PORT or unix:PATH";
// One byte of the field is for the zero at the end.
constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;

/// One text with what the errors about it need.
class parser {
public:
    explicit parser(std::string_view text) : text_(text) {}

    endpoint_url parse() const;

private:
    [[noreturn]] void refuse(std::string_view reason) const {
        throw configuration_error(printable(text_).append(": ").append(reason));
    }

    endpoint_url::scheme scheme() const;
    std::string host(const urls::url_view&) const;
    std::uint16_t port(std::string_view digits) const;
    std::string path(const urls::url_view&) const;
    std::vector<option> query(const urls::url_view&) const;

    std::string_view text_;
};

endpoint_url parser::parse() const {
    endpoint_url result;
    result.kind = scheme();
    const auto parsed = urls::parse_uri(text_);
    if (!parsed)
        refuse(
            "must be " + std::string(shapes) +
            ", then perhaps ? and options; characters that URLs give a meaning are written as %NN"
        );
    if (parsed->has_fragment())
        refuse("has a fragment (#...), which means nothing here; # itself is written as %23");
    if (parsed->has_userinfo())
        refuse("has user information (...@), which means nothing here");
    if (result.kind == endpoint_url::scheme::unix_stream) {
        result.path = path(*parsed);
    } else {
        result.host = host(*parsed);
        if (!parsed->has_port() || parsed->port().empty())
            refuse("has no port: write HOST:PORT");
        result.port = port(parsed->port());
        if (!parsed->encoded_path().empty())
            refuse("has a path behind the port, which means nothing here; options begin with ?");
    }
    result.query = query(*parsed);
    return result;
}

endpoint_url::scheme parser::scheme() const {
    const std::size_t colon = text_.find(':');
    if (colon == text_.npos)
        refuse("has no scheme: write " + std::string(shapes));
    const std::string_view name = text_.substr(0, colon);
    if (urls::grammar::ci_is_equal(name, "tcp"))
        return endpoint_url::scheme::tcp;
    if (urls::grammar::ci_is_equal(name, "udp"))
        return endpoint_url::scheme::udp;
    if (urls::grammar::ci_is_equal(name, "unix"))
        return endpoint_url::scheme::unix_stream;
    refuse("unknown scheme \"" + printable(name) + "\"; write " + std::string(shapes));
}

std::string parser::host(const urls::url_view& url) const {
    if (url.encoded_host().empty())
        refuse("has no host: write HOST:PORT, such as 127.0.0.1:7700 or 0.0.0.0:7700");
    if (url.host_type() == urls::host_type::ipvfuture)
        refuse("has an address of an unknown kind in brackets: write IPv6, such as [::1]");
    // What hides behind %NN is no character of a host name.
    if (url.encoded_host().find('%') != std::string_view::npos)
        refuse("has a percent sign in its host: write a host name or an address");
    return url.host_address();
}

std::uint16_t parser::port(std::string_view digits) const {
    // Boost.URL's own number is 0 where the text does not fit.
    std::uint16_t number = 0;
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || stop != digits.data() + digits.size())
        refuse("the port must be 0 to 65535");
    return number;
}

std::string parser::path(const urls::url_view& url) const {
    if (url.has_authority() && !url.encoded_authority().empty())
        refuse("has a host; a relative path is written unix:PATH, an absolute one unix:/PATH");
    std::string path = url.path();
    if (path.empty())
        refuse("has no path: write unix:PATH");
    if (path.find('\0') != path.npos)
        refuse("has a zero byte in its path");
    if (path.size() > longest_path)
        refuse(
            "has a path of " + std::to_string(path.size()) + " bytes; a Unix socket's takes " +
            std::to_string(longest_path) + " at most"
        );
    return path;
}

std::vector<option> parser::query(const urls::url_view& url) const {
    std::vector<option> options;
    if (url.encoded_query().empty())
        return options;
    urls::encoding_opts plus_is_plus;
    plus_is_plus.space_as_plus = false;
    for (const auto& written : url.params(plus_is_plus)) {
        if (written.key.empty())
            refuse("has an option without a key in its query");
        options.push_back({std::string(written.key), std::string(written.value)});
    }
    return options;
}

std::string_view scheme_name(endpoint_url::scheme kind) noexcept {
    return kind == endpoint_url::scheme::tcp ? "tcp" : "udp";
}

std::string unix_url(const std::string& path) {
    // Without an authority, a path that begins with two slashes would be read as one.
    const std::string_view head = path.starts_with("//") ? "unix://" : "unix:";
    return std::string(head) + urls::encode(path, urls::pchars + '/');
}

}  // namespace

std::string endpoint_url::to_string() const {
    if (kind == scheme::unix_stream)
        return unix_url(path);
    const bool is_ipv6 = host.find(':') != host.npos;
    return std::string(scheme_name(kind)) + "://" + (is_ipv6 ? '[' + host + ']' : host) + ':' +
           std::to_string(port);
}

endpoint_url parse_url(std::string_view text) {
    return parser(text).parse();
}

}  // namespace coserve
