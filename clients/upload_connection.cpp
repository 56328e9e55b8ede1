#include "upload_connection.hpp"

#include "failure.hpp"
#include "progress_bar.hpp"
#include "protocol/marker_end.hpp"

#include <coserve/connect.hpp>
#include <coserve/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <utility>

namespace coserve_client {

using namespace std::chrono_literals;
using coserve::task;

namespace {

/// Until it is cancelled.
task<> show_progress(progress_bar* bar, std::function<std::uint64_t()> done) {
    for (;;) {
        bar->show(done());
        co_await coserve::sleep(100ms);
    }
}

/// While the work goes on.
task<> with_progress(
    coserve::executor e, progress_bar& bar, std::function<std::uint64_t()> done, task<> work
) {
    coserve::task_group showing(e);
    showing.spawn(&show_progress, &bar, std::move(done));
    std::exception_ptr error;
    try {
        co_await std::move(work);
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    showing.cancel();
    co_await showing.join();
    if (error)
        std::rethrow_exception(error);
}

/// How long a server may take for a reply.
coserve::duration patience(coserve::duration limit, std::uint64_t size) {
    const auto more = std::chrono::seconds(size >> 24);
    return std::min<coserve::duration>(limit, coserve::longest_time - more) + more;
}

}  // namespace

upload_connection::upload_connection(
    coserve::executor e, const upload_options& options, const server_url& url
)
    : executor_(e), options_(options), url_(url) {}

task<uploaded> upload_connection::send(upload_file file) {
    const auto from = std::make_shared<const upload_source>(file.path);
    const auto digest = std::make_shared<content_hash>();
    uploaded done{file.name, from->size(), {}};
    // Before there is a connection, which would have to wait for it.
    if (options_.resume)
        co_await hash_first(file, from, digest);
    std::exception_ptr error;
    try {
        co_await connect();
        if (options_.wire == upload_wire::marker)
            co_await send_marked(file, from);
        else if (options_.plain)
            co_await send_plain(file, from);
        else
            done = co_await send_asking(file, from, digest);
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    if (error) {
        stream_.reset();
        std::rethrow_exception(error);
    }
    co_return done;
}

/// One that the server has ended meanwhile is of no use any more.
task<> upload_connection::connect() {
    if (stream_ && stream_->closed().ready())
        stream_.reset();
    if (!stream_)
        stream_.emplace(co_await coserve::connect(url_.text, options_.connect_timeout));
}

task<> upload_connection::hash_first(const upload_file& file, source from, hash digest) {
    progress_bar bar("hashing " + file.name, from->size(), 0);
    const std::function<std::uint64_t()> done = [digest] { return digest->done; };
    co_await with_progress(executor_, bar, done, hash_content(from, digest));
}

/// Hears from the server before and after the content, and compares what both have hashed.
task<uploaded> upload_connection::send_asking(const upload_file& file, source from, hash digest) {
    coserve::upload_header header;
    header.file_name = file.name;
    header.file_size = from->size();
    header.message = options_.message;
    header.reply = true;
    header.resume = options_.resume;
    header.sha256 = digest->sha256;
    coserve::task_group beside(executor_), listening(executor_);
    if (!options_.resume)
        beside.spawn(&hash_content, from, digest);
    const std::string text = to_json(header);
    co_await stream_->write_frame(text);
    listening.spawn(&upload_connection::read_reply, this);
    co_await await_reply(listening, from->size());
    const coserve::upload_reply ready = reply();
    if (ready.what != coserve::upload_reply::kind::ready || ready.offset > from->size())
        throw failure("the server's reply makes no sense here");
    co_await send_and_hear(file, from, ready.offset);
    co_await beside.join();
    const coserve::upload_reply stored = reply();
    if (stored.what != coserve::upload_reply::kind::stored || stored.sha256 != digest->sha256)
        throw failure(
            "the server has other bytes: SHA-256 " + stored.sha256 + ", not " + digest->sha256
        );
    co_return uploaded{stored.file_name, stored.size, stored.sha256};
}

/// A reply that comes before the end says why there will be none.
task<>
upload_connection::send_and_hear(const upload_file& file, source from, std::uint64_t offset) {
    coserve::task_group listening(executor_);
    listening.spawn(&upload_connection::read_reply, this);
    std::exception_ptr error;
    try {
        co_await send_content(file, from, offset);
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    try {
        co_await await_reply(listening, from->size());
    } catch (const std::exception&) {
        if (!error)
            error = std::current_exception();
    }
    if (error && !reply_)
        std::rethrow_exception(error);
}

task<> upload_connection::send_content(const upload_file& file, source from, std::uint64_t offset) {
    from->seek(offset);
    progress_bar bar(file.name, from->size(), offset);
    const std::function<std::uint64_t()> done = [this, offset] {
        return offset + (stream_ ? stream_->file_sent() : 0);
    };
    const std::uint64_t rest = from->size() - offset;
    co_await with_progress(executor_, bar, done, stream_->send_file(from->fd(), rest));
}

/// From now on the server has its time.
task<> upload_connection::await_reply(coserve::task_group& listening, std::uint64_t size) {
    coserve::task_group waiting(executor_);
    if (options_.reply_timeout != coserve::longest_time)
        waiting.spawn(
            &upload_connection::lose_patience, this, patience(options_.reply_timeout, size)
        );
    std::exception_ptr error;
    try {
        co_await listening.join();
    } catch (const std::exception&) {
        error = std::current_exception();
    }
    waiting.cancel();
    co_await waiting.join();
    if (std::exchange(lost_patience_, false) && !reply_)
        throw failure("the server does not reply (--reply-timeout)");
    if (error)
        std::rethrow_exception(error);
}

task<> upload_connection::lose_patience(coserve::duration limit) {
    co_await coserve::sleep(limit);
    lost_patience_ = true;
    stream_->abort();
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

task<> upload_connection::send_plain(const upload_file& file, source from) {
    coserve::upload_header header;
    header.file_name = file.name;
    header.file_size = from->size();
    // The tutorials' servers show it, and some fail where there is none.
    header.message = options_.message.empty() ? file.name : options_.message;
    const std::string text = to_json(header);
    co_await stream_->write_frame(text);
    co_await send_content(file, from, 0);
    stream_.reset();  // sends what is queued, and ends in the background
}

/// The pauses let the tutorials' server get the marker, and nothing else, in one read.
task<> upload_connection::send_marked(const upload_file& file, source from) {
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
