#include "exec_plan.hpp"

#include "protocol/command_text.hpp"
#include "protocol/json_members.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <unistd.h>

namespace coserve {

namespace {

constexpr std::array<std::string_view, 2> first_environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};

std::string_view name_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

/// What the listener says of a variable takes the place of what was there.
std::vector<std::string> environment_of(const exec::options& o) {
    std::vector<std::string> all(first_environment.begin(), first_environment.end());
    for (const std::string& e : o.environment) {
        std::erase_if(all, [&](const std::string& known) { return name_of(known) == name_of(e); });
        all.push_back(e);
    }
    return all;
}

/// All but the program.
subprocess_options options_of(const exec::options& o) {
    subprocess_options child;
    child.environment = environment_of(o);
    child.directory = o.directory;
    child.limits = o.limits;
    child.user = o.user;
    child.new_privileges = !o.no_new_privs;
    return child;
}

exec_error disabled() {
    return {
        "disabled",
        "commands are not enabled here; the server's operator enables them with --exec-allow "
        "PROGRAM or --exec-shell"
    };
}

/// Along the PATH that commands have, where everything may be run.
std::optional<std::string> search(std::string_view path, const std::string& name) {
    while (true) {
        const std::size_t end = path.find(':');
        std::string candidate(path.substr(0, end));
        candidate.append("/").append(name);
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        if (end == path.npos)
            return std::nullopt;
        path.remove_prefix(end + 1);
    }
}

std::optional<std::string>
search_environment(const std::vector<std::string>& environment, const std::string& name) {
    if (name.find('/') != name.npos)
        return name;
    constexpr std::string_view variable = "PATH=";
    for (const std::string& e : environment)
        if (e.starts_with(variable))
            return search(std::string_view(e).substr(variable.size()), name);
    return std::nullopt;
}

std::string quoted(const std::string& program) {
    constexpr std::size_t longest_shown = 128;
    return json_text(program.substr(0, longest_shown));
}

}  // namespace

exec_plan
plan_program(const exec_policy& policy, const exec::options& o, std::vector<std::string> argv) {
    if (!policy.allows_anything())
        return disabled();
    const std::string& name = argv.front();
    subprocess_options child = options_of(o);
    std::optional<std::string> program = policy.find(name);
    if (!program && !policy.allows_shell())
        return exec_error{"not-allowed", quoted(name) + " is not among the programs allowed here"};
    if (!program)
        program = search_environment(child.environment, name);
    if (!program)
        return exec_error{"not-found", "there is no program " + quoted(name)};
    child.program = std::move(*program);
    child.arguments = std::move(argv);
    return child;
}

exec_plan plan_shell(const exec_policy& policy, const exec::options& o, std::string command) {
    if (!policy.allows_anything())
        return disabled();
    if (!policy.allows_shell())
        return exec_error{
            "not-allowed", "a command for the shell is not allowed here; argv names a program"
        };
    subprocess_options child = options_of(o);
    subprocess_options shell = subprocess_options::shell(std::move(command));
    child.program = std::move(shell.program);
    child.arguments = std::move(shell.arguments);
    return child;
}

exec_plan plan_text(const exec_policy& policy, const exec::options& o, std::string command) {
    if (policy.allows_shell() || !policy.allows_anything())
        return plan_shell(policy, o, std::move(command));
    auto argv = split_command(command);
    if (!argv)
        return exec_error{"bad-request", "a quote or a backslash at the end is left open"};
    if (argv->empty() || argv->front().empty())
        return exec_error{"bad-request", "the command is empty"};
    return plan_program(policy, o, std::move(*argv));
}

exec_error describe_start_failure(const subprocess_error& e, const std::string& program) {
    const bool is_program = e.step() == launch_step::execute;
    const std::string why = e.code().message();
    if (is_program && (e.code().value() == ENOENT || e.code().value() == ENOTDIR))
        return {"not-found", "there is no program " + quoted(program)};
    if (is_program)
        return {"cannot-start", quoted(program) + " cannot be executed: " + why};
    return describe_start_failure(e);
}

exec_error describe_start_failure(const system_error& e) {
    return {"cannot-start", "the server cannot start a command: " + reason_of(e)};
}

}  // namespace coserve
