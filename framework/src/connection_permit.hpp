// One connection's place in the counters of its server, its listener and its core.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace coserve {

class server_state;
struct listener_state;

// Counted from its construction to its destruction, and keeps what it is counted by.
class connection_permit {
public:
    connection_permit(
        std::shared_ptr<server_state>, std::shared_ptr<listener_state>, std::size_t core
    ) noexcept;
    connection_permit(connection_permit&&) noexcept = default;
    connection_permit& operator=(connection_permit&&) = delete;
    ~connection_permit();

    server_state& server() const noexcept { return *server_; }

    const std::shared_ptr<server_state>& shared_server() const noexcept { return server_; }

    listener_state& listener() const noexcept { return *listener_; }

    std::size_t core() const noexcept { return core_; }

    // It was counted by its peer's address, too.
    void count_peer(std::string address) {
        peer_ = std::make_unique<const std::string>(std::move(address));
    }

private:
    std::shared_ptr<server_state> server_;
    std::shared_ptr<listener_state> listener_;
    std::unique_ptr<const std::string> peer_;
    std::uint32_t core_;
};

}  // namespace coserve
