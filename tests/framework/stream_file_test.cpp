#include "stream_pair.hpp"

#include "stream_state.hpp"

#include <coserve/json_header.hpp>
#include <coserve/raw.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gmock/gmock.h>

#include <fcntl.h>
#include <future>
#include <sys/stat.h>

namespace coserve {
namespace {

using namespace stream_check;
using ::testing::HasSubstr;
using testing::stream_options;

/// A file without a name.
class open_file {
public:
    explicit open_file(std::string_view content = {})
        : fd_(checked(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open")) {
        for (std::size_t at = 0; at != content.size();)
            at += static_cast<std::size_t>(checked(
                static_cast<int>(::write(
                    fd_, content.data() + at, std::min(content.size() - at, std::size_t{1} << 20)
                )),
                "write"
            ));
        ::lseek(fd_, 0, SEEK_SET);
    }

    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;

    ~open_file() { ::close(fd_); }

    int fd() const { return fd_; }

    std::string content() const {
        struct stat about{};
        checked(::fstat(fd_, &about), "fstat");
        std::string all(static_cast<std::size_t>(about.st_size), '\0');
        std::size_t at = 0;
        while (at != all.size()) {
            const ssize_t n =
                ::pread(fd_, all.data() + at, all.size() - at, static_cast<off_t>(at));
            if (n <= 0)
                break;
            at += static_cast<std::size_t>(n);
        }
        return all;
    }

private:
    int fd_;
};

/// Holds the thread that shows it the first bytes, until it is told to let go.
class holding_tap {
public:
    holding_tap() = default;
    holding_tap(const holding_tap&) = delete;
    holding_tap& operator=(const holding_tap&) = delete;

    ~holding_tap() { let_go(); }

    void let_go() {
        if (!std::exchange(let_go_, true))
            go_.set_value();
    }

