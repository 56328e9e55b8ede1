"""Every framing as a stranger writes and reads it: towards coserved, and as a server for our own programs."""

import json
import os
import re
import socket
import struct
import unittest
from typing import Callable, NamedTuple, Optional

from wire import ANY, WireTest, complaints
from support import COSERVE, COSERVED, Peer, frame, receive_frame, receive_rest, run

COSERVE_BENCH = os.environ.get("COSERVE_BENCH", "coserve-bench")
TEXTS = ("hello", "阿宸真帅 abc", "x" * 3000, "", "a", "the end")


class Framing(NamedTuple):
    name: str
    keys: str  # of a URL's query
    write: Callable  # the bytes on the wire for a payload
    read: Callable  # the next payload from a connection's file
    texts: tuple = TEXTS
    broken: Optional[bytes] = None  # ends the connection

    @property
    def query(self):
        return f"?framing={self.name}" + (f"&{self.keys}" if self.keys else "")

    @property
    def payloads(self):
        return [text.encode() for text in self.texts]


# ---- what strangers write


def write_includes_header(payload):
    return struct.pack("<H", 2 + len(payload)) + payload


def read_includes_header(stream):
    (size,) = struct.unpack("<H", stream.read(2))
    return stream.read(size - 2)


def read_netstring(stream):
    size = b""
    while (digit := stream.read(1)) != b":":
        size += digit
    payload = stream.read(int(size))
    assert stream.read(1) == b","
    return payload


def write_varint(payload):
    size, header = len(payload), b""
    while size > 127:
        header += bytes([size & 127 | 128])
        size >>= 7
    return header + bytes([size]) + payload


def read_varint(stream):
    size = shift = 0
    while (byte := ord(stream.read(1))) > 127:
        size |= (byte & 127) << shift
        shift += 7
    return stream.read(size | byte << shift)


def read_until(end):
    def read(stream):
        payload = b""
        while not payload.endswith(end):
            byte = stream.read(1)
            assert byte, payload
            payload += byte
        return payload[: -len(end)]

    return read


def write_json_header(key):
    def write(payload):
        header = json.dumps({key: len(payload)}).encode()
        return struct.pack("i", len(header)) + header + payload

    return write


def read_json_header(key):
    def read(stream):
        (size,) = struct.unpack("i", stream.read(4))
        return stream.read(json.loads(stream.read(size))[key])

    return read


def length_prefix(keys, pattern, *broken):
    """A length field as `struct` writes it."""
    size = struct.calcsize(pattern)
    return Framing(
        "length-prefix",
        keys,
        lambda payload: struct.pack(pattern, len(payload)) + payload,
        lambda stream: stream.read(*struct.unpack(pattern, stream.read(size))),
        broken=next(iter(broken), None),
    )


FRAMINGS = [
    Framing("raw", "", bytes, lambda stream: stream.read1(65536), tuple(filter(None, TEXTS))),
    length_prefix("", "i", b"\xff\xff\xff\xff"),
    length_prefix("width=2&order=big&signed=off", ">H"),
    length_prefix("width=8", "<q", b"\0\0\0\0\0\0\0\x80"),
    length_prefix("offset=2&order=big", ">xxi", b"ab\xff\0\0\0"),
    Framing(
        "length-prefix",
        "width=2&includes-header=on",
        write_includes_header,
        read_includes_header,
        broken=b"\x01\0",
    ),
    Framing(
        "fixed",
        "size=16",
        bytes,
        lambda stream: stream.read(16),
        ("sixteen bytes ok", "0123456789abcdef", "阿宸真帅 abc"),
    ),
    Framing(
        "line",
        "max-frame=4000",
        lambda payload: payload + b"\n",
        lambda stream: stream.readline()[:-1],
        broken=b"y" * 4001,
    ),
    Framing("line", "", lambda payload: payload + b"\r\n", lambda stream: stream.readline()[:-1]),
    Framing(
        "delimiter",
        "delimiter=%0d%0a--&max-frame=4000",
        lambda payload: payload + b"\r\n--",
        read_until(b"\r\n--"),
        broken=b"y" * 4010,
    ),
    Framing("delimiter", "any-of=%00%0a", lambda payload: payload + b"\n", read_until(b"\0")),
    Framing(
        "netstring",
        "",
        lambda payload: b"%d:%s," % (len(payload), payload),
        read_netstring,
        broken=b"05:aaaaa,",
    ),
    Framing("varint", "", write_varint, read_varint, broken=b"\x83\0abc"),
    Framing(
        "json-header",
        "",
        write_json_header("data_size"),
        read_json_header("data_size"),
        broken=struct.pack("i", 3) + b"[3]",
    ),
    Framing(
        "json-header",
        "size-key=file_size",
        write_json_header("file_size"),
        read_json_header("file_size"),
        broken=struct.pack("i", 17) + b'{"file_size": -1}',
    ),
]


