#include <coserve/testing/loopback_server.hpp>

#include <utility>

namespace coserve::testing {

loopback_server::loopback_server(
    const std::function<void(registry&)>& add,
    std::string_view service,
    std::string_view query,
    server_options options,
    listener_hooks hooks
)
    : server_(with_log(std::move(options))) {
    add(server_.registry());
    std::string text = std::string(service) + "=tcp://127.0.0.1:0";
    if (!query.empty())
        text.append("?").append(query);
    url_ = server_.listen(text, std::move(hooks)).url();
    thread_ = std::thread([this] {
        try {
            server_.run();
        } catch (...) {
            error_ = std::current_exception();
        }
    });
}

loopback_server::~loopback_server() {
    server_.stop();
    if (thread_.joinable())
        thread_.join();
}

void loopback_server::stop() {
    server_.stop();
    if (thread_.joinable())
        thread_.join();
    if (error_)
        std::rethrow_exception(std::exchange(error_, nullptr));
}

std::vector<std::string> loopback_server::log() const {
    const std::scoped_lock lock(mutex_);
    return log_;
}

server_options loopback_server::with_log(server_options options) {
    log_sink given = std::move(options.log);
    using function = void (*)(const log_record&) noexcept;
    if (const auto* f = given.target<function>(); f && *f == &log_to_stderr)
        given = nullptr;  // the default: log() has it all
    options.log = [this, given = std::move(given)](const log_record& record) {
        {
            const std::scoped_lock lock(mutex_);
            log_.push_back(log_text(record));
        }
        if (given)
            given(record);
    };
    return options;
}

}  // namespace coserve::testing
