#!/usr/bin/env python3
"""The peers keep the contract that the comparison relies on: peers_test.py DIR, where DIR is what `build` was given."""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import tool_part

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
from chat_peer import Delivery, Left, join, leave, message, read  # noqa: E402
from support import LIMIT, frame, read_until, receive, receive_frame, receive_rest  # noqa: E402

BUILT = Path()
EVERY_BYTE = bytes(range(256))


class Peer:
    """Every peer is asked the same."""

    def setUp(self):
        program = BUILT / self.program
        if not program.exists():
            self.skipTest(f"{self.program} is not built")
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.errors = stack.enter_context(tempfile.TemporaryFile())
        self.server = stack.enter_context(
            subprocess.Popen([program.absolute()], stdout=subprocess.PIPE, stderr=self.errors)
        )
        stack.callback(self.server.kill)
        self.port = int(read_until(self.server.stdout.fileno(), b"\n"))

    def connect(self, **options):
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT, **options)
        self.addCleanup(peer.close)
        return peer

    def check_serves(self):
        """It does, whatever happened to other connections."""
        peer = self.connect()
        peer.sendall(frame(b"hello"))
        self.assertEqual(receive_frame(peer), b"HELLO")

    def check_echo(self, peer, payloads):
        requests = b"".join(map(frame, payloads))
        sender = threading.Thread(target=peer.sendall, args=(requests,), daemon=True)
        sender.start()
        for payload in payloads:
            self.assertTrue(receive_frame(peer) == payload.upper(), f"a payload of {len(payload)} bytes")
        sender.join(LIMIT)

    def test_one_frame(self):
        self.check_echo(self.connect(), [b"Hello, 123 \xe4\xf6\xfc!"])

    def test_only_ascii_letters_change(self):
        self.check_echo(self.connect(), [EVERY_BYTE])

    def test_empty_frame(self):
        self.check_echo(self.connect(), [b"", b"a", b""])

    def test_pipelined_frames(self):
        self.check_echo(self.connect(), [b"frame %d" % i for i in range(1000)])

    def test_frames_of_many_sizes(self):
        self.check_echo(self.connect(), [EVERY_BYTE * (i * i // 40) + b"x" * i for i in range(200)])

    def test_a_large_frame(self):
        peer = self.connect()
        self.check_echo(peer, [EVERY_BYTE * 4096])
        self.check_echo(peer, [EVERY_BYTE * 4096, b"small", EVERY_BYTE * 4096, b"small"])

    def test_the_largest_frame(self):
        self.check_echo(self.connect(), [bytes(16 << 20), b"after it"])

    def test_single_bytes(self):
        peer = self.connect()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(b"byte by byte") + frame(b"again"):
            peer.sendall(bytes([byte]))
        self.assertEqual(receive_frame(peer), b"BYTE BY BYTE")
        self.assertEqual(receive_frame(peer), b"AGAIN")

    def test_a_frame_and_a_half(self):
        peer = self.connect()
        second = frame(b"second" * 100)
        peer.sendall(frame(b"first") + second[:50])
        self.assertEqual(receive_frame(peer), b"FIRST")
        peer.sendall(second[50:])
        self.assertEqual(receive_frame(peer), b"SECOND" * 100)

    def test_a_reader_that_is_late(self):
        """More than both sides' kernels hold, asked before the first reply is read."""
        peer = self.connect()
        payload = EVERY_BYTE * 4096
        requests = frame(payload) * 16
        sender = threading.Thread(target=peer.sendall, args=(requests,), daemon=True)
        sender.start()
        self.check_serves()
        for _ in range(16):
            self.assertTrue(receive_frame(peer) == payload.upper())
        sender.join(LIMIT)
        self.check_echo(peer, [b"small"])

    def test_end_of_stream(self):
        peer = self.connect()
        peer.sendall(frame(b"last"))
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), frame(b"LAST"))

    def test_end_of_stream_within_a_frame(self):
        peer = self.connect()
        peer.sendall(frame(b"last")[:6])
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), b"")

    def test_reset(self):
        peer = self.connect()
        peer.sendall(frame(b"never read") * 100)
        receive(peer, 4)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        self.check_serves()

    def test_wrong_lengths(self):
        for length in (-1, -(1 << 31), (16 << 20) + 1, (1 << 31) - 1):
            peer = self.connect()
            peer.sendall(struct.pack("<i", length) + b"whatever")
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(receive_rest(peer), b"")
        self.check_serves()

    def test_many_connections(self):
        peers = [self.connect() for _ in range(300)]
        for peer in peers:
            peer.sendall(frame(b"to all"))
        for peer in peers:
            self.assertEqual(receive_frame(peer), b"TO ALL")

    def test_sigterm(self):
        self.check_serves()
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(LIMIT)
        self.errors.seek(0)
        self.assertEqual(self.errors.read(), b"")


class EpollServer(Peer, unittest.TestCase):
    program = "epoll_server"

    def test_load_generator(self):
        for connections, depth, size in (1, 1, 64), (8, 16, 64), (2, 1, 0), (2, 4, 1 << 20), (1, 16, 1 << 20):
            with self.subTest(connections=connections, depth=depth, size=size):
                arguments = map(str, (self.port, connections, depth, size, 0.2))
                client = subprocess.run(
                    [BUILT.absolute() / "epoll_client", *arguments], capture_output=True, timeout=LIMIT, check=True
                )
                result = json.loads(client.stdout)
                self.assertGreater(result["completed"], 0)
                self.assertGreaterEqual(result["seconds"], 0.2)


class AsioServer(Peer, unittest.TestCase):
    program = "asio_server"


class GoServer(Peer, unittest.TestCase):
    program = "go_server"


class TokioServer(Peer, unittest.TestCase):
    program = "tokio_server"


