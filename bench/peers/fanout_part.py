"""What a room costs beside a bare loop of sendmmsg over the same addresses: members on loopback, one of whom speaks."""

import contextlib
import os

from compare import Server, alternating, ratios, spread

LIMIT = "sendmmsg loop, by hand"
OURS = "coserve"
MEMBERS = "10,100,1000"
SIZE = 64


def command(comparison, name):
    if name == OURS:
        url = "udp://127.0.0.1:0?member-rate=0&room-rate=0"
        program = os.path.join(comparison.arguments.bin, "coserved")
        return [program, "--listen", f"chat={url}", "--cores", "1", "--log-level", "warning"]
    return [os.path.join(comparison.arguments.peers, "fanout_server")]


def measure(comparison, server, members):
    client = os.path.join(comparison.arguments.peers, "fanout_client")
    return comparison.run_pinned(
        server, client, str(server.port), str(members), str(SIZE), str(comparison.arguments.slice), str(server.pid)
    )


def run(comparison):
    comparison.results["fanout"] = {}
    with contextlib.ExitStack() as running:
        servers = [Server(name, command(comparison, name), comparison.server_cpu) for name in (LIMIT, OURS)]
        for server in servers:
            running.callback(server.stop)
        for members in map(int, comparison.arguments.members.split(",")):
            runs = {server.name: {"cpu_us": [], "rate": [], "lost": []} for server in servers}
            for number, order in alternating(servers, comparison.arguments.rounds):
                for server in order:
                    comparison.progress(f"{members} members: round {number + 1} of {comparison.arguments.rounds}, {server.name}")
                    for key, value in measure(comparison, server, members).items():
                        runs[server.name][key].append(value)
            comparison.progress("")
            show(comparison, members, runs)


def show(comparison, members, runs):
    comparison.say(f"\n### A room of {members}, {SIZE} bytes\n")
    comparison.say("| server | CPU us a delivery | to the limit | deliveries/s | lost in all |")
    comparison.say("|---|---|---|---|---|")
    for name, figures in runs.items():
        figures["cpu_ratio"] = ratios(figures["cpu_us"], runs[LIMIT]["cpu_us"])
        rate = spread(figures["rate"], 0)
        comparison.say(
            f"| {name} | {spread(figures['cpu_us'])} | {spread(figures['cpu_ratio'])} | {rate} | {sum(figures['lost']):.0f} |"
        )
    comparison.results["fanout"][str(members)] = runs
