// The coroutine at the bottom of a stack of them: what asio::co_spawn makes around another, written
// out where the work is, without the frame, the executors and the cancellation signal of its own
// that an idle connection would keep.
#pragma once

#include <coserve/io.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution/outstanding_work.hpp>

#include <utility>

namespace coserve {

// What a root coroutine returns. It throws nothing: that would leave the context's run().
//
// A detail name of Asio's, as in <coserve/task.hpp>: co_spawn's own coroutine returns the same.
using root_coroutine = asio::awaitable<asio::detail::awaitable_thread_entry_point>;

// Runs it on its context: within the call, where that is on the context's thread. A cancellation
// through `stop` reaches what it awaits, one that comes before its first await included.
void launch(io_context&, root_coroutine, asio::cancellation_slot stop);

inline constexpr const char* dropped_coroutine =
    "a coroutine went on reading or writing after its connection had ended";

// What a root coroutine holds while it works: keeps its context running, and calls its owner's
// dropped() where it is destroyed before its end, because it awaited what never comes or because
// its context ends.
template <class Owner>
class root_scope {
public:
    root_scope(io_context& context, Owner& owner)
        : work_(asio::require(context.get_executor(), asio::execution::outstanding_work.tracked)),
          owner_(&owner) {}

    root_scope(const root_scope&) = delete;
    root_scope& operator=(const root_scope&) = delete;

    ~root_scope() {
        if (owner_)
            owner_->dropped();
    }

    void end() noexcept { owner_ = nullptr; }

private:
    using tracked = decltype(asio::require(
        std::declval<io_context::executor_type>(), asio::execution::outstanding_work.tracked
    ));

    tracked work_;
    Owner* owner_;
};

}  // namespace coserve
