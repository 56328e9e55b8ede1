// Files: from a stream and to it. The stream stays on its core; what touches the file, and the
// socket together with it, runs on the blocking pool, on a duplicate of the socket's descriptor.
#include <coserve/blocking_pool.hpp>
#include <coserve/frame_stream.hpp>

#include "file_sending.hpp"
#include "file_transfer.hpp"
#include "stream_state.hpp"
#include "unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <utility>

namespace coserve {

namespace {

// What one thread moves before others have their turn.
constexpr std::uint64_t quantum = std::uint64_t{4} << 20;

[[noreturn]] void fail_file(int error, const char* call) {
    throw file_error(error_code(error, boost::system::system_category()), call);
}

class intake_scope {
public:
    intake_scope(stream_state& s, file_intake& intake) : stream_(s) { s.begin_intake(intake); }

    intake_scope(const intake_scope&) = delete;
    intake_scope& operator=(const intake_scope&) = delete;

    ~intake_scope() { stream_.end_intake(); }

private:
    stream_state& stream_;
};

// A thread reads the socket: told of each arrival, this core would wake for nothing.
class lent_input {
public:
    explicit lent_input(stream_state& s) noexcept : stream_(s) { s.lend_input(); }

    lent_input(const lent_input&) = delete;
    lent_input& operator=(const lent_input&) = delete;

    ~lent_input() { stream_.take_input_back(); }

private:
    stream_state& stream_;
};

// Unless it is told that all was sent, it resets the stream: nobody could tell what comes next.
class sending_scope {
public:
    explicit sending_scope(stream_state& s) : stream_(s) { s.begin_sending_file(outlet_); }

    sending_scope(const sending_scope&) = delete;
    sending_scope& operator=(const sending_scope&) = delete;

    ~sending_scope() {
        if (!complete_)
            stream_.abort();
        stream_.end_sending_file();
    }

    void complete() noexcept { complete_ = true; }

private:
    stream_state& stream_;
    file_outlet outlet_;
    bool complete_ = false;
};

}  // namespace

// ---- stream_state

void stream_state::begin_intake(file_intake& intake) {
    if (intake_ || reader_)
        throw system_error(make_error_code(errc::concurrent_read));
    intake_ = &intake;
}

bool stream_state::takes_directly() const noexcept {
    return intake_->left() >= buffer_pool::normal && input_.size() == delivered_ &&
           transport_->descriptor() >= 0;
}

std::size_t stream_state::piece_size() const noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(intake_->left(), buffer_pool::normal));
}

