#!/usr/bin/env python3
"""Commands a second through coserved, beside a bare posix_spawn loop, the same behind a socket,
Python's socketserver and subprocess, and Go's os/exec.

Every server gets the same requests: a command's text, one read each (coserved: wire=concat, no shell). A round measures each in turn;
the figures are medians over the rounds, and a ratio is taken within its round. Server and client share the machine's processors.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from exec_beside import beside

OURS, LIMIT = "coserve", "posix_spawn, by hand"
PEERS = {
    "posix_spawn, behind a socket": "spawn_server",
    "Go, os/exec": "go_exec_server",
    "Python, subprocess": "exec_socketserver_server",
}


def commands_a_second(peers, port, at_once, seconds, program):
    """So many connections, each with one command under way."""
    client = [f"{peers}/exec_client", str(port), str(at_once), str(seconds), program]
    return float(subprocess.run(client, stdout=subprocess.PIPE, check=True).stdout)


class Server:
    def __init__(self, command, port_of):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.port = port_of(self.process.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def first_line(stdout):
    return int(stdout.readline())


def coserved(binaries, programs):
    with tempfile.TemporaryDirectory() as directory:
        ports = os.path.join(directory, "ports.json")
        allowed = [word for program in programs for word in ("--exec-allow", program)]

        def port_of(stdout):
            while stdout.readline() != b"Ready.\n":
                pass
            with open(ports, encoding="utf-8") as file:
                return int(json.load(file)[0]["url"].rpartition(":")[2])

        command = [f"{binaries}/coserved", "--listen", "exec=tcp://127.0.0.1:0?wire=concat", "--ports-file", ports, *allowed]
        return Server(command, port_of)


def measure(arguments, servers, at_once, program):
    results = {LIMIT: [], **{name: [] for name in servers}}
    for _ in range(arguments.rounds):
        bare = subprocess.run(
            [f"{arguments.peers}/spawn_loop", str(at_once), str(arguments.slice), program], capture_output=True, check=True
        )
        results[LIMIT].append(float(bare.stdout))
        for name, server in servers.items():
            results[name].append(commands_a_second(arguments.peers, server.port, at_once, arguments.slice, program))
    return results


def table(arguments):
    programs = [os.path.abspath(program) for program in arguments.program or ["/bin/true"]]
    servers = {OURS: coserved(arguments.binaries, programs)}
    for name, program in PEERS.items():
        if os.path.exists(path := os.path.join(arguments.peers, program)):
            servers[name] = Server([path], first_line)
    all_results = {}
    try:
        columns = [(at_once, program) for program in programs for at_once in (1, 8)]
        for at_once, program in columns:
            all_results[f"{at_once}x {program}"] = measure(arguments, servers, at_once, program)
    finally:
        for server in servers.values():
            server.stop()
    print("| commands a second | " + " | ".join(all_results) + " |")
    print("|---" * (1 + len(all_results)) + "|")
    for name in (LIMIT, *servers):
        cells = []
        for results in all_results.values():
            ratio = statistics.median(mine / limit for mine, limit in zip(results[name], results[LIMIT]))
            cells.append(f"{statistics.median(results[name]):.0f} ({ratio:.2f})")
        print(f"| {name} | " + " | ".join(cells) + " |")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(all_results, file, indent=1)


PARTS = {"table": table, "beside": beside}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path, help="directory with coserved and coserve-bench")
    parser.add_argument("peers", help="directory that bench/peers/build wrote to")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slice", type=float, default=1.0, help="seconds a measurement")
    parser.add_argument("--program", action="append", help="to run; may be repeated [/bin/true]")
    parser.add_argument("--json", help="file for all figures of the table")
    parser.add_argument("--parts", default=",".join(PARTS), help="what is measured [%(default)s]")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement beside [5]")
    arguments = parser.parse_args()
    chosen = arguments.parts.split(",")
    if unknown := [part for part in chosen if part not in PARTS]:
        parser.error(f"--parts {','.join(unknown)}: the parts are {', '.join(PARTS)}")
    for part in chosen:
        PARTS[part](arguments)
        print(flush=True)


if __name__ == "__main__":
    main()