    file_tap tap = [this](std::span<const std::byte>) { gone_.wait(); };

private:
    std::promise<void> go_;
    std::shared_future<void> gone_ = go_.get_future().share();
    bool let_go_ = false;
};

class stream_file_test : public stream_test {
protected:
    std::shared_ptr<beside> start_sending(std::string raw) { return start(send(*far_, raw)); }
};

INSTANTIATE_TEST_SUITE_P(, stream_file_test, every_medium(), name_of);

constexpr std::size_t kib = 1024, mib = 1024 * kib;

task<std::string> receive_then_frame(frame_stream& s, int file, std::size_t size) {
    co_await s.receive_file(file, size);
    const auto next = co_await s.read_frame();
    co_return next ? std::string(next->text()) : "the end";
}

TEST_P(stream_file_test, receives_files_of_any_size_between_frames) {
    for (const std::size_t size :
         {std::size_t{0},
          std::size_t{1},
          4 * kib,
          64 * kib - 1,
          64 * kib,
          64 * kib + 1,
          200 * kib,
          9 * mib + 7}) {
        open();
        const open_file file;
        const std::string content = pattern(size);
        const auto sender = start_sending(framed("before") + content + framed("behind"));
        EXPECT_EQ(run(next(*near_)), "before");
        EXPECT_EQ(run(receive_then_frame(*near_, file.fd(), size)), "behind") << size;
        EXPECT_TRUE(same_bytes(file.content(), content)) << size;
        finish(sender);
    }
}

TEST_P(stream_file_test, receives_at_the_files_offset) {
    open();
    const open_file file("0123456789");
    ::lseek(file.fd(), 4, SEEK_SET);
    const auto sender = start_sending("abc");
    run(near_->receive_file(file.fd(), 3));
    EXPECT_EQ(file.content(), "0123abc789");
    finish(sender);
}

TEST_P(stream_file_test, receives_several_files_in_one_go) {
    open();
    std::string all;
    for (std::uint32_t i = 0; i < 20; ++i)
        all += pattern(i * 17 * kib, i + 1);
    const auto sender = start_sending(all);
    for (std::uint32_t i = 0; i < 20; ++i) {
        const open_file file;
        run(near_->receive_file(file.fd(), i * 17 * kib));
        ASSERT_TRUE(same_bytes(file.content(), pattern(i * 17 * kib, i + 1))) << i;
    }
    finish(sender);
}

TEST_P(stream_file_test, shows_a_tap_every_byte_in_order) {
    for (const std::size_t size : {std::size_t{3}, 70 * kib, 3 * mib}) {
        open();
        const open_file file;
        std::string seen;
        file_tap tap = [&](std::span<const std::byte> piece) {
            seen.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        };
        const auto sender = start_sending(pattern(size));
        run(near_->receive_file(file.fd(), size, tap));
        EXPECT_TRUE(same_bytes(seen, pattern(size)));
        EXPECT_TRUE(same_bytes(file.content(), pattern(size)));
        finish(sender);
    }
}

TEST_P(stream_file_test, shows_a_tap_every_byte_of_a_file_that_can_only_be_written) {
    open();
    const open_file file;
    const std::string name = "/proc/self/fd/" + std::to_string(file.fd());
    const int only_written = checked(::open(name.c_str(), O_WRONLY | O_CLOEXEC), "open");
    std::string seen;
    file_tap tap = [&](std::span<const std::byte> piece) {
        seen.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    };
    const auto sender = start_sending(pattern(3 * mib));
    run(near_->receive_file(only_written, 3 * mib, tap));
    EXPECT_TRUE(same_bytes(seen, pattern(3 * mib)));
    EXPECT_TRUE(same_bytes(file.content(), pattern(3 * mib)));
    finish(sender);
    ::close(only_written);
}

TEST_P(stream_file_test, ends_with_what_the_tap_throws) {
    open();
    const open_file file;
    file_tap tap = [](std::span<const std::byte>) { throw std::runtime_error("seen enough"); };
    const auto sender = start_sending(pattern(100 * kib));
    EXPECT_THROW(run(near_->receive_file(file.fd(), 100 * kib, tap)), std::runtime_error);
}

TEST_P(stream_file_test, takes_the_rest_of_a_body) {
    stream_options reads, writes;
    reads.read = writes.write = [] { return std::make_unique<json_header_codec>(); };
    for (const std::size_t size : {std::size_t{5}, 300 * kib, 5 * mib}) {
        open(reads, writes);
        const open_file file;
        const auto write = [](frame_stream& s, std::string body) -> task<> {
            co_await s.write_frame("{}", body);
            co_await s.write_frame("{\"next\": 1}", "more");
            co_await s.flush();
        };
        const auto sender = start(write(*far_, pattern(size)));
        const auto header = [](frame_stream& s) -> task<std::string> {
            co_return kept(co_await s.read_header()).value_or("the end");
        };
        EXPECT_EQ(run(header(*near_)), "{\"data_size\": " + std::to_string(size) + "}");
        EXPECT_EQ(run(near_->read_body(file.fd())), size);
        EXPECT_TRUE(same_bytes(file.content(), pattern(size)));
        EXPECT_EQ(run(near_->read_body(file.fd())), 0U);
        EXPECT_EQ(run(next(*near_)), "more");
        finish(sender);
    }
}

TEST_P(stream_file_test, says_how_much_came_where_the_peer_finishes_before) {
    for (const std::size_t size : {std::size_t{3}, 500 * kib}) {
        open();
        const open_file file;
        const auto receiver = start(near_->receive_file(file.fd(), size + 1));
        finish(start_sending(pattern(size)));
        finish_far();
        EXPECT_EQ(failure(receiver), errc::truncated_frame);
        EXPECT_TRUE(same_bytes(file.content(), pattern(size)));
    }
}

TEST_P(stream_file_test, says_how_much_of_it_came) {
    open();
    const open_file file;
    finish(start_sending("abc"));
    finish_far();
    EXPECT_EQ(failure(near_->receive_file(file.fd(), 100 * kib)), errc::truncated_frame);
    EXPECT_THAT(message_, HasSubstr("3 of 102400 bytes"));
}

TEST_P(stream_file_test, says_that_none_of_it_came) {
    for (const std::size_t size : {std::size_t{1}, 100 * kib}) {
        open();
        const open_file file;
        finish_far();
        EXPECT_EQ(failure(near_->receive_file(file.fd(), size)), errc::truncated_frame);
        EXPECT_THAT(message_, HasSubstr("0 of " + std::to_string(size) + " bytes"));
    }
}

TEST_P(stream_file_test, says_that_none_of_it_came_in_time) {
    testing::manual_clock clock(context_);
    for (const std::size_t size : {std::size_t{1}, 100 * kib}) {
        open();
        const open_file file;
        const auto receiver = start(near_->receive_file(file.fd(), size));
        turns();
        clock.advance(31s);
        EXPECT_EQ(failure(receiver), errc::frame_timeout);
    }
}

TEST_P(stream_file_test, tells_a_files_error_from_a_connections) {
    for (const std::size_t size : {std::size_t{3}, 500 * kib}) {
        open();
        const auto sender = start_sending(pattern(size + 1));
        EXPECT_THROW(run(near_->receive_file(-1, size)), file_error);
        EXPECT_EQ(failure(near_->receive_file(-1, 1)).value(), EBADF);
    }
}

TEST_P(stream_file_test, has_one_reader) {
    open();
    const open_file file;
    const auto receiver = start(near_->receive_file(file.fd(), 100 * kib));
    turns();
    EXPECT_EQ(failure(next(*near_)), errc::concurrent_read);
    EXPECT_EQ(failure(near_->receive_file(file.fd(), 1)), errc::concurrent_read);
    const auto sender = start_sending(pattern(100 * kib));
    finish(receiver);
    EXPECT_TRUE(same_bytes(file.content(), pattern(100 * kib)));
}

TEST_P(stream_file_test, waits_30_seconds_for_each_byte) {
    testing::manual_clock clock(context_);
    open();
    const open_file file;
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib));
    turns();
    for (int i = 0; i < 3; ++i) {
        finish(start_sending("x"));
        until([&] { return file.content().size() == static_cast<std::size_t>(i) + 1; });
        until([&] { return arrived() == 0; });
        turns();
        clock.advance(29s);
        turns();
        EXPECT_FALSE(receiver->done);
    }
    until([&] {
        clock.advance(31s);
        turns();
        return receiver->done;
    });
    EXPECT_EQ(failure(receiver), errc::frame_timeout);
}

TEST_P(stream_file_test, waits_for_ever_where_frames_have_no_deadline) {
    testing::manual_clock clock(context_);
    stream_options patient;
    patient.limits.frame_timeout = 0s;
    open(patient);
    const open_file file;
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib));
    turns();
    clock.advance(1h);
    turns();
    EXPECT_FALSE(receiver->done);
    const auto sender = start_sending(pattern(200 * kib));
    finish(receiver);
}

