/// \file
/// A client's end of a connection.
#pragma once

#include <coserve/frame_stream.hpp>

#include <string_view>

namespace coserve {

/// Connects to `tcp://HOST:PORT` or `unix:PATH`; the query takes the framing and limit keys that a
/// listener's URL takes, so that the same query serves both ends. A name is tried at each of its
/// addresses. The coroutine's executor must be an io_context's own.
///
/// Errors: `configuration_error` in the call, for what is wrong in the URL; `errc::wrong_executor`,
/// `errc::timeout`, or why the last address failed.
task<frame_stream> connect(std::string_view url, duration limit);

}  // namespace coserve
