#include <coserve/registry.hpp>

#include "datagram_listener.hpp"
#include "listener_state.hpp"

#include <algorithm>
#include <utility>

namespace coserve {

namespace {

class function_handler final : public stream_handler {
public:
    explicit function_handler(const std::function<task<>(frame_stream&)>& function)
        : function_(function) {}

    task<> handle() override { return function_(stream()); }

private:
    const std::function<task<>(frame_stream&)>&
        function_;  // the service's, which outlives its connections
};

class function_datagram_handler final : public datagram_handler {
public:
    using function = std::function<void(datagram_port&, const datagram&)>;

    explicit function_datagram_handler(const function& f) : function_(f) {}

    void handle(const datagram& d) override { function_(port(), d); }

private:
    const function function_;
};

}  // namespace

void registry::add_service(std::string_view name, service s) {
    if (!services_.emplace(name, std::move(s)).second)
        throw configuration_error("there is already a service \"" + std::string(name) + "\"");
}

void registry::add_function(std::string_view name, std::function<task<>(frame_stream&)> function) {
    add_service(name, [function = std::move(function)](option_reader&) -> prepared_service {
        return [function]() -> std::unique_ptr<stream_handler> {
            return std::make_unique<function_handler>(function);
        };
    });
}

void registry::add_datagram_service(std::string_view name, datagram_service s) {
    if (!datagram_services_.emplace(name, std::move(s)).second)
        throw configuration_error(
            "there is already a service \"" + std::string(name) + "\" of datagrams"
        );
}

void registry::add_datagram_function(
    std::string_view name, std::function<void(datagram_port&, const datagram&)> function
) {
    add_datagram_service(
        name,
        [function = std::move(function)](option_reader&) -> prepared_datagram_service {
            return [function]() -> std::unique_ptr<datagram_handler> {
                return std::make_unique<function_datagram_handler>(function);
            };
        }
    );
}

std::vector<std::string> registry::names() const {
    std::vector<std::string> all;
    for (const auto& [name, s] : services_)
        all.push_back(name);
    for (const auto& [name, s] : datagram_services_)
        if (!has_streams(name))
            all.push_back(name);
    std::ranges::sort(all);
    return all;
}

bool registry::has_streams(std::string_view name) const {
    return services_.find(name) != services_.end();
}

bool registry::has_datagrams(std::string_view name) const {
    return datagram_services_.find(name) != datagram_services_.end();
}

std::vector<option_description> registry::keys(std::string_view name) const {
    option_reader reader({}, {});
    listener_options::read(reader, *this, name);
    return {reader.described().begin(), reader.described().end()};
}

std::vector<option_description> registry::datagram_keys(std::string_view name) const {
    option_reader reader({}, {});
    datagram_listener_options::read(reader, *this, name);
    return {reader.described().begin(), reader.described().end()};
}

const service& registry::find(std::string_view name) const {
    const auto found = services_.find(name);
    if (found != services_.end())
        return found->second;
    if (has_datagrams(name))
        throw configuration_error(
            "the service \"" + std::string(name) + "\" speaks in datagrams: use udp://HOST:PORT"
        );
    refuse_unknown(name);
}

const datagram_service& registry::find_datagrams(std::string_view name) const {
    const auto found = datagram_services_.find(name);
    if (found != datagram_services_.end())
        return found->second;
    if (has_streams(name))
        throw configuration_error(
            "the service \"" + std::string(name) +
            "\" speaks over streams, not in datagrams: use tcp://HOST:PORT or unix:PATH"
        );
    refuse_unknown(name);
}

void registry::refuse_unknown(std::string_view name) const {
    std::string known;
    for (const std::string& other : names())
        known += (known.empty() ? "" : ", ") + other;
    throw configuration_error(
        "unknown service \"" + std::string(name) + "\"; the known ones are " +
        (known.empty() ? "none" : known)
    );
}

}  // namespace coserve
