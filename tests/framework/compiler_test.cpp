// What compilers do to some co_await expressions. Some versions of g++ destroy temporaries twice,
// or resume at the wrong place, without a warning: the rules in framework/docs follow from these.
// Each shape is counted, not trusted: nothing here owns memory that a second destructor could free.
#include <coserve/task.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <set>
#include <string>
#include <sys/resource.h>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace asio = boost::asio;

// Knows which of its kind are alive, by address: a second destruction, or one of a bitwise copy, is
// a stray.
class probe {
public:
    probe() { alive.insert(this); }

    probe(const probe&) : probe() {}

    probe(probe&&) noexcept : probe() {}

    probe& operator=(const probe&) noexcept { return *this; }

    ~probe() { strays += alive.erase(this) == 0; }

    static inline std::set<const probe*> alive;
    static inline std::size_t strays = 0;
};

struct aggregate {
    probe held{};
    int number = 0;
};

struct constructed {
    constructed(probe p, int n) : held(std::move(p)), number(n) {}

    probe held;
    int number;
};

struct two {
    probe first{}, second{};
};

// Whether what ran last came to its end.
bool at_end;

// The same shapes as coroutines of either kind.
template <template <class> class A>
struct of {
    using coroutine = A<void>;

    static coroutine take(aggregate) { co_return; }

    static coroutine take_const_reference(const aggregate&) { co_return; }

    static coroutine take_rvalue_reference(aggregate&&) { co_return; }

    static coroutine take_through(aggregate a) { return take(std::move(a)); }

    static coroutine take_constructed(constructed) { co_return; }

    static coroutine take_probe(probe) { co_return; }

    static A<probe> make() { co_return probe(); }

    static A<bool> no() { co_return false; }

    static coroutine bare_while() {
        while (co_await no()) {
        }
        at_end = true;
    }

    static coroutine bare_do() {
        do {
        } while (co_await no());
        at_end = true;
    }

    static coroutine bare_if() {
        if (co_await no())
            co_return;
        at_end = true;
    }

    static coroutine named_while() {
        while (auto more = co_await no()) {
        }
        at_end = true;
    }

    static coroutine local_first() {
        const bool more = co_await no();
        if (!more)
            at_end = true;
    }

    template <class F>
    static coroutine call(F f) {
        f();
        co_return;
    }

    template <class F>
    static coroutine call_const_reference(const F& f) {
        f();
        co_return;
    }

    template <class F>
    static coroutine call_rvalue_reference(F&& f) {
        f();
        co_return;
    }

    template <class F>
    static coroutine call_through(F f) {
        return call(std::move(f));
    }

    template <class F>
    static coroutine call_named(F& f) {
        f();
        co_return;
    }

    static asio::awaitable<void> with_parameter(probe) { co_return; }
};

struct outcome {
    std::size_t strays = 0, leaks = 0;
    bool astray = false;

    bool sound() const { return strays + leaks == 0 && !astray; }
};

std::ostream& operator<<(std::ostream& to, const outcome& was) {
    if (was.astray)
        return to << "crashed, or did not come to its end";
    return to << was.strays << " objects destroyed twice, " << was.leaks << " never";
}

template <class F>
outcome run(F coroutine) {
    probe::alive.clear();
    probe::strays = 0;
    at_end = false;
    std::exception_ptr error;
    {
        asio::io_context context;
        asio::co_spawn(context, coroutine(), [&](std::exception_ptr e) { error = e; });
        context.run();
    }
    if (error)
        std::rethrow_exception(error);
    return {probe::strays, probe::alive.size()};
}

void limit_processor_time() {
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = 1;  // second
    ::setrlimit(RLIMIT_CPU, &limit);
}

// In a process of its own, where it may crash or never end.
template <class F>
outcome run_apart(F coroutine) {
    outcome was{};
    EXPECT_EXIT(
        {
            limit_processor_time();
            run(coroutine);
            std::exit(at_end ? 0 : 1);
        },
        [&](int status) {
            was.astray = status != 0;
            return true;
        },
        ""
    );
    return was;
}

