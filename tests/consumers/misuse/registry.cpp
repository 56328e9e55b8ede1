// Mistakes in what a service is given that must not compile: state that every core would race on.
#include <coserve/server.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

using coserve::frame_stream;
using coserve::task;

template <class... A>
struct with : coserve::stream_handler {
    explicit with(const A&...) {}

    task<> handle() override { co_return; }
};

template <class... A>
struct datagrams : coserve::datagram_handler {
    explicit datagrams(const A&...) {}

    void handle(const coserve::datagram&) override {}
};

task<> function(frame_stream&) {
    co_return;
}

struct counter {
    std::atomic<int> count = 0;
};

struct overloaded {
    int* count;

    void operator()() const { ++*count; }

    void operator()(int n) const { *count += n; }
};

struct sealed final {
    int* count;

    void operator()() const { ++*count; }
};

// None of these can be called.
struct settings {
    std::string name;
    int size = 0;
};

struct fixed final {
    int size = 0;
};

enum class colour { red };

union either {
    int whole;
    float part;
};

struct base {
    explicit base(int n) : number(n) {}

    base(const base&) = default;
    virtual ~base() = default;
    virtual int value() const = 0;
    int number;
};

struct derived : base {
    using base::base;

    int value() const final { return number; }
};

void right(coserve::server& server, counter& shared) {
    coserve::registry& registry = server.registry();
    registry.add<with<>>("none");
    registry.add<with<std::string, int>>("constants", std::string("copied"), 1);
    const coserve::core_local<int> own(server.cores());
    registry.add<with<coserve::core_local<int>>>("own", own);
    const coserve::concurrent locks_for_itself(shared);
    registry.add<with<coserve::concurrent<counter>>>("shared", locks_for_itself);
    const auto constant = std::make_shared<const std::string>("nobody writes it");
    registry.add<with<std::shared_ptr<const std::string>>>("constant", constant);
    registry.add<with<settings, fixed, colour, either, derived>>(
        "values", settings(), fixed(), colour::red, either(), derived(1)
    );
    const auto code = [](auto n) { return n; };
    registry.add<with<decltype(code), std::less<>>>("code", code, std::less<>());
    registry.add("lambda", [](frame_stream& stream) -> task<> { co_await stream.flush(); });
    registry.add("function", function);
    registry.add<datagrams<>>("datagrams");
    registry.add<datagrams<coserve::core_local<int>>>("own-datagrams", own);
    registry.add("datagram-lambda", [](coserve::datagram_port& port, const coserve::datagram& d) {
        port.reply(d, d.data);
    });
}

void misuse([[maybe_unused]] coserve::registry& registry, [[maybe_unused]] int& count) {
#if MISUSE == 1  // fails: captures is seen by every core: write a handler
    registry.add("count", [&count](frame_stream&) -> task<> {
        ++count;
        co_return;
    });
#elif MISUSE == 2   // fails: seen by every core: use core_local<T> or concurrent\(object\)
    registry.add<with<int*>>("count", &count);
#elif MISUSE == 3   // fails: seen by every core: use core_local<T> or concurrent\(object\)
    registry.add<with<std::shared_ptr<int>>>("count", std::make_shared<int>(count));
#elif MISUSE == 4   // fails: seen by every core: use core_local<T> or concurrent\(object\)
    registry.add<with<std::reference_wrapper<int>>>("count", std::ref(count));
#elif MISUSE == 5   // fails: captures is seen by every core: pass that as an argument
    const auto add = [&count](int n) { count += n; };
    registry.add<with<decltype(add)>>("count", add);
#elif MISUSE == 6   // fails: captures is seen by every core: pass that as an argument
    const std::function<void(int)> add = [&count](int n) { count += n; };
    registry.add<with<std::function<void(int)>>>("count", add);
#elif MISUSE == 7   // fails: seen by every core: use core_local<T> or concurrent\(object\)
    registry.add<with<const char*>>("text", "a string literal");
#elif MISUSE == 8   // fails: captures is seen by every core: pass that as an argument
    const auto add = [&count](auto n) { count += n; };
    registry.add<with<decltype(add)>>("count", add);
#elif MISUSE == 9   // fails: captures is seen by every core: pass that as an argument
    registry.add<with<overloaded>>("count", overloaded{&count});
#elif MISUSE == 10  // fails: captures is seen by every core: pass that as an argument
    const auto add = std::bind([](int* to, int n) { *to += n; }, &count, std::placeholders::_1);
    registry.add<with<decltype(add)>>("count", add);
#elif MISUSE == 11  // fails: captures is seen by every core: pass that as an argument
    registry.add<with<sealed>>("count", sealed{&count});
#elif MISUSE == 12  // fails: captures is seen by every core: write a handler
    registry.add("count", [&count](coserve::datagram_port&, const coserve::datagram&) { ++count; });
#elif MISUSE == 13  // fails: seen by every core: use core_local<T> or concurrent\(object\)
    registry.add<datagrams<int*>>("count", &count);
#elif MISUSE == 14  // fails: a borrowed view does not outlive
    struct later : coserve::datagram_handler {
        void handle(const coserve::datagram& d) override {
            tasks().spawn(&later::answer, this, d.data);
        }

        task<> answer(coserve::frame) { co_return; }
    };
    registry.add<later>("later");
#elif MISUSE == 15  // fails: a borrowed view does not outlive
    struct later : coserve::datagram_handler {
        void handle(const coserve::datagram& d) override { tasks().spawn(&later::answer, this, d); }

        task<> answer(coserve::datagram) { co_return; }
    };
    registry.add<later>("later");
#endif
}
