#!/usr/bin/env python3
"""Measures coserve beside other servers that do the same over UDP: echo-upper, a datagram for a datagram, and a room's fan-out.

Every server runs on one processor, the load on another; each round measures all in turn, and a ratio is taken within its round. A
column is sockets x requests under way on each x bytes. The limit is one blocking socket in a bare loop of recvmmsg and sendmmsg.
"""

import echo_table
import fanout_part
from comparison import OURS, Comparison
from server import Server

COLUMNS = "1x1x64,1x64x64,16x4x64,1x64x1200"
LIMIT = "recvmmsg loop, by hand"
PEERS = {
    "Go, net": "go_udp_server",
    "tokio, UdpSocket": "tokio_udp_server",
    "Python, ThreadingUDPServer": "udp_socketserver_server",
}


class DatagramComparison(Comparison):
    name, title, about, rounds = "datagrams", "Echo and chat over UDP", __doc__, 9

    @classmethod
    def add_arguments(cls, parser):
        parser.add_argument("--slice", type=float, default=0.4, metavar="SECONDS", help="of one measurement [0.4]")
        parser.add_argument("--columns", default=COLUMNS, help=f"sockets x requests under way x bytes [{COLUMNS}]")
        parser.add_argument("--members", default=fanout_part.MEMBERS, help=f"of the rooms of fanout [{fanout_part.MEMBERS}]")

    def commands(self):
        echo = [self.program("coserved"), "--listen", "echo=udp://127.0.0.1:0", "--cores", "1"]
        return {LIMIT: [self.peer("udp_server")], OURS: echo, **{name: [self.peer(program)] for name, program in PEERS.items()}}

    def load(self, server, connections, depth, size):
        return self.drive(server, f"udp://127.0.0.1:{server.port}", connections, depth, size, "--timeout", "200ms")

    def echo(self):
        commands = self.commands()
        names = list(self.present(commands))
        with self.running(Server(name, commands[name], self.server_cpu) for name in names) as servers:
            echo_table.measure(self, servers, self.load, LIMIT, "datagram")

    parts = {"echo": echo, "fanout": fanout_part.run}


if __name__ == "__main__":
    DatagramComparison.main()
