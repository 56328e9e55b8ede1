#!/usr/bin/env python3
"""Measures uploads to coserve beside other ways to bring a file to a server, the limit being a bare splice loop.

Parts, each of which states what it is to show:
  table     a file to each server, in another order in each round, from one sender that uses sendfile (nginx: from curl); the
            figures are medians of the rounds, ratios taken within each; processor time is the server's, with its children
  echo      round trips of an echo service at a fixed rate, alone and beside 8 uploads to the same server, in turns
  small     uploads of 1 KiB at a fixed rate on tmpfs: how many are under way in each second
  memory    what a server's private memory grows by with each upload that is under way
  download  a file by send_file() beside bare sendfile
Nothing is measured that is not installed.
"""

import argparse
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import upload_parts
from upload_servers import HASHING_LIMIT, LIMIT, OURS, OURS_HASHING, all_servers

PARTS = {"echo": upload_parts.echo, "small": upload_parts.small, "memory": upload_parts.memory}


def table(options):
    size = options.size << 20
    with contextlib.ExitStack() as stack:
        source, scratch = (stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")) for _ in range(2))
        directory = stack.enter_context(tempfile.TemporaryDirectory(dir=options.directory))
        path = os.path.join(source, "file")
        with open(path, "wb") as file:
            for _ in range(options.size):
                file.write(os.urandom(1 << 20))
        running = []
        for server in all_servers(options, directory, scratch, size):
            stack.callback(server.stop)
            running.append(server)
        seconds = {s.name: [] for s in running}
        cpu = {s.name: [] for s in running}
        print(f"Orders by --seed {options.seed}.\n")
        orders = random.Random(options.seed)  # a machine that drifts within a round does so beside each in turn
        for _ in range(options.rounds + 1):  # the first warms up
            for server in orders.sample(running, len(running)):
                before = server.cpu_seconds()
                seconds[server.name].append(server.upload(server, path, size))
                time.sleep(0.05)  # a child's time counts once it has been waited for
                cpu[server.name].append(server.cpu_seconds() - before)
        show(running, seconds, cpu, size)


def ratio(above, below):
    """The median of the rounds' ratios, without the first round."""
    return statistics.median(a / b for a, b in zip(above[1:], below[1:]))


def show(running, seconds, cpu, size):
    gib = size / (1 << 30)
    limit = running[0].name
    print("| server | MiB/s | to the limit | CPU s/GiB | to the limit | SHA-256 | who fsyncs |")
    print("|---|---|---|---|---|---|---|")
    for s in running:
        rate = statistics.median(size / (1 << 20) / t for t in seconds[s.name][1:])
        speed, cost = ratio(seconds[limit], seconds[s.name]), ratio(cpu[s.name], cpu[limit])
        used = statistics.median(c / gib for c in cpu[s.name][1:])
        print(f"| {s.name} | {rate:.0f} | {speed:.2f} | {used:.2f} | {cost:.2f} | {s.sha256} | {s.fsync} |")
    if limit == LIMIT:
        print(f"\nWithout SHA-256: {ratio(seconds[LIMIT], seconds[OURS]):.2f} of the limit's throughput; wanted: 0.9 or more.")
        cost = ratio(cpu[OURS_HASHING], cpu[HASHING_LIMIT])
        print(f"With SHA-256: {cost:.2f} of the processor time of '{HASHING_LIMIT}'; wanted: 1.1 or less.")


def download(options):
    program = options.binaries / "download_bench"
    if not program.exists():
        print("download: skipped, download_bench is not built", file=sys.stderr)
        return
    arguments = ["--size", str(options.size), "--rounds", str(options.rounds)]
    subprocess.run([program, *arguments], check=True)


def main():
    parts = {"table": table, **PARTS, "download": download}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path, help="directory with coserved and the other programs")
    parser.add_argument("peers", type=Path, help="directory that bench/peers/build wrote to")
    parser.add_argument("--parts", default=",".join(parts), help="what is measured [%(default)s]")
    parser.add_argument("--directory", default="/dev/shm", help="where the table's files go [/dev/shm]")
    parser.add_argument("--size", type=int, default=1024, help="of a file, in MiB [1024]")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the servers' order in each round [random]")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of echo and small [5]")
    parser.add_argument("--small-rate", type=int, default=1000, help="uploads a second [1000]")
    parser.add_argument("--in-flight", type=int, default=100, help="uploads for memory [100]")
    options = parser.parse_args()
    chosen = options.parts.split(",")
    if unknown := [part for part in chosen if part not in parts]:
        parser.error(f"--parts {','.join(unknown)}: the parts are {', '.join(parts)}")
    for i, part in enumerate(chosen):
        print(f"{'' if i == 0 else chr(10)}## {part}\n", flush=True)
        parts[part](options)


if __name__ == "__main__":
    main()
