"""What commands do to their neighbours: echo's round trips alone, beside commands that take all they can, and beside the same
commands where this script runs them itself, which is what the machine does to a server, whoever starts them."""

import contextlib
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from comparison import OURS
from neighbours import alone_and_beside, worse
from server import connect

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from exec_peer import answer, ask, is_last  # noqa: E402

# What is run, again and again, the limit that it is to meet, and the same limit in a shell; another user's needs root.
COMMANDS = {
    "a fork bomb": ("bomb() { bomb | bomb & }; bomb; sleep 9", "timeout=1s&process-limit=100&user=nobody", None),
    "1 GiB of output": ("head -c 2G /dev/zero", "output-limit=1GiB", "head -c 1G /dev/zero"),
    "a file of 10 GiB": (
        "exec dd if=/dev/zero of=big bs=1M count=10240 status=none",
        "file-limit=64MiB",
        "cd {directory} && exec dd if=/dev/zero of=big bs=1M count=64 status=none",
    ),
    "a CPU spin": ("while :; do :; done", "cpu-limit=1s", "ulimit -t 1; while :; do :; done"),
}


class Repeated:
    """What `once` does, again and again beside us, until it is left."""

    def __enter__(self):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def run(self):
        while not self.stop.is_set():
            self.once()


class Ours(Repeated):
    """A shell that this script starts itself."""

    def __init__(self, command):
        self.command = command

    def once(self):
        with subprocess.Popen(["/bin/sh", "-c", self.command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            while os.read(process.stdout.fileno(), 1 << 16):
                pass


class Commands(Repeated):
    """One at a time, through coserve."""

    def __init__(self, port, command, ends):
        self.port, self.command, self.ends = port, command, ends

    def run(self):
        with connect(self.port) as self.peer:
            super().run()

    def once(self):
        ask(self.peer, command=self.command)
        while not is_last(last := answer(self.peer)[0]):
            pass
        end = ", ".join(f"{key} {last[key]}" for key in ("exit", "signal", "reason", "error") if last.get(key) is not None)
        self.ends[end] = self.ends.get(end, 0) + 1


def run(comparison):
    """Echo's p99 beside each of them to its p99 alone, in turns."""
    comparison.heading("Echo's round trips beside commands")
    figures = {}
    for name, (command, limits, same) in COMMANDS.items():
        if "user=" in limits and os.geteuid() != 0:
            comparison.say(f"{name}: skipped, it needs root")
            continue
        comparison.progress(f"beside {name}")
        figures[name] = measure(comparison, command, limits, same)
    comparison.results["beside"] = figures
    show(comparison, figures)


def measure(comparison, command, limits, same):
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        os.chmod(directory, 0o777)
        listeners = [f"exec=tcp://127.0.0.1:0?{limits}&directory={directory}", "echo=tcp://127.0.0.1:0"]
        server = comparison.coserved(listeners, "--exec-shell")
        stack.callback(server.stop)
        ends = {}
        work = functools.partial(Commands, server.ports["exec"], command, ends)
        alone, within = alone_and_beside(comparison, server, None, work)
        figures = {"p99_us": [r["p99"] for r in alone], "ends": ends, "ratio": worse(alone, within), "without": []}
        if same:
            ours = functools.partial(Ours, same.format(directory=directory))
            figures["without"] = worse(*alone_and_beside(comparison, server, None, ours))
    return figures


def show(comparison, all_figures):
    values = {}
    for name, figures in all_figures.items():
        values[name] = figures["ratio"]
        if figures["without"]:
            values[f"{name}, without {OURS}"] = figures["without"]
    comparison.bars("p99 of echo's round trips beside commands", values, "echo alone", ours=list(all_figures))
    comparison.columns("beside", "p99 us alone", "to that, beside it", f"beside it without {OURS}", "how the commands ended")
    for name, figures in all_figures.items():
        without = f"{statistics.median(figures['without']):.2f}" if figures["without"] else "-"
        told = "; ".join(f"{count} x {end}" for end, count in figures["ends"].items())
        alone, ratio = statistics.median(figures["p99_us"]), statistics.median(figures["ratio"])
        comparison.row(name, f"{alone:.0f}", f"{ratio:.2f}", without, told)
