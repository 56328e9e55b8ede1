#include "commands/load_options.hpp"

#include <coserve/error.hpp>

#include <array>
#include <limits>
#include <string>

#include <sys/resource.h>

namespace coserve_bench {

namespace {

struct description {
    load_kind load;
    const char* name;
    const char* what;
    const char* url;
    const char* footer;
};

constexpr const char* times_and_sizes =
    "Times are 250us, 500ms, 10s, 5m; a bare number is seconds. Sizes are 64, 16KiB, 1MiB.\n"
    "Exit codes: 0; 1 something failed; 2 usage; 99 an assertion failed.\n";

constexpr std::array<description, 6> loads{{
    {load_kind::echo,
     "echo",
     "Frames or datagrams that come back: how many, and how soon",
     "tcp://HOST:PORT, unix:PATH or udp://HOST:PORT; the query takes the framing keys of the "
     "server's listener, max-frame and max-send-frame (other limits are --timeout's)",
     R"(
Without --rate each connection keeps --depth requests under way, and a reply is what sends the next one (a closed loop).
With --rate each request has its time and its connection, however slow the server is (an open loop); its latency counts
from that time, and beside it, as service time, from when it was sent.

  coserve-bench echo tcp://127.0.0.1:7700 -c 100 -t 30s
  coserve-bench echo tcp://127.0.0.1:7700 -c 100 -R 20000 --threads 2 --pid 4711
  coserve-bench echo 'tcp://127.0.0.1:8080?framing=line' --size 64:90%,16KiB:10% --verify full
  coserve-bench echo udp://127.0.0.1:7700 -c 8 --depth 64
)"},
    {load_kind::connect,
     "connect",
     "Connections, made and ended one after the other",
     "tcp://HOST:PORT or unix:PATH; with --echo the query takes the framing keys of the server's "
     "listener",
     R"(
  coserve-bench connect tcp://127.0.0.1:7700 -c 64
  coserve-bench connect tcp://127.0.0.1:7700 -R 5000 --echo
A connection that ends in the usual way keeps its port for a minute (a second on loopback): from one machine that is some
470 connections a second to one server. With --reset there is no such bound.
)"},
    {load_kind::idle,
     "idle",
     "Connections that are held: how many, and what they cost the server",
     "tcp://HOST:PORT or unix:PATH",
     R"(
  coserve-bench idle tcp://127.0.0.1:7700 -c 10000 --connect-rate 2000 -t 30s --pid 4711
)"},
    {load_kind::exec,
     "exec",
     "Commands, as a client of exec has them run",
     "tcp://HOST:PORT or unix:PATH; the query may name the wire",
     R"(
  coserve-bench exec tcp://127.0.0.1:7701 -- true
  coserve-bench exec 'tcp://127.0.0.1:8080?wire=concat' -R 50 -- ls -l
Verified by `length` a command is to end with 0; `full`: and to write what it wrote the first time.
)"},
    {load_kind::upload,
     "upload",
     "Files, as a client of upload sends them",
     "tcp://HOST:PORT or unix:PATH; the query may name the wire",
     R"(
  coserve-bench upload tcp://127.0.0.1:7702 --size 64KiB..4MiB
Each file has a name of its own, bench-RUN-CONNECTION-NUMBER, and stays where the server puts it. Verified by `length` the
server is to have stored that many bytes; `full`: with that SHA-256. Without replies (--wire plain, marker) a file is done
when the server's machine has all of it.
)"},
    {load_kind::chat,
     "chat",
     "Members of rooms who speak: how soon the others hear it, and what is lost",
     "udp://HOST:PORT",
     R"(
  coserve-bench chat udp://127.0.0.1:7703 -c 100 --rooms 10 -R 500
A request is what one member is to hear of another; --rate counts messages that are said (one a second for each member, where
it is not written).
)"},
}};

/// Without the text that CLI11 adds to every flag's line of help.
template <class T>
CLI::Validator range(T least, T most) {
    return CLI::Range(least, most).description("");
}

bool is_one_of(load_kind kind, std::initializer_list<load_kind> kinds) {
    return std::ranges::find(kinds, kind) != kinds.end();
}

CLI::Option* add_time(CLI::App& app, const char* names, std::string& to, const char* help) {
    return app.add_option(names, to, help)->type_name("TIME");
}

template <class T>
CLI::Option*
add_number(CLI::App& app, const char* names, T& to, T least, T most, const std::string& help) {
    return app.add_option(names, to, help)->check(range(least, most))->type_name("N");
}

void add_amount(CLI::App& app, load_kind kind, load_arguments& a) {
    const std::string what = kind == load_kind::chat ? "Members" : "Connections";
    const std::string usual = " [" + std::to_string(usual_connections(kind)) + "]";
    add_number<std::size_t>(app, "-c,--connections", a.connections, 1, 1'000'000, what + usual);
    add_number<std::size_t>(app, "--threads", a.threads, 1, 1024, "That share them [1]");
    if (kind == load_kind::echo)
        add_number<std::size_t>(
            app, "--depth", a.depth, 1, 1'000'000, "Requests under way on a connection at most [1]"
        );
    if (kind != load_kind::idle)
        add_number(
            app,
            "-R,--rate",
            a.rate,
            0.001,
            1e7,
            "Requests a second in all, each at its time [as replies come]"
        );
    if (kind == load_kind::chat)
        add_number<std::size_t>(app, "--rooms", a.rooms, 1, 100'000, "That share the members [1]");
    for (CLI::Option* o : app.get_options({}))
        o->group(o->get_group() == "OPTIONS" ? "How much" : o->get_group());
}

void add_phases(CLI::App& app, load_kind kind, load_arguments& a) {
    std::vector<CLI::Option*> all;
    all.push_back(add_time(app, "-t,--duration", a.time, "How long is counted [10s]"));
    if (kind != load_kind::idle) {
        all.push_back(add_number<std::uint64_t>(
            app, "-n,--requests", a.requests, 1, std::uint64_t{1} << 50, "Instead: how many"
        ));
        all.push_back(
            add_time(app, "--warmup", a.warmup, "Before that, and not counted [1s; with -n: 0]")
        );
    }
    if (kind != load_kind::chat)
        all.push_back(add_time(
            app,
            "--ramp",
            a.ramp,
            "Before that, and not counted: connections and the rate grow over it [0]"
        ));
    if (kind != load_kind::connect)
        all.push_back(add_number(
            app,
            "--connect-rate",
            a.connect_rate,
            0.001,
            1e7,
            "Connections a second, before the first request [as fast as they come]"
        ));
    for (CLI::Option* o : all)
        o->group("When");
}

void add_requests(CLI::App& app, load_kind kind, load_arguments& a) {
    std::vector<CLI::Option*> all;
    if (is_one_of(
            kind, {load_kind::echo, load_kind::connect, load_kind::upload, load_kind::chat}
        )) {
        all.push_back(app.add_option(
                             "--size",
                             a.size,
                             std::string(
                                 kind == load_kind::upload ? "Of a file [1MiB]"
                                                           : "Of a payload [64]"
                             ) + ": 64; 64..4KiB, evenly; exp:512, around that mean; a mixture "
                                 "64:90%,16KiB:10%"
        )
                          ->type_name("SIZE"));
        all.push_back(add_number<std::uint64_t>(
            app,
            "--seed",
            a.seed,
            0,
            std::numeric_limits<std::uint64_t>::max(),
            "Of sizes by chance [1]"
        ));
    }
    if (kind != load_kind::idle && kind != load_kind::chat)
        all.push_back(
            app.add_option("--verify", a.verify, "What of a reply: off, length, full [length]")
                ->type_name("WHAT")
        );
    if (kind == load_kind::connect) {
        all.push_back(
            app.add_flag("--echo", a.echoes, "One request and its reply on each connection")
        );
        all.push_back(app.add_flag("--reset", a.resets, "End connections by a reset"));
    }
    if (kind == load_kind::exec || kind == load_kind::upload)
        all.push_back(app.add_option(
                             "--wire",
                             a.wire,
                             kind == load_kind::exec
                                 ? "native, concat, stderr-first or json-size [native]"
                                 : "json-header, plain (no reply) or marker [json-header]"
        )
                          ->type_name("WIRE"));
    if (kind == load_kind::exec) {
        all.push_back(
            app.add_flag("--shell", a.shell, "The command is one text for the server's shell")
        );
        app.add_option("COMMAND", a.command, "Behind --: the program and its arguments")
            ->required()
            ->type_name("");
    }
    for (CLI::Option* o : all)
        o->group("What");
}

void add_failures(CLI::App& app, load_kind kind, load_arguments& a) {
    std::vector<CLI::Option*> all;
    all.push_back(add_time(
        app,
        "--timeout",
        a.timeout,
        is_one_of(kind, {load_kind::exec, load_kind::upload}) ? "To connect, and for a reply [60s]"
        : kind == load_kind::echo ? "To connect, and for a reply [10s; over UDP 1s]"
                                  : "To connect, and for a reply [10s]"
    ));
    if (is_one_of(kind, {load_kind::echo, load_kind::connect, load_kind::exec, load_kind::upload}))
        all.push_back(add_time(
            app,
            "--reconnect",
            a.reconnect,
            kind == load_kind::connect
                ? "How long it is tried where nothing succeeds [1s]"
                : "How long a lost connection is tried again without a reply [0: it is not]"
        ));
    for (CLI::Option* o : all)
        o->group("When it fails");
}

void add_server(CLI::App& app, load_arguments& a) {
    app.add_option(
           "--pid", a.pid, "The server's, on this machine: its processor time and memory count, too"
    )
        ->check(range(1, std::numeric_limits<pid_t>::max()))
        ->type_name("PID")
        ->group("Server");
}

const description& described(load_kind kind) {
    return *std::ranges::find(loads, kind, &description::load);
}

}  // namespace

void add_load_options(CLI::App& app, load_kind kind, load_arguments& a) {
    app.add_option("URL", a.url, described(kind).url)->required()->type_name("");
    add_amount(app, kind, a);
    add_phases(app, kind, a);
    add_requests(app, kind, a);
    add_failures(app, kind, a);
    add_server(app, a);
    app.footer(std::string(described(kind).footer) + times_and_sizes);
    app.parse_complete_callback([&a, kind] { a.load = kind; });
}

void add_loads(CLI::App& app, load_arguments& a, const std::function<void(CLI::App&)>& added) {
    for (const description& d : loads) {
        CLI::App* const load = app.add_subcommand(d.name, d.what);
        load->group("Loads");
        add_load_options(*load, d.load, a);
        added(*load);
    }
}

void raise_descriptor_limit(std::size_t connections) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    constexpr std::size_t others = 64;
    if (connections + others > limit.rlim_cur)
        throw coserve::configuration_error(
            "--connections " + std::to_string(connections) + ": must be at most " +
            std::to_string(limit.rlim_cur - std::min<rlim_t>(limit.rlim_cur, others)) +
            ", by this process's limit of descriptors"
        );
}

}  // namespace coserve_bench
