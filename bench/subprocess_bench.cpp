// Commands per second, output captured, by subprocess and by a bare posix_spawn and waitid loop
// that captures too, in turns within one run:
//
//   subprocess_bench [--commands N] [--rounds N] [--resident MIB] [--track HOW] [PROGRAM...]
//
// HOW is session (the default), subreaper or cgroup: how all that a command starts is found.
// For one command at a time, and eight at once. Without a PROGRAM: the tiny static one beside this,
// and /bin/true.
#include <coserve/io.hpp>
#include <coserve/subprocess.hpp>
#include <coserve/task.hpp>

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

struct plan {
    unsigned commands = 2000, rounds = 5;
    std::size_t resident_mib = 0;
    std::vector<std::string> programs;
};

using rate = double;  // commands a second

rate per_second(unsigned commands, std::chrono::steady_clock::time_point begin) {
    return commands /
           std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void check(bool good, const char* what) {
    if (!good)
        throw std::runtime_error(what);
}

// ---- the bare loop

class bare_command {
public:
    void start(const std::string& program) {
        check(
            ::pipe2(output_.data(), O_CLOEXEC) == 0 && ::pipe2(errors_.data(), O_CLOEXEC) == 0,
            "pipe2"
        );
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, output_[1], 1);
        ::posix_spawn_file_actions_adddup2(&actions, errors_[1], 2);
        char* const argv[] = {const_cast<char*>(program.c_str()), nullptr};
        char path[] = "PATH=/usr/bin:/bin";
        char* const environment[] = {path, nullptr};
        check(
            ::posix_spawn(&id_, program.c_str(), &actions, nullptr, argv, environment) == 0,
            "posix_spawn"
        );
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(output_[1]);
        ::close(errors_[1]);
        open_ = 2;
    }

    void add_to(std::vector<pollfd>& all) const {
        all.push_back({output_[0], POLLIN, 0});
        all.push_back({errors_[0], POLLIN, 0});
    }

    // True: both have ended, and the process is reaped.
    bool progress(const pollfd& output, const pollfd& errors) {
        read(output_[0], output);
        read(errors_[0], errors);
        if (open_ != 0)
            return false;
        siginfo_t info;
        check(
            ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED) == 0 && info.si_status == 0,
            "waitid"
        );
        return true;
    }

private:
    void read(int& fd, const pollfd& p) {
        if (fd < 0 || p.revents == 0)
            return;
        std::array<char, 65536> buffer;
        const ssize_t size = ::read(fd, buffer.data(), buffer.size());
        check(size >= 0, "read");
        if (size != 0)
            return;
        ::close(fd);
        fd = -1;
        --open_;
    }

    pid_t id_ = 0;
    std::array<int, 2> output_{-1, -1}, errors_{-1, -1};
    int open_ = 0;
};

rate bare(const std::string& program, unsigned commands, unsigned at_once) {
    const auto begin = std::chrono::steady_clock::now();
    std::vector<bare_command> running(at_once);
    unsigned started = 0;
    for (bare_command& c : running) {
        c.start(program);
        ++started;
    }
    std::vector<pollfd> ready;
    while (!running.empty()) {
        ready.clear();
        for (const bare_command& c : running)
            c.add_to(ready);
        check(::poll(ready.data(), ready.size(), -1) > 0, "poll");
        for (std::size_t i = running.size(); i-- != 0;) {
            if (!running[i].progress(ready[2 * i], ready[2 * i + 1]))
                continue;
            running[i] = bare_command();
            if (started < commands) {
                running[i].start(program);
                ++started;
            } else {
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
    }
    return per_second(commands, begin);
}

// ---- the framework's

coserve::task<> run_commands(const coserve::subprocess_options& options, unsigned& left) {
    while (left != 0) {
        --left;
        coserve::subprocess p = co_await coserve::subprocess::start(options);
        const coserve::subprocess_result r = co_await p.collect(65536);
        check(r.exit.code == 0 && r.exit.signal == 0, "the command failed");
    }
}

rate with_subprocess(const std::string& program, unsigned commands, unsigned at_once) {
    coserve::subprocess_options options;
    options.program = program;
    options.arguments = {program};
    options.environment = {"PATH=/usr/bin:/bin"};
    coserve::io_context context{1};
    unsigned left = commands;
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < at_once; ++i)
        boost::asio::co_spawn(context, run_commands(options, left), [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
    context.run();
    return per_second(commands, begin);
}

// ----

rate median(std::vector<rate> all) {
    std::ranges::sort(all);
    return all[all.size() / 2];
}

void compare(const plan& p, const std::string& program, unsigned at_once) {
    std::vector<rate> raw, ours, ratios;
    for (unsigned i = 0; i < p.rounds; ++i) {
        raw.push_back(bare(program, p.commands, at_once));
        ours.push_back(with_subprocess(program, p.commands, at_once));
        ratios.push_back(ours.back() / raw.back());
    }
    std::printf(
        "%-14s %u at once: posix_spawn %5.0f/s, subprocess %5.0f/s, ratio %.2f\n",
        std::filesystem::path(program).filename().c_str(),
        at_once,
        median(raw),
        median(ours),
        median(ratios)
    );
    std::fflush(stdout);
}

void track(std::string_view how) {
    using enum coserve::process_tracking;
    const auto wanted = how == "cgroup" ? cgroup : how == "subreaper" ? subreaper : session;
    check(coserve::track_processes(wanted) == wanted, "not to be had here");
}

plan read_arguments(int count, char** arguments) {
    plan p;
    for (int i = 1; i < count; ++i) {
        const std::string_view name = arguments[i];
        const auto text = [&] {
            check(i + 1 < count, "a value is missing");
            return std::string_view(arguments[++i]);
        };
        const auto number = [&] {
            return static_cast<unsigned>(std::strtoul(text().data(), nullptr, 10));
        };
        if (name == "--commands")
            p.commands = std::max(8U, number());
        else if (name == "--rounds")
            p.rounds = std::max(1U, number());
        else if (name == "--resident")
            p.resident_mib = number();
        else if (name == "--track")
            track(text());
        else
            p.programs.emplace_back(name);
    }
    if (p.programs.empty())
        p.programs = {
            std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tiny_command",
            "/bin/true"
        };
    return p;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const plan p = read_arguments(count, arguments);
        const std::vector<char> resident(p.resident_mib << 20, 'x');
        std::printf(
            "%zu MiB resident beside; medians of %u rounds of %u commands\n",
            resident.size() >> 20,
            p.rounds,
            p.commands
        );
        for (const std::string& program : p.programs)
            for (const unsigned at_once : {1U, 8U})
                compare(p, program, at_once);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "subprocess_bench: %s\n", e.what());
        return 1;
    }
}
