"""The default framing, byte by byte: a length as struct.pack('i', n) writes it, then the payload."""

import random
import re
import socket
import struct
import threading
import unittest

from wire import ANY, HELLO, HELLO_BACK, WireTest, about, complaints, name_of
from support import frame, receive, receive_frame, receive_rest


def data_size(server):
    """Bytes of memory that the server has asked for, used or not."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return 1024 * int(re.search(r"^VmData:\s+(\d+) kB$", status.read(), re.M)[1])


class Frames(WireTest):
    def test_one_frame(self):
        server = self.serve(ANY)
        peer = self.connect(server)
        peer.sendall(HELLO)
        self.assertEqual(receive(peer, 9), HELLO_BACK)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(peer.recv(1), b"")
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_as_a_tutorial_reads_it(self):
        # A single recv(4), then a single recv(n): header and body must come together.
        peer = self.connect(self.serve(ANY))
        for size in (1, 100, 1024):
            peer.sendall(struct.pack("i", size) + b"a" * size)
            self.assertEqual(struct.unpack("i", peer.recv(4)), (size,))
            self.assertEqual(peer.recv(size), b"A" * size)

    def test_1000_pipelined_at_once(self):
        peer = self.connect(self.serve(ANY))
        texts = [b"frame %d" % number for number in range(1000)]
        peer.sendall(b"".join(map(frame, texts)))
        for text in texts:
            self.assertEqual(receive_frame(peer), text.upper())

    def test_1000_pipelined_and_all_replies_after_the_end_of_input(self):
        peer = self.connect(self.serve(ANY))
        sizes = random.Random(11)
        texts = [b"x" * sizes.randrange(3000) for _ in range(1000)]
        asked, answered = b"".join(map(frame, texts)), b"".join(frame(text.upper()) for text in texts)

        def ask():
            peer.sendall(asked)
            peer.shutdown(socket.SHUT_WR)

        asking = threading.Thread(target=ask)
        asking.start()
        self.assertEqual(receive_rest(peer), answered)
        asking.join()

    def test_empty_frames(self):
        peer = self.connect(self.serve(ANY))
        peer.sendall(bytes.fromhex("00000000 00000000 01000000 61 00000000"))
        self.assertEqual(receive(peer, 17), bytes.fromhex("00000000 00000000 01000000 41 00000000"))

    def test_one_byte_at_a_time(self):
        peer = self.connect(self.serve(ANY))
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(20):
            for byte in HELLO:
                peer.send(bytes([byte]))
        self.assertEqual(receive(peer, 180), HELLO_BACK * 20)

    def test_split_anywhere(self):
        peer = self.connect(self.serve(ANY))
        for cut in range(1, 18):
            peer.send((HELLO * 2)[:cut])
            peer.send((HELLO * 2)[cut:])
            self.assertEqual(receive(peer, 18), HELLO_BACK * 2)

    def test_the_longest_frame(self):
        peer = self.connect(self.serve(ANY))
        text = random.Random(3).randbytes(16 << 20)
        asking = threading.Thread(target=peer.sendall, args=(bytes.fromhex("00000001") + text,))
        asking.start()
        self.assertEqual(receive(peer, 4), bytes.fromhex("00000001"))
        self.assertTrue(receive(peer, 16 << 20) == text.upper())
        asking.join()

    def test_verbatim(self):
        peer = self.connect(self.serve(ANY + "?mode=verbatim"))
        for text in ("阿宸真帅".encode(), b"hello", b"\0" * 5000):
            peer.sendall(frame(text))
            self.assertEqual(receive_frame(peer), text)

    def test_unix_socket(self):
        peer = self.connect(self.serve(f"echo=unix:{self.directory}/echo.sock"))
        peer.sendall(HELLO * 1000)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), HELLO_BACK * 1000)


class Options(WireTest):
    def assert_echo(self, options, sent, answered):
        peer = self.connect(self.serve(f"{ANY}?{options}"))
        sent, answered = bytes.fromhex(sent), bytes.fromhex(answered)
        peer.sendall(sent * 3)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer).hex(" "), (answered * 3).hex(" "))

    def test_big_endian(self):
        self.assert_echo("order=big", "00000005 68656c6c6f 00000000", "00000005 48454c4c4f 00000000")

    def test_width_1(self):
        self.assert_echo("width=1", "05 68656c6c6f 00", "05 48454c4c4f 00")

    def test_width_1_unsigned(self):
        self.assert_echo("width=1&signed=off", "c8" + "61" * 200, "c8" + "41" * 200)

    def test_width_2(self):
        self.assert_echo("width=2", "0500 68656c6c6f", "0500 48454c4c4f")
        self.assert_echo("width=2&order=big", "0102" + "61" * 258, "0102" + "41" * 258)

    def test_width_3(self):
        self.assert_echo("width=3&order=big", "000005 68656c6c6f", "000005 48454c4c4f")

    def test_width_8(self):
        self.assert_echo("width=8", "0500000000000000 68656c6c6f", "0500000000000000 48454c4c4f")
        self.assert_echo("width=8&order=big", "0000000000000005 68656c6c6f", "0000000000000005 48454c4c4f")

    def test_length_behind_other_bytes(self):
        self.assert_echo("width=2&offset=4&order=big", "7a7a7a7a 0005 68656c6c6f", "00000000 0005 48454c4c4f")

    def test_length_that_includes_the_header(self):
        self.assert_echo("includes-header", "09000000 68656c6c6f 04000000", "09000000 48454c4c4f 04000000")
        self.assert_echo("width=2&includes-header=on", "0700 68656c6c6f", "0700 48454c4c4f")

    def test_skips_what_is_too_long(self):
        server = self.serve(f"{ANY}?max-frame=8&on-too-long=skip")
        peer = self.connect(server)
        peer.sendall(HELLO + frame(b"nine byte") + HELLO + frame(b"z" * 1_000_000) + frame(b"8 bytes!"))
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), HELLO_BACK * 2 + frame(b"8 BYTES!"))
        self.stop(server)
        lines = about(server, name_of(peer))
        self.assertEqual(len(lines), 2, lines)  # one for each such frame
        for line in lines:
            self.assertIn("the frame is longer than the maximum", line)


class BadInput(WireTest):
    """That connection ends, one line says whose and why, and the others go on."""

    def assert_refused(self, sent, reason, options="", answered=b"", end_of_input=False):
        server = self.serve(ANY + options, ANY)
        other, peer = self.connect(server, 1), self.connect(server)
        peer.sendall(bytes.fromhex(sent))
        if end_of_input:
            peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive_rest(peer), answered)  # FIN, within the bound, and no reset

        line = self.line_about(server, name_of(peer), reason)
        other.sendall(HELLO)
        self.assertEqual(receive(other, 9), HELLO_BACK)
        again = self.connect(server, 1)
        again.sendall(HELLO)
        self.assertEqual(receive(again, 9), HELLO_BACK)
        for each in (peer, other, again):
            each.close()
        self.stop(server)
        self.assertEqual(complaints(server), [line])

    def test_negative_length(self):
        self.assert_refused("ffffffff", "the length field is negative")
        self.assert_refused("00000080", "the length field is negative")

    def test_too_long(self):
        self.assert_refused("01000001", "the frame is longer than the maximum")
        self.assert_refused("0f779549", "the frame is longer than the maximum")  # 1 234 532 111
        self.assert_refused("09000000 6e", "the frame is longer than the maximum", "?max-frame=8")
        self.assert_refused("ffffffffffffff7f", "the frame is longer than the maximum", "?width=8")

    def test_garbage(self):
        self.assert_refused(b"GET / HTTP/1.1\r\n\r\n".hex(), "the frame is longer than the maximum")

    def test_length_that_does_not_cover_itself(self):
        self.assert_refused(
            "03000000", "the length does not even cover what its framing counts in it", "?includes-header"
        )

    def test_end_inside_the_length(self):
        self.assert_refused("0500", "the stream ended inside a frame", end_of_input=True)

    def test_end_inside_the_payload(self):
        self.assert_refused("05000000 6865", "the stream ended inside a frame", end_of_input=True)

    def test_what_was_asked_before_is_answered(self):
        self.assert_refused(HELLO.hex() + "ffffffff", "the length field is negative", answered=HELLO_BACK)
        self.assert_refused(
            HELLO.hex() * 100 + "0500", "the stream ended inside a frame",
            answered=HELLO_BACK * 100, end_of_input=True,
        )

    def test_nothing_behind_it_is_answered(self):
        self.assert_refused("ffffffff" + HELLO.hex() * 10, "the length field is negative")

    def test_a_length_that_is_only_claimed_takes_no_memory(self):
        server = self.serve(ANY)
        first = self.connect(server)
        first.sendall(HELLO)
        self.assertEqual(receive(first, 9), HELLO_BACK)
        before = data_size(server)
        claimers = [self.connect(server) for _ in range(100)]
        for peer in claimers:
            peer.sendall(HELLO + bytes.fromhex("00000001 61"))  # 16 MiB, and then one byte
            self.assertEqual(receive(peer, 9), HELLO_BACK)
        first.sendall(HELLO)
        self.assertEqual(receive(first, 9), HELLO_BACK)
        self.assertLess(data_size(server) - before, 200 << 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
