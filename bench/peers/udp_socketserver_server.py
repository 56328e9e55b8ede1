#!/usr/bin/env python3
"""Python's socketserver over UDP, as its documentation shows it: a thread for each datagram."""

import socketserver


class EchoUpper(socketserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        socket.sendto(data.upper(), self.client_address)


class Server(socketserver.ThreadingUDPServer):
    max_packet_size = 65536
    daemon_threads = True


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), EchoUpper) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
