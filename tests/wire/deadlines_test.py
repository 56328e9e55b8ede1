"""Deadlines and caps. Times are lower bounds and generous upper ones."""

import time
import unittest

from wire import ANY, HELLO, HELLO_BACK, WireTest, complaints, name_of
from support import poll, receive

SOON = 10.0  # seconds within which a deadline of 0.3 s must show, on a busy machine too


class Deadlines(WireTest):
    def hello(self, peer):
        peer.sendall(HELLO)
        self.assertEqual(receive(peer, 9), HELLO_BACK)

    def assert_ended(self, server, peer, reason):
        """Ended by the server, and one line of the log says why."""
        self.assertEqual(peer.recv(1), b"")
        self.line_about(server, name_of(peer), reason)

    def test_a_frame_that_stalls(self):
        server = self.serve(ANY + "?frame-timeout=300ms")
        other, peer = self.connect(server), self.connect(server)
        self.hello(other)
        peer.sendall(HELLO + HELLO[:6])
        self.assertEqual(receive(peer, 9), HELLO_BACK)
        began = time.monotonic()
        self.assert_ended(server, peer, "the rest of a started frame did not come in time")
        self.assertTrue(0.2 < time.monotonic() - began < SOON)
        self.hello(other)

    def test_a_frame_that_trickles(self):
        # The deadline is the frame's, not the byte's.
        server = self.serve(ANY + "?frame-timeout=300ms")
        peer = self.connect(server)
        peer.settimeout(0.05)
        began = time.monotonic()
        ended = False
        peer.send(bytes.fromhex("e8030000"))
        while not ended and time.monotonic() - began < SOON:
            try:
                ended = peer.recv(1) == b""
            except TimeoutError:
                peer.send(b"a")
            except ConnectionResetError:
                ended = True  # a byte crossed the end
        self.assertTrue(ended)
        self.assertGreater(time.monotonic() - began, 0.25)
        self.line_about(server, name_of(peer), "the rest of a started frame did not come in time")

    def test_no_first_frame(self):
        server = self.serve(ANY + "?first-frame-timeout=300ms")
        talker, silent = self.connect(server), self.connect(server)
        self.hello(talker)
        self.assert_ended(server, silent, "the peer sent nothing after it connected")
        self.hello(talker)  # silent since, for as long: only the first is awaited

    def test_idle(self):
        server = self.serve(ANY + "?idle-timeout=500ms", ANY)
        idle, patient = self.connect(server), self.connect(server, 1)
        self.hello(idle)
        self.hello(patient)
        began = time.monotonic()
        self.assert_ended(server, idle, "the peer sent nothing for too long")
        self.assertTrue(0.4 < time.monotonic() - began < SOON)
        self.hello(patient)

    def test_not_idle(self):
        server = self.serve(ANY + "?idle-timeout=1s")
        peer = self.connect(server)
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            self.hello(peer)

    def test_a_peer_that_reads_nothing(self):
        server = self.serve(ANY + "?write-timeout=300ms")
        other, deaf = self.connect(server), self.connect(server)
        deaf.settimeout(SOON)
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            while True:
                deaf.sendall(HELLO * 1000)
        self.line_about(server, name_of(deaf), "the peer took none of the queued output for too long")
        self.hello(other)

    def test_no_deadline_by_default(self):
        peer = self.connect(self.serve(ANY))
        peer.settimeout(1.5)
        with self.assertRaises(TimeoutError):
            peer.recv(1)
        self.hello(peer)


class Caps(WireTest):
    def assert_capped(self, server):
        first, second = self.connect(server), self.connect(server)
        for peer in (first, second):
            peer.sendall(b"hello")
            self.assertEqual(peer.recv(1024), b"HELLO")
        self.assertEqual(self.connect(server).recv(1), b"")  # accepted, and closed at once
        self.assertTrue(complaints(server))

        first.close()
        peers = []

        def admitted():
            peer = self.connect(server)
            peers.append(peer)
            try:
                peer.sendall(b"hello")
                return peer.recv(1024) == b"HELLO"
            except ConnectionError:
                return False

        poll(admitted, "a place for another connection")
        second.sendall(b"hello")
        self.assertEqual(second.recv(1024), b"HELLO")

    def test_of_a_listener(self):
        server = self.serve(ANY + "?framing=raw&max-connections=2", ANY + "?framing=raw")
        self.assert_capped(server)
        other = self.connect(server, 1)
        other.sendall(b"hello")
        self.assertEqual(other.recv(1024), b"HELLO")

    def test_of_the_server(self):
        self.assert_capped(self.serve(ANY + "?framing=raw", flags=["--max-connections", "2"]))

    def test_of_a_peer_spares_loopback(self):
        server = self.serve(ANY + "?framing=raw&max-connections-per-peer=1")
        peers = [self.connect(server) for _ in range(3)]
        for peer in peers:
            peer.sendall(b"hello")
            self.assertEqual(peer.recv(1024), b"HELLO")
        self.assertFalse(complaints(server))


if __name__ == "__main__":
    unittest.main(verbosity=2)
