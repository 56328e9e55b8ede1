/// \file
/// A command, as a client of exec has it run.
#pragma once

#include "job.hpp"
#include "plan.hpp"

#include "protocol/exec_wire.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/io.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace coserve_bench {

/// Errors: `coserve::configuration_error` for a wire that there is none of.
coserve::exec_wire exec_wire_of(std::string_view name);

/// One command after the other on one connection. Verified by `length` it is to end with 0, where
/// the wire tells; `full`: and to write what the connection's first one wrote.
class exec_job final : public job {
public:
    explicit exec_job(const plan&);

    coserve::task<> connect() override;
    coserve::task<std::uint64_t> perform(std::size_t) override;
    void abort() noexcept override;
    void disconnect() noexcept override;

private:
    coserve::task<> run_native();
    coserve::task<> run_text();
    coserve::task<> take_output();
    coserve::task<std::uint64_t> read_size();
    coserve::task<std::uint64_t> read_length();
    void take(std::string_view piece);
    void check_output();

    const plan& plan_;
    const coserve::exec_wire wire_;
    const std::string text_;
    std::optional<coserve::frame_stream> stream_;
    std::uint64_t id_ = 0, bytes_ = 0;
    std::string output_;                // where it is verified in full
    std::optional<std::string> first_;  // the first command's
};

}  // namespace coserve_bench
