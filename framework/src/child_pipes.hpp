// This side's ends of a child's pipes.
#pragma once

#include "buffer_pool.hpp"
#include "readiness.hpp"
#include "unique_fd.hpp"

#include <coserve/frame.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace coserve {

class core;

// Told when a pipe may have become ready, in a turn.
class pipe_owner {
public:
    virtual void on_pipe_ready() = 0;

protected:
    ~pipe_owner() = default;
};

// Where a child writes. Thread: on one core.
class output_pipe final : watcher {
public:
    // Errors: boost::system::system_error.
    output_pipe(core&, pipe_owner&, unique_fd);
    ~output_pipe() { leave(); }

    // What is there, valid until the next call; nullopt: nothing yet, or it is over. One read a
    // turn, so that no child starves the rest of the core.
    std::optional<frame> take();

    bool over() const noexcept { return !descriptor_; }

    // What is written from now on does not count.
    void finish() noexcept;
    void give_back() noexcept;
    void close() noexcept;
    // The core ends.
    void leave() noexcept;

private:
    void on_ready(std::uint32_t events) override;
    std::size_t room() const noexcept;

    core* core_;
    pipe_owner& owner_;
    unique_fd descriptor_;
    block lent_;
    std::optional<std::size_t> left_;  // after finish()
    std::uint64_t read_turn_ = 0;
    bool readable_ = false, hung_up_ = false;
};

// What a child reads. Thread: on one core.
class input_pipe final : watcher {
public:
    // An empty one: there is none.
    input_pipe(core&, pipe_owner&, unique_fd);
    ~input_pipe() { leave(); }

    // How many bytes went in.
    std::size_t put(frame_view) noexcept;

    // Closed, or nobody reads it any more.
    bool over() const noexcept { return !descriptor_; }

    void close() noexcept;
    void leave() noexcept;

private:
    void on_ready(std::uint32_t events) override;

    core* core_;
    pipe_owner& owner_;
    unique_fd descriptor_;
    bool writable_ = true;
};

}  // namespace coserve
