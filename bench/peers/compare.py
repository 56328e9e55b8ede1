#!/usr/bin/env python3
"""Measures coserve beside other servers that do the same: echo-upper over frames with a 4-byte length.

Every server runs on one processor, the load on another. A round measures each of them in turn for a short while, so that what else
happens on the machine meets all alike; the figures are medians over the rounds, and a ratio is taken within its round.
"""

import contextlib
import functools
import json
import os
import resource
import statistics
import struct
import time

import echo_table
import tool_part
from comparison import OURS, Comparison, alternating, ratios, spread
from server import Server, connect

COLUMNS = "1x1x64,64x1x64,64x16x64,1000x1x64,16x1x16384"
LIMIT = "epoll, by hand"
IDLE = 18_000
PEERS = {
    LIMIT: "epoll_server",
    "Asio, plain": "asio_server",
    "Go, bufio": "go_server",
    "tokio, LengthDelimitedCodec": "tokio_server",
    "Python, uvloop": "uvloop_server",
    "Python, socketserver": "socketserver_server",
}


def receive(peer, size):
    data = bytearray()
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            raise EOFError("the server ended the connection")
        data += part
    return bytes(data)


def exchange(peer, payload):
    framed = struct.pack("<i", len(payload)) + payload
    peer.sendall(framed)
    if receive(peer, len(framed)) != framed[:4] + payload.upper():
        raise ValueError("a wrong reply")


