"""What commands do to their neighbours: echo's round trips alone, and beside commands that take all they can."""

import contextlib
import functools
import os
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from neighbours import alone_and_beside
from upload_servers import connect, coserved, free_port

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from exec_peer import answer, ask, is_last  # noqa: E402

# What is run, again and again, and the limit that it is to meet; another user's needs root.
COMMANDS = {
    "a fork bomb": (":(){ :|:& }; :; sleep 9", "timeout=1s&process-limit=100&user=nobody"),
    "1 GiB of output": ("head -c 2G /dev/zero", "output-limit=1GiB"),
    "a file of 10 GiB": ("exec dd if=/dev/zero of=big bs=1M count=10240 status=none", "file-limit=64MiB"),
    "a CPU spin": ("while :; do :; done", "cpu-limit=1s"),
}


class Commands:
    """One at a time, until it is left."""

    def __init__(self, port, command, ends):
        self.port, self.command, self.ends = port, command, ends
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        with connect(self.port) as peer:
            while not self.stop.is_set():
                ask(peer, command=self.command)
                while not is_last(last := answer(peer)[0]):
                    pass
                end = " ".join(str(last[key]) for key in ("exit", "signal", "reason", "error", "truncated") if last.get(key) is not None)
                self.ends[end] = self.ends.get(end, 0) + 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def beside(options):
    """Prints echo's p99 beside each of them to its p99 alone, in turns."""
    print("| beside | p99 us alone | p99 us beside | ratio | how the commands ended |\n|---|---|---|---|---|")
    for name, (command, limits) in COMMANDS.items():
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
            running = functools.partial(Commands, ports[0], command, ends)
            alone, within = alone_and_beside(options, ports[1], None, running)
        ratio = statistics.median(b["p99"] / a["p99"] for a, b in zip(alone, within))
        p99 = [statistics.median(r["p99"] for r in results) for results in (alone, within)]
        told = ", ".join(f"{end} ({count})" for end, count in ends.items())
        print(f"| {name} | {p99[0]:.0f} | {p99[1]:.0f} | {ratio:.2f} | {told} |", flush=True)
