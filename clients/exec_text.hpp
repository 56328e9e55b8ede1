/// \file
/// The tutorials' exec, as a client speaks it: one text there, one reply back.
#pragma once

#include "exec_talk.hpp"

#include "protocol/exec_wire.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace coserve_client {

class exec_text final : public exec_talk {
public:
    exec_text(
        boost::asio::io_context& context,
        coserve::frame_stream stream,
        std::string name,
        exec_outputs outputs,
        coserve::exec_wire wire
    )
        : exec_talk(context, std::move(stream), std::move(name), outputs), wire_(wire) {}

    /// Always 0: these wires carry no exit code. Ctrl-C ends the connection and this program.
    /// Errors: `coserve::configuration_error` for what no request can carry.
    coserve::task<int> run(remote_command) override;

private:
    coserve::task<std::uint64_t> read_size();
    coserve::task<std::string> read_json(std::size_t size);
    coserve::task<std::size_t> read_length();
    coserve::task<coserve::frame> read_piece(std::size_t size);

    const coserve::exec_wire wire_;
};

}  // namespace coserve_client
