"""A program on a terminal, as a person sees it."""

import os
import pty
import subprocess
import termios

from support import LIMIT, read_until


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *command, stdout=None, environment=None):
        self._master, slave = pty.openpty()
        self._shown = b""
        environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=lambda: os.close(self._master),
        )
        os.close(slave)

    def expect(self, text):
        """Waits until the screen has shown it, behind what was expected before."""
        end = text.encode()
        if end not in self._shown:
            self._shown += read_until(self._master, end, before=self._shown)
        self._shown = self._shown.partition(end)[2]

    def type(self, text):
        os.write(self._master, text.encode() if isinstance(text, str) else text)

    def attributes(self):
        return termios.tcgetattr(self._master)

    def wait(self):
        return self.process.wait(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)
        os.close(self._master)
