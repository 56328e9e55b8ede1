#!/usr/bin/env python3
"""Python's socketserver, as its documentation shows it: a thread and a file-like handler per connection."""

import contextlib
import resource
import socketserver
import struct

HEADER = struct.Struct("<I")
MAX_PAYLOAD = 16 << 20


class EchoUpper(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        with contextlib.suppress(ConnectionError):
            while len(header := self.rfile.read(HEADER.size)) == HEADER.size:
                (size,) = HEADER.unpack(header)
                if size > MAX_PAYLOAD:
                    return
                payload = self.rfile.read(size)
                if len(payload) < size:
                    return
                self.wfile.write(header + payload.upper())


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 4096
    daemon_threads = True


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Server(("127.0.0.1", 0), EchoUpper) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
