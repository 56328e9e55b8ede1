/// \file
/// The service `exec`: runs commands and gives back what they write.
#pragma once

#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/services/exec_policy.hpp>
#include <coserve/stream_handler.hpp>
#include <coserve/subprocess.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coserve {

class exec_connection;
class exec_places;
enum class exec_wire : unsigned char;

/// What all listeners of a server that run commands share: how many run at once. Copies share it.
/// Thread: locks for itself.
class exec_shared {
public:
    exec_shared();
    exec_shared(const exec_shared&);
    exec_shared& operator=(const exec_shared&);
    ~exec_shared();

    const exec_places& places() const noexcept { return *places_; }

private:
    std::unique_ptr<exec_places> places_;
};

/// Several commands at once on a connection, each with its output as it comes, or one after the
/// other in a tutorial's format; docs/wire.md has the bytes. A client that goes, even by a
/// half-close, ends its commands, with all that these have started. A drain lets them go on until
/// shortly before its deadline.
///
/// Anybody who can connect can run what the policy allows: there is no authentication.
class exec final : public stream_handler {
public:
    /// The keys of a listener. Limits of 0 are none.
    struct options {
        exec_wire wire{};                      ///< `wire`
        std::vector<std::string> environment;  ///< `env`, beside PATH and LANG: NAME=VALUE
        std::string directory;                 ///< empty: the server's own
        duration timeout{};                    ///< of each command; what it asks may be less
        std::size_t output_limit = std::size_t{64} << 20;  ///< bytes of each stream
        std::size_t per_connection = 8;  ///< `commands-per-connection`, at once; 64 more wait
        std::size_t commands = 64;       ///< on the whole server, at once; 256 more wait
        subprocess_limits limits;
        bool no_new_privs = true;
        std::optional<subprocess_user> user;
        std::string encoding;  ///< of what is sent; empty: as the command wrote it

        /// Errors: `configuration_error`.
        void read(option_reader&);
        void preset(stream_limits&) const;
        framing codecs(const stream_limits&) const;
    };

    exec(const options&, const exec_policy&, const exec_shared&);
    ~exec() override;

    task<> handle() override;

private:
    void open(executor);

    const options& options_;  // these are the listener's
    const exec_policy& policy_;
    const exec_shared& shared_;
    std::unique_ptr<exec_connection> connection_;
};

}  // namespace coserve
