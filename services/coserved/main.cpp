#include "command_line.hpp"
#include "exec_checks.hpp"
#include "ports_file.hpp"
#include "process.hpp"

#include <coserve/server.hpp>
#include <coserve/services/bundled.hpp>
#include <coserve/subprocess.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace coserved {
namespace {

// The same for all of coserve's programs, but the last.
enum exit_code { success = 0, failed = 1, misused = 2, cannot_bind = 3 };

int complain(std::string_view sentence, exit_code code) {
    std::fprintf(stderr, "coserved: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
    return code;
}

/// Nobody may be reading, which is no reason to stop serving.
void print(const std::string& text) noexcept {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

/// Names the place in front of what is wrong there.
std::string located(const listen_request& request, std::string_view what) {
    return request.place.empty() ? std::string(what) : request.place + ": " + std::string(what);
}

class bind_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

std::string bind_advice(const listen_request& request, const boost::system::error_code& error) {
    namespace errc = boost::system::errc;
    if (request.service_and_url.find("=unix:") != std::string::npos)
        return "; choose another path, in a directory that may be written to";
    if (error == errc::address_in_use)
        return "; stop what listens there, or choose another port (0: any free one)";
    if (error == errc::permission_denied)
        return "; choose a port from 1024 on";
    if (error == errc::address_not_available)
        return "; choose an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all";
    return {};
}

coserve::listener listen(coserve::server& server, const listen_request& request) {
    try {
        return server.listen(request.service_and_url);
    } catch (const coserve::configuration_error& e) {
        throw coserve::configuration_error(located(request, e.what()));
    } catch (const boost::system::system_error& e) {
        throw bind_error(located(
            request,
            "cannot listen on " + request.service_and_url + ": " + e.code().message() +
                bind_advice(request, e.code())
        ));
    }
}

void check(const coserve::server& server, const listen_request& request) {
    try {
        server.check(request.service_and_url);
        if (request.is_exec())
            check_exec_address(request.url());
    } catch (const coserve::configuration_error& e) {
        throw coserve::configuration_error(located(request, e.what()));
    }
}

coserve::server_options server_options(const settings& s) {
    coserve::server_options options;
    options.cores = s.cores;
    options.max_connections = s.max_connections;
    options.drain_timeout = s.drain_timeout;
    options.log = make_log(s.log_level, s.format);
    return options;
}

void warn(const coserve::log_sink& log, const settings& s) {
    for (const listen_request& request : s.listeners) {
        if (!request.is_exec())
            continue;
        for (const std::string& warning : exec_warnings(request.url()))
            log({coserve::log_level::warning, warning, {}});
    }
}

void serve(coserve::server& server, const settings& s) {
    std::vector<bound_listener> bound;
    for (const listen_request& request : s.listeners)
        for (const std::string& url : listen(server, request).urls()) {
            if (request.is_exec())  // a name may lead elsewhere by now
                check_exec_address(url);
            bound.push_back({request.service(), url});
        }
    // From now on a signal waits for run(), which is told of those that Asio had caught before it.
    boost::asio::io_context early;
    const boost::asio::signal_set caught(early, SIGINT, SIGTERM);
    if (!s.ports_file.empty())
        write_ports_file(s.ports_file, bound);
    std::string lines;
    for (const bound_listener& l : bound)
        lines += l.service + ' ' + l.url + '\n';
    print(lines + "Ready.\n");
    server.run();
}

int run(int argc, char** argv) {
    coserve::registry bundled;
    add_bundled_services(bundled);
    const command_line asked = read_command_line(argc, argv, bundled);
    if (!asked.shown.empty()) {
        print(asked.shown);
        return success;
    }
    const coserve::exec_policy policy = exec_policy_of(asked.settings);
    const coserve::server_options options = server_options(asked.settings);
    coserve::server server(options);
    add_bundled_services(server.registry(), policy, asked.settings.upload_dir);
    for (const listen_request& request : asked.settings.listeners)
        check(server, request);
    if (asked.check_only) {
        print("The configuration is valid.\n");
        return success;
    }
    if (policy.allows_anything()) {
        coserve::track_processes();
        warn(options.log, asked.settings);
    }
    serve(server, asked.settings);
    return success;
}

}  // namespace
}  // namespace coserved

int main(int argc, char** argv) {
    using namespace coserved;
    open_standard_streams();
    set_signals();
    raise_descriptor_limit();
    try {
        return run(argc, argv);
    } catch (const coserve::configuration_error& e) {
        return complain(e.what(), misused);
    } catch (const bind_error& e) {
        return complain(e.what(), cannot_bind);
    } catch (const std::exception& e) {
        return complain(e.what(), failed);
    }
}