TEST_P(stream_file_test, lets_a_file_come_to_its_end_in_a_drain) {
    open();
    const open_file file;
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib));
    turns();
    near_->state().begin_drain();
    turns();
    EXPECT_FALSE(receiver->done);
    const auto sender = start_sending(pattern(200 * kib) + framed("too late"));
    finish(receiver);
    EXPECT_TRUE(same_bytes(file.content(), pattern(200 * kib)));
    EXPECT_EQ(run(next(*near_)), std::nullopt);
}

TEST_P(stream_file_test, is_cancelled_while_it_waits) {
    open();
    const open_file file;
    asio::cancellation_signal stop;
    beside state;
    asio::co_spawn(
        context_,
        near_->receive_file(file.fd(), 200 * kib),
        boost::asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr error) { state = {true, error}; }
        )
    );
    turns();
    stop.emit(asio::cancellation_type::terminal);
    until([&] { return state.done; });
    EXPECT_EQ(code_of(state.error), asio::error::operation_aborted);
}

TEST_P(stream_file_test, is_told_when_this_side_resets) {
    open();
    const open_file file;
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib));
    turns();
    near_->abort();
    EXPECT_EQ(failure(receiver), asio::error::operation_aborted);
}

TEST_P(stream_file_test, tells_how_much_of_a_file_has_come) {
    open();
    const open_file file;
    EXPECT_EQ(near_->file_received(), 0U);
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib));
    finish(start_sending(pattern(150 * kib)));
    until([&] { return near_->file_received() == 150 * kib; });
    finish(start_sending(pattern(50 * kib)));
    finish(receiver);
    EXPECT_EQ(near_->file_received(), 0U);
}

TEST_P(stream_file_test, tells_what_has_come_before_the_disk_has_it) {
    open();
    const open_file file;
    holding_tap disk;
    const auto receiver = start(near_->receive_file(file.fd(), 200 * kib, disk.tap));
    const auto sender = start_sending(pattern(200 * kib));
    until([&] { return near_->file_received() != 0; });
    disk.let_go();
    finish(receiver);
    finish(sender);
}

/// As many as had arrived, though a thread had a part of the file that the core did not know of.
TEST_P(stream_file_test, answers_what_had_arrived_where_a_drain_begins_within_a_file) {
    open();
    const open_file file;
    const std::string behind = framed("one") + framed("two");
    holding_tap disk;
    const auto sender = start_sending(pattern(100 * kib) + behind);
    const auto receiver = start(near_->receive_file(file.fd(), 100 * kib, disk.tap));
    until([&] {
        const bool all_there = GetParam() != medium::tcp || far_->unacknowledged() == 0;
        return sender->done && all_there && near_->file_received() != 0;
    });
    near_->state().begin_drain();
    disk.let_go();
    finish(receiver);
    EXPECT_EQ(run(next(*near_)), "one");
    EXPECT_EQ(run(next(*near_)), "two");
    EXPECT_EQ(run(next(*near_)), std::nullopt);
}

