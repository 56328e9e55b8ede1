"""Echo over UDP, as Python's own sockets speak it."""

import random
import select
import signal
import socket
import threading
import time
import unittest
from urllib.parse import urlsplit

from wire import WireTest, complaints, has_ipv6
from support import COSERVED, LIMIT, run

UDP = "echo=udp://127.0.0.1:0"


def address_of(url):
    parts = urlsplit(url)
    return parts.hostname, parts.port


class Datagrams(WireTest):
    def peer(self, family=socket.AF_INET):
        """As a tutorial's client: not connected, blocking; bound, so that no reply to another address comes."""
        peer = self.enterContext(socket.socket(family, socket.SOCK_DGRAM))
        peer.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        peer.settimeout(LIMIT)
        return peer

    def ask(self, peer, server, message, listener=0):
        address = address_of(server.urls[listener])
        peer.sendto(message, address)
        reply, sender = peer.recvfrom(65536)
        self.assertEqual(sender[:2], address)
        return reply

    def check_serves(self, server):
        self.assertEqual(self.ask(self.peer(), server, b"still there"), b"STILL THERE")

    def test_upper(self):
        server = self.serve(UDP)
        peer = self.peer()
        self.assertEqual(self.ask(peer, server, b"Hello"), b"HELLO")
        self.assertEqual(self.ask(peer, server, "阿宸真帅 é".encode()), "阿宸真帅 é".encode())
        self.assertEqual(self.ask(peer, server, bytes(range(256))), bytes(range(256)).upper())
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_verbatim(self):
        server = self.serve(UDP + "?mode=verbatim")
        peer = self.peer()
        for message in (b"hello", "帅逼".encode("gbk"), bytes(range(256))):
            self.assertEqual(self.ask(peer, server, message), message)

    def test_an_empty_datagram_is_one(self):
        server = self.serve(UDP, UDP + "?mode=verbatim")
        for listener in (0, 1):
            peer = self.peer()
            self.assertEqual(self.ask(peer, server, b"", listener), b"")
            self.assertEqual(self.ask(peer, server, b"X", listener), b"X")

    def test_one_reply_each(self):
        server = self.serve(UDP)
        peer = self.peer()
        for number in range(1000):
            self.assertEqual(self.ask(peer, server, b"message %d" % number), b"MESSAGE %d" % number)
        self.assertEqual(select.select([peer], [], [], 0)[0], [])

    def test_sizes(self):
        server = self.serve(UDP)
        peer = self.peer()
        for size in (1, 1023, 1024, 1025, 1200, 1201, 1472, 1473, 9000, 65506, 65507):
            message = random.Random(size).randbytes(size)
            self.assertEqual(self.ask(peer, server, message), message.upper(), f"{size} bytes")

    def test_what_is_cut_is_not_answered(self):
        server = self.serve(UDP + "?max-datagram=1200")
        peer = self.peer()
        address = address_of(server.url)
        self.assertEqual(self.ask(peer, server, b"x" * 1200), b"X" * 1200)
        for size in (1201, 65507):
            peer.sendto(b"y" * size, address)
        self.assertEqual(self.ask(peer, server, b"z"), b"Z")  # the next reply is to the next that was whole

    def test_many_clients(self):
        server = self.serve(UDP)
        peers = [self.peer() for _ in range(100)]
        for number, peer in enumerate(peers):
            peer.sendto(b"client %d" % number, address_of(server.url))
        for number, peer in enumerate(peers):
            self.assertEqual(peer.recv(100), b"CLIENT %d" % number)

    def test_a_burst_is_answered_in_order(self):
        server = self.serve(UDP)
        peer = self.peer()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        peer.connect(address_of(server.url))
        for burst in range(20):
            for number in range(100):
                peer.send(b"%d.%d" % (burst, number))
            for number in range(100):
                self.assertEqual(peer.recv(100), b"%d.%d" % (burst, number))

    def test_clients_that_vanish(self):
        server = self.serve(UDP, flags=["--cores", "1"])
        for _ in range(200):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
                gone.bind(("127.77.0.1", 0))  # an address of their own: their ports are others' soon
                gone.sendto(b"and gone", address_of(server.url))
        for _ in range(20):
            self.check_serves(server)
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_a_flood_does_not_keep_tcp_from_being_served(self):
        server = self.serve(UDP, "echo=tcp://127.0.0.1:0?framing=raw", flags=["--cores", "1"])
        over = threading.Event()

        def flood():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                while not over.is_set():
                    peer.sendto(b"x" * 1000, address_of(server.url))

        floods = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
        for thread in floods:
            thread.start()
        tcp = self.connect(server, 1)
        for _ in range(20):  # each within the limit, while the flood goes on
            tcp.send(b"hello")
            self.assertEqual(tcp.recv(100), b"HELLO")
        over.set()
        for thread in floods:
            thread.join(LIMIT)

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_ipv6(self):
        server = self.serve("echo=udp://[::1]:0")
        self.assertRegex(server.url, r"^udp://\[::1\]:[1-9]\d*$")
        self.assertEqual(self.ask(self.peer(socket.AF_INET6), server, b"six"), b"SIX")

    def test_replies_come_from_the_address_that_was_asked(self):
        server = self.serve("echo=udp://0.0.0.0:0")
        port = urlsplit(server.url).port
        for host in ("127.0.0.1", "127.0.0.2", "127.1.2.3"):
            peer = self.peer()
            peer.connect((host, port))  # takes replies from there alone
            peer.send(b"hello")
            self.assertEqual(peer.recv(100), b"HELLO")


