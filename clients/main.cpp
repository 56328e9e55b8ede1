#include "chat_command.hpp"
#include "complaint.hpp"
#include "echo_command.hpp"
#include "exec_command.hpp"
#include "failure.hpp"
#include "literal_text.hpp"
#include "upload_command.hpp"

#include <coserve/error.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace coserve_client {
namespace {

/// A closed standard stream gets a place where no socket can take its number, and where using it
/// still fails.
void reserve_standard_streams() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// CLI11's own texts are several lines.
std::string one_line(const CLI::App& app, const CLI::ParseError& error) {
    std::string text = error.what();
    const std::vector<std::string> unknown = app.remaining(true);
    if (!unknown.empty()) {
        const std::string first = unmarked(unknown.front());
        const bool is_command = app.get_subcommands().empty() && !first.starts_with('-');
        text = is_command
                   ? "unknown command " + first + "; the known ones are chat, echo, exec and upload"
                   : "unknown argument " + first;
    }
    if (const auto at = text.find(" was given a disallowed flag override"); at != text.npos)
        text = "--" + text.substr(0, at) + " takes no value";
    return text + "; see coserve --help";
}

int run(int argc, char** argv) {
    CLI::App app("Clients for coserve's services.", "coserve");
    std::function<void()> chosen;
    app.set_version_flag("-V,--version", "coserve " COSERVE_VERSION, "Show the version, and exit");
    app.set_help_flag("-h,--help", "Show this, and exit");
    app.require_subcommand(1);
    add_echo_command(app, chosen);
    add_exec_command(app, chosen);
    add_upload_command(app, chosen);
    add_chat_command(app, chosen);
    try {
        app.parse(marked_arguments(argc, argv));
    } catch (const CLI::ParseError& e) {
        if (e.get_exit_code() != 0)
            throw coserve::configuration_error(one_line(app, e));
        return app.exit(e);
    }
    chosen();
    return 0;
}

}  // namespace
}  // namespace coserve_client

int main(int argc, char** argv) {
    using namespace coserve_client;
    reserve_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);  // a write that fails says so itself
    try {
        return run(argc, argv);
    } catch (const remote_exit& e) {
        return e.code;
    } catch (const coserve::configuration_error& e) {
        complain(e.what());
        return 2;
    } catch (const std::exception& e) {
        complain(e.what());
        return 1;
    }
}
