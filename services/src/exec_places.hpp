// How many commands run at once, over all connections and cores.
#pragma once

#include "core_event.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace coserve {

// Copies share the places. Thread: locks for itself.
class exec_places {
public:
    exec_places();

    // A place, or one in the line for it; given back when it is destroyed.
    class ticket {
    public:
        ticket(ticket&&) noexcept;
        ticket& operator=(ticket&&) noexcept;
        ~ticket();

        // Waits for the place; false: `abandon()` was called before there was one.
        task<bool> admitted();
        // Ends the wait; a place that there is stays. Thread: on its core.
        void abandon() noexcept;

    private:
        friend class exec_places;
        struct waiter;
        explicit ticket(std::shared_ptr<waiter>) noexcept;

        static task<bool> wait(std::shared_ptr<waiter>);

        std::shared_ptr<waiter> waiter_;
    };

    // Enters the line of those who may be among the first `most`. Of these, who was there first is
    // admitted first; those who may be among more do not wait for them. nullopt: too many are
    // waiting.
    std::optional<ticket> enter(executor, std::size_t most) const;

private:
    struct line;
    std::shared_ptr<line> line_;
};

}  // namespace coserve
