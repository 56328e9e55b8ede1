"""What all comparisons share: how they are asked, on which processors they run, and what they say and save.

A comparison measures servers in rounds, each of them in turn, so that what else happens on the machine meets all alike. The figures
are medians over the rounds, and a ratio is taken within its round.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

from page import page
from percentile_curve import curve, merged
from server import Server

OURS = "coserve"


def spread(values, digits=2):
    values = list(values)
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}..{max(values):.{digits}f}]"


def ratios(values, base):
    return [mine / other for mine, other in zip(values, base)]


def alternating(servers, rounds):
    """The servers in each round's order: the first two, which are compared most closely, change places."""
    for number in range(rounds):
        yield number, (servers if number % 2 == 0 else [*servers[1::-1], *servers[2:]])


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown processor")
    return f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"


class Comparison:
    """`name` is that of its files; `parts` names the methods that measure, and what each of them is."""

    name, title, about, rounds = "", "", "", 9
    parts = {}

    def __init__(self, arguments):
        self.arguments = arguments
        mine = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.load_cpu, self.all_cpus = {mine[0]}, {mine[-1]}, set(mine)
        self.other_cpus = set(mine[1:]) or self.all_cpus
        when = datetime.datetime.now().astimezone().isoformat(" ", "minutes")
        self.results = {"name": self.name, "title": self.title, "when": when, "machine": machine(), "rounds": arguments.rounds}
        self.document = []  # lines of Markdown, and charts

    # ---- asking

    @classmethod
    def parser(cls):
        parser = argparse.ArgumentParser(description=cls.about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("bin", help="where coserved and coserve-bench are")
        parser.add_argument("peers", help="where bench/peers/build put the others")
        parser.add_argument("--rounds", type=int, default=cls.rounds, help="[%(default)s]")
        parser.add_argument("--parts", default=",".join(cls.parts), help="what is measured [%(default)s]")
        files = f"{cls.name}.md, {cls.name}.json and {cls.name}.html"
        parser.add_argument("--save", default=".", metavar="DIR", help=f"for {files} [here]")
        cls.add_arguments(parser)
        return parser

    @classmethod
    def add_arguments(cls, parser):
        """What only this comparison can be told."""

    @classmethod
    def main(cls):
        parser = cls.parser()
        arguments = parser.parse_args()
        if unknown := [part for part in arguments.parts.split(",") if part not in cls.parts]:
            parser.error(f"--parts {','.join(unknown)}: the parts are {', '.join(cls.parts)}")
        if arguments.rounds < 1:
            parser.error("--rounds must be 1 or more")
        cls(arguments).run()

    # ---- measuring

    def run(self):
        self.say(f"{self.results['when']}: {self.results['machine']}; {self.setting()}")
        for part in self.arguments.parts.split(","):
            self.parts[part](self)
            self.progress()
            self.save()  # what comes later may fail
        print(f"\nSaved as {self.name}.md, {self.name}.json and {self.name}.html in {self.arguments.save}")

    def setting(self):
        """How it is measured."""
        return f"{self.counted_rounds()} of {self.arguments.slice:g} s, median [least..most]"

    def counted_rounds(self):
        return f"{self.arguments.rounds} round{'s' if self.arguments.rounds != 1 else ''}"

    def rounds_of(self, servers, what):
        """Each round's servers in their order; says on the terminal where it is."""
        for number, order in alternating(servers, self.arguments.rounds):
            for server in order:
                self.progress(f"{what}: round {number + 1} of {self.arguments.rounds}, {server.name}")
                yield server
        self.progress()

    def program(self, name):
        return os.path.join(self.arguments.bin, name)

    def peer(self, name):
        return os.path.join(self.arguments.peers, name)

    def present(self, commands, only=None):
        """The names of those whose programs are there: the limit, which must be, ours, and of the others those that are chosen."""
        for number, (name, command) in enumerate(commands.items()):
            if not os.path.exists(command[0]):
                self.say(f"{name}: skipped, it was not built")
                if number == 0:
                    raise SystemExit(f"{self.name}: there is nothing to compare with")
            elif number < 2 or not only or any(part in name for part in only.split(",")):
                yield name

    def coserved(self, listeners, *flags, name=OURS, cpus=None):
        listening = [word for listener in listeners for word in ("--listen", listener)]
        return Server(name, [self.program("coserved"), "--log-level", "error", *listening, *flags], cpus)

    @staticmethod
    @contextlib.contextmanager
    def running(servers):
        """What was started; all of them end with it, also where one cannot start."""
        with contextlib.ExitStack() as stack:
            started = []
            for server in servers:
                stack.callback(server.stop)
                started.append(server)
            yield started

    def run_pinned(self, server, *command, cpus=None):
        """The JSON that a client of that server prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, preexec_fn=lambda: os.sched_setaffinity(0, cpus or self.load_cpu)
        )
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: {' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def drive(self, server, url, connections, depth, size, *more, cpus=None):
        """What coserve-bench says of a slice of echo."""
        return self.run_pinned(
            server,
            self.program("coserve-bench"), "echo", url,
            "-c", str(connections), "--depth", str(depth), "--size", str(size), "-t", str(self.arguments.slice),
            "--warmup", "100ms", "--pid", str(server.pid), "--json", "-", *more, cpus=cpus,
        )  # fmt: skip

    # ---- saying

    def say(self, line=""):
        """Markdown: headings (###), tables, lists, lines."""
        self.progress()
        print(line, flush=True)
        self.document.extend(line.split("\n"))

    def heading(self, text):
        self.say(f"\n### {text}\n")

    def columns(self, *names):
        """Of a table, whose rows follow."""
        self.row(*names)
        self.say("|---" * len(names) + "|")

    def row(self, *cells):
        self.say("| " + " | ".join(map(str, cells)) + " |")

    def bars(self, title, values, limit, better="less", short="", ours=(OURS,)):
        """`values`: of each name its ratios to the limit, one a round. `short` is ours in an overview of many charts."""
        self.document.append(
            {"kind": "bars", "title": title, "values": values, "limit": limit, "ours": ours, "better": better, "short": short}
        )

    def curves(self, title, reports, limit, latency="service"):
        """`reports`: of each name what coserve-bench wrote, in each round."""
        lines = {name: curve(merged(some, latency)) for name, some in reports.items()}
        self.document.append({"kind": "curves", "title": title, "lines": lines, "limit": limit, "ours": OURS})

    @staticmethod
    def progress(text=""):
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def save(self):
        os.makedirs(self.arguments.save, exist_ok=True)
        lines = [line for line in self.document if isinstance(line, str)]
        saved = {**self.results, "document": self.document}
        for ending, text in (
            ("md", "\n".join([f"# {self.title}", "", *lines])),
            ("json", json.dumps(saved, indent=1)),
            ("html", page([saved])),
        ):
            with open(os.path.join(self.arguments.save, f"{self.name}.{ending}"), "w", encoding="utf-8") as file:
                file.write(text + "\n")
