"""What else uploads are measured for: their neighbours, many small ones, and memory."""

import contextlib
import json
import os
import selectors
import socket
import statistics
import struct
import tempfile
import threading
import time

from neighbours import alone_and_beside, worse
from server import connect
from upload_servers import announced, receive_frame

UPLOADS = 8


# ---- echo


class Uploaders:
    """So many uploads at a time, one after the other, until it is left."""

    def __init__(self, port, path):
        self.port, self.path, self.size = port, path, os.path.getsize(path)
        self.done, self.stop = 0, threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(UPLOADS)]

    def run(self, number):
        with connect(self.port) as peer, open(self.path, "rb") as file:
            while not self.stop.is_set():
                peer.sendall(announced(f"u{number}", self.size, reply=True))
                peer.sendfile(file, 0)
                while receive_frame(peer).get("status") != "stored":
                    pass
                self.done += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@contextlib.contextmanager
def pinned(cpus):
    """This process, while it is the load."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def echo(comparison):
    uploaded = []
    with contextlib.ExitStack() as stack:
        directory, source = (stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm")) for _ in range(2))
        path = os.path.join(source, "file")
        with open(path, "wb") as file:
            file.write(os.urandom(64 << 20))
        listeners = [f"upload=tcp://127.0.0.1:0?existing=replace&dir={directory}", "echo=tcp://127.0.0.1:0"]
        server = comparison.coserved(listeners, cpus=comparison.server_cpu)
        stack.callback(server.stop)
        stack.enter_context(pinned(comparison.other_cpus))

        @contextlib.contextmanager
        def uploading():
            with Uploaders(server.ports["upload"], path) as uploaders:
                yield
            uploaded.append(uploaders.done)

        alone, beside = alone_and_beside(comparison, server, comparison.other_cpus, uploading)
    show_echo(comparison, alone, beside, sum(uploaded))


def show_echo(comparison, alone, beside, uploaded):
    ratio = worse(alone, beside)
    comparison.heading("Echo's round trips beside uploads")
    both = f"beside {UPLOADS} uploads"
    comparison.bars("p99 of echo's round trips", {both: ratio}, "echo alone", ours=[both])
    comparison.columns("round trips", "p50 us", "p99 us", "p99.9 us")
    for name, results in ("alone", alone), (both, beside):
        comparison.row(name, *(f"{statistics.median(r[q] for r in results):.0f}" for q in ("p50", "p99", "p99.9")))
    comparison.say(
        f"\np99 beside uploads: {statistics.median(ratio):.2f} times that alone ({uploaded} uploads of 64 MiB); wanted: 2 or less."
    )
    comparison.results["echo"] = {"alone": alone, "beside": beside, "ratio": ratio, "uploads": uploaded}


# ---- small


class Small:
    """Uploads of 1 KiB, each at its time, over some connections in turn, whether others are done or not."""

    CONNECTIONS = 32
    BODY = b"x" * 1024

    def __init__(self, port, rate, seconds):
        self.rate, self.count = rate, int(rate * seconds)
        self.peers = [connect(port) for _ in range(self.CONNECTIONS)]
        self.waiting = {peer: [] for peer in self.peers}  # when what is under way was due
        self.input = {peer: b"" for peer in self.peers}
        self.latencies, self.under_way = [], []
        self.selector = selectors.DefaultSelector()
        for peer in self.peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(peer, selectors.EVENT_READ)

    def run(self):
        """Seconds that it took."""
        begin = time.monotonic()
        for number in range(self.count):
            due = begin + number / self.rate
            while (left := due - time.monotonic()) > 0:
                self.take_replies(left)
            self.take_replies(0)
            peer = self.peers[number % self.CONNECTIONS]
            self.waiting[peer].append(due)
            peer.sendall(announced(f"s{number}", len(self.BODY), reply=True) + self.BODY)
            self.under_way.append(number + 1 - len(self.latencies))
        while len(self.latencies) < self.count:
            if not self.take_replies(30):
                raise RuntimeError("uploads that never ended")
        lasted = time.monotonic() - begin
        for peer in self.peers:
            peer.close()
        return lasted

    def take_replies(self, limit):
        events = self.selector.select(limit)
        for key, _ in events:
            self.take(key.fileobj)
        return events

    def take(self, peer):
        data = self.input[peer] + peer.recv(65536)
        while len(data) >= 4 and len(data) >= 4 + (size := struct.unpack("i", data[:4])[0]):
            said = json.loads(data[4 : 4 + size])
            data = data[4 + size :]
            if "error" in said:
                raise RuntimeError(said["message"])
            if said["status"] == "stored":
                self.latencies.append(time.monotonic() - self.waiting[peer].pop(0))
        self.input[peer] = data


def small(comparison):
    arguments = comparison.arguments
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
        server = comparison.coserved([f"upload=tcp://127.0.0.1:0?dir={directory}"], cpus=comparison.server_cpu)
        stack.callback(server.stop)
        stack.enter_context(pinned(comparison.other_cpus))
        used = server.cpu_seconds()
        load = Small(server.port, arguments.small_rate, arguments.seconds)
        lasted = load.run()
        used = server.cpu_seconds() - used
    show_small(comparison, load, lasted, used)


def show_small(comparison, load, lasted, used):
    seconds = [load.under_way[i : i + load.rate] for i in range(0, load.count, load.rate)]
    comparison.heading("Small uploads at a rate")
    comparison.columns("second", "uploads under way, median", "most")
    for i, part in enumerate(seconds):
        comparison.row(i + 1, f"{statistics.median(part):.0f}", max(part))
    ordered = sorted(load.latencies)
    p50, p99 = (1e3 * ordered[int(len(ordered) * q)] for q in (0.5, 0.99))
    each = 1e6 * used / load.count
    comparison.say(
        f"\n{load.count} uploads in {lasted:.2f} s, {load.count / lasted:.0f} a second of {load.rate} asked for; from when each was"
        f" due until it was stored: p50 {p50:.1f} ms, p99 {p99:.1f} ms; {each:.0f} us of the server's processor time each;"
        " wanted: the rate, and no second with more under way than the one before."
    )
    comparison.results["small"] = {
        "under_way": [max(part) for part in seconds], "lasted_s": lasted, "p50_ms": p50, "p99_ms": p99, "cpu_us": each
    }  # fmt: skip


# ---- memory


def memory(comparison):
    comparison.heading("Memory of uploads under way")
    comparison.columns("uploads under way", "private bytes each, while all wait", "at most, while all come")
    figures = comparison.results["memory"] = {}
    for name, reply in ("without a reply", {}), ("with a reply", {"reply": True}):
        each, peak = memory_each(comparison, reply)
        comparison.row(f"{comparison.arguments.in_flight} {name}", f"{each:.0f}", f"{peak:.0f}")
        figures[name] = {"bytes": each, "most_bytes": peak}
    comparison.say("\nwanted: 1572864 or less each. Beside it the kernel has at most 1 MiB in a pipe for each thread that blocks (4).")


def memory_each(comparison, more):
    size, sent, count = 64 << 20, 8 << 20, comparison.arguments.in_flight
    body = os.urandom(1 << 20)
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm"))
        server = comparison.coserved([f"upload=tcp://127.0.0.1:0?dir={directory}"])
        stack.callback(server.stop)
        most = before = server.private_bytes()
        peers = [stack.enter_context(connect(server.port)) for _ in range(count)]
        for i, peer in enumerate(peers):
            peer.sendall(announced(f"m{i}", size, **more))
        for _ in range(sent // len(body)):
            for peer in peers:
                peer.sendall(body)
            most = max(most, server.private_bytes())
        return (server.private_bytes() - before) / count, (most - before) / count
