#include <coserve/services/upload.hpp>

#include "protocol/marker_end.hpp"
#include "protocol/sha256.hpp"
#include "protocol/upload_error.hpp"
#include "protocol/upload_header.hpp"
#include "upload_store.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/length_prefix.hpp>
#include <coserve/raw.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

namespace coserve {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 62;

upload_rules rules_of(const upload::options& o) {
    return {
        .existing = o.existing,
        .max_file = o.max_file,
        .quota = o.quota,
        .max_partials = o.max_partials,
        .partial_age = o.partial_age
    };
}

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

// A function: g++ 12 at -O3 thinks that a closure without captures is not initialized.
std::unique_ptr<codec> make_raw_codec() {
    return std::make_unique<raw_codec>();
}

}  // namespace

// ---- the directories

struct upload_directories::state {
    std::string fallback;
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<upload_store>> open;
};

upload_directories::upload_directories(std::string fallback) : state_(std::make_shared<state>()) {
    state_->fallback = std::move(fallback);
}

bool upload_directories::was_chosen() const noexcept {
    return state_->fallback != usual;
}

std::shared_ptr<upload_store> upload_directories::open(const std::string& directory) const {
    const std::lock_guard lock(state_->mutex);
    const std::string& path = directory.empty() ? state_->fallback : directory;
    std::shared_ptr<upload_store>& store = state_->open[path];
    if (!store)
        store = std::make_shared<upload_store>(path);
    return store;
}

// ---- options

void upload::options::read(option_reader& reader) {
    reader.choice(
        "wire",
        format,
        {{"json-header", wire::json_header}, {"marker", wire::marker}},
        "how files come: after a JSON header each, or one whose end is marked"
    );
    reader.text("dir", directory, "where files go; empty: what --upload-dir says");
    reader.choice(
        "existing",
        existing,
        {{"refuse", existing_file::refuse},
         {"rename", existing_file::rename},
         {"replace", existing_file::replace}},
        "where a name is taken: an error, \"name (1).ext\", or the new file in its place"
    );
    reader.size("max-file", max_file, 0, most_bytes, "the largest file; 0: no limit");
    reader.size("quota", quota, 0, most_bytes, "of all files of the directory; 0: no limit");
    reader.size("min-rate", min_rate, 0, most_bytes, "a second, over ten seconds; 0: none");
    reader.count("max-partials", max_partials, 1, 100'000, "interrupted uploads that are kept");
    reader.time("partial-age", partial_age, "for how long they are kept; 0: for ever");
    reader.size(
        "max-header", max_header, 2, std::size_t{16} << 20, "the longest header that is taken"
    );
}

framing upload::options::codecs(const stream_limits&) const {
    if (format == wire::marker)
        return {&make_raw_codec, &make_raw_codec};
    const codec_factory headers = [most = max_header] {
        auto made = std::make_unique<length_prefix_codec>();
        made->set_max_frame(most);
        return made;
    };
    return {headers, headers};
}

/// The usual one is made when something comes: a server need not have a place where it can be.
void upload::options::start(const upload_directories& directories) const {
    if (!directory.empty() || directories.was_chosen())
        directories.open(directory);
}

// ---- a connection

/// The right to write to a partial file, until an `incoming_file` has it.
class upload::partial_lease {
public:
    partial_lease(upload_store& store, std::string file_name)
        : store_(store), file_name_(std::move(file_name)) {}

    partial_lease(const partial_lease&) = delete;
    partial_lease& operator=(const partial_lease&) = delete;

    ~partial_lease() {
        if (held_)
            store_.unlock_partial(file_name_);
    }

    void pass_on() noexcept { held_ = false; }

private:
    upload_store& store_;
    std::string file_name_;
    bool held_ = true;
};

upload::upload(const options& o, const upload_directories& directories)
    : options_(o), store_(directories.open(o.directory)) {}

upload::~upload() = default;

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
    hash_ = h.reply || !h.sha256.empty() ? std::make_unique<sha256>() : nullptr;
    if (h.resume)
        co_await begin_resuming(h);
    else
        co_await begin(h);
    if (h.reply) {
        upload_reply ready;
        ready.offset = file_->offset();
        const std::string text = to_json(ready);
        co_await write_frame(text);
    }
    co_await receive(h.file_size - file_->offset());
    co_await publish(h);
}

task<> upload::begin(const upload_header& h) {
    auto make = [&] {
        store_->check_name(h.file_name, options_.existing);
        file_ = std::make_unique<incoming_file>(store_, rules_of(options_), h.file_size);
    };
    co_await run_blocking(make);
}

