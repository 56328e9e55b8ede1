"""Each step of framework/examples/ladder against a peer of plain sockets, as framework/docs/ladder.md describes it."""

import contextlib
import json
import os
import select
import socket
import stat
import struct
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from example import Example  # noqa: E402
from support import LIMIT, connect, frame, receive, receive_frame, receive_rest  # noqa: E402


def reset(peer):
    """Vanishes with RST instead of FIN."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def in_threads(count, work):
    """Calls work(0), work(1), … at once; the errors of all."""
    errors = []

    def run(number):
        try:
            work(number)
        except Exception as error:  # pylint: disable=broad-except
            errors.append((number, error))

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    return errors + [thread for thread in threads if thread.is_alive()]


class Ladder(unittest.TestCase):
    def test_01_one_shot(self):
        with Example("01_one_shot") as example:
            for _ in range(3):
                with connect(example.url) as peer:
                    peer.send(b"adas")
                    reply = peer.recv(1024)
                    self.assertEqual(reply, bytes.fromhex("cba7b1c6"))
                    self.assertEqual(reply.decode("gbk"), "帅逼")
                    self.assertEqual(peer.recv(1024), b"")
            connect(example.url).close()  # it leaves without asking
            with connect(example.url) as peer:
                peer.send("再见".encode("gbk"))
                self.assertEqual(receive_rest(peer), "帅逼".encode("gbk"))
            self.assertEqual(example.stop(), (0, "", ""))

    def test_02_print_loop(self):
        with Example("02_print_loop") as example:
            with connect(example.url) as peer:
                for text in ("hello", "阿宸真帅", "a\\b"):
                    peer.send(text.encode())
                    self.assertEqual(example.line(), text)
                # One character in two reads: what stands before it says when the first came.
                peer.send("x阿".encode()[:-1])
                self.assertEqual(example.line(), "x")
                peer.send("阿".encode()[-1:])
                self.assertEqual(example.line(), "阿")
                peer.send("宸".encode()[:2])
            self.assertEqual(example.line(), "\\xe5\\xae")  # it left within a character
            code, said, complaints = example.stop()
            self.assertEqual((code, said, complaints), (0, "", ""))

    def test_02_print_loop_after_clients_that_vanish(self):
        with Example("02_print_loop") as example:
            for number in range(50):
                peer = connect(example.url)
                peer.send(b"last words %d" % number)
                if number % 2:
                    reset(peer)
                else:
                    peer.close()
                self.assertEqual(example.line(), f"last words {number}")
            with connect(example.url) as peer:
                peer.send(b"still there")
                self.assertEqual(example.line(), "still there")
                peer.settimeout(0)
                with self.assertRaises(BlockingIOError):
                    peer.recv(1)  # never an answer
            self.assertEqual(example.stop()[:2], (0, ""))

    def test_03_many_clients(self):
        with Example("03_many_clients") as example:
            together = threading.Barrier(100)

            def client(number):
                with connect(example.url) as peer:
                    together.wait(LIMIT)
                    for message in range(1, 51):
                        peer.send(b"client %d" % number)
                        self.assertEqual(peer.recv(1024), b"%d client %d" % (message, number))

            self.assertEqual(in_threads(100, client), [])
            self.assertEqual(example.stop(), (0, "", ""))

    def talk_stickily(self, example, urls, *messages):
        """The table that is printed after all messages went to each address; a row a read."""
        peers = [connect(url) for url in urls]
        for peer, put in zip(peers, (bytes, bytes, frame)):
            peer.sendall(b"".join(put(message) for message in messages))
            peer.shutdown(socket.SHUT_WR)
            receive_rest(peer)
            peer.close()
        return [example.line() for _ in range(11)]

    def test_04_sticky_packets(self):
        with Example("04_sticky_packets") as example:
            urls = [example.url, example.line(), example.line()]

            def row(*cells):
                return "".join(f"{cell:<22}" for cell in cells)

            # A flood of one message: fives look right, by chance.
            table = self.talk_stickily(example, urls, *[b"hello"] * 10)
            self.assertEqual(table[0], row("recv()", "recv(5)", "framed"))
            self.assertEqual(table[1], row("50: hellohellohello", "5: hello", "5: hello"))
            self.assertEqual(table[2:], [row("", "5: hello", "5: hello")] * 9)

            # Another message among them, and they never are again.
            table = self.talk_stickily(example, urls, b"hello", b"hi", b"hello", b"hello")
            self.assertEqual(
                table[1:6],
                [
                    row("17: hellohihellohel", "5: hello", "5: hello"),
                    row("", "5: hihel", "2: hi"),
                    row("", "5: lohel", "5: hello"),
                    row("", "2: lo", "5: hello"),
                    row("", "", ""),
                ],
            )
            self.assertEqual(example.stop(), (0, "", ""))

    def test_04_a_flood_without_an_end(self):
        """The tutorial's client: it sends on and on, and reads nothing."""
        with Example("04_sticky_packets") as example:
            urls = [example.url, example.line(), example.line()]
            for url, message in zip(urls, (b"hello", b"hello", frame(b"hello"))):
                with connect(url) as peer, contextlib.suppress(ConnectionError):
                    while not select.select([peer], [], [], 0)[0]:  # until the server has had enough
                        peer.sendall(message)
            table = [example.line() for _ in range(11)]
            for line in table[1:]:
                self.assertEqual(line[22:], f"{'5: hello':<22}" * 2)
            self.assertEqual(example.stop()[:2], (0, ""))

    def test_05_header(self):
        with Example("05_header") as example:
            two = example.line()
            with connect(example.url) as peer:
                for byte in bytes.fromhex("05000000 68656c6c6f"):
                    peer.send(bytes([byte]))
                self.assertEqual(receive(peer, 18), bytes.fromhex("0e000000") + b"5 bytes: hello")
                peer.sendall(frame(b"one") + frame(b"") + frame("三".encode()))
                self.assertEqual(receive_frame(peer), b"3 bytes: one")
                self.assertEqual(receive_frame(peer), b"0 bytes: ")
                self.assertEqual(receive_frame(peer), "3 bytes: 三".encode())
            with connect(two) as peer:
                peer.sendall(bytes.fromhex("0005") + b"hello")
                self.assertEqual(receive(peer, 16), bytes.fromhex("000e") + b"5 bytes: hello")
            # A length that cannot be, or is over the limit, ends the connection at once.
            for header in ("ffffffff", "0f779549"):
                with connect(example.url) as peer:
                    peer.send(bytes.fromhex(header))
                    self.assertEqual(receive_rest(peer), b"")
            code, said, complaints = example.stop()
            self.assertEqual((code, said, len(complaints.splitlines())), (0, "", 2), complaints)
            self.assertIn("negative", complaints)
            self.assertIn("longer than the maximum", complaints)

    def test_06_json_header(self):
        def ask(peer, body, **about):
            header = json.dumps({**about, "data_size": len(body)}).encode()
            peer.sendall(struct.pack("i", len(header)) + header + body)
            answer = json.loads(receive_frame(peer))
            self.assertEqual(answer["of"], {**about, "data_size": len(body)})
            return json.loads(receive(peer, answer["data_size"]))

        with Example("06_json_header") as example:
            with connect(example.url) as peer:
                self.assertEqual(ask(peer, b"aba", name="澳门"), {"97": 2, "98": 1})
                self.assertEqual(ask(peer, b""), {})
                self.assertEqual(ask(peer, bytes(range(256)) * (1 << 16)), {str(b): 1 << 16 for b in range(256)})
            with connect(example.url) as peer:
                header = b'{"data_size": 435413543654364364546546544445}'
                peer.sendall(struct.pack("i", len(header)) + header)
                self.assertEqual(receive_rest(peer), b"")
            code, said, complaints = example.stop()
            self.assertEqual((code, said), (0, ""), complaints)
            self.assertIn("data_size: must be a whole number", complaints)

    def test_07_unix_socket(self):
        with tempfile.TemporaryDirectory(prefix="coserve-") as directory:
            path = os.path.join(directory, "shout.sock")
            with Example("07_unix_socket", path) as example:
                tcp = example.line()
                self.assertEqual(example.url, f"unix:{path}")
                self.assertTrue(stat.S_ISSOCK(os.stat(path).st_mode))
                for url in (example.url, tcp):
                    with connect(url) as peer:
                        peer.sendall(frame(b"hello") + frame("阿 x".encode()))
                        self.assertEqual(receive_frame(peer), b"HELLO")
                        self.assertEqual(receive_frame(peer), "阿 X".encode())
                self.assertEqual(example.stop(), (0, "", ""))
            self.assertFalse(os.path.exists(path))

    def test_08_timeouts(self):
        with Example("08_timeouts") as example:
            first, idle, within = (example.line() for _ in range(3))
            # Half a frame, and a question in between: nothing is lost.
            with connect(example.url) as peer:
                self.assertEqual(receive_frame(peer), b"still there?")
                peer.send(frame(b"Ann")[:5])
                self.assertEqual(receive_frame(peer), b"still there?")
                peer.send(frame(b"Ann")[5:])
                reply = receive_frame(peer)
                while reply == b"still there?":
                    reply = receive_frame(peer)
                self.assertEqual(reply, b"hello, Ann")
            # These end by themselves; nobody closes them here.
            with connect(first) as peer:
                self.assertEqual(receive_rest(peer), b"")
            with connect(idle) as peer:
                peer.send(frame(b"Bob"))
                self.assertEqual(receive_rest(peer), frame(b"hello, Bob"))
            with connect(within) as peer:
                peer.send(frame(b"Eve")[:6])
                self.assertEqual(receive_rest(peer), b"")
            code, said, complaints = example.stop()
            self.assertEqual((code, said), (0, ""))
            for reason in ("nothing after it connected", "nothing for too long", "rest of a started frame"):
                self.assertIn(reason, complaints)

    def test_09_per_core(self):
        with Example("09_per_core") as example:

            def client(number):
                with connect(example.url) as peer:
                    for message in range(number):
                        peer.sendall(frame(b"%d" % message))
                        self.assertEqual(receive_frame(peer), b"%d" % message)

            self.assertEqual(in_threads(20, client), [])
            with connect(example.url) as peer:  # the last of 21
                peer.sendall(frame(b"x") * 10)
                self.assertEqual(receive(peer, 50), frame(b"x") * 10)
            code, said, complaints = example.stop()
            self.assertEqual((code, complaints), (0, ""))
            *cores, total = said.splitlines()
            self.assertEqual(total, "in all 21, 200")
            self.assertEqual(len(cores), 2)
            numbers = [[int(word) for word in line.split() if word.isdigit()] for line in cores]
            self.assertEqual([sum(column) for column in zip(*numbers)], [21, 200])

    def test_10_own_codec(self):
        with Example("10_own_codec") as example:
            with connect(example.url) as peer:
                for byte in b"0005hello":
                    peer.send(bytes([byte]))
                self.assertEqual(receive(peer, 9), b"0005hello")
                peer.sendall(b"00000003one" + b"9999" + b"x" * 9999)
                self.assertEqual(receive(peer, 11 + 10_003), b"00000003one" + b"9999" + b"x" * 9999)
            for wrong in (b"00x5hello", b"-001x", b"abcd"):
                with connect(example.url) as peer:
                    peer.send(wrong)
                    self.assertEqual(receive_rest(peer), b"")
            code, said, complaints = example.stop()
            self.assertEqual((code, said), (0, ""))
            self.assertEqual(complaints.count("do not follow the framing"), 3, complaints)

    def test_11_datagrams(self):
        with Example("11_datagrams") as example, contextlib.ExitStack() as stack:
            host, port = example.url.removeprefix("udp://").split(":")
            peers = []
            for number in range(12):  # on both cores, but for one time in two thousand
                peer = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                peer.settimeout(LIMIT)
                peer.connect((host, int(port)))
                peers.append(peer)
                peer.send(b"" if number == 0 else b"I am %d" % number)
                name = "{}:{}: ".format(*peer.getsockname()).encode()
                for listener in peers:
                    self.assertEqual(listener.recv(100), name + (b"" if number == 0 else b"I am %d" % number))
            peers[3].send(b"bye")
            peers.pop(3)
            peers.pop(5).close()
            peers[0].send(b"who is left?")
            for listener in peers:
                self.assertTrue(listener.recv(100).endswith(b"who is left?"))
            self.assertEqual(example.stop(), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
