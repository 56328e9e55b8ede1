#!/usr/bin/env python3
"""Measures coserve beside other servers that do the same over UDP: echo-upper, a datagram for a datagram, and a room's fan-out.

datagram_compare.py COSERVED_DIRECTORY PEERS_DIRECTORY [--parts echo,fanout] [--columns 1x1x64,...] [--members 10,...]
                    [--rounds N] [--slice SECONDS]

As in compare.py: every server runs on one processor, the load on another; each round measures all in turn, and a ratio is taken
within its round. A column is sockets x requests under way on each x bytes. The limit is one blocking socket in a bare
loop of recvmmsg and sendmmsg.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import fanout_part  # noqa: E402
from compare import Comparison, alternating, ratios, spread  # noqa: E402

COLUMNS = "1x1x64,1x64x64,16x4x64,1x64x1200"
LIMIT = "recvmmsg loop, by hand"
OURS = "coserve"
PEERS = {
    LIMIT: "udp_server",
    "Go, net": "go_udp_server",
    "tokio, UdpSocket": "tokio_udp_server",
    "Python, ThreadingUDPServer": "udp_socketserver_server",
}


class DatagramComparison(Comparison):
    def command(self, name, cores=1):
        if name == OURS:
            return [os.path.join(self.arguments.bin, "coserved"), "--listen", "echo=udp://127.0.0.1:0", "--cores", str(cores)]
        return [os.path.join(self.arguments.peers, PEERS[name])]

    def present(self):
        for name in (LIMIT, OURS, *(name for name in PEERS if name != LIMIT)):
            if os.path.exists(self.command(name)[0]):
                yield name
            else:
                self.say(f"{name}: skipped, it was not built")

    def measure(self, server, connections, depth, size):
        return self.run_pinned(
            server,
            os.path.join(self.arguments.bin, "coserve-bench"), "echo", f"udp://127.0.0.1:{server.port}",
            "-c", str(connections), "--depth", str(depth), "--size", str(size), "-t", str(self.arguments.slice),
            "--warmup", "100ms", "--timeout", "200ms", "--pid", str(server.pid), "--json", "-",
        )  # fmt: skip

    def run(self):
        self.say(f"{self.results['machine']}; {self.arguments.rounds} rounds of {self.arguments.slice:g} s, median [least..most]")
        parts = self.arguments.parts.split(",")
        if "echo" in parts:
            self.echo()
        if "fanout" in parts:
            fanout_part.run(self)
        self.keep()

    def echo(self):
        self.results["table"] = {}
        with self.serving(list(self.present()), self.server_cpu) as servers:
            for column in self.arguments.columns.split(","):
                shape = [int(n) for n in column.split("x")]
                runs = {server.name: {"cpu_us": [], "rate": [], "p50_us": [], "p99_us": [], "lost": []} for server in servers}
                for number, order in alternating(servers, self.arguments.rounds):
                    for server in order:
                        self.progress(f"{column}: round {number + 1} of {self.arguments.rounds}, {server.name}")
                        self.add(runs[server.name], self.measure(server, *shape))
                self.progress("")
                self.show(column, runs)

    def keep(self):
        with open(os.path.join(self.arguments.save, "datagrams.json"), "w", encoding="utf-8") as file:
            json.dump(self.results, file, indent=1)
        with open(os.path.join(self.arguments.save, "datagrams.md"), "w", encoding="utf-8") as file:
            file.write("\n".join(self.text) + "\n")

    @staticmethod
    def add(run, report):
        latency = report["latency_us"]["service"]
        run["cpu_us"].append(report["cpu"]["server_us_per_request"])
        run["rate"].append(report["rate"])
        run["p50_us"].append(latency["p50"])
        run["p99_us"].append(latency["p99"])
        run["lost"].append(report["requests"]["lost"])

    def show(self, column, runs):
        base = runs[LIMIT]
        self.say(f"\n### {column}\n")
        self.say("| server | CPU us a datagram | to the limit | datagrams/s | p50 us | to the limit | p99 us | lost in all |")
        self.say("|---|---|---|---|---|---|---|---|")
        for name, run in runs.items():
            run["cpu_ratio"] = ratios(run["cpu_us"], base["cpu_us"])
            run["p50_ratio"] = ratios(run["p50_us"], base["p50_us"])
            self.say(
                f"| {name} | {spread(run['cpu_us'])} | {spread(run['cpu_ratio'])} | {statistics.median(run['rate']):,.0f}"
                f" | {spread(run['p50_us'], 0)} | {spread(run['p50_ratio'])} | {spread(run['p99_us'], 0)} | {sum(run['lost'])} |"
            )
        self.results["table"][column] = runs


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", help="where coserved and coserve-bench are")
    parser.add_argument("peers", help="where bench/peers/build put the others")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--slice", type=float, default=0.4, metavar="SECONDS", help="of one measurement")
    parser.add_argument("--columns", default=COLUMNS, help=f"sockets x requests under way x bytes [{COLUMNS}]")
    parser.add_argument("--parts", default="echo,fanout", help="which of these [echo,fanout]")
    parser.add_argument("--members", default=fanout_part.MEMBERS, help=f"of the rooms of fanout [{fanout_part.MEMBERS}]")
    parser.add_argument("--save", default=".", metavar="DIR", help="for datagrams.md and datagrams.json [here]")
    return parser.parse_args()


if __name__ == "__main__":
    DatagramComparison(parse()).run()