enum class knowledge { right, faulty, unknown };

// Where the outcome was recorded. Of a compiler that is not listed only the safe forms are
// required.
constexpr knowledge recorded() {
#if defined(__clang__)
    return knowledge::right;
#elif __GNUC__ == 12 && __GNUC_MINOR__ == 2
    return knowledge::faulty;
#elif __GNUC__ == 14 && __GNUC_MINOR__ == 2
    return knowledge::right;
#else
    return knowledge::unknown;
#endif
}

// Right on every compiler: what the rules say to write.
template <class F>
void safe(const char* form, F coroutine) {
    const outcome was = run(coroutine);
    EXPECT_TRUE(was.sound()) << form << ": " << was
                             << ": this form is one that the coroutine rules call safe";
}

void judge(const char* form, const outcome& was) {
    switch (recorded()) {
    case knowledge::right:
        EXPECT_TRUE(was.sound()) << form << ": a fault that this compiler did not have: " << was;
        break;
    case knowledge::faulty:
        EXPECT_FALSE(was.sound()) << form
                                  << ": this compiler no longer has the fault: record it here, "
                                     "and relax the rule when it is the oldest that is supported";
        break;
    case knowledge::unknown:
        std::cout << "not recorded for " << __VERSION__ << ": " << form << " is "
                  << (was.sound() ? "right" : "FAULTY") << '\n';
        break;
    }
}

template <class F>
void unsafe(const char* form, F coroutine) {
    judge(form, run(coroutine));
}

template <class F>
void misdirected(const char* form, F coroutine) {
    judge(form, run_apart(coroutine));
}

template <class F>
void reaching_the_end(const char* form, F coroutine) {
    safe(form, coroutine);
    EXPECT_TRUE(at_end) << form;
}

struct awaitables : of<asio::awaitable> {};

template <class T>
using task = coserve::task<T>;

struct tasks : of<task> {};

template <class T>
class compiler : public testing::Test {};

struct names {
    template <class T>
    static std::string GetName(int) {
        return std::is_same_v<T, tasks> ? "task" : "awaitable";
    }
};

using kinds = testing::Types<awaitables, tasks>;
TYPED_TEST_SUITE(compiler, kinds, names);

TYPED_TEST(compiler, lambda_temporary_that_captures) {
    using t = TypeParam;
    using coroutine = typename t::coroutine;
    unsafe("a lambda by value", []() -> coroutine {
        probe p;
        co_await t::call([p] {});
    });
    unsafe("a lambda by const&", []() -> coroutine {
        probe p;
        co_await t::call_const_reference([p] {});
    });
    unsafe("a lambda by &&", []() -> coroutine {
        probe p;
        co_await t::call_rvalue_reference([p] {});
    });
    unsafe("a lambda through a plain function", []() -> coroutine {
        probe p;
        co_await t::call_through([p] {});
    });
    unsafe("a lambda beside co_await this_coro::executor", []() -> coroutine {
        probe p;
        asio::co_spawn(
            co_await asio::this_coro::executor,
            [p]() -> asio::awaitable<void> { co_return; },
            asio::detached
        );
    });
    unsafe("a lambda in an awaited co_spawn", []() -> coroutine {
        probe p;
        const auto executor = co_await asio::this_coro::executor;
        co_await asio::co_spawn(
            executor, [p]() -> asio::awaitable<void> { co_return; }, asio::use_awaitable
        );
    });

    safe("a named lambda by &", []() -> coroutine {
        probe p;
        auto f = [p] {};
        co_await t::call_named(f);
    });
    safe("a named lambda, moved", []() -> coroutine {
        probe p;
        auto f = [p] {};
        co_await t::call(std::move(f));
    });
    safe("a coroutine with parameters, on a line of its own", []() -> coroutine {
        probe p;
        const auto executor = co_await asio::this_coro::executor;
        asio::co_spawn(executor, t::with_parameter(std::move(p)), asio::detached);
    });
}

