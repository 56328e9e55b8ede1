/// \file
/// Where chat is shown: what is said on standard output, all else on standard error; on a terminal
/// above the line that is being typed.
#pragma once

#include "output.hpp"
#include "prompt.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace coserve_client {

/// Lines come without their ends, and are safe to show. On a terminal they bear the time.
///
/// Lifetime: outlives the context's turns.
/// Errors: `failure`, also out of the context's `run()`.
class chat_screen {
public:
    explicit chat_screen(boost::asio::io_context&);

    /// Something that was asked for, or a member said.
    void show(std::string_view line);
    /// Something that happened.
    void tell(std::string_view line);
    /// The same, of several lines with their ends.
    void explain(std::string_view lines);

    /// While it shows a line that is typed.
    void share_with(prompt*);

    /// Where a line that is shown ends, if it is not to be wrapped.
    std::size_t columns() const;

    void flush();

private:
    void put(bool is_terminal, output&, std::string line);

    boost::asio::io_context& context_;
    output out_, err_;
    bool out_is_terminal_, err_is_terminal_;
    prompt* prompt_ = nullptr;
    std::string above_;
};

}  // namespace coserve_client
