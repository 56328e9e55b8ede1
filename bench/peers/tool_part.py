"""The load tool itself: what it costs beside a bare client at the same server and beside wrk at nginx, and whether it holds a rate."""

import collections
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

from comparison import ratios, spread
from server import Server, free_port

SHAPES = ((64, 1, 64), (64, 16, 64), (1000, 1, 64))
TOOL = "coserve-bench"
BARE = "bare epoll client"
WRK = "wrk, at nginx"
RATE_SLICES = 4  # of time, so that half a percent can be told
PARTS_OF_LIMIT = (0.1, 0.3, 0.5, 0.7, 1.5)
WARNINGS = {
    "not held": "the rate was not held",
    "busy": "a thread of this tool was busy",
    "waited": "a thread of this tool waited",
    "late": "1 % of the requests were sent more than",
}
NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "{body}"; }} }}
}}
"""


def pinned(comparison, *command):
    """What it printed, and the seconds of processor time that it used."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, comparison.load_cpu)
    ) as process:
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}")
    return printed, used.ru_utime + used.ru_stime


def of_tool(report):
    """Microseconds of processor time a request, and requests a second; without connecting, as of the bare client."""
    return report["cpu"]["tool_s"] * 1e6 / report["requests"]["completed"], report["rate"]


def of_bare_client(comparison, server, shape):
    command = comparison.peer("epoll_client"), str(server.port), *map(str, shape), str(comparison.arguments.slice)
    done = comparison.run_pinned(server, *command)
    return done["cpu_s"] * 1e6 / done["completed"], done["completed"] / done["seconds"]


def of_wrk(comparison, server):
    printed, cpu = pinned(comparison, found("wrk"), "-t1", "-c64", "-d1s", f"http://127.0.0.1:{server.port}/")
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", printed).groups()
    return cpu * 1e6 / int(requests), int(requests) / float(seconds)


def in_rounds(comparison, what, ways):
    """The figures of each way, which change places from round to round."""
    runs = {name: {"cpu_us": [], "rate": []} for name in ways}
    for number in range(comparison.arguments.rounds):
        comparison.progress(f"{what}: round {number + 1} of {comparison.arguments.rounds}")
        for name in list(ways)[:: 1 if number % 2 else -1]:
            cpu, rate = ways[name]()
            runs[name]["cpu_us"].append(cpu)
            runs[name]["rate"].append(rate)
    return runs


def show(comparison, what, runs, base):
    to_base = {name: ratios(run["cpu_us"], runs[base]["cpu_us"]) for name, run in runs.items()}
    comparison.heading(f"What the load tool costs: {what}")
    comparison.bars("Processor time of a request", to_base, base, ours=(TOOL,))
    comparison.columns("client", "CPU us a request", "ratio", "requests/s", "ratio")
    for name, run in runs.items():
        rates = ratios(run["rate"], runs[base]["rate"])
        cells = spread(run["cpu_us"]), spread(to_base[name]), f"{statistics.median(run['rate']):,.0f}", spread(rates)
        comparison.row(name, *cells)
    comparison.results.setdefault("tool", {})[what] = runs


def cost(comparison, server):
    for shape in SHAPES:
        column = "x".join(map(str, shape))
        ways = {
            BARE: lambda shape=shape: of_bare_client(comparison, server, shape),
            TOOL: lambda shape=shape: of_tool(comparison.load(server, *shape)),
        }
        show(comparison, column, in_rounds(comparison, f"the load tool, {column}", ways), BARE)


def found(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")


@contextlib.contextmanager
def nginx(comparison):
    with tempfile.TemporaryDirectory(prefix="coserve-nginx-") as directory:
        port, settings = free_port(), os.path.join(directory, "nginx.conf")
        with open(settings, "w", encoding="ascii") as file:
            file.write(NGINX.format(directory=directory, port=port, body="x" * 64))
        command = [found("nginx"), "-p", directory, "-c", settings]
        with comparison.running([Server("nginx", command, comparison.server_cpu, port=port)]) as [server]:
            yield server


def beside_wrk(comparison, server):
    missing = [name for name in ("wrk", "nginx") if not found(name)]
    if missing:
        comparison.say(f"\n{WRK}: skipped, there is no {' and no '.join(missing)}")
        return
    with nginx(comparison) as web:
        ways = {
            WRK: lambda: of_wrk(comparison, web),
            TOOL: lambda: of_tool(comparison.load(server, 64, 1, 64)),
        }
        show(comparison, "64 connections, beside wrk", in_rounds(comparison, WRK, ways), WRK)


def at_rate(comparison, server, rate):
    """What is written of a run, and which warnings people see."""
    with tempfile.NamedTemporaryFile(prefix="coserve-", suffix=".json") as file:
        printed, _ = pinned(
            comparison,
            comparison.program("coserve-bench"), "echo", f"tcp://127.0.0.1:{server.port}",
            "-c", "64", "-R", str(rate), "-t", f"{RATE_SLICES * comparison.arguments.slice}s", "--warmup", "200ms", "--json", file.name,
        )  # fmt: skip
        return json.load(file), [short for short, sentence in WARNINGS.items() if f" {sentence}" in printed]


def rates(comparison, server):
    """How exactly `-R` is held, up to what the machine can do and past it."""
    limit = statistics.median(comparison.load(server, 64, 1, 64)["rate"] for _ in range(3))
    comparison.heading(f"Rates that the load tool holds, of the {limit:,.0f} requests/s that a closed loop drives: 64x1x64")
    comparison.columns("of that", "asked for", "off by, in percent", "its own delay, p99 us", *(f"runs: {w}" for w in WARNINGS))
    comparison.results["rates"] = {"limit": limit}
    for part in PARTS_OF_LIMIT:
        asked = round(limit * part)
        reports, said = [], collections.Counter()
        for number in range(comparison.arguments.rounds):
            comparison.progress(f"{asked} requests/s: round {number + 1} of {comparison.arguments.rounds}")
            report, sentences = at_rate(comparison, server, asked)
            reports.append(report)
            said.update(sentences)
        off = [(report["rate"] / asked - 1) * 100 for report in reports]
        slips = [report["slip_us"]["p99"] for report in reports if report.get("slip_us")]
        own = spread(slips, 0) if slips else ""
        comparison.row(f"{part:.0%}", f"{asked:,}", spread(off), own, *(said[w] for w in WARNINGS))
        comparison.results["rates"][str(part)] = {"asked": asked, "off_percent": off, "said": said}


def run(comparison, limit):
    with comparison.serving([limit], comparison.server_cpu) as [server]:
        cost(comparison, server)
        beside_wrk(comparison, server)
        rates(comparison, server)
