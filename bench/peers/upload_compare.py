#!/usr/bin/env python3
"""Measures uploads to coserve beside other ways to bring a file to a server, the limit being a bare splice loop.

upload_compare.py COSERVED_DIRECTORY PEERS_DIRECTORY [--directory DIR] [--size MiB] [--rounds N]

Each round uploads the file once to each server in turn, from one sender that uses sendfile; the figures are medians of the
rounds, ratios taken within each. Processor time is the server's, with its children. Nothing is measured that is not installed.
"""

import argparse
import contextlib
import json
import os
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


class Server:
    """A program that prints its port first, or is told it."""

    def __init__(self, name, command, port=None, *, announced, fsync, sha256, reply=False):
        self.name, self.announced, self.fsync, self.sha256, self.reply = name, announced, fsync, sha256, reply
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = port or self.read_port()

    def read_port(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline().decode() if ready else ""
        return int(line.strip().rsplit(":", 1)[-1])

    def cpu_seconds(self):
        """Its own by the nanosecond, and its ended children's by the tick."""
        used = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as stat:
                used += int(stat.read().split()[0]) / 1e9
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return used + (int(fields[13]) + int(fields[14])) / TICK

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


def receive_frame(peer):
    with peer.makefile("rb", buffering=0) as stream:
        (size,) = struct.unpack("i", stream.read(4))
        return json.loads(stream.read(size))


def connect(port):
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=600)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def upload(server, path, size):
    """Seconds until the server has ended the connection, or replied."""
    with open(path, "rb") as file, connect(server.port) as peer:
        start = time.monotonic()
        if server.announced:
            header = {"file_name": "measured", "file_size": size, "msg": ""}
            if server.reply:
                header["reply"] = True
            text = json.dumps(header).encode()
            peer.sendall(struct.pack("i", len(text)) + text)
        peer.sendfile(file)
        if server.reply:
            if receive_frame(peer)["status"] != "ready" or receive_frame(peer)["status"] != "stored":
                raise RuntimeError(f"{server.name}: not stored")
            return time.monotonic() - start
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass
        return time.monotonic() - start


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def servers(options, directory, size):
    here = Path(__file__).parent
    splice = options.peers / "splice_server"
    coserved = options.coserved / "coserved"
    if splice.exists():
        yield Server("splice loop (the limit)", [splice, directory, str(size)], announced=False, fsync="nobody", sha256="no")
        yield Server(
            "splice loop, then SHA-256", [splice, directory, str(size), "hash"], announced=False, fsync="nobody", sha256="yes"
        )
    ports = [free_port() for _ in range(2)]
    for name, port, reply in (("coserve", ports[0], False), ("coserve, with a reply", ports[1], True)):
        url = f"upload=tcp://127.0.0.1:{port}?existing=replace&dir={directory}"
        yield Server(
            name, [coserved, "--log-level", "warning", "--listen", url], port,
            announced=True, fsync="file, directory", sha256="yes" if reply else "no", reply=reply,
        )  # fmt: skip
    if shutil.which("socat"):
        port = free_port()
        yield Server(
            "socat", ["socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"OPEN:{directory}/socat,creat,trunc"], port,
            announced=False, fsync="nobody", sha256="no",
        )  # fmt: skip
    yield Server(
        "Python, as in a tutorial", [sys.executable, here / "upload_server.py", directory], announced=True, fsync="nobody", sha256="no"
    )


def measure(options, directory, path, size):
    with contextlib.ExitStack() as stack:
        running = []
        for server in servers(options, directory, size):
            stack.callback(server.stop)
            running.append(server)
        seconds = {s.name: [] for s in running}
        cpu = {s.name: [] for s in running}
        for _ in range(options.rounds + 1):  # the first warms up
            for server in running:
                before = server.cpu_seconds()
                seconds[server.name].append(upload(server, path, size))
                time.sleep(0.05)  # a child's time counts once it has been waited for
                cpu[server.name].append(server.cpu_seconds() - before)
        show(running, seconds, cpu, size)


def show(running, seconds, cpu, size):
    gib = size / (1 << 30)
    limit = running[0].name
    print("| server | MiB/s | to the limit | CPU s/GiB | to the limit | SHA-256 | who fsyncs |")
    print("|---|---|---|---|---|---|---|")
    for s in running:
        rate = statistics.median(size / (1 << 20) / t for t in seconds[s.name][1:])
        speed = statistics.median(a / b for a, b in zip(seconds[limit][1:], seconds[s.name][1:]))
        used = statistics.median(c / gib for c in cpu[s.name][1:])
        cost = statistics.median(a / b for a, b in zip(cpu[s.name][1:], cpu[limit][1:]))
        print(f"| {s.name} | {rate:.0f} | {speed:.2f} | {used:.2f} | {cost:.2f} | {s.sha256} | {s.fsync} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("coserved", type=Path)
    parser.add_argument("peers", type=Path)
    parser.add_argument("--directory", default="/dev/shm", help="where files go [/dev/shm]")
    parser.add_argument("--size", type=int, default=1024, help="of the file, in MiB [1024]")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = options.size << 20
    with tempfile.TemporaryDirectory(dir="/dev/shm") as source, tempfile.TemporaryDirectory(dir=options.directory) as directory:
        path = os.path.join(source, "file")
        with open(path, "wb") as file:
            for _ in range(options.size):
                file.write(os.urandom(1 << 20))
        measure(options, directory, path, size)


if __name__ == "__main__":
    main()
