#include <coserve/services/upload.hpp>

#include "incoming_file.hpp"
#include "partial_locks.hpp"
#include "protocol/sha256.hpp"
#include "protocol/upload_error.hpp"
#include "protocol/upload_header.hpp"
#include "upload_rules.hpp"
#include "upload_store.hpp"

#include <coserve/blocking_pool.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

/// Of what a client says to the log's readers.
constexpr std::size_t longest_message = 1024;

/// What is known of an upload that came to nothing.
struct refusal {
    std::string_view word;
    std::string why;
    bool reply = false;
};

refusal refusal_of(const file_error& e, bool reply) {
    const bool full = e.code() == boost::system::errc::no_space_on_device;
    return {full ? "no-space" : "storage", "the file: " + e.code().message(), reply};
}

/// Cut between two characters.
std::string shortened(std::string_view message) {
    if (message.size() <= longest_message)
        return std::string(message);
    std::size_t size = longest_message;
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xc0) == 0x80)
        --size;
    return std::string(message.substr(0, size))
        .append("... (" + std::to_string(message.size()) + " bytes)");
}

}  // namespace

upload::upload(const options& o, const upload_directories& directories)
    : options_(o), directories_(directories), store_(directories.find(o.directory)) {}

upload::~upload() = default;

upload_rules upload::rules() const noexcept {
    return {
        .existing = options_.existing,
        .max_file = options_.max_file,
        .quota = options_.quota,
        .max_partials = options_.max_partials,
        .partial_size = options_.partial_size,
        .partial_age = options_.partial_age
    };
}

task<> upload::handle() {
    if (options_.min_rate != 0)
        tasks().spawn(&upload::watch_rate, this);
    if (options_.format == wire::marker)
        co_await take_marked();
    else
        co_await take_files();
    if (options_.min_rate != 0)
        tasks().cancel();
}

/// The usual directory is not opened before something comes.
task<> upload::open_store() {
    auto open = [this] { store_ = directories_.open(options_.directory); };
    co_await run_blocking(open);
}

task<> upload::finish() {
    if (!file_)
        co_return;
    auto drop = [this] { file_.reset(); };
    co_await run_blocking(drop);
}

task<> upload::take_files() {
    for (bool goes_on = true; goes_on;) {
        const auto header = co_await read_frame();
        if (!header)
            co_return;
        goes_on = co_await take_announced(std::string(header->text()));
    }
}

task<bool> upload::take_announced(std::string header) {
    std::optional<refusal> refused;
    try {
        reply_ = false;
        const upload_header h = parse_upload_header(header);
        reply_ = h.reply;
        co_await take(h);
    } catch (const bad_upload_header& e) {
        refused = {e.word(), e.what(), e.wants_reply};
    } catch (const upload_error& e) {
        refused = {e.word(), e.what(), reply_};
    } catch (const file_error& e) {
        refused = refusal_of(e, reply_);
    }
    if (refused)
        refuse(refused->word, refused->why, refused->reply);
    co_return !refused;
}

/// The client hears of it where it asked to, the log in any case.
void upload::refuse(std::string_view word, std::string_view why, bool reply) {
    log(log_level::warning, "upload refused", why);
    if (!reply)
        return;
    upload_reply r;
    r.what = upload_reply::kind::refused;
    r.error = word;
    r.message = why;
    [[maybe_unused]] const auto queued = write_frame(to_json(r));
}

task<> upload::take(const upload_header& h) {
    if (!store_)
        co_await open_store();
    hash_ = h.reply || !h.sha256.empty() ? std::make_unique<sha256>() : nullptr;
    upload_reply ready, stored;
    stored.what = upload_reply::kind::stored;
    stored.size = h.file_size;
    stored.sha256 = h.sha256;
    if (h.resume)
        stored.file_name = co_await begin_resuming(h);
    else
        co_await begin(h);
    ready.offset = file_ ? file_->offset() : h.file_size;
    if (h.reply)
        co_await say(ready);
    if (file_) {
        co_await receive(h.file_size - ready.offset);
        stored.sha256 = hash_ ? hash_->digest() : "";
        stored.file_name = co_await publish(h, stored.sha256);
    }
    if (h.reply)
        co_await say(stored);
}

task<> upload::say(const upload_reply& r) {
    const std::string text = to_json(r);
    co_await write_frame(text);
}

task<> upload::begin(const upload_header& h) {
    auto make = [&] {
        store_->partials().trim_at_times(rules());
        store_->check_name(h.file_name, options_.existing);
        file_ = std::make_unique<incoming_file>(store_, rules(), h.file_size);
    };
    co_await run_blocking(make);
}