int stream_state::duplicate_socket() const {
    if (transport_->descriptor() < 0)
        return -1;
    const int copy = ::fcntl(transport_->descriptor(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        throw system_error(errno, boost::system::system_category(), "fcntl");
    return copy;
}

void stream_state::lend_input() noexcept {
    readable_ = false;
    input_lent_ = true;
    transport_->watch_input(false);
}

void stream_state::take_input_back() noexcept {
    input_lent_ = false;
    transport_->watch_input(true);
    if (drain_uncounted_)
        drain_left_ = unread();
    drain_uncounted_ = false;
}

void stream_state::resume_input(const file_transfer& t) {
    if (t.socket_error != EAGAIN)
        readable_ = true;
    if (t.size != 0) {
        intake_->of_body ? headers().count_body(t.size) : decoder_->restart();
        count_whole(static_cast<std::size_t>(t.size));
    }
    if (t.ended)
        ended_ = peer_gone_ = true;
    if (t.refusal)
        std::rethrow_exception(t.refusal);
    if (t.file_error != 0)
        fail_file(t.file_error, "write");
    if (t.ended && read_failure_)  // of the end that this side made
        std::rethrow_exception(read_failure_);
    if (t.ended)
        refuse_input(
            errc::truncated_frame,
            std::to_string(intake_->received.load()) + " of " + std::to_string(intake_->size) +
                " bytes"
        );
    if (t.socket_error != 0 && t.socket_error != EAGAIN) {
        fail({t.socket_error, boost::system::system_category()});
        std::rethrow_exception(read_failure_);
    }
}

void stream_state::begin_sending_file(file_outlet& outlet) {
    if (outlet_)
        throw system_error(make_error_code(errc::concurrent_send));
    ready_to_queue();
    outlet_ = &outlet;
}

void stream_state::end_sending_file() noexcept {
    outlet_ = nullptr;
    output_held_ = false;
    if (!core_ || phase_ == phase::closed)
        return;
    flush_output();
    after_sending();
}

std::size_t stream_state::send_part(std::span<const std::byte> part) {
    const iovec all{const_cast<std::byte*>(part.data()), part.size()};
    const std::size_t sent = send({&all, 1});
    outlet_->sent += sent;
    return sent;
}

void stream_state::resume_output(const file_transfer& t) {
    outlet_->sent += t.size;
    if (t.size != 0)
        write_deadline_ = never;
    if (t.socket_error != EAGAIN)
        writable_ = true;
    if (t.file_error != 0)
        fail_file(t.file_error, "sendfile");
    if (t.ended)
        throw system_error(make_error_code(errc::file_too_short));
    if (t.socket_error != 0 && t.socket_error != EAGAIN) {
        fail({t.socket_error, boost::system::system_category()});
        throw_write_failure();
    }
}

void stream_state::arm_sending() noexcept {
    if (writable_ || write_deadline_ != never || limits_->write_timeout == duration::zero())
        return;
    write_deadline_ = core_->timers().now() + limits_->write_timeout;
    update_timer();
}

// ---- frame_stream: receiving

task<> frame_stream::receive_file(int file, std::uint64_t size) {
    return receive(file, size, nullptr, false);
}

task<> frame_stream::receive_file(int file, std::uint64_t size, file_tap& tap) {
    return receive(file, size, &tap, false);
}

task<std::uint64_t> frame_stream::read_body(int file) {
    const std::uint64_t size = state_->body_left();
    co_await receive(file, size, nullptr, true);
    co_return size;
}

task<> frame_stream::receive(int file, std::uint64_t size, file_tap* tap, bool of_body) {
    file_intake intake{.size = size, .of_body = of_body};
    const intake_scope scope(*state_, intake);
    unique_fd socket;
    while (intake.left() != 0) {
        if (!state_->takes_directly()) {
            co_await receive_piece(file, tap);
            continue;
        }
        if (!socket)
            socket = unique_fd(state_->duplicate_socket());
        co_await receive_directly(file, socket.get(), tap);
    }
}

task<> frame_stream::receive_piece(int file, file_tap* tap) {
    bytes piece;
    read_operation next(*state_, {.what = read_request::kind::piece, .size = state_->piece_size()});
    const auto got = co_await std::move(next);
    piece.assign(got->begin(), got->end());  // the stream may end while it is written
    int error = 0;
    auto write = [&] {
        if (tap)
            (*tap)(piece);
        error = write_to_file(file, piece);
    };
    co_await run_blocking(write);
    if (error != 0)
        fail_file(error, "write");
}

task<> frame_stream::receive_directly(int file, int socket, file_tap* tap) {
    read_operation arrival(*state_, {.what = read_request::kind::arrival});
    co_await std::move(arrival);
    const std::uint64_t size = std::min(state_->intake_left(), quantum);
    const bool urgent = state_->has_urgent_byte();
    byte_count* const count = &state_->intake_count();
    file_transfer moved;
    auto move = [&] {
        moved = urgent ? copy_to_file(socket, file, size, tap, count)
                       : move_to_file(socket, file, size, tap, count);
    };
    const lent_input scope(*state_);
    co_await run_blocking(move);
    state_->resume_input(moved);
}

// ---- frame_stream: sending

task<> frame_stream::send_file(int file, std::uint64_t size) {
    sending_scope scope(*state_);
    while (state_->queued() != 0)
        co_await flush();
    state_->hold_output();
    const unique_fd socket(state_->duplicate_socket());
    if (socket)
        co_await send_directly(file, socket.get(), size);
    else
        co_await send_pieces(file, size);
    scope.complete();
}

task<> frame_stream::sendable() {
    state_->arm_sending();
    wait_operation room(*state_, stream_event::sendable);
    co_await std::move(room);
}

task<> frame_stream::send_directly(int file, int socket, std::uint64_t left) {
    file_transfer moved;
    auto move = [&] { moved = send_from_file(socket, file, std::min(left, quantum)); };
    while (left != 0) {
        co_await sendable();
        state_->leave_output();
        co_await run_blocking(move);
        left -= moved.size;
        state_->resume_output(moved);
    }
}

// Where there is no socket.
task<> frame_stream::send_pieces(int file, std::uint64_t left) {
    bytes piece;
    file_transfer got;
    auto read = [&] { got = read_from_file(file, piece); };
    while (left != 0) {
        piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_pool::normal)));
        co_await run_blocking(read);
        if (got.file_error != 0)
            fail_file(got.file_error, "read");
        if (got.ended)
            throw system_error(make_error_code(errc::file_too_short));
        for (std::size_t sent = 0; sent != piece.size();) {
            co_await sendable();
            sent += state_->send_part(std::span(piece).subspan(sent));
        }
        left -= piece.size();
    }
}

}  // namespace coserve
