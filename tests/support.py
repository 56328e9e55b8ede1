"""Runs coserve's programs for tests. Every wait is bounded, and nothing waits by sleeping."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from urllib.parse import unquote, urlsplit

COSERVED = os.environ.get("COSERVED", "coserved")
COSERVE = os.environ.get("COSERVE", "coserve")
# Only a hang takes so long, under a sanitizer on a busy machine too.
LIMIT = 60


def run(program, *arguments, **options):
    """The whole run of a program: returncode, stdout and stderr as bytes."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if options["stdin"] is None:
        del options["stdin"]
    return subprocess.run([program, *arguments], capture_output=True, timeout=LIMIT, check=False, **options)


def read_until(fd, end, before=b"", limit=LIMIT):
    """What a pipe or a terminal gives until `end` is in it, or in `before` and it; an error names what came instead."""
    deadline = time.monotonic() + limit
    data = b""
    while end not in before + data:
        ready, _, _ = select.select([fd], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"no {end!r} within {limit} s; there was {before + data!r}")
        try:
            part = os.read(fd, 65536)
        except OSError:  # a terminal whose last program has ended
            part = b""
        if not part:
            raise EOFError(f"the end came before {end!r}; there was {before + data!r}")
        data += part
    return data


def poll(condition, what):
    """Asks again and again, for what nobody reports."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {LIMIT} s: {what}")
        time.sleep(0.005)


def can_trace():
    """Whether strace is here and may trace."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-D", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def connect(url):
    parts = urlsplit(url)
    if parts.scheme == "unix":
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(LIMIT)
        try:
            peer.connect(unquote(parts.path))
        except OSError:
            peer.close()
            raise
        return peer
    return socket.create_connection((parts.hostname, parts.port), timeout=LIMIT)


def frame(payload):
    """The default framing, as Python's users write it."""
    return struct.pack("i", len(payload)) + payload


def receive(peer, size):
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        part = peer.recv(size - len(data))
        if not part:
            raise EOFError(f"the end came after {data!r}, {len(data)} of {size} bytes")
        data += part
    return data


def receive_frame(peer):
    (size,) = struct.unpack("i", receive(peer, 4))
    return receive(peer, size)


def receive_rest(peer):
    return b"".join(iter(lambda: peer.recv(65536), b""))


class Server:
    """A running coserved, ready to be connected to."""

    def __init__(self, *listeners, flags=(), directory=None):
        self._directory = tempfile.TemporaryDirectory(prefix="coserve-")
        self.ports_file = os.path.join(self._directory.name, "ports.json")
        self._log = open(os.path.join(self._directory.name, "log"), "w+b")
        command = [COSERVED, "--ports-file", self.ports_file, *flags]
        for listener in listeners:
            command += ["--listen", listener]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, cwd=directory
        )
        try:
            self.output = read_until(self.process.stdout.fileno(), b"Ready.\n").decode()
        except (EOFError, TimeoutError) as error:
            self.process.kill()
            self.process.wait(LIMIT)
            said = self.log()
            self.kill()
            raise RuntimeError(f"coserved did not start: {error}; it said: {said}") from error
        with open(self.ports_file, encoding="utf-8") as ports:
            self.listeners = json.load(ports)
        self.urls = [listener["url"] for listener in self.listeners]
        self.url = self.urls[0]

    def log(self):
        self._log.flush()
        with open(self._log.name, encoding="utf-8", errors="backslashreplace") as log:
            return log.read()

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code, once it has ended."""
        return self.process.wait(LIMIT)

    def stop(self):
        """Drains it; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)
        self.process.stdout.close()
        self._log.close()
        self._directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Peer:
    """A server of a few lines, for a client to meet: each connection in turn is given to `serve`."""

    def __init__(self, serve, connections=1):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT)
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.error = None
        self._thread = threading.Thread(target=self._run, args=(serve, connections), daemon=True)
        self._thread.start()

    def _run(self, serve, connections):
        try:
            for _ in range(connections):
                connection, _ = self._listener.accept()
                with connection:
                    connection.settimeout(LIMIT)
                    serve(connection)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._thread.join(LIMIT if kind is None else 0)
        self._listener.close()
        if kind is None and self.error:
            raise self.error


class ProgramTest(unittest.TestCase):
    """What the tests of programs share."""

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="coserve-"))

    if not hasattr(unittest.TestCase, "enterContext"):  # Python before 3.11

        def enterContext(self, manager):
            stack = contextlib.ExitStack()
            self.addCleanup(stack.close)
            return stack.enter_context(manager)

    def file(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as new:
            new.write(text)
        return path

    def serve(self, *listeners, **options):
        return self.enterContext(Server(*listeners, **options))

    def check_failure(self, result, code, *fragments, program):
        """One line on stderr, from the program, that says all of `fragments`."""
        complaint = result.stderr.decode()
        self.assertEqual(result.returncode, code, complaint)
        self.assertRegex(complaint, rf"\A{program}: [^\n]+\n\Z")
        for fragment in fragments:
            self.assertIn(fragment, complaint)
