#include "upload_connection.hpp"

#include "failure.hpp"
#include "progress_bar.hpp"
#include "protocol/marker_end.hpp"
#include "protocol/sha256.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/connect.hpp>
#include <coserve/sleep.hpp>
#include <coserve/task_group.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserve_client {

using namespace std::chrono_literals;
using coserve::task;

namespace {

coserve::task<> show_progress(progress_bar* bar, int file) {
    for (;;) {
        bar->show(static_cast<std::uint64_t>(::lseek(file, 0, SEEK_CUR)));
        co_await coserve::sleep(100ms);
    }
}

/// Not at the file's offset, which tells how much was sent.
std::string hash_of(int file) {
    coserve::sha256 hash;
    std::vector<std::byte> piece(std::size_t{256} << 10);
    for (off_t at = 0;;) {
        const ssize_t n = ::pread(file, piece.data(), piece.size(), at);
        if (n == 0)
            return hash.digest();
        if (n < 0 && errno != EINTR)
            throw failure(std::string("cannot read: ") + std::strerror(errno));
        if (n > 0) {
            hash.feed(std::span(piece).first(static_cast<std::size_t>(n)));
            at += n;
        }
    }
}

task<> hash_beside(int file, std::shared_ptr<std::string> digest) {
    auto work = [file] { return hash_of(file); };
    *digest = co_await coserve::run_blocking(work);
}

}  // namespace

/// A file that is read.
class upload_connection::source {
public:
    explicit source(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
        struct stat about{};
        if (fd_ < 0 || ::fstat(fd_, &about) != 0)
            throw failure(std::string("cannot read: ") + std::strerror(errno));
        size_ = static_cast<std::uint64_t>(about.st_size);
    }

    source(const source&) = delete;
    source& operator=(const source&) = delete;

    ~source() {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int fd() const noexcept { return fd_; }

    std::uint64_t size() const noexcept { return size_; }

private:
    int fd_;
    std::uint64_t size_ = 0;
};

upload_connection::upload_connection(
    coserve::executor e, const upload_options& options, const server_url& url
)
    : executor_(e), options_(options), url_(url) {}

task<uploaded> upload_connection::send(upload_file file) {
    source from(file.path);
    uploaded done{file.name, from.size(), {}};
    std::exception_ptr error;
    try {
        co_await connect();
        if (options_.wire == upload_wire::marker)
            co_await send_marked(file, from);
        else if (options_.plain)
            co_await send_plain(file, from);
        else
            done = co_await send_asking(file, from);
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    if (error) {
        stream_.reset();
        std::rethrow_exception(error);
    }
    co_return done;
}

task<> upload_connection::connect() {
    if (!stream_)
        stream_.emplace(co_await coserve::connect(url_.text, options_.connect_timeout));
}

/// Hears from the server before and after the content, and compares what both have hashed.
task<uploaded> upload_connection::send_asking(const upload_file& file, source& from) {
    coserve::upload_header header;
    header.file_name = file.name;
    header.file_size = from.size();
    header.message = options_.message;
    header.reply = true;
    header.resume = options_.resume;
    coserve::task_group beside(executor_);
    const auto digest = std::make_shared<std::string>();
    beside.spawn(&hash_beside, from.fd(), digest);
    if (options_.resume) {
        co_await beside.join();
        header.sha256 = *digest;
    }
    const std::string text = to_json(header);
    co_await stream_->write_frame(text);
    co_await read_reply();
    const coserve::upload_reply ready = reply();
    if (ready.what != coserve::upload_reply::kind::ready || ready.offset > from.size())
        throw failure("the server's reply makes no sense here");
    co_await send_content(file, from, ready.offset);
    co_await beside.join();
    const coserve::upload_reply stored = reply();
    if (stored.what != coserve::upload_reply::kind::stored || stored.sha256 != *digest)
        throw failure("the server has other bytes: SHA-256 " + stored.sha256 + ", not " + *digest);
    co_return uploaded{stored.file_name, stored.size, stored.sha256};
}

/// A reply that comes before the end says why there will be none.
task<>
upload_connection::send_content(const upload_file& file, source& from, std::uint64_t offset) {
    if (::lseek(from.fd(), static_cast<off_t>(offset), SEEK_SET) < 0)
        throw failure(std::string("cannot read: ") + std::strerror(errno));
    progress_bar bar(file.name, from.size(), offset);
    coserve::task_group showing(executor_), listening(executor_);
    showing.spawn(&show_progress, &bar, from.fd());
    const bool asks = !options_.plain && options_.wire == upload_wire::json_header;
    reply_.reset();
    if (asks)
        listening.spawn(&upload_connection::read_reply, this);
    std::exception_ptr error;
    try {
        co_await stream_->send_file(from.fd(), from.size() - offset);
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    showing.cancel();
    co_await showing.join();
    if (!asks && error)
        std::rethrow_exception(error);
    if (!asks)
        co_return;
    try {
        co_await listening.join();
    } catch (const std::exception&) {
        if (!error)
            error = std::current_exception();
    }
    if (error && !reply_)
        std::rethrow_exception(error);
}

task<> upload_connection::read_reply() {
    reply_.reset();
    const auto text = co_await stream_->read_frame();
    if (!text)
        throw failure("the server ended the connection without a reply");
    reply_ = coserve::parse_upload_reply(text->text());
    if (reply_->what == coserve::upload_reply::kind::refused)
        stream_->abort();  // what is still to be sent is for nobody
}

coserve::upload_reply upload_connection::reply() {
    if (!reply_)
        throw failure("the server did not reply");
    if (reply_->what == coserve::upload_reply::kind::refused)
        throw failure(reply_->message + " (" + reply_->error + ')');
    return *std::exchange(reply_, std::nullopt);
}

task<> upload_connection::send_plain(const upload_file& file, source& from) {
    coserve::upload_header header;
    header.file_name = file.name;
    header.file_size = from.size();
    // The tutorials' servers show it, and some fail where there is none.
    header.message = options_.message.empty() ? file.name : options_.message;
    const std::string text = to_json(header);
    co_await stream_->write_frame(text);
    co_await send_content(file, from, 0);
    stream_.reset();  // sends what is queued, and ends in the background
}

/// The pauses let the tutorials' server get the marker, and nothing else, in one read.
task<> upload_connection::send_marked(const upload_file& file, source& from) {
    constexpr auto pause = 100ms;
    co_await send_content(file, from, 0);
    co_await await_acknowledged();
    co_await coserve::sleep(pause);
    co_await stream_->write(coserve::marker);
    co_await stream_->flush();
    co_await await_acknowledged();
    co_await coserve::sleep(pause);
    co_await stream_->write(coserve::marker_text);
    co_await stream_->flush();
    stream_.reset();
}

task<> upload_connection::await_acknowledged() {
    while (stream_->unacknowledged() != 0)
        co_await coserve::sleep(5ms);
}

}  // namespace coserve_client
