#include "upload_command.hpp"

#include "complaint.hpp"
#include "failure.hpp"
#include "literal_text.hpp"
#include "progress_bar.hpp"
#include "run.hpp"
#include "server_url.hpp"
#include "upload_connection.hpp"
#include "upload_files.hpp"

#include <coserve/error.hpp>
#include <coserve/printable.hpp>
#include <coserve/units.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coserve_client {
namespace {

constexpr const char* reference = R"(
Each file arrives whole under its own name, or not at all. The server's SHA-256 is compared with the
file's, and printed as sha256sum does. With -r the files below a directory are stored side by side.
--resume goes on where an interrupted upload of the same content ended; it hashes a file before it connects.
Towards a tutorial's server: --plain, or --wire marker; neither waits for a reply, and nobody then knows
whether the file was stored.
Exit codes: 0 all files are stored; 1 not all are; 2 usage.
)";

struct arguments {
    upload_options options;
    std::vector<std::string> paths;
    std::string wire = "json-header";
    std::string timeout = "10s", reply_timeout = "60s";
    bool recursive = false;
};

coserve::duration timeout(const std::string& option, const std::string& text) {
    const auto time = coserve::parse_time(text);
    if (!time || *time > coserve::longest_time)
        throw coserve::configuration_error(
            option + ' ' + text + ": must be a time, such as 500ms or 10s"
        );
    return time->count() == 0 ? coserve::longest_time : *time;
}

upload_wire wire_named(const std::string& name) {
    if (name == "json-header")
        return upload_wire::json_header;
    if (name == "marker")
        return upload_wire::marker;
    throw coserve::configuration_error("--wire " + name + ": must be json-header or marker");
}

/// One run of the command.
class upload {
public:
    explicit upload(const upload_options& options)
        : url_(parse_server_url(options.url, {})),
          connection_(context_.get_executor(), options, url_) {}

    void send_all(const std::vector<upload_file>& files) {
        for (const upload_file& file : files)
            send(file, files.size() > 1);
        connection_.close();
        // What was sent without a reply may still be on its way.
        work_.reset();
        context_.run();
        summarise(files.size());
        if (failed_ != 0)
            throw failure(
                std::to_string(failed_) + " of " + std::to_string(files.size()) + " files failed"
            );
    }

private:
    void send(const upload_file& file, bool go_on) {
        std::string why;
        try {
            const uploaded done = run(context_, connection_.send(file));
            bytes_ += done.size;
            if (!done.sha256.empty())
                std::printf("%s  %s\n", done.sha256.c_str(), coserve::printable(done.name).c_str());
            std::fflush(stdout);
            return;
        } catch (const coserve::system_error& e) {
            why = coserve::reason_of(e);
        } catch (const std::runtime_error& e) {
            why = e.what();
        }
        why = coserve::printable(file.path + ": " + why);
        if (!go_on)
            throw failure(why);
        ++failed_;
        complain(why);
    }

    void summarise(std::size_t files) const {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
        const auto rate = static_cast<std::uint64_t>(
            static_cast<double>(bytes_) / std::max(passed.count(), 1e-6)
        );
        std::fprintf(
            stderr,
            "coserve: %zu of %zu file%s, %s in %.1f s, %s/s\n",
            files - failed_,
            files,
            files == 1 ? "" : "s",
            readable_size(bytes_).c_str(),
            passed.count(),
            readable_size(rate).c_str()
        );
    }

    server_url url_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()
    };
    upload_connection connection_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    std::size_t failed_ = 0;
    std::uint64_t bytes_ = 0;
};

void start(arguments a) {
    std::ranges::transform(a.paths, a.paths.begin(), &unmarked);
    a.options.wire = wire_named(a.wire);
    a.options.connect_timeout = timeout("--timeout", a.timeout);
    a.options.reply_timeout = timeout("--reply-timeout", a.reply_timeout);
    if (a.options.resume && (a.options.plain || a.options.wire == upload_wire::marker))
        throw coserve::configuration_error(
            "--resume: needs a server that replies; leave --plain and --wire marker out"
        );
    const std::vector<upload_file> files = find_files(a.paths, a.recursive);
    upload(a.options).send_all(files);
}

}  // namespace

void add_upload_command(CLI::App& app, std::function<void()>& chosen) {
    const auto a = std::make_shared<arguments>();
    CLI::App* command = app.add_subcommand("upload", "Send files");
    command->add_option("URL", a->options.url, "Where the server listens")->required();
    command->add_option("FILE", a->paths, "Files, and with -r directories")->required();
    command->add_flag("-r,--recursive", a->recursive, "Directories: the files in them and below")
        ->disable_flag_override();
    command->add_flag("--resume", a->options.resume, "Go on with interrupted uploads")
        ->disable_flag_override();
    command->add_option("--wire", a->wire, "json-header or marker [json-header]")->type_name("W");
    command->add_flag("--plain", a->options.plain, "As the tutorials do: no reply is asked for")
        ->disable_flag_override();
    command->add_option("--message", a->options.message, "Shown in the server's log")
        ->type_name("TEXT");
    command->add_option("--timeout", a->timeout, "To connect; 0: no limit [10s]")
        ->type_name("TIME");
    command
        ->add_option(
            "--reply-timeout",
            a->reply_timeout,
            "For the server's reply once all is sent, and 1 s more for each 16 MiB; 0: no limit "
            "[60s]"
        )
        ->type_name("TIME");
    command->footer(reference);
    command->callback([a, &chosen] { chosen = [a] { start(*a); }; });
}

}  // namespace coserve_client
