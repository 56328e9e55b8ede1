/// \file
/// The framings that a listener's URL can name.
#pragma once

#include <coserve/codec.hpp>
#include <coserve/limits.hpp>
#include <coserve/option_reader.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coserve {

/// The codecs of a connection's two directions. A factory copies a finished codec: one allocation.
struct framing {
    codec_factory read, write;
};

/// What a URL's query calls the framings of its two directions; empty: the default.
struct framing_names {
    std::string_view read, write;

    /// Views of `query`.
    static framing_names in(const std::vector<option>& query) noexcept;
};

/// A codec that a URL can name: made from its options, copied for each connection.
template <class C>
concept nameable_codec = std::derived_from<C, codec> && std::copy_constructible<C> &&
                         std::constructible_from<C, const typename C::options&> &&
                         requires(typename C::options o, option_reader& reader) { o.read(reader); };

/// Names and what they stand for; to begin with `length-prefix`, `raw`, `fixed`, `line`,
/// `delimiter`, `netstring`, `varint` and `json-header`.
///
/// Thread: filled by one thread; what `read` returned may be called from every core at once.
class framing_registry {
public:
    framing_registry();

    /// Errors: `configuration_error` for a name that is taken.
    template <nameable_codec C>
    void add(std::string_view name) {
        add(name, &prepare_codec<C>);
    }

    /// Reads `framing`, `read-framing` and `write-framing`, then the keys of the codecs that they
    /// name. The codecs take their maximum from the limits, so read those first.
    framing read(option_reader&, const stream_limits&) const;

    /// The first is the default.
    std::vector<std::string> names() const;
    /// The keys of one framing's own, for `--help`; none for a name that is not known.
    std::vector<option_description> keys(std::string_view name) const;

private:
    using make_factory = std::function<codec_factory(std::size_t max_frame)>;
    using prepare_function = make_factory (*)(option_reader&);

    struct entry {
        std::string name;
        prepare_function prepare;
    };

    template <class C>
    static make_factory prepare_codec(option_reader& reader) {
        typename C::options options;
        options.read(reader);
        return [options](std::size_t max_frame) -> codec_factory {
            C prototype(options);
            prototype.set_max_frame(max_frame);
            return [prototype] { return std::make_unique<C>(prototype); };
        };
    }

    void add(std::string_view name, prepare_function);

    std::vector<entry> entries_;
};

}  // namespace coserve
