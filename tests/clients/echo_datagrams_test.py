"""The program `coserve echo` over UDP: our server, strangers' servers, and nobody at all."""

import contextlib
import socket
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import COSERVE, LIMIT, ProgramTest, run  # noqa: E402
from terminal import Terminal  # noqa: E402

UDP = "udp://127.0.0.1:0"


class DatagramPeer:
    """A UDP server of a few lines: `answer(message)` gives the datagrams that go back."""

    def __init__(self, answer):
        self.messages = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(LIMIT)
        self.url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(answer,), daemon=True)
        self._thread.start()

    def _run(self, answer):
        with contextlib.suppress(OSError):
            while True:
                message, sender = self._socket.recvfrom(65536)
                if message == b"that was all":
                    return
                self.messages.append(message)
                for reply in answer(message):
                    self._socket.sendto(reply, sender)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"that was all", self._socket.getsockname())
        self._thread.join(LIMIT)
        self._socket.close()


class EchoDatagrams(ProgramTest):
    def echo(self, *arguments, **options):
        return run(COSERVE, "echo", *arguments, cwd=self.directory, **options)

    def check_output(self, result, stdout):
        self.assertEqual((result.stderr, result.stdout, result.returncode), (b"", stdout, 0))

    def test_arguments(self):
        url = self.serve(f"echo={UDP}").url
        self.check_output(self.echo(url, "hello"), b"HELLO\n")
        self.check_output(self.echo(url, "one", "", "阿宸真帅"), "ONE\n\n阿宸真帅\n".encode())

    def test_a_line_is_a_datagram(self):
        with DatagramPeer(lambda message: [message]) as peer:
            self.check_output(self.echo(peer.url, input=b"one\n\nthree\nlast"), b"one\n\nthree\nlast\n")
        self.assertEqual(peer.messages, [b"one", b"", b"three", b"last"])

    def test_many(self):
        url = self.serve(f"echo={UDP}").url
        lines = b"".join(b"line %d\n" % number for number in range(1000))
        self.check_output(self.echo(url, input=lines), lines.upper())

    def test_long_ones(self):
        url = self.serve(f"echo={UDP}").url
        self.check_output(self.echo(url, input=b"x" * 65507), b"X" * 65507 + b"\n")
        result = self.echo(url, input=b"fits\n" + b"x" * 65508 + b"\nafter\n")
        self.assertEqual(result.stdout, b"FITS\n")
        self.check_failure(result, 1, "datagram 2", "65508", "65507", program="coserve")

    def test_encoding(self):
        with DatagramPeer(lambda _: ["帅逼".encode("gbk")]) as peer:
            self.check_output(self.echo(peer.url, "--encoding", "GBK", "阿宸"), "帅逼\n".encode())
        self.assertEqual(peer.messages, ["阿宸".encode("gbk")])

    def test_a_lost_reply_is_said_and_the_rest_goes_on(self):
        with DatagramPeer(lambda message: [] if message == b"lose me" else [message]) as peer:
            result = self.echo(peer.url, "--timeout", "200ms", "one", "lose me", "three")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, b"one\nthree\n")
        said = result.stderr.decode().splitlines()
        self.assertEqual(
            said,
            [
                f"coserve: {peer.url}: no reply to datagram 2 within 200ms",
                f"coserve: {peer.url}: 1 of 3 replies did not come",
            ],
        )

    def test_nobody_there(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"udp://127.0.0.1:{probe.getsockname()[1]}"
        self.check_failure(self.echo(url, "hello"), 1, url, "refused", program="coserve")

    def test_only_sends(self):
        with DatagramPeer(lambda message: [message, message]) as peer:
            self.check_output(self.echo(peer.url, "--no-reply", input=b"a\nb\n\nc\n"), b"")
            self.check_output(self.echo(peer.url, "--no-reply", "d"), b"")
        self.assertEqual(peer.messages, [b"a", b"b", b"", b"c", b"d"])

    def test_a_reply_that_is_cut_is_said(self):
        with DatagramPeer(lambda message: [message * 10]) as peer:
            result = self.echo(peer.url + "?max-datagram=8", "abc")
        self.assertEqual((result.returncode, result.stdout), (0, b"abcabcab\n"))
        self.assertIn(b"is cut", result.stderr)

    def test_a_prompt_sends_empty_lines_too(self):
        with DatagramPeer(lambda message: [b"<" + message + b">"]) as peer:
            with Terminal(COSERVE, "echo", peer.url) as terminal:
                terminal.expect(">>> ")
                terminal.type("hello\n")
                terminal.expect("<hello>")
                terminal.expect(">>> ")
                terminal.type("\n")
                terminal.expect("<>")
                terminal.expect(">>> ")
                terminal.type("q\n")
                self.assertEqual(terminal.wait(), 0)
        self.assertEqual(peer.messages, [b"hello", b""])


if __name__ == "__main__":
    unittest.main()
