/// \file
/// The services that a server's listeners can name.
#pragma once

#include <coserve/core_local.hpp>
#include <coserve/framing.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/stream_handler.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace coserve {

namespace detail {

template <class T>
inline constexpr bool is_shared_mutable = std::is_pointer_v<std::decay_t<T>>;
template <class T>
inline constexpr bool is_shared_mutable<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool is_shared_mutable<std::shared_ptr<T>> = !std::is_const_v<T>;

struct callable {
    void operator()() const {}
};
template <class T>
struct beside_callable : T, callable {};

// Whether its class has an operator(), be it a template or one of several: these have no address to
// take, but beside another class that has one the name is ambiguous.
template <class T>
consteval bool has_call_operator() {
    if constexpr (std::is_class_v<T> && !std::is_final_v<T>)
        return !requires { &beside_callable<T>::operator(); };
    else
        return requires { &T::operator(); };
}

// Whether it can be called and is more than code: a closure's captures, what a std::function holds.
template <class T>
inline constexpr bool is_closure = has_call_operator<T>() && !std::is_empty_v<T>;

template <class Handler>
concept has_options =
    requires(typename Handler::options& o, option_reader& reader) { o.read(reader); };

}  // namespace detail

/// Makes the handler of one connection. Thread: called on every core at once.
using handler_factory = std::function<std::unique_ptr<stream_handler>()>;
/// Reads a listener's options and makes its handlers' factory.
using service = std::function<handler_factory(option_reader&)>;

/// Filled in `main()`; a server copies what it needs of it at `listen()`.
class registry {
public:
    /// Each connection gets `Handler(options, arguments...)`, or `Handler(arguments...)` where it
    /// has no `options`: constant references to the listener's one copy.
    template <class Handler, class... A>
    void add(std::string_view name, const A&... arguments) {
        static_assert(
            (!detail::is_shared_mutable<A> && ...),
            "seen by every core: use core_local<T> or concurrent(object)"
        );
        static_assert(
            ((detail::is_shared_mutable<A> || !detail::is_closure<A>) && ...),
            "what it captures is seen by every core: pass that as an argument"
        );
        add_service(
            name,
            [held = std::tuple<A...>(arguments...)](option_reader& reader) -> handler_factory {
                if constexpr (detail::has_options<Handler>) {
                    typename Handler::options options;
                    options.read(reader);
                    return [held, options]() -> std::unique_ptr<stream_handler> {
                        return std::apply(
                            [&](const A&... a) { return std::make_unique<Handler>(options, a...); },
                            held
                        );
                    };
                } else {
                    return [held]() -> std::unique_ptr<stream_handler> {
                        return std::apply(
                            [](const A&... a) { return std::make_unique<Handler>(a...); }, held
                        );
                    };
                }
            }
        );
    }

    /// A function or a lambda without captures instead of a class.
    template <class F>
        requires std::is_invocable_r_v<task<>, F, frame_stream&>
    void add(std::string_view name, F function) {
        static_assert(
            std::is_empty_v<F> || std::is_pointer_v<F>,
            "what it captures is seen by every core: write a handler that takes it as an argument"
        );
        add_function(name, function);
    }

    void add_service(std::string_view name, service);

    /// In alphabetical order.
    std::vector<std::string> names() const;
    /// The keys that the URL of a listener takes for this service: its own first, then the limits',
    /// the framings' and the listener's.
    std::vector<option_description> keys(std::string_view name) const;
    /// Errors: `configuration_error` that lists the known services.
    const service& find(std::string_view name) const;

    /// The framings that URLs can name; add your own codec here.
    framing_registry& framings() noexcept { return framings_; }

    const framing_registry& framings() const noexcept { return framings_; }

private:
    void add_function(std::string_view name, std::function<task<>(frame_stream&)>);

    std::map<std::string, service, std::less<>> services_;
    framing_registry framings_;
};

}  // namespace coserve
