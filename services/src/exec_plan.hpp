// What a request means here: the child to start, or why there is none.
#pragma once

#include <coserve/error.hpp>
#include <coserve/services/exec.hpp>
#include <coserve/services/exec_policy.hpp>
#include <coserve/subprocess.hpp>

#include "protocol/exec_reply.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coserve {

using exec_plan = std::variant<subprocess_options, exec_error>;

// `argv` as a client of native exec gives it.
exec_plan plan_program(const exec_policy&, const exec::options&, std::vector<std::string> argv);
// A text for the shell.
exec_plan plan_shell(const exec_policy&, const exec::options&, std::string command);
// The same where the wire has nothing but texts: without a shell it is split.
exec_plan plan_text(const exec_policy&, const exec::options&, std::string command);

// What a client is told whose command could not be started.
exec_error describe_start_failure(const subprocess_error&, const std::string& program);
exec_error describe_start_failure(const system_error&);

}  // namespace coserve