class Framings(WireTest):
    def open(self, framing):
        """A server, a connection to it, and that as a file to read from."""
        server = self.serve(ANY + framing.query)
        peer = self.connect(server)
        return server, peer, self.enterContext(peer.makefile("rb"))

    def test_the_server_knows_these_and_no_others(self):
        text = run(COSERVED, "--help").stdout.decode()
        known = re.search(r"^  framing +(.*?)(?: \[.*)?$", text, re.M)[1]
        self.assertEqual(set(re.split(r", | or ", known)), {framing.name for framing in FRAMINGS})

    def test_a_stranger_asks_the_server(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):
                server, peer, replies = self.open(framing)
                for payload in framing.payloads:
                    peer.sendall(framing.write(payload))
                    self.assertEqual(framing.read(replies), payload.upper())
                peer.shutdown(socket.SHUT_WR)
                self.assertEqual(replies.read(), b"")
                self.stop(server)
                self.assertEqual(complaints(server), [])

    def test_all_at_once_and_in_single_bytes(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):
                if framing.name == "raw":  # where nothing says what a frame is
                    continue
                _, peer, replies = self.open(framing)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                stream = b"".join(map(framing.write, framing.payloads))
                peer.sendall(stream)
                for byte in stream:
                    peer.sendall(bytes([byte]))
                for payload in framing.payloads * 2:
                    self.assertEqual(framing.read(replies), payload.upper())

    def test_what_breaks_it_ends_the_connection(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):
                if framing.broken is None:
                    continue
                server, peer, replies = self.open(framing)
                first = framing.payloads[0]
                peer.sendall(framing.write(first) + framing.broken)
                self.assertEqual(framing.read(replies), first.upper())
                self.assertEqual(replies.read(), b"")
                peer.close()
                self.stop(server)
                self.assertEqual(len(complaints(server)), 1, server.log())

    def test_our_client(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):
                server = self.serve(ANY + framing.query)
                expected = "".join(text.upper() + "\n" for text in framing.texts).encode()
                result = run(COSERVE, "echo", server.url + framing.query, *framing.texts)
                self.assertEqual((result.returncode, result.stderr, result.stdout), (0, b"", expected))
                lines = "".join(text + "\n" for text in framing.texts).encode()
                result = run(COSERVE, "echo", server.url + framing.query, input=lines)
                self.assertEqual((result.returncode, result.stderr, result.stdout), (0, b"", expected))

    def test_our_client_asks_a_strangers_server(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):

                def serve(connection, framing=framing):
                    with connection.makefile("rb") as requests:
                        for payload in framing.payloads:
                            self.assertEqual(framing.read(requests), payload)
                            connection.sendall(framing.write(payload))

                with Peer(serve) as peer:
                    result = run(COSERVE, "echo", peer.url + framing.query, *framing.texts)
                expected = "".join(text + "\n" for text in framing.texts).encode()
                self.assertEqual((result.returncode, result.stderr, result.stdout), (0, b"", expected))

    def test_our_load_tool(self):
        for framing in FRAMINGS:
            with self.subTest(framing.query):
                server = self.serve(ANY + framing.query)
                load = ["-n", "500", "-c", "4", "--size", "16", "--verify", "full", "--json", "-"]
                result = run(COSERVE_BENCH, "echo", server.url + framing.query, *load)
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertEqual(json.loads(result.stdout)["requests"], {"sent": 500, "completed": 500, "failed": 0})