class EchoComparison(Comparison):
    name, title, about, rounds = "peers", "Echo over TCP", __doc__, 9

    @classmethod
    def add_arguments(cls, parser):
        parser.add_argument("--slice", type=float, default=0.4, metavar="SECONDS", help="of one measurement [0.4]")
        parser.add_argument("--columns", default=COLUMNS, help=f"connections x pipeline depth x bytes [{COLUMNS}]")
        parser.add_argument(
            "--only", metavar="NAME,...", help="beside coserve and the limit: those whose names contain one of these"
        )

    def command(self, name, cores=1):
        if name == OURS:
            listener = "echo=tcp://127.0.0.1:0?max-connections=100000"
            return [self.program("coserved"), "--listen", listener, "--cores", str(cores)]
        return [self.peer(PEERS[name])]

    @functools.cached_property
    def names(self):
        names = (LIMIT, OURS, *(name for name in PEERS if name != LIMIT))
        return list(self.present({name: self.command(name) for name in names}, self.arguments.only))

    def serving(self, names, cpus, cores=1):
        return self.running(Server(name, self.command(name, cores), cpus) for name in names)

    def load(self, server, connections, depth, size, *more, cpus=None):
        return self.drive(server, f"tcp://127.0.0.1:{server.port}", connections, depth, size, *more, cpus=cpus)

    def table(self):
        with self.serving(self.names, self.server_cpu) as servers:
            echo_table.measure(self, servers, self.load, LIMIT, "frame")

    def half(self):
        """How long replies take where the server is not pressed."""
        reports = {LIMIT: [], OURS: []}
        with self.serving(reports, self.server_cpu) as servers:
            peak = statistics.median(self.load(servers[0], 64, 1, 64)["rate"] for _ in range(3))
            for server in self.rounds_of(servers, "half of the peak"):
                reports[server.name].append(self.load(server, 64, 1, 64, "-R", str(round(peak / 2))))
        runs = {
            name: {f"{p}_us": [report["latency_us"]["intended"][p] for report in some] for p in ("p50", "p99")}
            for name, some in reports.items()
        }
        self.heading(f"64 connections at half of the limit's peak: {peak / 2:,.0f} requests/s, latency from each request's time")
        self.curves("Latency by percentile at half of the peak", reports, LIMIT, "intended")
        # The neighbours' work makes the tail of a single round what it is: the medians are compared, not the rounds.
        self.columns("server", "p50 us", "p99 us", "p99's median to the limit's")
        for name, run in runs.items():
            ratio = statistics.median(run["p99_us"]) / statistics.median(runs[LIMIT]["p99_us"])
            self.row(name, spread(run["p50_us"], 0), spread(run["p99_us"], 0), f"{ratio:.2f}")
        self.results["half"] = {"rate": peak / 2, "runs": runs}

    def connects(self):
        """Connect, one echo, close."""
        client, cycles = self.peer("connect_client"), 4000
        self.results["connect"] = {}
        with self.serving([LIMIT, OURS], self.server_cpu) as servers:
            for together in (1, 64):
                runs = {server.name: {"cpu_us": [], "rate": []} for server in servers}
                for server in self.rounds_of(servers, f"connections, {together} at a time"):
                    before = server.cpu_seconds()
                    done = self.run_pinned(server, client, str(server.port), str(together), str(cycles))
                    time.sleep(0.05)  # what the last close costs
                    runs[server.name]["cpu_us"].append((server.cpu_seconds() - before) / cycles * 1e6)
                    runs[server.name]["rate"].append(cycles / done["seconds"])
                self.show_connects(together, runs)
                self.results["connect"][together] = runs

    def show_connects(self, together, runs):
        to_limit = {name: ratios(run["cpu_us"], runs[LIMIT]["cpu_us"]) for name, run in runs.items()}
        self.heading(f"Connect, one echo, close: {together} at a time")
        self.bars("Server CPU a cycle", to_limit, LIMIT, short=f"CPU a connection, {together} at a time")
        self.columns("server", "CPU us a cycle", "to the limit", "cycles/s")
        for name, run in runs.items():
            self.row(name, spread(run["cpu_us"], 1), spread(to_limit[name]), f"{statistics.median(run['rate']):,.0f}")

    def cores(self):
        """What a second core costs, and how evenly the two are loaded: both processors carry half of the load beside."""
        cost, share = {}, {}
        with self.serving([OURS], self.server_cpu, 1) as [one], self.serving([OURS], self.all_cpus, 2) as [two]:

            def spread_load(server, connections):
                return self.load(server, connections, 1, 64, "--threads", "2", cpus=self.all_cpus)

            spread_load(two, 64)
            busiest = sorted(two.cpu_by_thread().items(), key=lambda item: -item[1])[:2]
            for (task, _), cpu in zip(busiest, sorted(self.all_cpus)):
                os.sched_setaffinity(int(task), {cpu})
            for connections in (64, 1000):
                cost[connections] = []
                for _, order in alternating([one, two], self.arguments.rounds):
                    used = {server: spread_load(server, connections)["cpu"]["server_us_per_request"] for server in order}
                    cost[connections].append(used[two] / used[one])
            for connections in (8, 64, 1000):
                share[connections] = []
                for _ in range(self.arguments.rounds):
                    before = two.cpu_by_thread()
                    spread_load(two, connections)
                    used = sorted(cpu - before.get(task, 0) for task, cpu in two.cpu_by_thread().items())
                    share[connections].append(used[-1] / sum(used))
        self.heading("Two cores")
        shapes = {f"{connections}x1x64": values for connections, values in cost.items()}
        self.bars("CPU a frame with two cores", shapes, "one core", ours=list(shapes))
        for connections, values in cost.items():
            self.say(f"- {connections}x1x64: CPU a frame with `--cores 2`, to that with `--cores 1`: {spread(values)}")
        for connections, values in share.items():
            self.say(f"- {connections} connections: the busier core's share of the processor time: {spread(values, 3)}")
        self.results["cores"] = {"cost": cost, "share": share}

    def idle(self):
        """Memory of connections that made one exchange and wait."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.results["idle"] = {}
        self.heading("Memory of idle connections, each after one exchange of 64 bytes")
        self.columns("server", "connections", "private bytes each", "2 s after 200 of them passed a frame of 1 MiB")
        for name in self.names:
            count = 1000 if "socketserver" in name else min(IDLE, hard - 100)  # a thread each is no match
            self.progress(f"idle connections: {name}")
            with self.serving([name], self.all_cpus, 2) as [server], contextlib.ExitStack() as held:
                exchange(held.enter_context(connect(server.port)), b"x" * 64)
                before = server.private_bytes()
                peers = []
                for _ in range(count):
                    peers.append(held.enter_context(connect(server.port)))
                    exchange(peers[-1], b"x" * 64)
                time.sleep(1)
                each = (server.private_bytes() - before) / count
                for peer in peers[:200]:
                    exchange(peer, b"x" * (1 << 20))
                time.sleep(2)
                later = (server.private_bytes() - before) / count
            self.row(name, f"{count:,}", f"{each:,.0f}", f"{later:,.0f}")
            self.results["idle"][name] = {"connections": count, "bytes": each, "bytes_later": later}
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def timer(self):
        """What a server does to a timer of its host's."""
        hosts = {
            OURS: [self.program("host_timer")],
            "Asio, plain": [*self.command("Asio, plain"), "timer"],
        }
        self.results["timer"] = {}
        self.heading("A host's own 1 ms timer beside 1000x1x64")
        self.columns("server", "late by, p50 us", "p99 us")
        for name, command in hosts.items():
            if not os.path.exists(command[0]):
                continue
            runs = {"p50_us": [], "p99_us": []}
            for _ in range(self.arguments.rounds):
                server = Server(name, command, self.server_cpu)
                try:
                    self.load(server, 1000, 1, 64)
                    server.process.terminate()
                    late = json.loads(server.process.stdout.readline())
                    for key, values in runs.items():
                        values.append(late[key])
                finally:
                    server.stop()
            self.row(name, spread(runs["p50_us"], 0), spread(runs["p99_us"], 0))
            self.results["timer"][name] = runs

    def tool(self):
        tool_part.run(self, LIMIT)

    parts = {"table": table, "half": half, "connect": connects, "cores": cores, "idle": idle, "timer": timer, "tool": tool}


if __name__ == "__main__":
    EchoComparison.main()
