// The commands of one connection, and how they end with it.
#pragma once

#include "core_event.hpp"
#include "exec_command.hpp"
#include "exec_places.hpp"

#include <coserve/services/exec.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

namespace coserve {

// What a connection has of its handler, and what that was made with.
struct exec_context {
    frame_stream& stream;
    task_group& tasks;
    server_handle server;
    std::function<void(log_level, std::string_view message, std::string_view reason)> log;
    executor where;
    const exec::options& options;
    const exec_policy& policy;
    exec_places places;
};

// Some run, the rest waits in line.
class exec_commands {
public:
    exec_commands(exec_context&, std::size_t at_once);

    bool full() const noexcept;
    std::size_t size() const noexcept { return all_.size(); }
    // Bytes that came with the requests of all of them.
    std::size_t body_size() const noexcept;

    // null: there is none of that name.
    std::shared_ptr<exec_command> find(exec_id) const noexcept;
    void add(exec_id, std::shared_ptr<exec_command>);

    // Those that have not begun are refused, each when its turn comes where that matters.
    void drain();
    // Nothing, where there is none of that name.
    void stop(exec_id, exec_stop);
    void stop_all(exec_stop);
    // Until there are no more than so many.
    task<> at_most(std::size_t);

private:
    struct entry {
        exec_id id;
        std::shared_ptr<exec_command> command;
        bool begun = false;
    };

    using place = std::list<entry>::iterator;

    void begin(place);
    void begin_next();
    void ended(place) noexcept;
    task<> run(place);
    static task<> bury(subprocess, exec_command::place);

    exec_context& context_;
    std::size_t at_once_;
    std::list<entry> all_;
    std::size_t begun_ = 0;
    bool beginning_ = false;
    core_event fewer_;
};

// One connection of any wire.
class exec_connection {
public:
    exec_connection(const exec_context&, std::size_t at_once);
    virtual ~exec_connection() = default;
    exec_connection(const exec_connection&) = delete;
    exec_connection& operator=(const exec_connection&) = delete;

    // Until the client has gone, or the server stops, and all commands have been told so.
    task<> serve();

protected:
    // Until the stream's end.
    virtual task<> read_requests() = 0;

    exec_context& context() noexcept { return context_; }

    exec_commands& commands() noexcept { return commands_; }

    // All of an `exec_command`'s but its input.
    exec_command_options
    command_options(subprocess_options, std::optional<std::chrono::milliseconds> timeout) const;

private:
    task<> watch_peer();
    task<> stop_in_time();
    task<> drain();
    void end_all() noexcept;

    exec_context context_;
    exec_commands commands_;
    task_group watch_;
    bool told_ = false;  // the log, that commands were stopped
};

}  // namespace coserve
