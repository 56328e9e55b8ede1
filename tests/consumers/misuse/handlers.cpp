// Mistakes in a handler that must not compile. Each case names what the compiler says; without one
// the file compiles.
#include <coserve/blocking_pool.hpp>
#include <coserve/stream_handler.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

using coserve::frame;
using coserve::frame_view;
using coserve::task;

struct handler : coserve::stream_handler {
    task<> handle() override {
        auto request = co_await read_frame();
        auto count = [] { return 1; };
        tasks().spawn(&handler::keep, this, request->copy());
        tasks().spawn(&handler::name, this, std::string(request->text()));
        tasks().spawn([](handler*) -> task<> { co_return; }, this);
        co_await write_frame(*request);
        co_await coserve::run_blocking(count);
    }

    task<> keep(coserve::bytes) { co_return; }

    task<> name(std::string) { co_return; }

    task<> borrow(frame) { co_return; }

    task<> view(frame_view) { co_return; }

    task<> text(std::string_view) { co_return; }
};

struct misuse : handler {
    task<> handle() override {
        [[maybe_unused]] auto request = co_await read_frame();
#if MISUSE == 1  // fails: a borrowed view does not outlive the next read
        tasks().spawn(&misuse::borrow, this, *request);
#elif MISUSE == 2   // fails: a borrowed view does not outlive the next read
        tasks().spawn(&misuse::text, this, request->text());
#elif MISUSE == 3   // fails: a borrowed view does not outlive the next read
        tasks().spawn(&misuse::view, this, frame_view(*request));
#elif MISUSE == 4   // fails: captures die with the closure
        tasks().spawn([this]() -> task<> { co_await write_frame("later"); });
#elif MISUSE == 5   // fails: captures die with the closure
        std::string name;
        tasks().spawn([name]() -> task<> { co_return; });
#elif MISUSE == 6   // fails: use of deleted function|call to deleted function
        std::string name;
        co_await coserve::run_blocking([name] { return 1; });
#elif MISUSE == 7   // fails: use of deleted function|call to deleted function
        auto work = [] { return 1; };
        co_await coserve::run_blocking(std::move(work));
#elif MISUSE == 8   // fails: unused-result
        write_frame("a forgotten co_await");
#elif MISUSE == 9   // fails: unused-result
        read_frame();
#elif MISUSE == 10  // fails: unused-result
        stream().flush();
#elif MISUSE == 11  // fails: unused-result
        sleep(std::chrono::seconds(1));
#elif MISUSE == 12  // fails: a borrowed view does not outlive the next read
        tasks().spawn([](std::optional<frame>) -> task<> { co_return; }, request);
#endif
    }
};
