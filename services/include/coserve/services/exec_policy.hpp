/// \file
/// What the service `exec` may run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {

/// Nothing, unless somebody says so: programs, which are started without a shell, or the shell,
/// which can do all that the server's user can.
class exec_policy {
public:
    /// A name, searched along `PATH` now and never again, or a path. Clients may then ask for it by
    /// what was written here, by its path, or by its last part; where two have the same name the
    /// first has it.
    /// Errors: `configuration_error` where there is no such program.
    void allow(const std::string& program);
    void allow_shell() noexcept { shell_ = true; }

    bool allows_anything() const noexcept { return shell_ || !programs_.empty(); }

    bool allows_shell() const noexcept { return shell_; }

    bool allows_programs() const noexcept { return !programs_.empty(); }

    /// The path of what a client calls `name`; nullopt: it is not allowed.
    std::optional<std::string> find(std::string_view name) const;

private:
    struct program {
        std::string written, path, name;
    };

    std::vector<program> programs_;
    bool shell_ = false;
};

}  // namespace coserve
