"""What a room costs beside a bare loop of sendmmsg over the same addresses: members on loopback, one of whom speaks."""

from comparison import OURS, ratios, spread
from server import Server

LIMIT = "sendmmsg loop, by hand"
MEMBERS = "10,100,1000"
SIZE = 64


def commands(comparison):
    url = "udp://127.0.0.1:0?member-rate=0&room-rate=0"
    ours = [comparison.program("coserved"), "--listen", f"chat={url}", "--cores", "1", "--log-level", "warning"]
    return {LIMIT: [comparison.peer("fanout_server")], OURS: ours}


def measure(comparison, server, members):
    client = comparison.peer("fanout_client")
    return comparison.run_pinned(
        server, client, str(server.port), str(members), str(SIZE), str(comparison.arguments.slice), str(server.pid)
    )


def run(comparison):
    comparison.results["fanout"] = {}
    starting = (Server(name, command, comparison.server_cpu) for name, command in commands(comparison).items())
    with comparison.running(starting) as servers:
        for members in map(int, comparison.arguments.members.split(",")):
            runs = {server.name: {"cpu_us": [], "rate": [], "lost": []} for server in servers}
            for server in comparison.rounds_of(servers, f"{members} members"):
                for key, value in measure(comparison, server, members).items():
                    runs[server.name][key].append(value)
            show(comparison, members, runs)


def show(comparison, members, runs):
    for figures in runs.values():
        figures["cpu_ratio"] = ratios(figures["cpu_us"], runs[LIMIT]["cpu_us"])
    comparison.heading(f"A room of {members}, {SIZE} bytes")
    to_limit = {name: figures["cpu_ratio"] for name, figures in runs.items()}
    comparison.bars("Server CPU a delivery", to_limit, LIMIT, short=f"CPU a delivery, room of {members}")
    comparison.columns("server", "CPU us a delivery", "to the limit", "deliveries/s", "lost in all")
    for name, figures in runs.items():
        cost, rate = spread(figures["cpu_us"]), spread(figures["rate"], 0)
        comparison.row(name, cost, spread(figures["cpu_ratio"]), rate, f"{sum(figures['lost']):.0f}")
    comparison.results["fanout"][str(members)] = runs
