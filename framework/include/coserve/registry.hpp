/// \file
/// The services that a server's listeners can name.
#pragma once

#include <coserve/core_local.hpp>
#include <coserve/datagram_handler.hpp>
#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/option_reader.hpp>
#include <coserve/stream_handler.hpp>

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
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

template <class Options>
concept has_codecs = requires(const Options& o, const stream_limits& l) {
    { o.codecs(l) } -> std::same_as<framing>;
};

template <class Options, class... A>
concept has_start = requires(const Options& o, const A&... a) { o.start(a...); };

template <class Options, class Limits>
concept has_preset = requires(const Options& o, Limits& l) { o.preset(l); };

}  // namespace detail

/// Makes the handler of one connection. Thread: called on every core at once.
using handler_factory = std::function<std::unique_ptr<stream_handler>()>;

/// What a listener has of its service once the service's own options are read.
struct prepared_service {
    handler_factory make_handler;
    stream_limits limits{};  ///< the defaults of the listener's
    /// Where what the service speaks fixes the framing; its listeners then know no `framing` key.
    std::function<framing(const stream_limits&)> codecs{};
    /// Called before it listens, and not where it is only checked.
    std::function<void()> start{};

    template <std::convertible_to<handler_factory> F>
    prepared_service(F make) : make_handler(std::move(make)) {}

    std::unique_ptr<stream_handler> operator()() const { return make_handler(); }
};

/// Reads a listener's options and makes its handlers' factory.
using service = std::function<prepared_service(option_reader&)>;

/// Makes the handler of one core. Thread: called on every core at once.
using datagram_handler_factory = std::function<std::unique_ptr<datagram_handler>()>;

/// The same of a service of datagrams.
struct prepared_datagram_service {
    datagram_handler_factory make_handler;
    datagram_limits limits{};  ///< the defaults of the listener's
    /// Called before it listens, and not where it is only checked.
    std::function<void()> start{};

    template <std::convertible_to<datagram_handler_factory> F>
    prepared_datagram_service(F make) : make_handler(std::move(make)) {}
};

using datagram_service = std::function<prepared_datagram_service(option_reader&)>;

/// Filled in `main()`; a server copies what it needs of it at `listen()`.
class registry {
public:
    /// Each connection, or each core where it is a `datagram_handler`, gets
    /// `Handler(options, arguments...)`, or `Handler(arguments...)` where it has no `options`:
    /// constant references to the listener's one copy. One of each kind may have the same name: the
    /// listener's URL says which is meant.
    ///
    /// Options that have `framing codecs(const stream_limits&) const` fix the framing; those that
    /// have `void preset(stream_limits&) const` (or
    /// `datagram_limits&`) set other defaults of the listener's limits; those that have `void
    /// start(arguments...) const` are told before it listens.
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
        if constexpr (std::derived_from<Handler, datagram_handler>)
            add_datagram_service(
                name,
                preparation<Handler, datagram_handler, prepared_datagram_service>(arguments...)
            );
        else
            add_service(name, preparation<Handler, stream_handler, prepared_service>(arguments...));
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

    /// The same for datagrams: called once for each.
    template <class F>
        requires std::is_invocable_r_v<void, F, datagram_port&, const datagram&>
    void add(std::string_view name, F function) {
        static_assert(
            std::is_empty_v<F> || std::is_pointer_v<F>,
            "what it captures is seen by every core: write a handler that takes it as an argument"
        );
        add_datagram_function(name, function);
    }

    void add_service(std::string_view name, service);
    void add_datagram_service(std::string_view name, datagram_service);

    /// In alphabetical order, those of streams and those of datagrams.
    std::vector<std::string> names() const;
    bool has_streams(std::string_view name) const;
    bool has_datagrams(std::string_view name) const;
    /// The keys that the URL of a listener takes for this service: its own first, then the limits',
    /// the framings' and the listener's.
    std::vector<option_description> keys(std::string_view name) const;
    /// The same at `udp://`: its own first, then those of `datagram_limits`.
    std::vector<option_description> datagram_keys(std::string_view name) const;
    /// Errors: `configuration_error` that lists the known services, or says that this one is of
    /// datagrams.
    const service& find(std::string_view name) const;
    /// The same the other way round.
    const datagram_service& find_datagrams(std::string_view name) const;

    /// The framings that URLs can name; add your own codec here.
    framing_registry& framings() noexcept { return framings_; }

    const framing_registry& framings() const noexcept { return framings_; }

private:
    template <class Handler, class Base, class Prepared, class... A>
    static auto preparation(const A&... arguments) {
        return [held = std::tuple<A...>(arguments...)](option_reader& reader) -> Prepared {
            if constexpr (detail::has_options<Handler>) {
                typename Handler::options options;
                options.read(reader);
                Prepared prepared =
                    prepare<Prepared>(options, [held, options]() -> std::unique_ptr<Base> {
                        const auto make = [&](const A&... a) {
                            return std::make_unique<Handler>(options, a...);
                        };
                        return std::apply(make, held);
                    });
                if constexpr (detail::has_start<typename Handler::options, A...>)
                    prepared.start = [held, options] {
                        std::apply([&](const A&... a) { options.start(a...); }, held);
                    };
                return prepared;
            } else {
                return [held]() -> std::unique_ptr<Base> {
                    return std::apply(
                        [](const A&... a) { return std::make_unique<Handler>(a...); }, held
                    );
                };
            }
        };
    }

    template <class Prepared, class Options, class Make>
    static Prepared prepare(const Options& options, Make make) {
        Prepared prepared(std::move(make));
        if constexpr (detail::has_preset<Options, decltype(prepared.limits)>)
            options.preset(prepared.limits);
        if constexpr (detail::has_codecs<Options> && std::same_as<Prepared, prepared_service>)
            prepared.codecs = [options](const stream_limits& l) { return options.codecs(l); };
        return prepared;
    }

    void add_function(std::string_view name, std::function<task<>(frame_stream&)>);
    void
    add_datagram_function(std::string_view name, std::function<void(datagram_port&, const datagram&)>);
    [[noreturn]] void refuse_unknown(std::string_view name) const;

    std::map<std::string, service, std::less<>> services_;
    std::map<std::string, datagram_service, std::less<>> datagram_services_;
    framing_registry framings_;
};

}  // namespace coserve
