// What goes into a child_state's process, and what comes out of it.
#include "child_state.hpp"
#include "core.hpp"
#include "stored_handler.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace coserve {

namespace {

// True: it did not all fit.
bool append(bytes& kept, frame piece, std::size_t limit) {
    const std::size_t room = std::min(piece.size(), limit - kept.size());
    kept.insert(kept.end(), piece.begin(), piece.begin() + room);
    return room < piece.size();
}

}  // namespace

// One coroutine at a time has a pipe.
class child_state::claim {
public:
    claim(child_state& c, unsigned slot) : taken_(c.claimed_[slot]) {
        if (taken_)
            throw system_error(make_error_code(errc::concurrent_read));
        taken_ = true;
    }

    claim(const claim&) = delete;
    claim& operator=(const claim&) = delete;

    ~claim() { taken_ = false; }

private:
    bool& taken_;
};

void child_state::on_pipe_ready() {
    const auto self = shared_from_this();
    for (handler& h : at_pipes_) {
        if (h)
            release_handler(h)(error_code());
    }
}

void child_state::await_pipes(unsigned slot, handler h) {
    if (!core_)
        return;
    handler& kept = at_pipes_[slot] = std::move(h);
    on_cancel(kept, [this, &kept] {
        if (kept)
            post_completion(
                core_->context(), release_handler(kept), error_code(asio::error::operation_aborted)
            );
    });
}

task<> child_state::pipes_ready(unsigned slot) {
    auto start = [this, slot](handler h) { await_pipes(slot, std::move(h)); };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
        start, asio::use_awaitable
    );
}

task<std::optional<subprocess_piece>> child_state::read_any(self_type self) {
    const claim output(*self, output_reader), errors(*self, errors_reader);
    for (;;) {
        // In turns, so that the louder stream does not silence the other.
        for (int tried = 0; tried < 2; ++tried) {
            const auto from = static_cast<subprocess_stream>(self->errors_first_);
            self->errors_first_ = !self->errors_first_;
            if (const auto piece = self->pipe(from).take())
                co_return subprocess_piece{from, *piece};
        }
        if (self->over())
            co_return std::nullopt;
        co_await self->pipes_ready(output_reader);
    }
}

task<std::optional<frame>> child_state::read_one(self_type self, subprocess_stream from) {
    const auto slot = static_cast<unsigned>(from);
    const claim reading(*self, slot);
    for (;;) {
        if (const auto piece = self->pipe(from).take())
            co_return piece;
        if (self->pipe(from).over())
            co_return std::nullopt;
        co_await self->pipes_ready(slot);
    }
}

task<bool> child_state::write(self_type self, frame_view data) {
    const claim writing(*self, input_writer);
    std::span<const std::byte> rest = data;
    while (!rest.empty() && !self->input_.over()) {
        const std::size_t size = self->input_.put(frame_view(rest));
        rest = rest.subspan(size);
        if (!rest.empty() && !self->input_.over())
            co_await self->pipes_ready(input_writer);
    }
    co_return rest.empty();
}

task<subprocess_result> child_state::collect(self_type self, std::size_t limit, frame_view input) {
    const claim output(*self, output_reader), errors(*self, errors_reader),
        writing(*self, input_writer);
    subprocess_result r;
    std::span<const std::byte> rest = input;
    for (;;) {
        rest = rest.subspan(self->input_.put(frame_view(rest)));
        if (rest.empty())
            self->input_.close();
        bool found = false;
        for (const auto from : {subprocess_stream::output, subprocess_stream::errors}) {
            const auto piece = self->pipe(from).take();
            if (!piece)
                continue;
            found = true;
            if (append(from == subprocess_stream::output ? r.output : r.errors, *piece, limit) &&
                !std::exchange(r.truncated, true))
                self->terminate(subprocess_end::stopped, self->grace_);
        }
        if (self->over())
            break;
        if (!found)
            co_await self->pipes_ready(output_reader);
    }
    self->input_.close();
    const auto ended = co_await wait(self, duration::max());
    r.exit = *ended;
    co_return r;
}

void child_state::close_input() noexcept {
    input_.close();
    wake_at_pipes();
}

// What is written from now on does not count.
void child_state::finish_pipes() noexcept {
    input_.close();
    for (output_pipe& p : outputs_)
        p.finish();
    wake_at_pipes();
}

void child_state::wake_at_pipes() noexcept {
    for (handler& h : at_pipes_) {
        if (h && core_)
            post_completion(core_->context(), release_handler(h), error_code());
    }
}

}  // namespace coserve
