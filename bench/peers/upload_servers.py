"""What files are uploaded to: coserve and others, and how one file gets there."""

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
LIMIT, HASHING_LIMIT = "splice loop (the limit)", "splice loop, then SHA-256"
OURS, OURS_HASHING = "coserve", "coserve, with a reply"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def connect(port):
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=600)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def announced(name, size, **more):
    text = json.dumps({"file_name": name, "file_size": size, "msg": "", **more}).encode()
    return struct.pack("i", len(text)) + text


def receive_frame(peer):
    with peer.makefile("rb", buffering=0) as stream:
        (size,) = struct.unpack("i", stream.read(4))
        return json.loads(stream.read(size))


class Server:
    """A program that prints its port first, or is told it."""

    def __init__(self, name, command, port=None, *, fsync, sha256="no", upload=None, cpus=None):
        self.name, self.fsync, self.sha256 = name, fsync, sha256
        self.upload = upload or send_bare
        restrict = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=restrict
        )
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

    def private_bytes(self):
        with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii") as rollup:
            return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_"))

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()


# ---- how a file gets there: seconds until the server has it


def send_bare(server, path, size, header=b""):
    with open(path, "rb") as file, connect(server.port) as peer:
        start = time.monotonic()
        peer.sendall(header)
        peer.sendfile(file)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass
        return time.monotonic() - start


def send_announced(server, path, size):
    return send_bare(server, path, size, announced("measured", size))


def send_asking(server, path, size):
    with open(path, "rb") as file, connect(server.port) as peer:
        start = time.monotonic()
        peer.sendall(announced("measured", size, reply=True))
        peer.sendfile(file)
        if receive_frame(peer)["status"] != "ready" or receive_frame(peer)["status"] != "stored":
            raise RuntimeError(f"{server.name}: not stored")
        return time.monotonic() - start


def put_by_curl(server, path, size):
    url = f"http://127.0.0.1:{server.port}/measured"
    command = ["curl", "-sS", "--fail", "-H", "Expect:", "-T", path, "-o", "/dev/null", "-w", "%{time_total}", url]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


# ---- the servers


def coserved(binaries, listeners, port, name=OURS, cpus=None, flags=(), **kinds):
    command = [binaries / "coserved", "--log-level", "error", *flags]
    for listener in listeners:
        command += ["--listen", listener]
    server = Server(name, command, port, fsync="file, directory", cpus=cpus, **kinds)
    connect(port).close()  # it listens
    return server


def nginx(directory, scratch):
    """One process, which writes to a temporary file beside the other and renames it."""
    port = free_port()
    temporary = "".join(
        f"{kind}_temp_path {scratch}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = Path(scratch) / "nginx.conf"
    configuration.write_text(
        f"daemon off; master_process off; pid {scratch}/nginx.pid; error_log {scratch}/error.log;"
        + ("user root;" if os.geteuid() == 0 else "")
        + "events { worker_connections 64; }"
        + f"http {{ access_log off; client_max_body_size 0; client_body_temp_path {directory}/nginx; {temporary}"
        + f"server {{ listen 127.0.0.1:{port}; root {directory}; location / {{ dav_methods PUT; }} }} }}",
        encoding="utf-8",
    )
    command = ["nginx", "-p", scratch, "-e", f"{scratch}/error.log", "-c", str(configuration)]
    server = Server("nginx, PUT by curl", command, port, fsync="nobody", upload=put_by_curl)
    connect(port).close()
    return server


def all_servers(options, directory, scratch, size):
    """Those that can be had here; what is missing is named."""
    here = Path(__file__).parent
    splice = options.peers / "splice_server"
    if splice.exists():
        yield Server(LIMIT, [splice, directory, str(size)], fsync="nobody")
        yield Server(HASHING_LIMIT, [splice, directory, str(size), "hash"], fsync="nobody", sha256="yes")
        yield Server("splice loop, then fsync", [splice, directory, str(size), "fsync"], fsync="file")
    else:
        print("splice loop: skipped, it is not built", file=sys.stderr)
    for name, way, sha256 in ((OURS, send_announced, "no"), (OURS_HASHING, send_asking, "yes")):
        port = free_port()
        listener = f"upload=tcp://127.0.0.1:{port}?existing=replace&dir={directory}"
        yield coserved(options.binaries, [listener], port, name, upload=way, sha256=sha256)
    if shutil.which("socat"):
        port = free_port()
        command = ["socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"OPEN:{directory}/socat,creat,trunc"]
        yield Server("socat", command, port, fsync="nobody")
    else:
        print("socat: skipped, it is missing", file=sys.stderr)
    missing = [program for program in ("nginx", "curl") if not shutil.which(program)]
    if missing:
        print(f"nginx: skipped, {' and '.join(missing)} missing", file=sys.stderr)
    else:
        yield nginx(directory, scratch)
    command = [sys.executable, here / "upload_server.py", directory]
    yield Server("Python, as in a tutorial", command, fsync="nobody", upload=send_announced)
