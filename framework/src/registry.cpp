#include <coserve/registry.hpp>

#include "listener_state.hpp"

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

std::vector<std::string> registry::names() const {
    std::vector<std::string> all;
    for (const auto& [name, s] : services_)
        all.push_back(name);
    return all;
}

std::vector<option_description> registry::keys(std::string_view name) const {
    option_reader reader({}, {});
    listener_options::read(reader, *this, name);
    return {reader.described().begin(), reader.described().end()};
}

const service& registry::find(std::string_view name) const {
    const auto found = services_.find(name);
    if (found != services_.end())
        return found->second;
    std::string known;
    for (const auto& [other, s] : services_)
        known += (known.empty() ? "" : ", ") + other;
    throw configuration_error(
        "unknown service \"" + std::string(name) + "\"; the known ones are " +
        (known.empty() ? "none" : known)
    );
}

}  // namespace coserve