task<> upload::begin_resuming(const upload_header& h) {
    const partial_key key{h.sha256, h.file_size};
    co_await lock_partial(key.file_name());
    partial_lease lease(*store_, key.file_name());
    auto make = [&] {
        store_->check_name(h.file_name, options_.existing);
        lease.pass_on();
        file_ = std::make_unique<incoming_file>(store_, rules_of(options_), key, *hash_);
        store_->set_position(key.file_name(), [file = file_.get()] { return file->position(); });
    };
    co_await run_blocking(make);
}

/// A writer that does not get on is taken for dead, and ended.
task<> upload::lock_partial(std::string file_name) {
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
    const std::int64_t before = store_->position(file_name);
    for (int i = 0; i < 2 * patience; ++i) {
        if (store_->lock_partial(file_name, stop))
            co_return;
        if (i == patience) {
            if (store_->position(file_name) != before)
                break;
            store_->stop_writer(file_name);
        }
        co_await sleep(pause);
    }
    throw upload_error("busy", "resume: another connection is sending this file");
}

task<> upload::receive(std::uint64_t size) {
    file_tap tap = [this](std::span<const std::byte> piece) { hash_->feed(piece); };
    receiving_ = true;
    ++files_;
    if (hash_)
        co_await stream().receive_file(file_->fd(), size, tap);
    else
        co_await stream().receive_file(file_->fd(), size);
    receiving_ = false;
}

task<> upload::publish(const upload_header& h) {
    upload_reply stored;
    stored.what = upload_reply::kind::stored;
    stored.size = h.file_size;
    stored.sha256 = hash_ ? hash_->digest() : "";
    auto make_visible = [&] {
        if (!h.sha256.empty() && h.sha256 != stored.sha256) {
            file_->discard();
            file_.reset();
            throw upload_error(
                "checksum", "sha256: what came has " + stored.sha256 + ", and is not kept"
            );
        }
        stored.file_name = file_->publish(h.file_name);
        file_.reset();
    };
    co_await run_blocking(make_visible);
    log_stored(stored.file_name, stored.size, h.message);
    if (!h.reply)
        co_return;
    const std::string text = to_json(stored);
    co_await write_frame(text);
}

void upload::log_stored(std::string_view name, std::uint64_t size, std::string_view message) {
    std::string what = std::string(name) + ", " + std::to_string(size) + " bytes";
    if (!message.empty())
        what += "; msg: " + std::string(message);
    log(log_level::info, "file stored", what);
}

// ---- the format without headers

task<> upload::take_marked() {
    std::optional<refusal> refused;
    try {
        co_await take_until_end();
    } catch (const upload_error& e) {
        refused = {e.word(), e.what()};
    }
    if (refused)
        refuse(refused->word, refused->why, false);
}

task<> upload::take_until_end() {
    marker_end end;
    bytes piece;
    upload_rules rules = rules_of(options_);
    if (rules.max_file != 0)
        rules.max_file += marker_end_size;
    auto append = [&] {
        if (!file_)
            file_ = std::make_unique<incoming_file>(store_, rules, std::nullopt);
        file_->append(piece);
    };
    receiving_ = true;
    while (const auto got = co_await read_frame(stream_limits::file_timeout)) {
        piece.assign(got->begin(), got->end());  // the stream may end while it is written
        end.feed(piece);
        co_await run_blocking(append);
    }
    receiving_ = false;
    // A drain ends the reading, too; the file's end is the peer's.
    if (stream().draining() && !stream().closed().ready())
        throw upload_error("drain", "the server is stopping");
    const auto size = end.file_size();
    if (!size)
        throw upload_error(
            "bad-end", std::to_string(end.received()) + " bytes without the marker's end"
        );
    std::string name;
    auto make_visible = [&] {
        file_->cut(*size);
        name = file_->publish_unnamed();
        file_.reset();
    };
    co_await run_blocking(make_visible);
    log_stored(name, *size, {});
}

// ---- the rate

task<> upload::watch_rate() {
    constexpr auto window = 10s;
    for (;;) {
        const bool was_receiving = receiving_ && file_;
        const unsigned file = files_;
        const std::int64_t before = was_receiving ? file_->position() : 0;
        co_await sleep(window);
        if (!was_receiving || !receiving_ || file != files_ || !file_)
            continue;
        const auto came = static_cast<std::uint64_t>(file_->position() - before);
        if (came / static_cast<std::uint64_t>(window.count()) >= options_.min_rate)
            continue;
        const std::string why = std::to_string(came) + " bytes in 10 s, where min-rate asks for " +
                                std::to_string(options_.min_rate) + " a second";
        refuse("too-slow", why, reply_);
        throw upload_error("too-slow", why);
    }
}

}  // namespace coserve
