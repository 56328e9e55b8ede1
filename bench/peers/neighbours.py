"""Echo's round trips alone, and beside other work of the same server."""

import json
import os
import subprocess

RATE = 1000  # a second


def place():
    """A server on one processor, the load on the others, where there are several."""
    cpus = sorted(os.sched_getaffinity(0))
    return ({cpus[0]}, set(cpus[1:])) if len(cpus) > 1 else (None, None)


def round_trips(binaries, port, cpus, seconds):
    """Microseconds from when each request was due: the quantiles of one measurement."""
    command = [
        binaries / "coserve-bench", "echo", f"tcp://127.0.0.1:{port}", "-c", "4", "-R", str(RATE),
        "--warmup", "500ms", "-t", f"{int(1000 * seconds)}ms", "--depth", "16", "--json", "-",
    ]  # fmt: skip
    restrict = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
    result = subprocess.run(command, capture_output=True, check=True, preexec_fn=restrict)
    return json.loads(result.stdout)["latency_us"]["intended"]


def alone_and_beside(options, port, cpus, work):
    """In turns: the quantiles of each round alone, and of each within `work()`."""
    alone, beside = [], []
    for _ in range(options.rounds):
        alone.append(round_trips(options.binaries, port, cpus, options.seconds))
        with work():
            beside.append(round_trips(options.binaries, port, cpus, options.seconds))
    return alone, beside
