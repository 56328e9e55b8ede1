#include "command_line.hpp"

#include "config_file.hpp"
#include "reference.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coserved {
namespace {

using coserve::configuration_error;

struct flag {
    const char* name;
    const char* value;
    const char* help;
};

/// Those whose keys `settings::read` knows.
constexpr std::array setting_flags{
    flag{"--cores", "N", "Threads that serve, 1 to 1024 [one for each processor it may use]"},
    flag{
        "--ports-file", "FILE", "Gets a JSON array of {\"service\", \"url\"}, with the real ports"
    },
    flag{"--exec-allow", "PROGRAM", "That exec may run, without a shell; may be repeated [none]"},
    flag{"--upload-dir", "DIR", "Where uploads go, made if it is absent [./uploads]"},
    flag{"--max-connections", "N", "Of all listeners together; 0: no limit [0]"},
    flag{"--log-level", "LEVEL", "debug, info, warning or error [info]"},
    flag{"--log-format", "FORMAT", "text or json, on stderr [text]"},
    flag{
        "--drain-timeout", "TIME", "To finish what is under way after a signal, such as 10s [10s]"
    },
};

/// CLI11's own texts are several lines, and say nothing about what would be right.
std::string one_line(const CLI::App& app, const CLI::ParseError& error) {
    std::string text = error.what();
    std::replace(text.begin(), text.end(), '\n', ' ');
    if (!app.remaining().empty()) {
        text = "unknown argument " + app.remaining().front() + "; the known flags are ";
        for (const CLI::Option* o : app.get_options())
            text += o->get_name() + (o == app.get_options().back() ? "" : ", ");
    }
    if (const auto at = text.find(" was given a disallowed flag override"); at != text.npos)
        text = "--" + text.substr(0, at) + " takes no value";
    return text + "; see coserved --help";
}

class parser {
public:
    explicit parser(const coserve::registry& services) : services_(services) {
        app_.set_help_flag();
        app_.add_flag("-h,--help", help_, "Show this, and exit")->disable_flag_override();
        app_.add_flag("-V,--version", version_, "Show the version, and exit")
            ->disable_flag_override();
        app_.add_option("--config", config_, "TOML file; its keys are these flags without dashes")
            ->type_name("FILE");
        app_.add_flag(
                "--check",
                result_.check_only,
                "Check the options and the URLs, bind nothing, and exit"
        )
            ->disable_flag_override();
        app_.add_option(
                "--listen",
                listens_,
                "Where to listen; may be repeated [echo=tcp://127.0.0.1:7700, "
                "echo=udp://127.0.0.1:7700, exec=tcp://127.0.0.1:7701, "
                "upload=tcp://127.0.0.1:7702 and chat=udp://127.0.0.1:7703]"
        )
            ->type_name("SERVICE=URL")
            ->allow_extra_args(false);
        app_.add_flag("--exec-shell", exec_shell_, "exec may run any command, by /bin/sh -c")
            ->disable_flag_override();
        for (const flag& f : setting_flags)
            app_.add_option(f.name, f.help)
                ->type_name(f.value)
                ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    command_line parse(int argc, char** argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& e) {
            throw configuration_error(one_line(app_, e));
        }
        if (help_)
            result_.shown = app_.help() + reference(services_);
        else if (version_)
            result_.shown = "coserved " COSERVE_VERSION "\n";
        else
            read_settings();
        return std::move(result_);
    }

private:
    void read_settings() {
        settings& s = result_.settings;
        if (app_.count("--config") > 0)
            read_config_file(config_, services_, s);
        coserve::option_reader reader("command line", given());
        s.read(reader);
        reader.finish();
        if (!listens_.empty())
            s.listeners.clear();
        for (std::string& l : listens_)
            s.listeners.push_back({std::move(l), {}});
        if (s.listeners.empty())
            s.listeners = default_listeners();
    }

    std::vector<coserve::option> given() const {
        std::vector<coserve::option> options;
        for (const flag& f : setting_flags)
            for (const std::string& value : app_.get_option(f.name)->results())
                options.push_back({std::string(f.name).substr(2), value});
        if (exec_shell_)
            options.push_back({"exec-shell", "on"});
        return options;
    }

    const coserve::registry& services_;
    CLI::App app_{
        "Serves echo, exec, upload and sink over TCP and Unix sockets, echo and chat over UDP.",
        "coserved"
    };
    bool help_ = false;
    bool exec_shell_ = false;
    bool version_ = false;
    std::string config_;
    std::vector<std::string> listens_;
    command_line result_;
};

}  // namespace

command_line read_command_line(int argc, char** argv, const coserve::registry& services) {
    return parser(services).parse(argc, argv);
}

}  // namespace coserved
