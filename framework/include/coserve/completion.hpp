/// \file
/// A completion handler of any type, stored to be called once.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace coserve {

template <class Signature>
class completion;

/// `boost::asio::any_completion_handler` that keeps a small handler, as a coroutine's is, within
/// itself, and without a cancellation signal of its own between the handler's slot and what it
/// waits for: a read that waits allocates nothing for it. Its slot is the handler's.
template <class... A>
class completion<void(A...)> {
public:
    using cancellation_slot_type = boost::asio::cancellation_slot;

    completion() = default;

    template <class Handler>
        requires(!std::same_as<std::decay_t<Handler>, completion> && std::invocable<std::decay_t<Handler>, A...>)
    completion(Handler&& handler) {
        using kept = std::conditional_t<
            fits<std::decay_t<Handler>>,
            inside<std::decay_t<Handler>>,
            outside<std::decay_t<Handler>>>;
        kept::keep(memory_, std::forward<Handler>(handler));
        actions_ = &actions_of<kept>;
    }

    completion(completion&& other) noexcept { take(other); }

    completion& operator=(completion&& other) noexcept {
        const completion old(std::move(*this));  // destroyed last: it may own the other
        take(other);
        return *this;
    }

    ~completion() {
        if (actions_)
            std::exchange(actions_, nullptr)->destroy(memory_);
    }

    explicit operator bool() const noexcept { return actions_ != nullptr; }

    cancellation_slot_type get_cancellation_slot() const noexcept {
        return actions_ ? actions_->slot(memory_) : cancellation_slot_type();
    }

    void operator()(A... arguments) && {
        std::exchange(actions_, nullptr)->call(memory_, std::move(arguments)...);
    }

private:
    struct alignas(void*) memory {
        std::array<std::byte, 2 * sizeof(void*)> bytes;
    };

    struct actions {
        void (*call)(memory&, A...);  // and the rest: what was kept is there no more
        void (*move)(memory& from, memory& to) noexcept;
        void (*destroy)(memory&) noexcept;
        cancellation_slot_type (*slot)(const memory&) noexcept;
    };

    template <class Handler>
    static constexpr bool fits =
        sizeof(Handler) <= sizeof(memory) && alignof(Handler) <= alignof(memory) &&
        std::is_nothrow_move_constructible_v<Handler>;

    template <class Handler>
    struct inside {
        template <class H>
        static void keep(memory& m, H&& handler) {
            std::construct_at(reinterpret_cast<Handler*>(m.bytes.data()), std::forward<H>(handler));
        }

        static const Handler& get(const memory& m) noexcept {
            return *std::launder(reinterpret_cast<const Handler*>(m.bytes.data()));
        }

        static Handler take(memory& m) noexcept {
            auto* const kept = std::launder(reinterpret_cast<Handler*>(m.bytes.data()));
            Handler h(std::move(*kept));
            std::destroy_at(kept);
            return h;
        }

        static void move(memory& from, memory& to) noexcept { keep(to, take(from)); }
    };

    template <class Handler>
    struct outside : private inside<Handler*> {
        using allocator = typename std::allocator_traits<
            boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<Handler>;

        template <class H>
        static void keep(memory& m, H&& handler) {
            allocator a(boost::asio::get_associated_allocator(handler));
            inside<Handler*>::keep(m, std::construct_at(a.allocate(1), std::forward<H>(handler)));
        }

        static const Handler& get(const memory& m) noexcept { return *inside<Handler*>::get(m); }

        // The memory is free again before the handler runs, which may need as much.
        static Handler take(memory& m) noexcept {
            Handler* const kept = inside<Handler*>::take(m);
            Handler h(std::move(*kept));
            std::destroy_at(kept);
            allocator a(boost::asio::get_associated_allocator(h));
            a.deallocate(kept, 1);
            return h;
        }

        using inside<Handler*>::move;
    };

    template <class Kept>
    static constexpr actions actions_of{
        [](memory& m, A... arguments) { Kept::take(m)(std::move(arguments)...); },
        &Kept::move,
        [](memory& m) noexcept { Kept::take(m); },
        [](const memory& m) noexcept -> cancellation_slot_type {
            return boost::asio::get_associated_cancellation_slot(Kept::get(m));
        },
    };

    void take(completion& other) noexcept {
        actions_ = std::exchange(other.actions_, nullptr);
        if (actions_)
            actions_->move(other.memory_, memory_);
    }

    const actions* actions_ = nullptr;
    memory memory_{};
};

}  // namespace coserve
