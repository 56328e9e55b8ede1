"""Echo's round trips alone, and beside other work of the same server."""

from comparison import ratios

RATE = 1000  # a second


def round_trips(comparison, server, cpus):
    """Microseconds from when each request was due: the quantiles of one measurement."""
    report = comparison.run_pinned(
        server,
        comparison.program("coserve-bench"), "echo", f"tcp://127.0.0.1:{server.ports['echo']}", "-c", "4", "-R", str(RATE),
        "--warmup", "500ms", "-t", f"{int(1000 * comparison.arguments.seconds)}ms", "--depth", "16", "--json", "-", cpus=cpus,
    )  # fmt: skip
    return report["latency_us"]["intended"]


def alone_and_beside(comparison, server, cpus, work):
    """In turns: the quantiles of each round alone, and of each within `work()`. Without `cpus` the load goes where it likes."""
    cpus = cpus or comparison.all_cpus
    alone, beside = [], []
    for _ in range(comparison.arguments.rounds):
        alone.append(round_trips(comparison, server, cpus))
        with work():
            beside.append(round_trips(comparison, server, cpus))
    return alone, beside


def worse(alone, beside):
    """How many times the p99 alone that beside is, in each round."""
    return ratios([r["p99"] for r in beside], [r["p99"] for r in alone])
