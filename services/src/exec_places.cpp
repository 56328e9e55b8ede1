#include "exec_places.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <list>
#include <mutex>
#include <utility>

namespace coserve {

namespace {

constexpr std::size_t longest_line = 256;

}  // namespace

struct exec_places::ticket::waiter : std::enable_shared_from_this<waiter> {
    enum class state : unsigned char { waiting, admitted, left };

    waiter(executor e, std::shared_ptr<line> l, std::size_t m)
        : where(e), woken(e), queue(std::move(l)), most(m) {}

    executor where;
    core_event woken;
    std::shared_ptr<line> queue;
    const std::size_t most;
    state now = state::waiting;  // the line's mutex guards it
};

// Guarded by its mutex.
struct exec_places::line {
    using waiter = ticket::waiter;

    bool enter(const std::shared_ptr<waiter>& w) {
        const std::scoped_lock lock(mutex);
        if (taken < w->most) {
            ++taken;
            w->now = waiter::state::admitted;
            return true;
        }
        if (waiting.size() >= longest_line)
            return false;
        waiting.push_back(w.get());
        return true;
    }

    // What waits is left, and what is admitted stays.
    void abandon(waiter& w) noexcept {
        const std::scoped_lock lock(mutex);
        if (w.now != waiter::state::waiting)
            return;
        w.now = waiter::state::left;
        waiting.remove(&w);
    }

    void leave(waiter& w) noexcept {
        abandon(w);
        const std::scoped_lock lock(mutex);
        if (std::exchange(w.now, waiter::state::left) != waiter::state::admitted)
            return;
        --taken;
        admit_next();
    }

    bool is(const waiter& w, waiter::state s) {
        const std::scoped_lock lock(mutex);
        return w.now == s;
    }

private:
    void admit_next() noexcept {
        const auto next =
            std::ranges::find_if(waiting, [&](const waiter* w) { return taken < w->most; });
        if (next == waiting.end())
            return;
        waiter& w = **next;
        waiting.erase(next);
        ++taken;
        w.now = waiter::state::admitted;
        // Its core is there as long as it waits.
        boost::asio::post(w.where, [self = w.shared_from_this()] { self->woken.tell(); });
    }

    std::mutex mutex;
    std::size_t taken = 0;
    std::list<waiter*> waiting;
};

exec_places::exec_places() : line_(std::make_shared<line>()) {}

std::optional<exec_places::ticket> exec_places::enter(executor e, std::size_t most) const {
    const auto w = std::make_shared<ticket::waiter>(e, line_, most);
    if (!line_->enter(w))
        return std::nullopt;
    return ticket(w);
}

exec_places::ticket::ticket(std::shared_ptr<waiter> w) noexcept : waiter_(std::move(w)) {}

exec_places::ticket::ticket(ticket&&) noexcept = default;

exec_places::ticket& exec_places::ticket::operator=(ticket&& other) noexcept {
    std::swap(waiter_, other.waiter_);
    return *this;
}

exec_places::ticket::~ticket() {
    if (waiter_)
        waiter_->queue->leave(*waiter_);
}

task<bool> exec_places::ticket::admitted() {
    return wait(waiter_);
}

task<bool> exec_places::ticket::wait(std::shared_ptr<waiter> w) {
    while (w->queue->is(*w, waiter::state::waiting)) {
        auto& woken = w->woken;
        co_await woken.wait();
    }
    co_return w->queue->is(*w, waiter::state::admitted);
}

void exec_places::ticket::abandon() noexcept {
    waiter_->queue->abandon(*waiter_);
    waiter_->woken.tell();
}

}  // namespace coserve
