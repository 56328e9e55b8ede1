// The limit for servers of commands: `spawn_loop AT_ONCE SECONDS PROGRAM`. So many children at a
// time, each by posix_spawn with its output captured through two pipes, and by waitid; prints how
// many a second.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what, int error) {
    errno = error;
    std::perror(what);
    std::exit(1);
}

struct child {
    pid_t id;
    int outputs[2];
};

child start(char* program) {
    int pipes[2][2];
    for (auto& p : pipes)
        if (::pipe2(p, O_CLOEXEC) != 0)
            fail("pipe2", errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDERR_FILENO);
    char* const arguments[] = {program, nullptr};
    char path[] = "PATH=/usr/bin:/bin";
    char* const environment[] = {path, nullptr};
    child c{-1, {pipes[0][0], pipes[1][0]}};
    if (const int error = posix_spawn(&c.id, program, &actions, nullptr, arguments, environment))
        fail("posix_spawn", error);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipes[0][1]);
    ::close(pipes[1][1]);
    return c;
}

/// What is there of one stream; closes it at its end.
void take(int& output, std::string& captured) {
    char piece[65536];
    const ssize_t size = ::read(output, piece, sizeof piece);
    if (size > 0) {
        captured.append(piece, static_cast<std::size_t>(size));
        return;
    }
    ::close(output);
    output = -1;
}

bool has_ended(child& c) {
    if (c.outputs[0] >= 0 || c.outputs[1] >= 0)
        return false;
    siginfo_t info;
    if (::waitid(P_PID, static_cast<id_t>(c.id), &info, WEXITED) != 0)
        fail("waitid", errno);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: spawn_loop AT_ONCE SECONDS PROGRAM\n", stderr);
        return 2;
    }
    const auto at_once = static_cast<std::size_t>(std::atoi(argv[1]));
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::duration<double>(std::atof(argv[2]));
    std::vector<child> running;
    std::string captured;
    std::size_t done = 0;
    while (clock_type::now() < end || !running.empty()) {
        while (running.size() < at_once && clock_type::now() < end)
            running.push_back(start(argv[3]));
        std::vector<pollfd> waited;
        for (const child& c : running)
            for (const int output : c.outputs)
                waited.push_back({output, POLLIN, 0});
        ::poll(waited.data(), waited.size(), -1);
        for (std::size_t i = 0; i < waited.size(); ++i)
            if (waited[i].fd >= 0 && waited[i].revents != 0)
                take(running[i / 2].outputs[i % 2], captured);
        captured.clear();
        done += std::erase_if(running, has_ended);
    }
    const std::chrono::duration<double> lasted = clock_type::now() - begin;
    std::printf("%.1f\n", static_cast<double>(done) / lasted.count());
}