TEST_P(stream_file_test, resets_at_once_while_a_thread_has_the_socket) {
    open();
    const open_file file;
    holding_tap disk;
    const auto receiver = start(near_->receive_file(file.fd(), 9 * mib, disk.tap));
    const auto sender = start_sending(pattern(9 * mib));
    until([&] { return near_->file_received() != 0; });
    near_->abort();
    run(gone(*far_));
    EXPECT_FALSE(receiver->done);
    disk.let_go();
    EXPECT_EQ(failure(receiver), asio::error::operation_aborted);
    EXPECT_TRUE(failure(sender).failed());
}

// ---- sending

task<> send_between_frames(frame_stream& s, int file, std::size_t size) {
    co_await s.write_frame("before");
    co_await s.send_file(file, size);
    co_await s.write_frame("behind");
    co_await s.flush();
}

TEST_P(stream_file_test, sends_files_of_any_size_between_frames) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, 64 * kib, 9 * mib + 7}) {
        open();
        const open_file from(pattern(size)), to;
        const auto sender = start(send_between_frames(*far_, from.fd(), size));
        EXPECT_EQ(run(next(*near_)), "before");
        EXPECT_EQ(run(receive_then_frame(*near_, to.fd(), size)), "behind");
        EXPECT_TRUE(same_bytes(to.content(), pattern(size)));
        finish(sender);
    }
}

TEST_P(stream_file_test, sends_from_the_files_offset) {
    open();
    const open_file from("0123456789"), to;
    ::lseek(from.fd(), 4, SEEK_SET);
    const auto sender = start(far_->send_file(from.fd(), 3));
    run(near_->receive_file(to.fd(), 3));
    EXPECT_EQ(to.content(), "456");
    finish(sender);
}

TEST_P(stream_file_test, keeps_what_is_written_meanwhile_behind_the_file) {
    open({}, {}, true);
    const open_file from(pattern(3 * mib)), to;
    const auto sender = start(far_->send_file(from.fd(), 3 * mib));
    turns();
    EXPECT_EQ(failure(far_->send_file(from.fd(), 1)), errc::concurrent_send);
    const auto writer = start(send_frame(*far_, "behind"));
    EXPECT_EQ(run(receive_then_frame(*near_, to.fd(), 3 * mib)), "behind");
    EXPECT_TRUE(same_bytes(to.content(), pattern(3 * mib)));
    finish(sender);
    finish(writer);
}

TEST_P(stream_file_test, tells_how_much_of_a_file_was_taken) {
    open({}, {}, true);
    const open_file from(pattern(8 * mib)), to;
    EXPECT_EQ(far_->file_sent(), 0U);
    const auto sender = start(far_->send_file(from.fd(), 8 * mib));
    until([&] { return far_->file_sent() != 0; });
    EXPECT_LT(far_->file_sent(), 8 * mib);
    run(near_->receive_file(to.fd(), 8 * mib));
    finish(sender);
    EXPECT_EQ(far_->file_sent(), 0U);
}

TEST_P(stream_file_test, resets_where_the_file_is_shorter) {
    open();
    const open_file from(pattern(100));
    EXPECT_EQ(failure(far_->send_file(from.fd(), 101)), errc::file_too_short);
    EXPECT_EQ(failure(send(*far_, "more")), asio::error::operation_aborted);
}

TEST_P(stream_file_test, resets_where_the_file_cannot_be_read) {
    open();
    const open_file unreadable;
    EXPECT_THROW(run(far_->send_file(-1, 5)), file_error);
    EXPECT_EQ(failure(send(*far_, "more")), asio::error::operation_aborted);
}

TEST_P(stream_file_test, gives_a_peer_that_takes_nothing_its_time) {
    testing::manual_clock clock(context_);
    open({}, {}, true);
    const open_file from(pattern(8 * mib));
    const auto sender = start(far_->send_file(from.fd(), 8 * mib));
    std::size_t before = 1;
    until([&] {
        turns();
        return arrived() != 0 && arrived() == std::exchange(before, arrived());
    });
    clock.advance(29s);
    turns();
    EXPECT_FALSE(sender->done);
    until([&] {
        clock.advance(31s);
        turns();
        return sender->done;
    });
    EXPECT_EQ(failure(sender), errc::write_timeout);
}

TEST_P(stream_file_test, is_told_when_the_peer_resets) {
    open({}, {}, true);
    const open_file from(pattern(8 * mib));
    const auto sender = start(far_->send_file(from.fd(), 8 * mib));
    turns();
    near_->abort();
    EXPECT_TRUE(failure(sender).failed());
}

}  // namespace
}  // namespace coserve