RAW_REQUESTS = "?write-framing=raw"  # as a client's URL has it; the replies are frames


class TwoFramings(WireTest):
    """One for what is asked, and another for the replies."""

    def ask_a_plain_server(self, *texts, **options):
        """What `coserve echo` printed, and what the server's `recv(1024)` gave."""
        requests = []

        def serve(connection):
            while request := connection.recv(1024):
                requests.append(request)
                connection.sendall(frame(request))

        with Peer(serve) as peer:
            result = run(COSERVE, "echo", peer.url + RAW_REQUESTS, *texts, **options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout, requests

    def test_our_client_asks_one_by_one_where_requests_have_no_ends(self):
        texts = ["a", "b", "c", "阿宸真帅", "x" * 1000]
        output, requests = self.ask_a_plain_server(*texts)
        self.assertEqual(requests, [text.encode() for text in texts])
        self.assertEqual(output, "".join(text + "\n" for text in texts).encode())

    def test_so_it_does_from_a_pipe(self):
        lines = [b"line %d" % i for i in range(50)]
        output, requests = self.ask_a_plain_server(input=b"\n".join(lines))
        self.assertEqual(requests, lines)
        self.assertEqual(output, b"\n".join(lines) + b"\n")

    def test_an_empty_request_is_nothing_to_send(self):
        for texts, options in ((["a", "", "b"], {}), ([], {"input": b"a\n\nb\n"})):
            with self.subTest((texts, options)):
                output, requests = self.ask_a_plain_server(*texts, **options)
                self.assertEqual(requests, [b"a", b"b"])
                self.assertEqual(output, b"a\n\nb\n")

    def test_a_plain_client_asks_the_server_raw(self):
        server = self.serve(ANY + "?read-framing=raw")
        peer = self.connect(server)
        for request in (b"a", b"hello", b"x" * 1024):
            peer.sendall(request)
            self.assertEqual(receive_frame(peer), request.upper())
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), b"")
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_a_plain_client_is_answered_raw(self):
        server = self.serve(ANY + "?write-framing=raw")
        peer = self.connect(server)
        peer.sendall(frame(b"one") + frame(b"") + frame(b"two"))
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), b"ONETWO")
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_our_programs_with_each_other(self):
        for ours, theirs in (("?write-framing=raw", "?read-framing=raw"), ("?read-framing=raw", "?write-framing=raw")):
            with self.subTest(ours):
                url = self.serve(ANY + theirs).url + ours
                result = run(COSERVE, "echo", url, "a", "b", "c")
                self.assertEqual((result.returncode, result.stderr, result.stdout), (0, b"", b"A\nB\nC\n"))
                load = ["-n", "500", "-c", "4", "--size", "16", "--verify", "full", "--json", "-"]
                result = run(COSERVE_BENCH, "echo", url, *load)
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertEqual(json.loads(result.stdout)["requests"], {"sent": 500, "completed": 500, "failed": 0})

    def test_our_load_tool_asks_a_plain_server(self):
        sizes = []

        def serve(connection):
            while request := connection.recv(1024):
                sizes.append(len(request))
                connection.sendall(frame(request))

        load = ["-n", "100", "-c", "1", "--size", "16", "--verify", "full", "--json", "-"]
        with Peer(serve) as peer:
            result = run(COSERVE_BENCH, "echo", peer.url + RAW_REQUESTS, *load)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(json.loads(result.stdout)["requests"], {"sent": 100, "completed": 100, "failed": 0})
        self.assertEqual(sizes, [16] * 100)


if __name__ == "__main__":
    unittest.main(verbosity=2)
