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

import contextlib
import os
import random
import statistics
import subprocess
import tempfile
import time

import upload_parts
from comparison import OURS, Comparison, ratios, spread
from upload_servers import HASHING_LIMIT, LIMIT, OURS_HASHING, all_targets


class UploadComparison(Comparison):
    name, title, about, rounds = "uploads", "Uploads", __doc__, 5

    @classmethod
    def add_arguments(cls, parser):
        parser.add_argument("--directory", default="/dev/shm", help="where the table's files go [/dev/shm]")
        parser.add_argument("--size", type=int, default=1024, help="of a file, in MiB [1024]")
        parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of the servers' order in each round [random]")
        parser.add_argument("--seconds", type=float, default=5, help="of each measurement of echo and small [5]")
        parser.add_argument("--small-rate", type=int, default=1000, help="uploads a second [1000]")
        parser.add_argument("--in-flight", type=int, default=100, help="uploads for memory [100]")

    def setting(self):
        return f"{self.counted_rounds()}, median [least..most], in orders by --seed {self.arguments.seed}"

    def table(self):
        size = self.arguments.size << 20
        with contextlib.ExitStack() as stack:
            source, scratch = (stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")) for _ in range(2))
            directory = stack.enter_context(tempfile.TemporaryDirectory(dir=self.arguments.directory))
            path = os.path.join(source, "file")
            with open(path, "wb") as file:
                for _ in range(self.arguments.size):
                    file.write(os.urandom(1 << 20))
            targets = stack.enter_context(self.running(all_targets(self, directory, scratch, size)))
            self.show(targets, self.measure(targets, path, size))

    def measure(self, targets, path, size):
        """Of each name its rates and its costs; the first round, which warms up, is left out."""
        runs = {target.name: {"mib_s": [], "cpu_s_gib": []} for target in targets}
        orders = random.Random(self.arguments.seed)  # a machine that drifts within a round does so beside each in turn
        for number in range(self.arguments.rounds + 1):
            for target in orders.sample(targets, len(targets)):
                self.progress(f"round {number} of {self.arguments.rounds}, {target.name}")
                before = target.server.cpu_seconds()
                seconds = target.upload(path, size)
                time.sleep(0.05)  # a child's time counts once it has been waited for
                used = target.server.cpu_seconds() - before
                if number != 0:
                    runs[target.name]["mib_s"].append(size / (1 << 20) / seconds)
                    runs[target.name]["cpu_s_gib"].append(used / (size / (1 << 30)))
        return runs

    def show(self, targets, runs):
        limit = targets[0].name
        rate = {name: ratios(run["mib_s"], runs[limit]["mib_s"]) for name, run in runs.items()}
        cost = {name: ratios(run["cpu_s_gib"], runs[limit]["cpu_s_gib"]) for name, run in runs.items()}
        self.heading(f"A file of {self.arguments.size} MiB")
        self.bars("Throughput", rate, limit, "more", short="an upload's throughput")
        self.bars("Server CPU a GiB", cost, limit, short="CPU a GiB that is uploaded")
        self.columns("server", "MiB/s", "to the limit", "CPU s/GiB", "to the limit", "SHA-256", "who fsyncs")
        for t in targets:
            run = runs[t.name]
            self.row(
                t.name, spread(run["mib_s"], 0), spread(rate[t.name]), spread(run["cpu_s_gib"]), spread(cost[t.name]), t.sha256, t.fsync
            )
        self.results["table"] = runs
        if limit == LIMIT:
            self.say(f"\nWithout SHA-256: {statistics.median(rate[OURS]):.2f} of the limit's throughput; wanted: 0.9 or more.")
            hashing = statistics.median(ratios(runs[OURS_HASHING]["cpu_s_gib"], runs[HASHING_LIMIT]["cpu_s_gib"]))
            self.say(f"With SHA-256: {hashing:.2f} of the processor time of '{HASHING_LIMIT}'; wanted: 1.1 or less.")

    def download(self):
        program = self.program("download_bench")
        self.heading("A download")
        if not os.path.exists(program):
            self.say("download: skipped, download_bench was not built")
            return
        how = ["--size", str(self.arguments.size), "--rounds", str(self.arguments.rounds)]
        self.say(subprocess.run([program, *how], stdout=subprocess.PIPE, text=True, check=True).stdout.strip())

    parts = {
        "table": table,
        "echo": upload_parts.echo,
        "small": upload_parts.small,
        "memory": upload_parts.memory,
        "download": download,
    }


if __name__ == "__main__":
    UploadComparison.main()