class UvloopServer(Peer, unittest.TestCase):
    program = "uvloop_server"


class SocketserverServer(Peer, unittest.TestCase):
    program = "socketserver_server"


class DatagramPeer:
    """Every peer over UDP is asked the same."""

    setUp = Peer.setUp

    def ask(self, message):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(LIMIT)
            peer.connect(("127.0.0.1", self.port))
            peer.send(message)
            return peer.recv(65536)

    def test_datagrams(self):
        for message in (b"hello", b"", EVERY_BYTE, b"x" * 1201, b"y" * 65507):
            self.assertEqual(self.ask(message), message.upper())

    def test_a_burst(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(LIMIT)
            peer.connect(("127.0.0.1", self.port))
            for number in range(50):
                peer.send(b"datagram %d" % number)
            replies = {peer.recv(100) for _ in range(50)}
            self.assertEqual(replies, {b"DATAGRAM %d" % number for number in range(50)})


class UdpServer(DatagramPeer, unittest.TestCase):
    program = "udp_server"


class GoUdpServer(DatagramPeer, unittest.TestCase):
    program = "go_udp_server"


class TokioUdpServer(DatagramPeer, unittest.TestCase):
    program = "tokio_udp_server"


class SocketserverUdpServer(DatagramPeer, unittest.TestCase):
    program = "udp_socketserver_server"


class FanoutServer(unittest.TestCase):
    program = "fanout_server"
    setUp = Peer.setUp

    def members(self, count):
        for number in range(count):
            peer = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            peer.settimeout(LIMIT)
            peer.connect(("127.0.0.1", self.port))
            peer.send(join(number + 1, "room", f"m{number:05}"))
            self.assertEqual(read(peer.recv(100)).attempt, number + 1)
            yield peer

    def test_each_member_hears_each_message(self):
        members = list(self.members(100))
        for number in range(1, 11):
            members[number].send(message(0, number, b"text"))
            for member in members:
                self.assertEqual(read(member.recv(100)), Delivery(0, 0, number, "m00000", b"text"))
        members[0].send(leave(7))
        self.assertEqual(read(members[0].recv(100)), Left(7))
        members[1].send(message(0, 1, b""))
        self.assertEqual(read(members[1].recv(100)).text, b"")
        self.assertEqual(select.select([members[0]], [], [], 0)[0], [])

    def test_its_load(self):
        client = BUILT / "fanout_client"
        done = subprocess.run(
            [client.absolute(), str(self.port), "70", "64", "0.1", str(self.server.pid)],
            capture_output=True, timeout=LIMIT, check=True,
        )
        report = json.loads(done.stdout)
        self.assertEqual(report["lost"], 0)
        self.assertGreater(report["rate"], 0)
        self.assertGreater(report["cpu_us"], 0)


class Comparisons(unittest.TestCase):
    """Each of them, as briefly as can be: what it says, and what it saves."""

    def compare(self, script, name, *arguments):
        if not os.environ.get("COSERVED"):
            self.skipTest("COSERVED is not set to the program, beside which coserve-bench is")
        directory = self.enterContext(tempfile.TemporaryDirectory())
        programs = [Path(os.environ["COSERVED"]).absolute().parent, BUILT.absolute()]
        command = [sys.executable, Path(__file__).parent / f"{script}.py", *programs, "--rounds", "1", "--save", directory, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(f"{directory}/{name}.json", encoding="utf-8") as file:
            saved = json.load(file)
        for line in (line for line in saved["document"] if isinstance(line, str)):
            self.assertIn(line, done.stdout)
        page = Path(directory, f"{name}.html").read_text(encoding="utf-8")
        charts = [part for part in saved["document"] if isinstance(part, dict)]
        self.assertEqual(page.count("<svg"), len(charts) + len({part["better"] for part in charts if part.get("short")}))
        return saved, charts

    def test_echo(self):
        parts = "table,half,connect,cores,timer,tool"
        saved, charts = self.compare("compare", "peers", "--slice", "0.1", "--columns", "8x1x64", "--only", "Go", "--parts", parts)
        self.assertEqual(saved["table"]["8x1x64"]["epoll, by hand"]["cpu_ratio"], [1])
        costs = len(tool_part.SHAPES) + all(map(tool_part.found, ("wrk", "nginx")))
        self.assertEqual([part["kind"] for part in charts], ["bars", "curves", "curves", "bars", "bars", "bars", *["bars"] * costs])
        self.assertLess(abs(saved["rates"]["0.1"]["off_percent"][0]), 5)

    def test_datagrams(self):
        columns = ["--columns", "1x1x64,1x4x64", "--members", "10"]
        saved, charts = self.compare("datagram_compare", "datagrams", "--slice", "0.1", *columns)
        self.assertEqual(list(saved["table"]), ["1x1x64", "1x4x64"])
        self.assertEqual([part["kind"] for part in charts], ["bars", "curves", "bars", "curves", "bars"])

    def test_commands(self):
        saved, charts = self.compare("exec_compare", "exec", "--slice", "0.1", "--parts", "table")
        self.assertEqual(list(saved["table"]), ["1x /bin/true", "8x /bin/true"])
        self.assertEqual([(part["kind"], part["better"]) for part in charts], [("bars", "more")] * 2)

    def test_uploads(self):
        small = ["--size", "4", "--seconds", "0.5", "--in-flight", "3", "--small-rate", "50"]
        saved, charts = self.compare("upload_compare", "uploads", *small)
        self.assertGreater(saved["echo"]["uploads"], 0)
        self.assertEqual([part["better"] for part in charts], ["more", "less", "less"])


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: peers_test.py DIR [UNITTEST'S ARGUMENTS]")
    BUILT = Path(sys.argv.pop(1))
    unittest.main()
