#include <coserve/limits.hpp>

#include <coserve/units.hpp>

#include <algorithm>

namespace coserve {
namespace {

constexpr std::size_t gibibyte = std::size_t{1} << 30;

}  // namespace

duration stream_limits::time_for_frame(std::uint64_t size) const noexcept {
    if (frame_timeout == duration::zero())
        return duration::zero();
    constexpr std::uint64_t most = longest_time / frame_timeout_step * frame_timeout_bytes;
    const auto shares = static_cast<duration::rep>(std::min<std::uint64_t>(size, most));
    const duration extra =
        shares / static_cast<duration::rep>(frame_timeout_bytes) * frame_timeout_step +
        shares % static_cast<duration::rep>(frame_timeout_bytes) * frame_timeout_step /
            static_cast<duration::rep>(frame_timeout_bytes);
    return std::min(longest_time, std::min(longest_time, frame_timeout) + extra);
}

void stream_limits::read(option_reader& reader) {
    reader.size("max-frame", max_frame, 1, 4 * gibibyte, "longest payload that is read");
    reader.size(
        "max-send-frame", max_send_frame, 1, 4 * gibibyte, "longest payload that is written"
    );
    reader.time(
        "frame-timeout",
        frame_timeout,
        "for the rest of a frame that has begun, and 1s more for each 64KiB of it; 0: none"
    );
    reader.time(
        "first-frame-timeout",
        first_frame_timeout,
        "while a read waits for the first byte; 0: idle-timeout"
    );
    reader.time("idle-timeout", idle_timeout, "while a read waits and no frame has begun; 0: none");
    reader.time(
        "write-timeout", write_timeout, "while output waits and the peer takes none of it; 0: none"
    );
    reader.size("high-water", high_water, 1, gibibyte, "queued output above which a write waits");
    reader.size("low-water", low_water, 0, gibibyte, "queued output at which it goes on");
    if (low_water > high_water)
        reader.refuse(
            "low-water", "must be at most high-water, which is " + format_size(high_water)
        );
}

void datagram_limits::read(option_reader& reader) {
    reader.size(
        "max-datagram", max_datagram, 1, 65'507, "longest that is received whole; others are cut"
    );
    reader.size(
        "send-queue",
        send_queue,
        1024,
        gibibyte,
        "on each core, while its socket takes no more; what is over it is dropped"
    );
    reader.size("send-queue-per-peer", send_queue_per_peer, 0, gibibyte, "the same, to one peer");
    reader.size(
        "receive-buffer",
        receive_buffer,
        0,
        gibibyte,
        "the kernel's, on each core, within its own limit; 0: its default"
    );
}

}  // namespace coserve
