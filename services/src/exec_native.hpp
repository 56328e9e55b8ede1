// Native exec: several commands at once on a connection, each with its streams.
#pragma once

#include "exec_connection.hpp"
#include "exec_plan.hpp"

#include "protocol/exec_request.hpp"

#include <string>

namespace coserve {

class exec_native final : public exec_connection {
public:
    explicit exec_native(const exec_context&);

private:
    task<> read_requests() override;
    task<> take(exec_request);
    task<> take_start(exec_request);
    task<> take_input(exec_request);
    task<bytes> read_body(std::uint64_t size);
    task<> refuse(exec_id, exec_error);
    std::optional<exec_error> objection(const exec_request&);
    exec_plan plan(const exec_start&);
    void say(exec_id, const exec_error&);
    [[noreturn]] void break_off(exec_id, const std::string& why);

    bool broken_off_ = false;  // and the client was told
};

}  // namespace coserve