TYPED_TEST(compiler, aggregate_temporary) {
    using t = TypeParam;
    using coroutine = typename t::coroutine;
    unsafe("an aggregate by value", []() -> coroutine {
        probe p;
        co_await t::take(aggregate{.held = p, .number = 1});
    });
    unsafe("an aggregate from braces", []() -> coroutine {
        probe p;
        co_await t::take({p, 1});
    });
    unsafe("an aggregate by const&", []() -> coroutine {
        probe p;
        co_await t::take_const_reference(aggregate{.held = p, .number = 1});
    });
    unsafe("an aggregate by &&", []() -> coroutine {
        probe p;
        co_await t::take_rvalue_reference(aggregate{.held = p, .number = 1});
    });
    unsafe("an aggregate through a plain function", []() -> coroutine {
        probe p;
        co_await t::take_through(aggregate{.held = p, .number = 1});
    });

    safe("a named aggregate, moved", []() -> coroutine {
        aggregate a{.held = probe(), .number = 1};
        co_await t::take(std::move(a));
    });
    safe("a temporary whose type has a constructor", []() -> coroutine {
        probe p;
        co_await t::take_constructed(constructed(p, 1));
    });
    safe("braces for a type that has a constructor", []() -> coroutine {
        probe p;
        co_await t::take_constructed({p, 1});
    });
}

TYPED_TEST(compiler, conditional_operator) {
    using t = TypeParam;
    using coroutine = typename t::coroutine;
    static bool yes;
    for (const bool value : {true, false}) {
        yes = value;
        const std::string which = yes ? " (true)" : " (false)";
        unsafe(("c ? co_await a() : b" + which).c_str(), []() -> coroutine {
            probe other;
            const probe chosen = yes ? co_await t::make() : other;
        });
        unsafe(("co_await f(c ? T() : U())" + which).c_str(), []() -> coroutine {
            probe other;
            co_await t::take_probe(yes ? probe() : other);
        });

        safe(("if, else with co_await" + which).c_str(), []() -> coroutine {
            probe chosen;
            if (yes)
                chosen = co_await t::make();
        });
        safe(("a choice made before" + which).c_str(), []() -> coroutine {
            probe other;
            probe chosen = yes ? probe() : other;
            co_await t::take_probe(std::move(chosen));
        });
    }
}

TYPED_TEST(compiler, co_await_in_an_initializer) {
    using t = TypeParam;
    using coroutine = typename t::coroutine;
    unsafe("T g{co_await a(), U()}", []() -> coroutine { two both{co_await t::make(), probe()}; });

    safe("awaited into a local first", []() -> coroutine {
        probe first = co_await t::make();
        two both{std::move(first), probe()};
    });
}

TYPED_TEST(compiler, condition_where_nothing_is_declared) {
    using t = TypeParam;
    misdirected("while (co_await x)", t::bare_while);
    misdirected("do while (co_await x)", t::bare_do);
    misdirected("if (co_await x)", t::bare_if);

    reaching_the_end("while (auto y = co_await x)", t::named_while);
    reaching_the_end("a local first", t::local_first);
}

// Not a fault: in every compiler a coroutine refers to its closure, and does not keep it.
TYPED_TEST(compiler, captures_die_with_the_closure) {
    using coroutine = typename TypeParam::coroutine;
    static std::size_t alive_inside;
    alive_inside = 0;
    EXPECT_TRUE(run([] {
                    return [held = probe()]() -> coroutine {
                        alive_inside = probe::alive.size();
                        co_return;
                    }();
                }).sound());
    EXPECT_EQ(alive_inside, 0U);

    EXPECT_TRUE(run([] {
                    return [](probe) -> coroutine {
                        alive_inside = probe::alive.size();
                        co_return;
                    }(probe());
                }).sound());
    EXPECT_EQ(alive_inside, 1U);
}

}  // namespace
