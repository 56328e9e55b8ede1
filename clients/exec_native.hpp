/// \file
/// Native exec, as a client speaks it.
#pragma once

#include "exec_talk.hpp"
#include "standard_input.hpp"

#include <coserve/task_group.hpp>

#include "protocol/exec_reply.hpp"
#include "protocol/exec_request.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace coserve_client {

class exec_native final : public exec_talk {
public:
    using exec_talk::exec_talk;

    /// The first Ctrl-C is SIGINT for the command, which is cancelled where that does not end it;
    /// the second ends this program.
    coserve::task<int> run(remote_command) override;

private:
    using outcome = std::variant<coserve::exec_result, coserve::exec_error>;

    coserve::task<outcome> run_once(coserve::exec_start);
    coserve::task<outcome> talk();
    coserve::task<> show(coserve::exec_stream);
    coserve::task<> feed();
    coserve::task<> pass_input();
    coserve::task<> insist();
    void interrupt(coserve::task_group& beside);
    void ask(coserve::exec_request, coserve::frame_view body = {});
    int code_of(const outcome&) const;

    std::optional<standard_input> input_;
    // Never expires.
    boost::asio::steady_timer granted_{context_, boost::asio::steady_timer::time_point::max()};
    std::uint64_t id_ = 0;  // of the command that runs, or ran last
    std::uint64_t window_ = 0;
    bool interrupted_ = false;
    bool without_shell_ = false;  // as the server said
};

}  // namespace coserve_client
