#!/usr/bin/env python3
"""asyncio's fast side: a Protocol under uvloop that answers all frames of what has arrived with one write."""

import asyncio
import resource
import socket
import struct

import uvloop

HEADER = struct.Struct("<I")
MAX_PAYLOAD = 16 << 20


class EchoUpper(asyncio.Protocol):
    def __init__(self):
        self.received = bytearray()

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data):
        received = self.received
        received += data
        replies = []
        begin = 0
        while len(received) - begin >= HEADER.size:
            (size,) = HEADER.unpack_from(received, begin)
            if size > MAX_PAYLOAD:
                self.transport.abort()
                return
            payload = begin + HEADER.size
            end = payload + size
            if end > len(received):
                break
            replies.append(received[begin:payload])
            replies.append(received[payload:end].upper())
            begin = end
        if replies:
            del received[:begin]
            self.transport.write(b"".join(replies))

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoUpper, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
