/// \file
/// One thread of the load `idle`: connections that are made and held.
#pragma once

#include "loop_worker.hpp"

#include <coserve/frame_stream.hpp>

#include <atomic>
#include <cstddef>
#include <deque>
#include <optional>

namespace coserve_bench {

/// A connection that the server ends has failed.
class idle_worker final : public loop_worker {
public:
    idle_worker(const plan&, const schedule&, std::size_t index);

    void connect() override;
    void load() override;

private:
    coserve::task<> connect_one(std::size_t index) override;
    void on_due(clock::time_point, clock::time_point) override {}
    void stop_when_done() override {}

    coserve::task<> load_all();
    coserve::task<> hold(std::size_t index);
    coserve::task<> watch();

    std::deque<std::optional<coserve::frame_stream>> connections_;
};

}  // namespace coserve_bench
