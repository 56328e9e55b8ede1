#!/usr/bin/env python3
"""Measures coserve beside other servers that do the same: echo-upper over frames with a 4-byte length.

Every server runs on one processor, the load on another. A round measures each of them in turn for a short while, so that what else
happens on the machine meets all alike; the figures are medians over the rounds, and a ratio is taken within its round.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import select
import socket
import statistics
import struct
import subprocess
import sys
import time

from page import page

COLUMNS = "1x1x64,64x1x64,64x16x64,1000x1x64,16x1x16384"
PARTS = "table,half,connect,cores,idle,timer,tool"
LIMIT = "epoll, by hand"
OURS = "coserve"
IDLE = 18_000
PEERS = {
    LIMIT: "epoll_server",
    "Asio, plain": "asio_server",
    "Go, bufio": "go_server",
    "tokio, LengthDelimitedCodec": "tokio_server",
    "Python, uvloop": "uvloop_server",
    "Python, socketserver": "socketserver_server",
}


class Server:
    def __init__(self, name, command, cpus):
        self.name = name
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cpus)
        )
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line:
            self.stop()
            raise RuntimeError(f"{name}: {' '.join(command)} did not start")
        self.port = int(line.rsplit(":", 1)[-1])
        self.pid = self.process.pid

    def cpu_by_thread(self):
        used = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as stat:
                used[task] = int(stat.read().split()[0]) / 1e9
        return used

    def cpu_seconds(self):
        return sum(self.cpu_by_thread().values())

    def private_bytes(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_"))

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def connect(port):
    return socket.create_connection(("127.0.0.1", port))


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


def spread(values, digits=2):
    values = list(values)
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def ratios(values, base):
    return [mine / other for mine, other in zip(values, base)]


def alternating(servers, rounds):
    """The servers in each round's order: the first two, which are compared most closely, change places."""
    for number in range(rounds):
        yield number, (servers if number % 2 == 0 else [*servers[1::-1], *servers[2:]])


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        mine = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.load_cpu, self.all_cpus = {mine[0]}, {mine[-1]}, set(mine)
        self.results = {"machine": self.machine(), "rounds": arguments.rounds, "slice_s": arguments.slice}
        self.text = []

    @staticmethod
    def machine():
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown processor")
        return f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"

    def say(self, line=""):
        print(line, flush=True)
        self.text.append(line)

    @staticmethod
    def progress(text):
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def command(self, name, cores=1):
        if name == OURS:
            return [os.path.join(self.arguments.bin, "coserved"), "--listen", "echo=tcp://127.0.0.1:0?max-connections=100000", "--cores", str(cores)]
        return [os.path.join(self.arguments.peers, PEERS[name])]

    def present(self):
        for name in (LIMIT, OURS, *(name for name in PEERS if name != LIMIT)):
            if not os.path.exists(self.command(name)[0]):
                self.say(f"{name}: skipped, it was not built")
            elif not self.arguments.only or name in (LIMIT, OURS) or any(part in name for part in self.arguments.only.split(",")):
                yield name

    @contextlib.contextmanager
    def serving(self, names, cpus, cores=1):
        with contextlib.ExitStack() as running:
            servers = []
            for name in names:
                servers.append(Server(name, self.command(name, cores), cpus))
                running.callback(servers[-1].stop)
            yield servers

    def run_pinned(self, server, *command, cpus=None):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, preexec_fn=lambda: os.sched_setaffinity(0, cpus or self.load_cpu)
        )
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: {' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def load(self, server, connections, depth, size, *more, cpus=None):
        return self.run_pinned(
            server,
            os.path.join(self.arguments.bin, "coserve-bench"), "echo", f"tcp://127.0.0.1:{server.port}",
            "-c", str(connections), "--depth", str(depth), "--size", str(size), "-t", str(self.arguments.slice),
            "--warmup", "100ms", "--pid", str(server.pid), "--json", "-", *more, cpus=cpus,
        )

    def table(self, names):
        self.results["table"] = {}
        with self.serving(names, self.server_cpu) as servers:
            for column in self.arguments.columns.split(","):
                shape = [int(n) for n in column.split("x")]
                runs = {server.name: {"cpu_us": [], "rate": [], "p50_us": [], "p99_us": []} for server in servers}
                for number, order in alternating(servers, self.arguments.rounds):
                    for server in order:
                        self.progress(f"{column}: round {number + 1} of {self.arguments.rounds}, {server.name}")
                        report = self.load(server, *shape)
                        run, latency = runs[server.name], report["latency_us"]["service"]
                        run["cpu_us"].append(report["cpu"]["server_us_per_request"])
                        run["rate"].append(report["rate"])
                        run["p50_us"].append(latency["p50"])
                        run["p99_us"].append(latency["p99"])
                self.progress("")
                self.show_column(column, runs)

    def show_column(self, column, runs):
        base = runs[LIMIT]
        self.say(f"\n### {column}\n")
        self.say("| server | CPU us a frame | to the limit | frames/s | p50 us | to the limit | p99 us |")
        self.say("|---|---|---|---|---|---|---|")
        for name, run in runs.items():
            run["cpu_ratio"] = ratios(run["cpu_us"], base["cpu_us"])
            run["p50_ratio"] = ratios(run["p50_us"], base["p50_us"])
            self.say(
                f"| {name} | {spread(run['cpu_us'])} | {spread(run['cpu_ratio'])} | {statistics.median(run['rate']):,.0f}"
                f" | {spread(run['p50_us'], 0)} | {spread(run['p50_ratio'])} | {spread(run['p99_us'], 0)} |"
            )
        self.results["table"][column] = runs

    def half(self):
        """How long replies take where the server is not pressed."""
        runs = {LIMIT: {"p50_us": [], "p99_us": []}, OURS: {"p50_us": [], "p99_us": []}}
        with self.serving(runs, self.server_cpu) as servers:
            peak = statistics.median(self.load(servers[0], 64, 1, 64)["rate"] for _ in range(3))
            for _, order in alternating(servers, self.arguments.rounds):
                for server in order:
                    latency = self.load(server, 64, 1, 64, "-R", str(round(peak / 2)))["latency_us"]["intended"]
                    runs[server.name]["p50_us"].append(latency["p50"])
                    runs[server.name]["p99_us"].append(latency["p99"])
        self.say(f"\n### 64 connections at half of the limit's peak: {peak / 2:,.0f} requests/s, latency from each request's time\n")
        # The neighbours' work makes the tail of a single round what it is: the medians are compared, not the rounds.
        self.say("| server | p50 us | p99 us | p99's median to the limit's |")
        self.say("|---|---|---|---|")
        for name, run in runs.items():
            ratio = statistics.median(run["p99_us"]) / statistics.median(runs[LIMIT]["p99_us"])
            self.say(f"| {name} | {spread(run['p50_us'], 0)} | {spread(run['p99_us'], 0)} | {ratio:.2f} |")
        self.results["half"] = {"rate": peak / 2, "runs": runs}

    def connects(self):
        """Connect, one echo, close."""
        client, cycles = os.path.join(self.arguments.peers, "connect_client"), 4000
        self.results["connect"] = {}
        with self.serving([LIMIT, OURS], self.server_cpu) as servers:
            for together in (1, 64):
                runs = {server.name: {"cpu_us": [], "rate": []} for server in servers}
                for _, order in alternating(servers, self.arguments.rounds):
                    for server in order:
                        before = server.cpu_seconds()
                        done = self.run_pinned(server, client, str(server.port), str(together), str(cycles))
                        time.sleep(0.05)  # what the last close costs
                        runs[server.name]["cpu_us"].append((server.cpu_seconds() - before) / cycles * 1e6)
                        runs[server.name]["rate"].append(cycles / done["seconds"])
                self.say(f"\n### Connect, one echo, close: {together} at a time\n")
                self.say("| server | CPU us a cycle | to the limit | cycles/s |")
                self.say("|---|---|---|---|")
                for name, run in runs.items():
                    ratio = spread(ratios(run["cpu_us"], runs[LIMIT]["cpu_us"]))
                    self.say(f"| {name} | {spread(run['cpu_us'], 1)} | {ratio} | {statistics.median(run['rate']):,.0f} |")
                self.results["connect"][together] = runs

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
        self.say("\n### Two cores\n")
        for connections, values in cost.items():
            self.say(f"- {connections}x1x64: CPU a frame with `--cores 2`, to that with `--cores 1`: {spread(values)}")
        for connections, values in share.items():
            self.say(f"- {connections} connections: the busier core's share of the processor time: {spread(values, 3)}")
        self.results["cores"] = {"cost": cost, "share": share}

    def idle(self, names):
        """Memory of connections that made one exchange and wait."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.results["idle"] = {}
        self.say("\n### Memory of idle connections, each after one exchange of 64 bytes\n")
        self.say("| server | connections | private bytes each | 2 s after 200 of them passed a frame of 1 MiB |")
        self.say("|---|---|---|---|")
        for name in names:
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
            self.progress("")
            self.say(f"| {name} | {count:,} | {each:,.0f} | {later:,.0f} |")
            self.results["idle"][name] = {"connections": count, "bytes": each, "bytes_later": later}
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def timer(self):
        """What a server does to a timer of its host's."""
        hosts = {
            OURS: [os.path.join(self.arguments.bin, "host_timer")],
            "Asio, plain": [*self.command("Asio, plain"), "timer"],
        }
        self.results["timer"] = {}
        self.say("\n### A host's own 1 ms timer beside 1000x1x64\n")
        self.say("| server | late by, p50 us | p99 us |")
        self.say("|---|---|---|")
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
            self.say(f"| {name} | {spread(runs['p50_us'], 0)} | {spread(runs['p99_us'], 0)} |")
            self.results["timer"][name] = runs

    def tool(self):
        """The load tool beside a bare client, at the same server."""
        bare = os.path.join(self.arguments.peers, "epoll_client")
        self.results["tool"] = {}
        self.say("\n### The load tool beside a bare epoll client, at the limit's server\n")
        with self.serving([LIMIT], self.server_cpu) as [server]:
            for column in ("64x1x64", "64x16x64", "1000x1x64"):
                shape = column.split("x")
                values = []
                for _ in range(self.arguments.rounds):
                    least = self.run_pinned(server, bare, str(server.port), *shape, str(self.arguments.slice))
                    values.append(self.load(server, *shape)["rate"] * least["seconds"] / least["completed"])
                self.say(f"- {column}: frames/s that `coserve-bench` drives, to the bare client's: {spread(values)}")
                self.results["tool"][column] = values

    def run(self):
        self.say(f"{self.results['machine']}; {self.arguments.rounds} rounds of {self.arguments.slice:g} s, median [least..most]")
        names = list(self.present())
        parts = self.arguments.parts.split(",")
        if "table" in parts:
            self.table(names)
        if "half" in parts:
            self.half()
        if "connect" in parts:
            self.connects()
        if "cores" in parts:
            self.cores()
        if "idle" in parts:
            self.idle(names)
        if "timer" in parts:
            self.timer()
        if "tool" in parts:
            self.tool()
        self.save()

    def save(self):
        os.makedirs(self.arguments.save, exist_ok=True)
        with open(os.path.join(self.arguments.save, "peers.json"), "w", encoding="utf-8") as file:
            json.dump(self.results, file, indent=1)
        with open(os.path.join(self.arguments.save, "peers.md"), "w", encoding="utf-8") as file:
            file.write("\n".join(self.text) + "\n")
        with open(os.path.join(self.arguments.save, "peers.html"), "w", encoding="utf-8") as file:
            file.write(page(self.text, self.results.get("table", {}), OURS))
        print(f"\nSaved as peers.md, peers.json and peers.html in {self.arguments.save}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", help="where coserved and coserve-bench are")
    parser.add_argument("peers", help="where bench/peers/build put the others")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--slice", type=float, default=0.4, metavar="SECONDS", help="of one measurement")
    parser.add_argument("--columns", default=COLUMNS, help=f"connections x pipeline depth x bytes [{COLUMNS}]")
    parser.add_argument("--only", metavar="NAME,...", help="beside coserve and the limit: those whose names contain one of these")
    parser.add_argument("--parts", default=PARTS, help=f"[{PARTS}]")
    parser.add_argument("--save", default=".", metavar="DIR", help="for peers.md, peers.json and peers.html [here]")
    arguments = parser.parse_args()
    if not set(arguments.parts.split(",")) <= set(PARTS.split(",")):
        parser.error(f"--parts {arguments.parts}: the known ones are {PARTS}")
    return arguments


if __name__ == "__main__":
    Comparison(parse()).run()
