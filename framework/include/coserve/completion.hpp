/// \file
/// A completion handler of any type, stored to be called once.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace coserve {

template <class Signature>
class completion;

/// `boost::asio::any_completion_handler` without a cancellation signal of its own between the
/// handler's slot and what it waits for: one allocation less for each read that waits. Its slot is
/// the handler's. Its memory is as much as it needs, because an idle connection keeps it.
template <class... A>
class completion<void(A...)> {
public:
    using cancellation_slot_type = boost::asio::cancellation_slot;

    completion() = default;

    template <class Handler>
        requires(!std::same_as<std::decay_t<Handler>, completion> && std::invocable<std::decay_t<Handler>, A...>)
    completion(Handler&& handler) : kept_(keep(std::forward<Handler>(handler))) {}

    completion(completion&& other) noexcept : kept_(std::exchange(other.kept_, nullptr)) {}

    completion& operator=(completion&& other) noexcept {
        std::swap(kept_, other.kept_);
        return *this;
    }

    ~completion() {
        if (kept_)
            kept_->release();
    }

    explicit operator bool() const noexcept { return kept_ != nullptr; }

    cancellation_slot_type get_cancellation_slot() const noexcept {
        return kept_ ? kept_->slot() : cancellation_slot_type();
    }

    void operator()(A... arguments) && {
        std::exchange(kept_, nullptr)->call(std::move(arguments)...);
    }

private:
    struct stored {
        virtual void call(A...) = 0;
        virtual void release() noexcept = 0;
        virtual cancellation_slot_type slot() const noexcept = 0;

    protected:
        ~stored() = default;
    };

    template <class Handler>
    struct stored_handler final : stored {
        using allocator = typename std::allocator_traits<
            boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<stored_handler>;

        explicit stored_handler(Handler&& h) : handler(std::move(h)) {}

        static allocator allocator_of(const Handler& h) {
            return allocator(boost::asio::get_associated_allocator(h));
        }

        void call(A... arguments) override {
            Handler h = take();
            std::move(h)(std::move(arguments)...);
        }

        void release() noexcept override { take(); }

        cancellation_slot_type slot() const noexcept override {
            return boost::asio::get_associated_cancellation_slot(handler);
        }

        // The memory is free again before the handler runs, which may need as much.
        Handler take() noexcept {
            Handler h(std::move(handler));
            allocator a = allocator_of(h);
            std::destroy_at(this);
            a.deallocate(this, 1);
            return h;
        }

        Handler handler;
    };

    template <class Handler>
    static stored* keep(Handler&& h) {
        using kept = stored_handler<std::decay_t<Handler>>;
        auto allocator = kept::allocator_of(h);
        return std::construct_at(allocator.allocate(1), std::forward<Handler>(h));
    }

    stored* kept_ = nullptr;
};

}  // namespace coserve
