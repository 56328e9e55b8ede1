// A program run by posix_spawn with its output captured through two pipes, and by waitid: what a
// server of commands cannot do without.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

[[noreturn]] inline void fail(const char* what, int error) {
    errno = error;
    std::perror(what);
    std::exit(1);
}

struct captured_command {
    pid_t id;
    int outputs[2];  // -1 after its end
};

inline captured_command start(const char* program) {
    int pipes[2][2];
    for (auto& p : pipes)
        if (::pipe2(p, O_CLOEXEC) != 0)
            fail("pipe2", errno);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDERR_FILENO);
    char* const arguments[] = {const_cast<char*>(program), nullptr};
    char path[] = "PATH=/usr/bin:/bin";
    char* const environment[] = {path, nullptr};
    captured_command c{-1, {pipes[0][0], pipes[1][0]}};
    if (const int error = posix_spawn(&c.id, program, &actions, nullptr, arguments, environment))
        fail("posix_spawn", error);
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipes[0][1]);
    ::close(pipes[1][1]);
    return c;
}

// What is there of one stream; closes it at its end.
inline void take(int& output, std::string& captured) {
    char piece[65536];
    const ssize_t size = ::read(output, piece, sizeof piece);
    if (size > 0) {
        captured.append(piece, static_cast<std::size_t>(size));
        return;
    }
    ::close(output);
    output = -1;
}

inline bool has_ended(captured_command& c) {
    if (c.outputs[0] >= 0 || c.outputs[1] >= 0)
        return false;
    siginfo_t info;
    if (::waitid(P_PID, static_cast<id_t>(c.id), &info, WEXITED) != 0)
        fail("waitid", errno);
    return true;
}
