/// The format `marker`: one file a connection, whose end is the stream's.
#include <coserve/services/upload.hpp>

#include "incoming_file.hpp"
#include "protocol/marker_end.hpp"
#include "protocol/sha256.hpp"
#include "protocol/upload_error.hpp"
#include "upload_rules.hpp"
#include "upload_store.hpp"

#include <coserve/blocking_pool.hpp>
#include <coserve/error.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace coserve {

namespace {

constexpr std::uint64_t any_size = std::uint64_t{1} << 62;

}  // namespace

task<> upload::take_marked() {
    std::string refused;
    try {
        co_await take_until_end();
    } catch (const upload_error& e) {
        refused = e.what();
    } catch (const file_error& e) {
        refused = "the file: " + e.code().message();
    }
    if (!refused.empty())
        log(log_level::warning, "upload refused", refused);
}

/// In a drain what has begun comes to its end, as every file does.
task<> upload::take_until_end() {
    marker_end end;
    if (const auto first = co_await read_frame(stream_limits::file_timeout)) {
        bytes begin(first->begin(), first->end());  // the stream may end while it is written
        end.feed(begin);
        co_await begin_marked(std::move(begin));
        co_await receive_marked(end);
    } else if (stream().draining() && !stream().closed().ready()) {
        co_return;
    }
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

task<> upload::begin_marked(bytes begin) {
    if (!store_)
        co_await open_store();
    upload_rules limits = rules();
    if (limits.max_file != 0)
        limits.max_file += marker_end_size;
    auto make = [&] {
        store_->partials().trim_at_times(limits);
        file_ = std::make_unique<incoming_file>(store_, limits, std::nullopt);
        file_->append(begin);
    };
    co_await run_blocking(make);
}

/// The end of the stream is that of what it carries here, and no error.
task<> upload::receive_marked(marker_end& end) {
    file_tap tap = [&](std::span<const std::byte> piece) {
        file_->grow(piece.size());
        end.feed(piece);
    };
    receiving_ = true;
    ++files_;
    try {
        co_await stream().receive_file(file_->fd(), any_size, tap);
    } catch (const system_error& e) {
        if (e.code() != errc::truncated_frame)
            throw;
    }
    receiving_ = false;
}

}  // namespace coserve
