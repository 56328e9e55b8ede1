"""Echo-upper at several shapes: processor time, rates and latencies of each server, beside those of the limit."""

import statistics

from comparison import ratios, spread


def figures_of(reports):
    latency = [report["latency_us"]["service"] for report in reports]
    return {
        "cpu_us": [report["cpu"]["server_us_per_request"] for report in reports],
        "rate": [report["rate"] for report in reports],
        "p50_us": [some["p50"] for some in latency],
        "p99_us": [some["p99"] for some in latency],
        "lost": [report["requests"].get("lost", 0) for report in reports],
    }


def show(comparison, column, reports, limit, unit):
    runs = {name: figures_of(some) for name, some in reports.items()}
    datagrams = unit == "datagram"
    for run in runs.values():
        run["cpu_ratio"] = ratios(run["cpu_us"], runs[limit]["cpu_us"])
        run["p50_ratio"] = ratios(run["p50_us"], runs[limit]["p50_us"])
    comparison.heading(column)
    comparison.bars(
        f"Server CPU a {unit} at {column}", {name: run["cpu_ratio"] for name, run in runs.items()}, limit, short=f"CPU a {unit}, {column}"
    )
    comparison.curves(f"Latency by percentile at {column}", reports, limit)
    lost = ["lost in all"] if datagrams else []
    comparison.columns("server", f"CPU us a {unit}", "to the limit", f"{unit}s/s", "p50 us", "to the limit", "p99 us", *lost)
    for name, run in runs.items():
        comparison.row(
            name, spread(run["cpu_us"]), spread(run["cpu_ratio"]), f"{statistics.median(run['rate']):,.0f}",
            spread(run["p50_us"], 0), spread(run["p50_ratio"]), spread(run["p99_us"], 0), *([sum(run["lost"])] if datagrams else []),
        )  # fmt: skip
    return runs


def measure(comparison, servers, load, limit, unit):
    """`load(server, connections, depth, size)` gives a slice's report."""
    table = comparison.results["table"] = {}
    for column in comparison.arguments.columns.split(","):
        shape = [int(n) for n in column.split("x")]
        reports = {server.name: [] for server in servers}
        for server in comparison.rounds_of(servers, column):
            reports[server.name].append(load(server, *shape))
        table[column] = show(comparison, column, reports, limit, unit)
