/// \file
/// The one header that names the executor and context types everything runs on.
#pragma once

#include <coserve/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

namespace coserve {

namespace asio = boost::asio;

using asio::io_context;

/// A core: one io_context, run by one thread at a time.
using executor = io_context::executor_type;

/// Errors: `errc::wrong_executor` for a strand, a pool, or anything else that is not an
/// io_context's own executor.
io_context& context_of(const asio::any_io_executor&);

}  // namespace coserve
