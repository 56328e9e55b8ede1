// One connection with its handler, from its start to its close.
#pragma once

#include "connection_permit.hpp"
#include "root_coroutine.hpp"
#include "stream_state.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/logger.hpp>
#include <coserve/server.hpp>
#include <coserve/server_handle.hpp>
#include <coserve/stream_handler.hpp>
#include <coserve/task_group.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>

namespace coserve {

// Owned by its coroutines. Thread: on its core.
class session final : public std::enable_shared_from_this<session>, stream_observer, timer {
public:
    // The permit counts the connection until the session is gone.
    static void start(core&, std::unique_ptr<transport>, connection_permit);

    session(core&, std::unique_ptr<transport>, connection_permit);
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    frame_stream& stream() noexcept { return stream_; }

    task_group& tasks();
    server_handle server() const;
    void log(log_level, std::string_view message, std::string_view reason) noexcept;

    void begin_drain();
    // Cancels what runs and resets the connection; finish() has 1 s.
    void expire() noexcept;

private:
    friend class session_list;
    friend class root_scope<session>;

    // In `joining` and `closing` nothing can be cancelled.
    enum class phase : std::uint8_t { handling, joining, finishing, closing };

    static root_coroutine run(std::shared_ptr<session> self);
    static root_coroutine end(std::shared_ptr<session> self, std::exception_ptr);
    static root_coroutine end_without_finish(std::shared_ptr<session> self);
    void go_on(root_coroutine);
    void dropped();
    bool admits_peer();
    void make_handler();
    task<> join(std::exception_ptr& error);
    task<> finish();
    task<> end_tasks();
    bool close();
    task<> closed();
    void cancel() noexcept;
    void stop() noexcept;
    void on_timer() noexcept override;
    void on_dropped_frame(const std::string& reason) noexcept override;
    void report_lost_output() noexcept;
    void report(std::exception_ptr) noexcept;
    peer_info peer() const noexcept;

    core& core_;
    [[no_unique_address]] connection_permit permit_;  // its padding holds what follows
    phase phase_ = phase::handling;
    bool set_up_ = false, task_failed_ = false, expired_ = false;
    frame_stream stream_;
    std::unique_ptr<stream_handler> handler_;
    std::unique_ptr<task_group> tasks_;
    asio::cancellation_signal stop_;
    std::size_t index_ = 0;  // in its core's list
};

// The sessions of one core.
class session_list {
public:
    void add(session&);
    void remove(session&) noexcept;

    template <class F>
    void for_each(F visit) const {
        for (std::size_t i = sessions_.size(); i-- > 0;)  // a visit ends none of them in its call
            visit(*sessions_[i]);
    }

private:
    std::vector<session*> sessions_;
};

}  // namespace coserve
