/// \file
/// What the operator asked for, on the command line and in the configuration file.
#pragma once

#include "log.hpp"

#include <coserve/option_reader.hpp>
#include <coserve/server.hpp>

#include <string>
#include <vector>

namespace coserved {

/// A listener as it was asked for.
struct listen_request {
    std::string service_and_url;  ///< `echo=tcp://127.0.0.1:7700?mode=upper`
    std::string
        place;  ///< where it is written, for errors: `coserved.toml:7`; empty: on the command line

    std::string service() const { return service_and_url.substr(0, service_and_url.find('=')); }

    std::string url() const { return service_and_url.substr(service_and_url.find('=') + 1); }

    bool is_exec() const { return service() == "exec"; }
};

/// Each key is a long flag, and a top-level key of the configuration file.
struct settings {
    std::vector<listen_request> listeners;
    std::string ports_file;
    std::vector<std::string> exec_allow;  ///< programs, as they were written
    bool exec_shell = false;
    std::string upload_dir = "./uploads";
    unsigned cores = 0;               ///< 0: every processor that the process may use
    std::size_t max_connections = 0;  ///< 0: no limit
    coserve::duration drain_timeout = coserve::server_options{}.drain_timeout;
    coserve::log_level log_level = coserve::log_level::info;
    log_format format = log_format::text;

    /// All but the listeners.
    /// Errors: `coserve::configuration_error`.
    void read(coserve::option_reader&);
};

/// What is listened on where nothing is asked for.
std::vector<listen_request> default_listeners();

}  // namespace coserved
