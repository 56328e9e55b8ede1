"""What files are uploaded to: coserve and others, and how one file gets there."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from comparison import OURS
from server import Server, connect, free_port

LIMIT, HASHING_LIMIT = "splice loop (the limit)", "splice loop, then SHA-256"
OURS_HASHING = "coserve, with a reply"


def announced(name, size, **more):
    text = json.dumps({"file_name": name, "file_size": size, "msg": "", **more}).encode()
    return struct.pack("i", len(text)) + text


def receive_frame(peer):
    with peer.makefile("rb", buffering=0) as stream:
        (size,) = struct.unpack("i", stream.read(4))
        return json.loads(stream.read(size))


class Target:
    """A server, how a file gets to it, and what it does with one."""

    def __init__(self, server, fsync, *, sha256="no", send=None):
        self.server, self.name, self.fsync, self.sha256 = server, server.name, fsync, sha256
        self.send = send or send_bare

    def upload(self, path, size):
        """Seconds until the server has it."""
        return self.send(self.server, path, size)

    def stop(self):
        self.server.stop()


# ---- how a file gets there


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
    return Target(Server("nginx, PUT by curl", command, port=port), "nobody", send=put_by_curl)


def socat(directory):
    port = free_port()
    command = ["socat", "-u", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", f"OPEN:{directory}/socat,creat,trunc"]
    return Target(Server("socat", command, port=port), "nobody")


def splice_loops(comparison, directory, size):
    for name, flags, fsync, sha256 in (
        (LIMIT, [], "nobody", "no"),
        (HASHING_LIMIT, ["hash"], "nobody", "yes"),
        ("splice loop, then fsync", ["fsync"], "file", "no"),
    ):
        command = [comparison.peer("splice_server"), directory, str(size), *flags]
        yield Target(Server(name, command), fsync, sha256=sha256)


def all_targets(comparison, directory, scratch, size):
    """Those that can be had here; what is missing is named."""
    if os.path.exists(comparison.peer("splice_server")):
        yield from splice_loops(comparison, directory, size)
    else:
        comparison.say("splice loop: skipped, it was not built")
    for name, way, sha256 in ((OURS, send_announced, "no"), (OURS_HASHING, send_asking, "yes")):
        listener = f"upload=tcp://127.0.0.1:0?existing=replace&dir={directory}"
        yield Target(comparison.coserved([listener], name=name), "file, directory", sha256=sha256, send=way)
    if shutil.which("socat"):
        yield socat(directory)
    else:
        comparison.say("socat: skipped, it is missing")
    missing = [program for program in ("nginx", "curl") if not shutil.which(program)]
    if missing:
        comparison.say(f"nginx: skipped, {' and '.join(missing)} missing")
    else:
        yield nginx(directory, scratch)
    tutorial = [sys.executable, str(Path(__file__).parent / "upload_server.py"), directory]
    yield Target(Server("Python, as in a tutorial", tutorial), "nobody", send=send_announced)
