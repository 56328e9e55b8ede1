// The tutorials' wires: a request is a text, a reply is one piece, in the requests' order.
#pragma once

#include "exec_connection.hpp"
#include "exec_plan.hpp"

#include <string>
#include <string_view>

namespace coserve {

class exec_text final : public exec_connection {
public:
    explicit exec_text(const exec_context&);

private:
    task<> read_requests() override;
    exec_plan plan(std::string_view request);
};

}  // namespace coserve
