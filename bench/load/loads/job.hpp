/// \file
/// A request that takes more than a frame and its reply: a connection, a command, a file.
#pragma once

#include "error_kind.hpp"

#include <coserve/task.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace coserve_bench {

/// Why a request failed, in a sentence.
class job_failure : public std::runtime_error {
public:
    /// `lost`: the connection is of no use any more.
    job_failure(error_kind k, const std::string& sentence, bool l)
        : std::runtime_error(sentence), kind(k), lost(l) {}

    error_kind kind;
    bool lost;
};

/// One connection that makes one request after the other.
///
/// Thread: on its core.
/// Errors: `job_failure`, `coserve::system_error`.
class job {
public:
    job() = default;
    job(const job&) = delete;
    job& operator=(const job&) = delete;
    virtual ~job() = default;

    /// What is to be there before the first request.
    virtual coserve::task<> connect() = 0;

    /// One request, whose payload has that size, on a new connection where there is none. Gives the
    /// bytes that it moved.
    virtual coserve::task<std::uint64_t> perform(std::size_t size) = 0;

    /// Resets the connection, where there is one; what is under way on it fails.
    virtual void abort() noexcept = 0;

    /// Forgets it, while nothing is under way.
    virtual void disconnect() noexcept = 0;
};

}  // namespace coserve_bench
