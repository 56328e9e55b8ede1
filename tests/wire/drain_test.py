"""How connections end: nothing that was answered is lost, and no peer that behaves sees a reset."""

import array
import fcntl
import signal
import socket
import struct
import termios
import threading
import time
import unittest

from wire import ANY, HELLO, HELLO_BACK, WireTest, complaints, name_of
from support import LIMIT, connect, frame, poll, receive, receive_rest


def unacknowledged(peer):
    """Bytes sent that have not reached the other side's kernel."""
    count = array.array("i", [0])
    fcntl.ioctl(peer, termios.TIOCOUTQ, count)
    return count[0]


def number_of_replies(data, expected):
    """How many whole replies these bytes are, which must be those expected, in order."""
    at = count = 0
    while at < len(data):
        if at + 4 > len(data):
            raise AssertionError(f"half a reply behind {count}")
        (size,) = struct.unpack_from("i", data, at)
        reply = data[at + 4 : at + 4 + size]
        if reply != expected(count):
            raise AssertionError(f"reply {count} at byte {at} of {len(data)} is {bytes(reply[:40])!r}")
        at, count = at + 4 + size, count + 1
    return count


class Pipelining(threading.Thread):
    """Keeps sixteen frames under way until the server ends, and then judges what it got."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.peer = connect(server.url)
        self.number = number
        self.warm = threading.Event()
        self.answered = 0
        self.error = None

    def run(self):
        try:
            with self.peer:
                self.talk()
        except (OSError, AssertionError) as error:
            self.error = error
            self.warm.set()

    def text(self, number):
        return b"client %d frame %d " % (self.number, number) + b"z" * (37 * number % 5000)

    def talk(self):
        data = bytearray()
        asked = at = 0
        ended = False
        while not ended:
            more = range(asked, self.answered + 16)
            asked = more.stop
            try:
                self.peer.sendall(b"".join(frame(self.text(each)) for each in more))
            except BrokenPipeError:
                pass  # what was sent before may have been answered
            piece = self.peer.recv(1 << 16)
            ended = not piece
            data += piece
            while at + 4 <= len(data) and at + 4 + struct.unpack_from("i", data, at)[0] <= len(data):
                at += 4 + struct.unpack_from("i", data, at)[0]
                self.answered += 1
            if self.answered >= 100:
                self.warm.set()
        count = number_of_replies(data, lambda each: self.text(each).upper())
        if at != len(data) or count != self.answered:
            raise AssertionError(f"half a reply: {len(data) - at} bytes behind {self.answered} replies")


class Deaf:
    """Asks for more than the buffers hold, and reads nothing until the drain has begun."""

    def __init__(self, server, number):
        self.peer = connect(server.url)
        self.number = number
        self.arrived = 0

    def text(self, number):
        return b"deaf %d frame %06d " % (self.number, number) + b"y" * 980

    def send_until_full(self):
        self.peer.settimeout(0.2)
        asked = sent = 0
        waiting = b""
        try:
            while sent < 200_000_000:  # more than the kernel's buffers hold
                if not waiting:
                    waiting = b"".join(frame(self.text(each)) for each in range(asked, asked + 100))
                    asked += 100
                count = self.peer.send(waiting)
                sent, waiting = sent + count, waiting[count:]
            raise AssertionError("the server takes more and more from a peer that reads nothing")
        except TimeoutError:
            pass
        self.peer.settimeout(LIMIT)
        self.arrived = (sent - unacknowledged(self.peer)) // len(frame(self.text(0)))

    def check_replies(self):
        with self.peer:
            data = receive_rest(self.peer)
        count = number_of_replies(data, lambda each: self.text(each).upper())
        if count < self.arrived:
            raise AssertionError(f"{self.arrived} frames had arrived, {count} were answered")


class Close(WireTest):
    def test_replies_with_unread_input_behind_them(self):
        # The second frame breaks the framing, so that the server ends with the rest of the input unread.
        server = self.serve(ANY)
        peer = self.connect(server)
        peer.sendall(frame(b"a" * 1_000_000) + bytes.fromhex("ffffffff") + b"unread" * 40_000)
        peer.shutdown(socket.SHUT_WR)
        self.line_about(server, name_of(peer), "the length field is negative")
        self.assertTrue(receive_rest(peer) == frame(b"A" * 1_000_000))

    def test_replies_that_wait_for_a_slow_reader(self):
        server = self.serve(ANY)
        peer = self.connect(server)
        texts = [b"%06d" % number + b"x" * 994 for number in range(1000)]

        def ask():
            peer.sendall(b"".join(map(frame, texts)))
            peer.shutdown(socket.SHUT_WR)

        asking = threading.Thread(target=ask)
        asking.start()
        data = bytearray()
        while piece := peer.recv(5000):
            data += piece
        asking.join()
        self.assertEqual(number_of_replies(data, lambda number: texts[number].upper()), 1000)


class Drain(WireTest):
    def test_idle_connections_see_fin_at_once(self):
        server = self.serve(ANY)
        peers = [self.connect(server) for _ in range(50)]
        for peer in peers[::2]:
            peer.sendall(HELLO)
            self.assertEqual(receive(peer, 9), HELLO_BACK)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        for peer in peers:
            self.assertEqual(peer.recv(1), b"")
            peer.close()
        self.assertEqual(server.wait(), 0)
        self.assertLess(time.monotonic() - began, 5)  # half the drain's deadline
        self.assertEqual(complaints(server), [])

    def test_what_had_arrived_is_answered(self):
        server = self.serve(ANY)
        peer = self.connect(server)
        peer.sendall(HELLO * 1000)
        poll(lambda: unacknowledged(peer) == 0, "the arrival of all frames")
        server.signal(signal.SIGTERM)
        self.assertEqual(receive_rest(peer), HELLO_BACK * 1000)
        peer.close()
        self.assertEqual(server.wait(), 0)

    def test_connections_that_nobody_has_looked_at_yet_are_answered(self):
        server = self.serve(ANY)
        peers = [self.connect(server) for _ in range(200)]
        for peer in peers:
            peer.sendall(HELLO)
        poll(lambda: not any(map(unacknowledged, peers)), "the arrival of all frames")
        server.signal(signal.SIGTERM)
        for peer in peers:
            self.assertEqual(receive_rest(peer), HELLO_BACK)
            peer.close()
        self.assertEqual(server.wait(), 0)

    def test_a_started_frame_may_complete(self):
        server = self.serve(ANY)
        peer = self.connect(server)
        peer.sendall(HELLO + HELLO[:6])
        self.assertEqual(receive(peer, 9), HELLO_BACK)
        self.end_of_listening(server)
        peer.sendall(HELLO[6:])
        self.assertEqual(receive_rest(peer), HELLO_BACK)
        peer.close()
        self.assertEqual(server.wait(), 0)

    def test_under_load(self):
        # Clients that pipeline without an end, slow readers and idle peers beside them.
        server = self.serve(ANY, flags=["--cores", "2", "--drain-timeout", "60"])
        clients = [Pipelining(server, number) for number in range(20)]
        deaf = [Deaf(server, number) for number in range(5)]
        idle = [self.connect(server) for _ in range(20)]
        for each in clients:
            each.start()
        for each in clients:
            self.assertTrue(each.warm.wait(LIMIT), each.error)
        for each in deaf:
            self.addCleanup(each.peer.close)
            each.send_until_full()

        server.signal(signal.SIGTERM)
        for peer in idle:
            self.assertEqual(peer.recv(1), b"")
            peer.close()
        for each in clients:
            each.join(LIMIT)
            self.assertIsNone(each.error)
            self.assertGreaterEqual(each.answered, 100)
        for each in deaf:
            each.check_replies()
        self.assertEqual(server.wait(), 0)
        self.assertEqual(complaints(server), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
