// What stands behind a frame_stream: buffers, codecs, the waiting reader and writers, deadlines,
// and how the connection ends.
#pragma once

#include "byte_queue.hpp"
#include "core.hpp"
#include "file_transfer.hpp"
#include "transport.hpp"

#include <coserve/codec.hpp>
#include <coserve/frame_stream.hpp>
#include <coserve/header_codec.hpp>
#include <coserve/limits.hpp>

#include <exception>
#include <forward_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coserve {

// Told of what happens to a connection without ending it.
class stream_observer {
public:
    virtual void on_dropped_frame(const std::string& reason) noexcept = 0;

protected:
    ~stream_observer() = default;
};

// A file that a stream is receiving. Nobody else reads it meanwhile.
struct file_intake {
    const std::uint64_t size;
    const bool of_body;  // of a frame whose header was read
    byte_count received = 0;

    std::uint64_t left() const noexcept { return size - received; }
};

// A file that a stream is sending.
struct file_outlet {
    std::uint64_t sent = 0;
};

// Owned by its frame_stream until that is destroyed, then by its core until it is closed. Freed at
// the end of a turn. Its sides are in stream_read.cpp, stream_write.cpp, stream_file.cpp,
// stream_close.cpp, and stream_state.cpp, which has events and deadlines.
class stream_state final : watcher, timer, turn_end, resident {
public:
    using frame_handler = completion<void(std::exception_ptr, std::optional<frame>)>;
    using handler = completion<void(std::exception_ptr)>;

    stream_state(core&, std::unique_ptr<transport>, std::unique_ptr<codec> decoder, std::unique_ptr<codec> encoder, std::shared_ptr<const stream_limits>);

    // ---- reading: true and what is next, nullopt being the end; false: it is not there yet
    bool try_read(const read_request&, std::optional<frame>& next);
    // After try_read() said false, with the same request, which lives until the handler is called.
    void wait_read(frame_handler);
    // The two in one, for what is not a task. Keeps the request.
    void read(const read_request&, frame_handler);

    // ---- writing: queued in the call; true: there is room for more
    bool write_frame(frame_view header, frame_view body);
    bool write(frame_view raw);
    void flush_output() noexcept;

    // ---- files
    // Errors: errc::concurrent_read, and what ended the stream.
    void begin_intake(file_intake&);

    void end_intake() noexcept { intake_ = nullptr; }

    // Of the body whose header was read. Errors: errc::no_headers.
    std::uint64_t body_left() const { return headers().body_left(); }

    // Whether the rest is best taken from the socket itself.
    bool takes_directly() const noexcept;
    std::size_t piece_size() const noexcept;

    std::uint64_t intake_left() const noexcept { return intake_->left(); }

    std::uint64_t file_received() const noexcept { return intake_ ? intake_->received.load() : 0; }

    std::uint64_t file_sent() const noexcept { return outlet_ ? outlet_->sent : 0; }

    // For the thread that takes it.
    byte_count& intake_count() noexcept { return intake_->received; }

    // The socket, for a thread that works on it even where this side closes; -1: there is none.
    int duplicate_socket() const;
    // Around such a thread's work. What it took is told by resume_input() before the end of that.
    void lend_input() noexcept;
    void take_input_back() noexcept;
    void resume_input(const file_transfer&);

    // Where the kernel moves nothing past it.
    bool has_urgent_byte() const noexcept { return urgent_; }

    // Errors: errc::concurrent_send.
    void begin_sending_file(file_outlet&);
    // Nothing else goes out until end_sending_file().
    void hold_output() noexcept { output_held_ = true; }

    void end_sending_file() noexcept;
    std::size_t send_part(std::span<const std::byte>);
    void leave_output() noexcept { writable_ = false; }

    void resume_output(const file_transfer&);
    // From now on a peer that takes nothing has its time.
    void arm_sending() noexcept;

    // ---- waiting for anything else
    bool happened(stream_event);
    void wait(stream_event, handler);

    void set_decoder(std::unique_ptr<codec>) noexcept;
    void set_encoder(std::unique_ptr<codec>) noexcept;

    codec& decoder() noexcept { return *decoder_; }

    codec& encoder() noexcept { return *encoder_; }

    // ---- ending
    void close() noexcept;
    void abort() noexcept;
    void begin_drain();
    void release_input() noexcept;  // nobody looks at what was read any more
    void let_go() noexcept;         // the frame_stream is gone

    bool draining() const noexcept { return draining_; }

    std::size_t queued() const noexcept { return output_.size(); }

    const stream_limits& limits() const noexcept { return *limits_; }

    std::size_t unacknowledged() const noexcept { return transport_->unacknowledged(); }

    const endpoint& peer() const noexcept { return transport_->peer(); }

    endpoint local() const noexcept { return transport_->local(); }

    std::shared_ptr<mailbox::state> sender();

    void observe(stream_observer* o) noexcept { observer_ = o; }

    // ---- runaways: coroutines that go on reading or writing after the end, whatever they are
    // told. They would never yield, so what they await then never completes, and they are dropped.
    void drop_runaways() noexcept { runaways_dropped_ = true; }

