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

from neighbours import alone_and_beside
from upload_servers import connect, coserved, free_port

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


def beside(options):
    """Prints echo's p99 beside each of them to its p99 alone, in turns."""
    print("| beside | p99 us alone | to that, beside it | beside it without coserve | how the commands ended |\n|---|---|---|---|---|")
    for name, (command, limits, same) in COMMANDS.items():
        if "user=" in limits and os.geteuid() != 0:
            print(f"| {name} | skipped: needs root | | | |")
            continue
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            os.chmod(directory, 0o777)
            ports = free_port(), free_port()
            listeners = [f"exec=tcp://127.0.0.1:{ports[0]}?{limits}&directory={directory}", f"echo=tcp://127.0.0.1:{ports[1]}"]
            server = coserved(options.binaries, listeners, ports[0], flags=["--exec-shell"])
            stack.callback(server.stop)
            ends = {}
            alone, within = alone_and_beside(options, ports[1], None, functools.partial(Commands, ports[0], command, ends))
            ratios = [worse(alone, within), "-"]
            if same:
                ours = functools.partial(Ours, same.format(directory=directory))
                ratios[1] = worse(*alone_and_beside(options, ports[1], None, ours))
        p99 = statistics.median(r["p99"] for r in alone)
        told = "; ".join(f"{count} x {end}" for end, count in ends.items())
        print(f"| {name} | {p99:.0f} | {ratios[0]} | {ratios[1]} | {told} |", flush=True)


def worse(alone, within):
    return f"{statistics.median(b['p99'] / a['p99'] for a, b in zip(alone, within)):.2f}"
