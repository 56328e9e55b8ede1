"""A program on a terminal, as a person sees it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from screen import Screen
from support import LIMIT, read_until


class Terminal:
    """A program on a terminal of its own; with a `size`, (rows, columns), it has a screen to look at."""

    def __init__(self, *command, stdout=None, environment=None, size=None):
        self._master, slave = pty.openpty()
        self._shown = b""
        self.screen = None
        if size:
            self.screen = Screen(*size)
            self._set_size(*size)
        environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(environment or {})}
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave if stdout is None else stdout, stderr=slave, env=environment,
            start_new_session=True, preexec_fn=self._take,
        )
        os.close(slave)

    def _take(self):
        """In the child: the terminal's keys, such as Ctrl-C, are its own."""
        os.close(self._master)
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def expect(self, text):
        """Waits until the screen has shown it, behind what was expected before."""
        end = text.encode()
        if end not in self._shown:
            self._shown += read_until(self._master, end, before=self._shown)
        self._shown = self._shown.partition(end)[2]

    def _set_size(self, rows, columns):
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def resize(self, rows, columns):
        """Larger; what stands there stays."""
        self.screen.resize(rows, columns)
        self._set_size(rows, columns)

    def wait_for_screen(self, condition):
        """Feeds the screen until `condition(screen)`; an error shows the screen instead."""
        deadline = time.monotonic() + LIMIT
        while not condition(self.screen):
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError(f"within {LIMIT} s there was only:\n{self.screen}")
            try:
                self.screen.feed(os.read(self._master, 65536))
            except OSError as error:  # its last program has ended
                raise EOFError(f"the end came; there was:\n{self.screen}") from error

    def wait_for_lines(self, *lines):
        """Until these are the last ones on the screen, and the cursor is at the end of the last or behind it."""
        self.wait_for_screen(lambda screen: screen.lines()[-len(lines) :] == list(lines))

    def type(self, text):
        os.write(self._master, text.encode() if isinstance(text, str) else text)

    def attributes(self):
        return termios.tcgetattr(self._master)

    def hang_up(self):
        """Its window is closed."""
        os.close(self._master)
        self._master = None

    def wait(self):
        return self.process.wait(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LIMIT)
        if self._master is not None:
            os.close(self._master)