/// Where another connection has published the file by then: its name, and nothing is begun.
task<std::string> upload::begin_resuming(const upload_header& h) {
    const std::string kept = partial_key{h.sha256, h.file_size}.file_name();
    auto trim = [this] { store_->partials().trim(rules()); };
    co_await run_blocking(trim);
    const auto other = store_->partials().locks().writer_of(kept);
    auto lock = co_await lock_partial(kept, h, other);
    if (other && !other->published.empty() && other->name == h.file_name)
        co_return other->published;
    auto make = [&] {
        store_->check_name(h.file_name, options_.existing);
        file_ = std::make_unique<incoming_file>(store_, rules(), h.file_size, std::move(lock));
    };
    co_await run_blocking(make);
    co_await hash_kept();
    co_return "";
}

/// Where `other` has it and does not get on, it is taken for dead, and ended; but not while it
/// waits for the disk, which nobody can shorten.
task<std::unique_ptr<partial_lock>> upload::lock_partial(
    std::string file_name, const upload_header& h, std::shared_ptr<partial_writer> other
) {
    constexpr duration pause = 50ms;
    constexpr int patience = 40;
    if (!self_)
        self_ = std::make_shared<upload*>(this);
    const auto core = co_await boost::asio::this_coro::executor;
    const auto stop = [core, self = std::weak_ptr(self_)] {
        boost::asio::post(core, [self] {
            if (const auto alive = self.lock())
                (*alive)->stream().abort();
        });
    };
    partial_locks& locks = store_->partials().locks();
    const std::uint64_t before = other ? other->progress.load() : 0;
    for (int i = 0; i < 2 * patience;) {
        if (auto lock = locks.try_lock(file_name, h.file_name, stop))
            co_return lock;
        const bool still = other && locks.writer_of(file_name) == other;
        if (still && other->finishing) {
            if (stream().closed().ready())
                throw upload_error("gone", "the client has gone while another was finishing");
        } else if (i++ == patience) {
            if (!still || other->progress != before)
                break;
            other->stop();
        }
        co_await sleep(pause);
    }
    throw upload_error("busy", "resume: another connection is sending this file");
}

/// Nobody waits for the end of it where the client has gone.
task<> upload::hash_kept() {
    bool goes_on = true;
    auto next = [&] { goes_on = file_->hash_kept(*hash_); };
    while (goes_on) {
        co_await run_blocking(next);
        if (goes_on && stream().closed().ready())
            throw upload_error("gone", "the client has gone while what came before was read");
    }
}

task<> upload::receive(std::uint64_t size) {
    file_tap tap = [this](std::span<const std::byte> piece) {
        hash_->feed(piece);
        file_->count(piece.size());
    };
    receiving_ = true;
    ++files_;
    if (hash_)
        co_await stream().receive_file(file_->fd(), size, tap);
    else
        co_await stream().receive_file(file_->fd(), size);
    receiving_ = false;
}

task<std::string> upload::publish(const upload_header& h, std::string digest) {
    std::string name;
    auto make_visible = [&] {
        if (!h.sha256.empty() && h.sha256 != digest) {
            file_->discard();
            file_.reset();
            throw upload_error("checksum", "sha256: what came has " + digest + ", and is not kept");
        }
        name = file_->publish(h.file_name);
        file_.reset();
    };
    co_await run_blocking(make_visible);
    log_stored(name, h.file_size, h.message);
    co_return name;
}

void upload::log_stored(std::string_view name, std::uint64_t size, std::string_view message) {
    std::string what = std::string(name) + ", " + std::to_string(size) + " bytes";
    if (!message.empty())
        what += "; msg: " + shortened(message);
    log(log_level::info, "file stored", what);
}

// ---- the rate

task<> upload::watch_rate() {
    constexpr auto window = 10s;
    for (;;) {
        const unsigned file = receiving_ ? files_ : 0;
        const std::uint64_t before = stream().file_received();
        co_await sleep(window);
        if (file == 0 || !receiving_ || file != files_)
            continue;
        const std::uint64_t came = stream().file_received() - before;
        if (came / static_cast<std::uint64_t>(window.count()) >= options_.min_rate)
            continue;
        const std::string why = std::to_string(came) + " bytes in 10 s, where min-rate asks for " +
                                std::to_string(options_.min_rate) + " a second";
        refuse("too-slow", why, reply_);
        throw upload_error("too-slow", why);
    }
}

}  // namespace coserve
