"""A server that is measured: started on its processors, looked at from outside, and ended."""

import contextlib
import os
import select
import socket
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
LIMIT = 20  # seconds, of a start and of an end


class Server:
    """It prints its port first (coserved one for each service, until it is ready), or is told it."""

    def __init__(self, name, command, cpus=None, *, port=None):
        self.name = name
        restrict = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, preexec_fn=restrict
        )
        self.pid = self.process.pid
        try:
            self.ports = {"": port} if port else self.read_ports()
            self.port = next(iter(self.ports.values()))
            if port:
                connect(port).close()  # it listens
        except (OSError, ValueError) as error:
            self.stop()
            raise RuntimeError(f"{name}: {' '.join(map(str, command))} did not start: {error}") from error

    def read_line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        return self.process.stdout.readline().decode().strip() if ready else ""

    def read_ports(self):
        ports = {}
        line = self.read_line()
        while line != "Ready.":
            service, _, address = line.rpartition(" ")
            ports[service] = int(address.rpartition(":")[2])
            if not service:
                break
            line = self.read_line()
        return ports

    def cpu_by_thread(self):
        used = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.pid}/task/{task}/schedstat", encoding="ascii") as stat:
                used[task] = int(stat.read().split()[0]) / 1e9
        return used

    def cpu_seconds(self):
        """Its own by the nanosecond, and its ended children's by the tick."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return sum(self.cpu_by_thread().values()) + (int(fields[13]) + int(fields[14])) / TICK

    def private_bytes(self):
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as rollup:
            return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_"))

    def stop(self):
        """By a signal that lets it end its own children."""
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def connect(port):
    """As soon as somebody listens there."""
    deadline = time.monotonic() + LIMIT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=600)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def free_port():
    """For a program that must be told one."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
