/// \file
/// The tutorials' exec, as a client speaks it: one text there, one reply back.
#pragma once

#include "exec_talk.hpp"

#include "protocol/exec_wire.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace coserve_client {

class exec_text final : public exec_talk {
public:
    exec_text(
        boost::asio::io_context&,
        coserve::frame_stream,
        std::string name,
        coserve::exec_wire,
        exec_outputs
    );

    /// Always 0: these wires carry no exit code. Ctrl-C ends the connection and this program.
    /// Errors: `coserve::configuration_error` for what no request can carry.
    coserve::task<int> run(remote_command) override;
    coserve::task<> gone() override;

private:
    coserve::task<std::uint64_t> read_size();
    coserve::task<std::string> read_json(std::size_t size);
    coserve::task<std::size_t> read_length();
    coserve::task<coserve::frame> read_piece(std::size_t size);

    boost::asio::io_context& context_;
    coserve::frame_stream stream_;
    std::string name_;
    coserve::exec_wire wire_;
    exec_outputs outputs_;
};

}  // namespace coserve_client
