"""The service sink in coserved: what its standard output shows, and who waits when nobody reads it."""

import os
import re
import signal
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import (  # noqa: E402
    COSERVED,
    LIMIT,
    ProgramTest,
    connect,
    frame,
    poll,
    read_until,
    receive_frame,
    receive_rest,
    run,
)

SINK = "sink=tcp://127.0.0.1:0"
ECHO = "echo=tcp://127.0.0.1:0"


def read_lines(server, count):
    """That many lines of what is printed after `Ready.`."""
    output = server.process.stdout.fileno()
    data = b""
    while data.count(b"\n") < count:
        data += read_until(output, b"\n", b"" if data.endswith(b"\n") else data.rpartition(b"\n")[2])
    return data


class Sink(ProgramTest):
    def connect(self, server, listener=0):
        return self.enterContext(connect(server.urls[listener]))

    def test_one_line_a_frame(self):
        server = self.serve(SINK)
        peer = self.connect(server)
        for payload in (b"hello", b"", "阿宸真帅".encode(), b"a\r\n\x1b[2Jb\\", "帅逼.".encode("gbk")):
            peer.sendall(frame(payload))
        expected = "hello\n\n阿宸真帅\na\\x0d\\x0a\\x1b[2Jb\\\n".encode() + b"\xcb\xa7\\xb1\\xc6.\n"
        self.assertEqual(read_lines(server, 5), expected)

    def test_the_framing_is_the_listeners(self):
        path = os.path.join(self.directory, "sink.socket")
        server = self.serve(SINK + "?framing=raw", f"sink=unix:{path}?width=2&order=big")
        for listener, sent in ((0, b"one read"), (1, b"\0\x09two bytes")):
            self.connect(server, listener).sendall(sent)
            self.assertEqual(read_lines(server, 1), sent.removeprefix(b"\0\x09") + b"\n")

    def test_text_of_another_encoding(self):
        server = self.serve(SINK + "?framing=raw&encoding=gbk")
        peer = self.connect(server)
        text = "帅逼".encode("gbk")
        for sent, line in ((text, "帅逼\n"), (b"x" + text[:1], "x\n"), (text[1:], "帅逼\n")):
            peer.sendall(sent)
            self.assertEqual(read_lines(server, 1), line.encode())  # and so the next one is a read of its own

    def test_an_unknown_encoding(self):
        result = run(COSERVED, "--check", "--listen", SINK + "?encoding=GKB")
        self.check_failure(result, 2, "encoding=GKB", "did you mean GBK?", program="coserved")

    def test_answers_nothing_and_shows_all_before_it_closes(self):
        server = self.serve(SINK)
        peer = self.connect(server)
        peer.sendall(b"".join(frame(b"%d" % i) for i in range(1000)))
        peer.shutdown(1)
        self.assertEqual(receive_rest(peer), b"")
        self.assertEqual(read_lines(server, 1000), b"".join(b"%d\n" % i for i in range(1000)))
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.process.stdout.read(), b"")

    def test_takes_the_next_client_after_any_error(self):
        server = self.serve(SINK)
        with connect(server.url) as broken:
            broken.sendall(frame(b"first") + b"\xff\xff\xff\xff")
            self.assertEqual(receive_rest(broken), b"")
        self.connect(server).sendall(frame(b"second"))
        self.assertEqual(read_lines(server, 2), b"first\nsecond\n")

    def test_lines_of_several_cores_do_not_tear(self):
        server = self.serve(SINK, flags=["--cores", "4"])
        count, sizes = 30, (1, 4095, 4096, 10_000, 100_000)

        def send(letter):
            with connect(server.url) as peer:
                for i in range(count):
                    peer.sendall(frame(letter * sizes[i % len(sizes)]))

        letters = [b"a", b"b", b"c", b"d", b"e", b"f"]
        senders = [threading.Thread(target=send, args=(letter,), daemon=True) for letter in letters]
        for each in senders:
            each.start()
        lines = read_lines(server, count * len(letters)).splitlines()
        for each in senders:
            each.join(LIMIT)
        expected = [letter * sizes[i % len(sizes)] for letter in letters for i in range(count)]
        self.assertEqual(sorted(map(len, lines)), sorted(map(len, expected)))
        self.assertEqual(sorted(lines), sorted(expected))

    def test_a_full_output_stops_its_own_connections_alone(self):
        server = self.serve(SINK, ECHO, flags=["--cores", "1"])
        flood = self.connect(server)
        flood.settimeout(0.2)
        sent = 0
        with self.assertRaises(TimeoutError):  # more than all buffers between here and the pipe hold
            while True:
                sent += flood.send(frame(b"x" * 1020) * 64)
        echo = self.connect(server, 1)
        for _ in range(100):
            echo.sendall(frame(b"hello"))
            self.assertEqual(receive_frame(echo), b"HELLO")
        self.assertEqual(read_lines(server, sent // 1024), (b"x" * 1020 + b"\n") * (sent // 1024))

    def test_a_full_output_does_not_keep_it_from_ending(self):
        server = self.serve(SINK, flags=["--drain-timeout", "200ms"])
        flood = self.connect(server)
        flood.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            while True:
                flood.send(b"\0" * 65536)
        self.assertEqual(server.stop(), 0)

    def test_an_output_that_nobody_reads_any_more(self):
        server = self.serve(SINK, ECHO)
        server.process.stdout.close()
        peer = self.connect(server)
        peer.sendall(frame(b"lost"))
        self.assertEqual(receive_rest(peer), b"")
        poll(lambda: "Broken pipe" in server.log(), "the reason in the log")
        (line,) = [line for line in server.log().splitlines() if "Broken pipe" in line]
        self.assertRegex(line, re.escape(f"listener={server.url}"))
        echo = self.connect(server, 1)
        echo.sendall(frame(b"hello"))
        self.assertEqual(receive_frame(echo), b"HELLO")
        self.assertEqual(server.stop(), 0)

    def test_a_drain_shows_what_had_arrived(self):
        server = self.serve(SINK)
        peer = self.connect(server)
        peer.sendall(b"".join(frame(b"%d" % i) for i in range(1000)))
        self.assertEqual(read_lines(server, 1)[:2], b"0\n")
        server.signal(signal.SIGTERM)
        self.assertEqual(receive_rest(peer), b"")
        self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
