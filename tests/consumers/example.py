"""A program of framework/examples, as its reader would run it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import LIMIT, read_until  # noqa: E402

EXAMPLES = os.environ.get("COSERVE_EXAMPLES", ".")


class Example:
    """Prints where it listens, then serves until SIGTERM."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen(
            [os.path.join(EXAMPLES, "example_" + name), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self._output = b""
        self.url = self.line()

    def line(self):
        if b"\n" not in self._output:
            self._output += read_until(self.process.stdout.fileno(), b"\n")
        line, _, self._output = self._output.partition(b"\n")
        return line.decode()

    def stop(self):
        """The exit code, and what it said since."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, (self._output + out).decode(), err.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
