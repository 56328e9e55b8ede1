"""Each step of framework/examples, as its reader would run it: started, talked to from plain sockets, stopped."""

import re
import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from example import Example  # noqa: E402
from support import connect, frame, receive, receive_frame, receive_rest  # noqa: E402


class Examples(unittest.TestCase):
    def test_shout(self):
        with Example("shout") as example:
            self.assertRegex(example.url, r"^tcp://127\.0\.0\.1:[1-9]\d*$")
            with connect(example.url) as peer, connect(example.url) as other:
                for _ in range(3):
                    peer.send(b"hello")
                    self.assertEqual(peer.recv(1024), b"HELLO")
                other.send(b"me too")
                self.assertEqual(other.recv(1024), b"ME TOO")
            self.assertEqual(example.stop(), (0, "", ""))

    def test_shout_on_a_port_of_choice(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        with Example("shout", str(port)) as example:
            self.assertEqual(example.url, f"tcp://127.0.0.1:{port}")

    def test_options(self):
        with Example("options") as example:
            for _ in range(3):
                with connect(example.url) as peer:
                    peer.sendall(frame(b"Ann") + frame("阿宸".encode()) + frame(b"nobody"))
                    self.assertEqual(receive_frame(peer), b"good day, Ann")
                    self.assertEqual(receive_frame(peer), "good day, 阿宸".encode())
                    self.assertEqual(receive_rest(peer), b"")  # two are the most it gives
            self.assertEqual(example.stop(), (0, "6 greeted\n", ""))

    def test_lambda(self):
        with Example("lambda") as example:
            greeting = example.line()
            with connect(example.url) as peer:
                peer.send(b"21")
                self.assertEqual(peer.recv(1024), b"42")
            with connect(greeting) as peer:
                self.assertEqual(receive_rest(peer), b"hello, 127.0.0.1")
            self.assertEqual(example.stop(), (0, "", ""))

    def test_ticker(self):
        with Example("ticker") as example:
            with connect(example.url) as peer:
                self.assertEqual(receive_frame(peer), b"tick 1")
                peer.sendall(frame(b"fast"))
                seen = [receive_frame(peer) for _ in range(200)]
                self.assertEqual(seen.count(b"ok"), 1)
                seen.remove(b"ok")
                self.assertEqual(seen, [b"tick %d" % count for count in range(2, 201)])
                peer.shutdown(socket.SHUT_WR)
                receive_rest(peer)
            self.assertEqual(example.stop(), (0, "", ""))

    def test_embedded(self):
        with Example("embedded") as example:
            with connect(example.url) as peer, connect(example.url):
                peer.sendall(frame(b"Hello") * 100)
                self.assertEqual(receive(peer, 900), frame(b"Hello") * 100)
                self.assertEqual(example.line(), "up for 1 s")  # the host's own timer
                code, said, complaints = example.stop()
                self.assertEqual((code, complaints), (0, ""))
                self.assertTrue(re.fullmatch(r"(up for \d+ s\n)*drained\n", said), said)
                self.assertEqual(receive_rest(peer), b"")


if __name__ == "__main__":
    unittest.main()