class Listening(WireTest):
    def test_a_port_in_use(self):
        server = self.serve(UDP)
        second = run(COSERVED, "--listen", "echo=" + server.url)
        self.assertEqual(second.returncode, 3)
        self.assertEqual(second.stderr.count(b"\n"), 1, second.stderr)
        self.assertIn(server.url.encode(), second.stderr)
        self.assertIn(b"in use", second.stderr)

    def test_a_port_that_another_program_has(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            result = run(COSERVED, "--listen", f"echo=udp://127.0.0.1:{other.getsockname()[1]}")
            self.assertEqual(result.returncode, 3)
            # It still has it all to itself.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.sendto(b"mine", other.getsockname())
                other.settimeout(LIMIT)
                self.assertEqual(other.recv(10), b"mine")

    def test_wrong_services(self):
        for listener, says in (
            ("exec=udp://127.0.0.1:0", ["exec", "tcp://"]),
            ("sink=udp://127.0.0.1:0", ["sink", "tcp://"]),
            ("upload=udp://127.0.0.1:0", ["upload", "tcp://"]),
            (UDP + "?framing=raw", ["framing", "max-datagram", "mode"]),
            (UDP + "?mode=lower", ["mode=lower", "upper or verbatim"]),
            (UDP + "?max-datagram=70000", ["max-datagram=70000"]),
            ("echo=udp://127.0.0.1:65536", ["65535"]),
        ):
            for flags in ([], ["--check"]):
                with self.subTest(listener=listener, flags=flags):
                    result = run(COSERVED, *flags, "--listen", listener)
                    self.check_failure(result, 2, *says, program="coserved")

    def test_the_configuration_file(self):
        config = self.file(
            "coserved.toml",
            '[[listen]]\nservice = "echo"\nurl = "udp://127.0.0.1:0"\nmode = "verbatim"\nmax-datagram = "1KiB"\n',
        )
        server = self.serve(flags=["--config", config])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(LIMIT)
            peer.sendto(b"as it is", address_of(server.url))
            self.assertEqual(peer.recv(100), b"as it is")

    def test_ports_file_and_output(self):
        server = self.serve(UDP, "echo=tcp://127.0.0.1:0")
        self.assertEqual(
            server.output, f"echo {server.urls[0]}\necho {server.urls[1]}\nReady.\n"
        )
        self.assertTrue(server.urls[0].startswith("udp://127.0.0.1:"))


class Drain(WireTest):
    def test_what_had_arrived_is_answered(self):
        """The process is stopped, so that all of it is in the kernel when the signal comes."""
        server = self.serve(UDP, flags=["--cores", "2"])
        peers = []
        for number in range(10):
            peer = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            peer.settimeout(LIMIT)
            peer.connect(address_of(server.url))
            peers.append(peer)
        server.signal(signal.SIGSTOP)
        for number, peer in enumerate(peers):
            for message in range(20):
                peer.send(b"%d of %d" % (message, number))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        self.assertEqual(server.wait(), 0)
        for number, peer in enumerate(peers):
            for message in range(20):
                self.assertEqual(peer.recv(100), b"%d OF %d" % (message, number))

    def test_it_ends_under_a_flood(self):
        server = self.serve(UDP)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.setblocking(False)
            server.signal(signal.SIGTERM)
            until = time.monotonic() + LIMIT
            while server.process.poll() is None and time.monotonic() < until:
                try:
                    peer.sendto(b"more", address_of(server.url))
                except (BlockingIOError, ConnectionRefusedError):
                    pass
        self.assertEqual(server.wait(), 0)
        self.assertEqual(complaints(server), [])


if __name__ == "__main__":
    unittest.main()
