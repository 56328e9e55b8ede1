/// \file
/// What is looked at before a listener of exec is opened.
#pragma once

#include "settings.hpp"

#include <coserve/services/exec_policy.hpp>

#include <string>
#include <vector>

namespace coserved {

/// Errors: `coserve::configuration_error` for a program that is not there.
coserve::exec_policy exec_policy_of(const settings&);

/// Whoever can connect can run commands: so nobody from elsewhere may.
/// Errors: `coserve::configuration_error` for an address that is not this machine's own.
void check_exec_address(const std::string& url);

/// What the operator should know of it, a sentence each.
std::vector<std::string> exec_warnings(const std::string& url);

}  // namespace coserved
