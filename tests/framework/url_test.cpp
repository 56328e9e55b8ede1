#include <coserve/url.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace coserve {
namespace {

using scheme = endpoint_url::scheme;
using testing::HasSubstr;
using testing::StartsWith;

std::vector<std::string> query(std::string_view text) {
    std::vector<std::string> lines;
    for (const auto& o : parse_url(text).query)
        lines.push_back(o.key + "=" + o.value);
    return lines;
}

std::string mistake(std::string_view text) {
    try {
        parse_url(text);
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

TEST(url_test, reads_tcp_and_udp) {
    const auto tcp = parse_url("tcp://127.0.0.1:7700");
    EXPECT_EQ(tcp.kind, scheme::tcp);
    EXPECT_EQ(tcp.host, "127.0.0.1");
    EXPECT_EQ(tcp.port, 7700);
    EXPECT_EQ(tcp.path, "");
    EXPECT_TRUE(tcp.query.empty());
    const auto udp = parse_url("udp://some-host.example:65535");
    EXPECT_EQ(udp.kind, scheme::udp);
    EXPECT_EQ(udp.host, "some-host.example");
    EXPECT_EQ(udp.port, 65535);
    EXPECT_EQ(parse_url("TCP://h:0").kind, scheme::tcp);
    EXPECT_EQ(parse_url("tcp://h:0").port, 0);
    EXPECT_EQ(parse_url("tcp://h:0080").port, 80);
}

TEST(url_test, reads_ipv6_in_brackets) {
    EXPECT_EQ(parse_url("tcp://[::1]:8081").host, "::1");
    EXPECT_EQ(parse_url("tcp://[::1]:8081").port, 8081);
    EXPECT_EQ(parse_url("udp://[2001:db8::ff]:1?mode=upper").host, "2001:db8::ff");
    EXPECT_EQ(parse_url("udp://[::]:1").host, "::");
    EXPECT_EQ(parse_url("udp://[::ffff:1.2.3.4]:1").host, "::ffff:1.2.3.4");
}

TEST(url_test, reads_unix_paths) {
    const auto absolute = parse_url("unix:/run/x.sock?mode=upper");
    EXPECT_EQ(absolute.kind, scheme::unix_stream);
    EXPECT_EQ(absolute.path, "/run/x.sock");
    EXPECT_EQ(absolute.host, "");
    EXPECT_EQ(absolute.query.size(), 1u);
    EXPECT_EQ(parse_url("unix:///run/x.sock").path, "/run/x.sock");
    EXPECT_EQ(parse_url("unix:x.sock").path, "x.sock");
    EXPECT_EQ(parse_url("unix:./a/../x.sock").path, "./a/../x.sock");
    EXPECT_EQ(parse_url("unix:a:b").path, "a:b");
    EXPECT_EQ(parse_url("unix:/a%20b%3Fc%23%25").path, "/a b?c#%");
    EXPECT_EQ(parse_url("unix:%2fx%2Fy").path, "/x/y");
    EXPECT_EQ(parse_url("unix:a+b").path, "a+b");
}

TEST(url_test, reads_the_query) {
    EXPECT_EQ(
        query("tcp://h:1?framing=raw&mode=upper"),
        (std::vector<std::string>{"framing=raw", "mode=upper"})
    );
    EXPECT_EQ(query("tcp://h:1?keep-end&x="), (std::vector<std::string>{"keep-end=", "x="}));
    EXPECT_EQ(query("tcp://h:1?"), std::vector<std::string>{});
    EXPECT_EQ(query("unix:p?a=1"), std::vector<std::string>{"a=1"});
    // Order and repetition are somebody else's to judge.
    EXPECT_EQ(query("tcp://h:1?b=1&a=2&b=3"), (std::vector<std::string>{"b=1", "a=2", "b=3"}));
}

TEST(url_test, decodes_the_query) {
    EXPECT_EQ(query("tcp://h:1?delimiter=%0d%0A"), std::vector<std::string>{"delimiter=\r\n"});
    EXPECT_EQ(query("tcp://h:1?a%26b=c%3Dd%26e"), std::vector<std::string>{"a&b=c=d&e"});
    EXPECT_EQ(query("tcp://h:1?a=b=c"), std::vector<std::string>{"a=b=c"});
    EXPECT_EQ(query("tcp://h:1?d=%00x"), std::vector<std::string>{std::string("d=\0x", 4)});
    EXPECT_EQ(query("tcp://h:1?a=/?:@,;"), std::vector<std::string>{"a=/?:@,;"});
}

TEST(url_test, a_plus_is_a_plus) {
    EXPECT_EQ(query("tcp://h:1?delimiter=++%2B"), std::vector<std::string>{"delimiter=+++"});
    EXPECT_EQ(query("tcp://h:1?a+b=%20"), std::vector<std::string>{"a+b= "});
}

TEST(url_test, parses_the_port_itself) {
    for (const std::string port :
         {"65536", "99999", "4294967296", "18446744073709551616", "99999999999999999999999999"})
        EXPECT_EQ(mistake("tcp://h:" + port), "tcp://h:" + port + ": the port must be 0 to 65535");
}

TEST(url_test, needs_a_host_and_a_port) {
    EXPECT_EQ(mistake("tcp://h"), "tcp://h: has no port: write HOST:PORT");
    EXPECT_EQ(mistake("tcp://h:"), "tcp://h:: has no port: write HOST:PORT");
    EXPECT_EQ(mistake("udp://[::1]"), "udp://[::1]: has no port: write HOST:PORT");
    EXPECT_THAT(mistake("tcp://:80"), StartsWith("tcp://:80: has no host"));
    EXPECT_THAT(mistake("tcp:"), StartsWith("tcp:: has no host"));
    EXPECT_THAT(mistake("tcp:h:80"), StartsWith("tcp:h:80: has no host"));
}

TEST(url_test, refuses_what_means_nothing_here) {
    EXPECT_THAT(mistake("tcp://h:1/path"), HasSubstr(": has a path"));
    EXPECT_THAT(mistake("tcp://h:1/"), HasSubstr(": has a path"));
    EXPECT_THAT(mistake("tcp://h:1/?a=b"), HasSubstr(": has a path"));
    EXPECT_THAT(mistake("tcp://user@h:1"), HasSubstr(": has user information"));
    EXPECT_THAT(mistake("tcp://@h:1"), HasSubstr(": has user information"));
    EXPECT_THAT(mistake("tcp://h:1#x"), HasSubstr(": has a fragment"));
    EXPECT_THAT(mistake("unix:x#"), HasSubstr(": has a fragment"));
    EXPECT_THAT(mistake("tcp://[v1.x]:1"), HasSubstr("write IPv6, such as [::1]"));
    EXPECT_THAT(mistake("tcp://a%00b:1"), HasSubstr(": has a percent sign in its host"));
    EXPECT_THAT(mistake("tcp://h:1?a=b&&c=d"), HasSubstr(": has an option without a key"));
    EXPECT_THAT(mistake("tcp://h:1?=b"), HasSubstr(": has an option without a key"));
}

TEST(url_test, lists_the_known_schemes) {
    EXPECT_EQ(
        mistake("http://h:1"),
        "http://h:1: unknown scheme \"http\"; write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH"
    );
    EXPECT_THAT(mistake("localhost:7700"), HasSubstr("unknown scheme \"localhost\""));
    EXPECT_EQ(
        mistake("7700"), "7700: has no scheme: write tcp://HOST:PORT, udp://HOST:PORT or unix:PATH"
    );
    EXPECT_THAT(mistake(""), HasSubstr("has no scheme"));
    EXPECT_THAT(mistake("tcps://h:1"), HasSubstr("unknown scheme \"tcps\""));
}

TEST(url_test, refuses_what_is_no_url) {
    for (const auto* text :
         {"tcp://h:x",
          "tcp://h:-1",
          "tcp://h:1x",
          "tcp://::1:80",
          "tcp://[::1:80",
          "tcp://[::1]80",
          "tcp://h h:1",
          "tcp://h:1?a=%zz",
          "tcp://h:1?a=%4",
          "unix:a b",
          "tcp:// h:1",
          "tcp://h:1 ",
          "unix:a[b]"})
        EXPECT_THAT(
            mistake(text),
            StartsWith(
                std::string(text) + ": must be tcp://HOST:PORT, udp://HOST:PORT or unix:PATH"
            )
        ) << text;
}

TEST(url_test, errors_show_no_control_characters) {
    EXPECT_THAT(mistake("tcp://h:1\n\x1b"), StartsWith("tcp://h:1\\x0a\\x1b: must be"));
    EXPECT_THAT(mistake("t\np://h:1"), HasSubstr("unknown scheme \"t\\x0ap\""));
}

TEST(url_test, checks_unix_paths) {
    EXPECT_EQ(mistake("unix:"), "unix:: has no path: write unix:PATH");
    EXPECT_EQ(mistake("unix://"), "unix://: has no path: write unix:PATH");
    EXPECT_EQ(mistake("unix:?a=b"), "unix:?a=b: has no path: write unix:PATH");
    EXPECT_THAT(mistake("unix://run/x.sock"), HasSubstr(": has a host"));
    EXPECT_THAT(mistake("unix://:80/x"), HasSubstr(": has a host"));
    EXPECT_THAT(mistake("unix:a%00b"), HasSubstr(": has a zero byte"));
    const std::string longest(107, 'x');
    EXPECT_EQ(parse_url("unix:" + longest).path, longest);
    EXPECT_THAT(
        mistake("unix:" + longest + "x"),
        HasSubstr(": has a path of 108 bytes; a Unix socket's takes 107 at most")
    );
    // It is the decoded path that must fit.
    std::string encoded;
    for (int i = 0; i < 107; ++i)
        encoded += "%78";
    EXPECT_EQ(parse_url("unix:" + encoded).path, longest);
    EXPECT_NE(mistake("unix:" + encoded + "%78"), "none");
}

TEST(url_test, writes_itself_without_the_query) {
    EXPECT_EQ(parse_url("tcp://[::1]:7700?a=b").to_string(), "tcp://[::1]:7700");
    EXPECT_EQ(parse_url("udp://h:1").to_string(), "udp://h:1");
    EXPECT_EQ(parse_url("unix:///run/x.sock?a").to_string(), "unix:/run/x.sock");
    EXPECT_EQ(parse_url("unix:x").to_string(), "unix:x");
    EXPECT_EQ(parse_url("unix:a%20b%3f").to_string(), "unix:a%20b%3F");
}

TEST(url_test, reads_back_what_it_writes) {
    std::string odd;
    for (int c = 1; c < 256; c += 3)
        odd += static_cast<char>(c);
    for (const std::string& path :
         {std::string("/x"),
          std::string("//x"),
          std::string("///x//"),
          std::string("a:b/c"),
          std::string("./x"),
          std::string("?"),
          std::string("#%41"),
          std::string("\xe9\x98\xbf"),
          odd}) {
        endpoint_url url;
        url.kind = scheme::unix_stream;
        url.path = path;
        const auto again = parse_url(url.to_string());
        EXPECT_EQ(again.path, path) << url.to_string();
        EXPECT_EQ(again.to_string(), url.to_string());
    }
}

}  // namespace
}  // namespace coserve
