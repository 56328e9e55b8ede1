#!/usr/bin/env python3
"""Commands a second through coserved, beside a bare posix_spawn loop, the same behind a socket,
Python's socketserver and subprocess, and Go's os/exec; and echo's round trips beside greedy commands.

Every server gets the same requests: a command's text, one read each (coserved: wire=concat, no shell). A round measures each in turn;
the figures are medians over the rounds, and a ratio is taken within its round. Server and client share the machine's processors.
"""

import os
import subprocess

import exec_beside
from comparison import Comparison, ratios, spread
from server import Server

LIMIT = "posix_spawn, by hand"
PEERS = {
    "posix_spawn, behind a socket": "spawn_server",
    "Go, os/exec": "go_exec_server",
    "Python, subprocess": "exec_socketserver_server",
}


class ExecComparison(Comparison):
    name, title, about, rounds = "exec", "Commands", __doc__, 7

    @classmethod
    def add_arguments(cls, parser):
        parser.add_argument("--slice", type=float, default=1.0, metavar="SECONDS", help="of one measurement [1]")
        parser.add_argument("--seconds", type=float, default=5, help="of each measurement beside [5]")
        parser.add_argument("--program", action="append", help="to run; may be repeated [/bin/true]")

    def table(self):
        programs = [os.path.abspath(program) for program in self.arguments.program or ["/bin/true"]]
        self.results["table"] = {}
        with self.running(self.servers(programs)) as servers:
            for program in programs:
                for at_once in (1, 8):
                    runs = self.measure(servers, at_once, program)
                    self.show(at_once, program, runs)
                    self.results["table"][f"{at_once}x {program}"] = runs

    def servers(self, programs):
        allowed = [word for program in programs for word in ("--exec-allow", program)]
        yield self.coserved(["exec=tcp://127.0.0.1:0?wire=concat"], *allowed)
        peers = {name: [self.peer(program)] for name, program in {LIMIT: "spawn_loop", **PEERS}.items()}
        for name in self.present(peers):
            if name != LIMIT:
                yield Server(name, peers[name])

    def measure(self, servers, at_once, program):
        """Commands a second, with so many under way: the limit has no client, each of the others has connections with one each."""
        runs = {LIMIT: [], **{server.name: [] for server in servers}}
        how = [str(at_once), str(self.arguments.slice), program]
        for number in range(self.arguments.rounds):
            self.progress(f"{at_once} at once: round {number + 1} of {self.arguments.rounds}")
            runs[LIMIT].append(self.rate(self.peer("spawn_loop"), *how))
            for server in servers:
                runs[server.name].append(self.rate(self.peer("exec_client"), str(server.port), *how))
        return runs

    @staticmethod
    def rate(*command):
        return float(subprocess.run(command, capture_output=True, timeout=120, check=True).stdout)

    def show(self, at_once, program, runs):
        to_limit = {name: ratios(values, runs[LIMIT]) for name, values in runs.items()}
        self.heading(f"`{program}`, {at_once} at once")
        self.bars(f"Commands a second, {at_once} at once", to_limit, LIMIT, "more", short=f"commands a second, {at_once} at once")
        self.columns("server", "commands/s", "to the limit")
        for name, values in runs.items():
            self.row(name, spread(values, 0), spread(to_limit[name]))

    parts = {"table": table, "beside": exec_beside.run}


if __name__ == "__main__":
    ExecComparison.main()
