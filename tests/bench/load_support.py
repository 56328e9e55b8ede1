"""What the tests of coserve-bench's loads share."""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import LIMIT, ProgramTest, frame, receive_frame, run  # noqa: E402

COSERVE_BENCH = os.environ.get("COSERVE_BENCH", "coserve-bench")


def url_of_nobody():
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


class LoadTest(ProgramTest):
    def load(self, *arguments):
        return run(COSERVE_BENCH, *arguments, cwd=self.directory)

    def report(self, *arguments, code=0):
        """The JSON report of a run that ends with that code."""
        path = os.path.join(self.directory, "report.json")
        at = arguments.index("--") if "--" in arguments else len(arguments)
        result = self.load(*arguments[:at], "--json", path, *arguments[at:])
        self.assertEqual(result.returncode, code, result.stderr)
        with open(path, encoding="utf-8") as report:
            return json.load(report)

    def check_usage(self, *arguments, says=()):
        result = self.load(*arguments)
        self.assertEqual(result.stdout, b"")
        self.check_failure(result, 2, *says, program="coserve-bench")


class ThreadedPeer:
    """A TCP server of a few lines: each connection is given to `serve` on a thread of its own, until the test ends."""

    def __init__(self, test, serve):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._over = threading.Event()
        self._serve = serve
        self.url = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        test.addCleanup(self._listener.close)
        test.addCleanup(thread.join, LIMIT)
        test.addCleanup(self._over.set)

    def _run(self):
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            threading.Thread(target=self._guard, args=(connection,), daemon=True).start()

    def _guard(self, connection):
        with connection:
            connection.settimeout(LIMIT)
            try:
                self._serve(connection)
            except (EOFError, OSError):
                pass  # the tool has gone


class StallingPeer(ThreadedPeer):
    """Echoes, and stops for all of its connections at its `at`th request."""

    def __init__(self, test, at, stall):
        self._lock = threading.Lock()
        self._at, self._stall = at, stall
        self.requests = 0
        super().__init__(test, self._echo)

    def _echo(self, connection):
        while True:
            request = receive_frame(connection)
            with self._lock:
                self.requests += 1
                if self.requests == self._at:
                    time.sleep(self._stall)
            connection.sendall(frame(request))
