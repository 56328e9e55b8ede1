#!/usr/bin/env python3
"""Python's usual server of commands: socketserver and subprocess, a thread per connection.

What one read gives is a command, whose words are split at blanks; the reply is its size as a 32-bit number, its stderr and its stdout.
"""

import contextlib
import shlex
import socketserver
import struct
import subprocess


class Run(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(ConnectionError):
            while request := self.request.recv(1024):
                done = subprocess.run(
                    shlex.split(request.decode()), stdin=subprocess.DEVNULL, capture_output=True, check=False
                )
                output = done.stderr + done.stdout
                self.request.sendall(struct.pack("<i", len(output)) + output)


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 4096
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Run) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