    bool running_away() const noexcept { return runaways_dropped_ && spent_ > most_spent; }

    // A new start for the same coroutine.
    void forgive() noexcept { spent_ = 0; }

private:
    friend struct mailbox::state;

    enum class phase : std::uint8_t { open, flushing, lingering, closed };

    struct waiter {
        stream_event what;
        handler complete;
    };

    struct kept_request {
        read_request request{};
        std::string delimiter{};
        bool handing_over = false;  // what was read is posted to its reader
    };

    static constexpr std::uint8_t most_spent = 100;
    static constexpr std::uint64_t piece = buffer_pool::normal;  // of a body; it has its own time

    ~stream_state() = default;

    void on_ready(std::uint32_t events) override;
    void on_timer() noexcept override;
    void on_turn_end() noexcept override;
    void on_shutdown() noexcept override;

    void begin_read(const read_request&);
    bool find_next(std::optional<frame>& next);
    bool decode(std::optional<frame>& next);
    decoded look_at_input();
    header_codec& headers() const;
    bool find_piece(std::optional<frame>& next);
    bool comes_to_its_end() const;
    bool find_delimiter(std::optional<frame>& next);
    frame deliver(std::size_t offset, std::size_t size, std::size_t used_up) noexcept;
    void count_whole(std::size_t size) noexcept;
    void count_part(std::size_t size) noexcept;
    unfinished_frame begun() const noexcept;
    std::string claim(const decoded&) const;
    [[noreturn]] void refuse_input(const error_code&, const std::string& detail);
    bool pull();
    std::size_t room_wanted() const noexcept;
    void serve_reader();
    void await_input();
    void complete_read(std::exception_ptr, std::optional<frame>);
    void fail_read(std::exception_ptr) noexcept;

    // Bytes that had arrived and nobody has used up.
    std::size_t unread() const noexcept {
        return input_.size() - delivered_ + transport_->arrived();
    }

    bool drained() const noexcept { return draining_ && drain_left_ == 0; }

    bool ready_to_queue();
    bool ready_to_write();
    void throw_write_failure();
    bool overflows(std::size_t size) const noexcept;
    bool queue(const envelope&);
    void send_directly(const envelope&);
    void copy(const envelope&, std::size_t sent);
    void request_flush();
    std::size_t send(std::span<const iovec>) noexcept;
    void after_sending() noexcept;
    bool takes_mail() const noexcept { return output_.size() <= limits_->high_water; }

    void take_mail(const bytes&) noexcept;
    void wake(stream_event) noexcept;

    void arm_read();
    time_point waiting_since(bool for_rest);
    void disarm_read() noexcept;
    void update_timer() noexcept;

    void fail(error_code) noexcept;
    void progress_close() noexcept;
    void drop_input() noexcept;
    void check_linger() noexcept;
    void finish_close(bool reset) noexcept;
    void close_mailbox() noexcept;
    void die() noexcept;
    void free() noexcept;

    core* core_;  // null after its end
    std::unique_ptr<transport> transport_;
    std::unique_ptr<codec> decoder_, encoder_;
    std::shared_ptr<const stream_limits> limits_;
    stream_observer* observer_ = nullptr;

    byte_queue input_, output_;
    // Bytes at the front of the input that the last read used up, lent out until the next.
    std::size_t delivered_ = 0;
    std::size_t needed_ = 0;      // bytes that what is begun takes, as far as known
    std::size_t searched_ = 0;    // bytes of the input known to hold no start of the delimiter
    std::size_t drain_left_ = 0;  // bytes that had arrived when the drain began and are not used up
    std::uint64_t pulled_turn_ = 0;

    const read_request* request_ = nullptr;  // of the read under way
    std::shared_ptr<kept_request> kept_request_;
    file_intake* intake_ = nullptr;
    file_outlet* outlet_ = nullptr;
    frame_handler reader_;
    std::forward_list<waiter> waiters_;
    std::shared_ptr<mailbox::state> mailbox_;
    std::exception_ptr read_failure_, write_failure_;

    time_point read_deadline_ = never, read_limit_ = never, write_deadline_ = never;
    time_point waiting_since_ = never;  // while it is paused: the epoch and what was waited by then

    struct linger {
        std::size_t dropped = 0, unacknowledged = 0;
        duration poll{};
        time_point progress{}, acknowledged = never, deadline = never;
    };

    std::unique_ptr<linger> linger_;

    errc read_deadline_error_{};
    std::uint32_t part_ = 0;  // bytes used up of what comes in pieces, since its time began
    std::uint8_t spent_ = 0;  // operations since the end was told
    phase phase_ = phase::open;
    bool waiting_paused_ = false, turn_end_asked_ = false, orphaned_ = false, dead_ = false,
         writable_ = true;
    bool readable_ : 1 = false, ended_ : 1 = false, peer_gone_ : 1 = false;
    bool urgent_ : 1 = false, waiting_for_rest_ : 1 = false, first_read_ : 1 = true;
    bool draining_ : 1 = false, output_held_ : 1 = false;
    bool input_lent_ : 1 = false, drain_uncounted_ : 1 = false;
    bool runaways_dropped_ : 1 = false;
};

}  // namespace coserve
