"""The program `coserve echo`: arguments, a pipe, a terminal, and servers of every kind."""

import contextlib
import errno
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import (  # noqa: E402
    COSERVE,
    LIMIT,
    Peer,
    ProgramTest,
    frame,
    read_until,
    receive_frame,
    receive_rest,
    run,
)
from terminal import Terminal  # noqa: E402

ANY = "tcp://127.0.0.1:0"


def unused_url():
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def echo_frames(connection):
    with contextlib.suppress(EOFError):
        while True:
            connection.sendall(frame(receive_frame(connection)))


class EchoTest(ProgramTest):
    def echo(self, *arguments, **options):
        return run(COSERVE, "echo", *arguments, cwd=self.directory, **options)

    def check_output(self, result, stdout):
        self.assertEqual(result.stderr, b"")
        self.assertEqual(result.stdout, stdout)
        self.assertEqual(result.returncode, 0)

    def check_fails(self, result, *fragments, code=1):
        self.check_failure(result, code, *fragments, program="coserve")


class Arguments(EchoTest):
    def test_one_line_a_reply(self):
        url = self.serve(f"echo={ANY}").url
        self.check_output(self.echo(url, "hello"), b"HELLO\n")
        self.check_output(self.echo(url, "some text", "", "阿宸真帅", "a"), "SOME TEXT\n\n阿宸真帅\nA\n".encode())

    def test_any_text(self):
        url = self.serve(f"echo={ANY}?mode=verbatim").url
        texts = ["[a,b]", "{}", "%%", "--", "-x", "--framing", "a\nb", "'\"", "=", "0x10", "q"]
        self.check_output(self.echo(url, "--", *texts), "".join(text + "\n" for text in texts).encode())
        self.check_output(self.echo(url, "[a,b]", "{}", "[]"), b"[a,b]\n{}\n[]\n")

    def test_many_and_long_ones(self):
        url = self.serve(f"echo={ANY}").url
        texts = ["x" * 100_000, *(f"text {i}" for i in range(1000))]
        self.check_output(self.echo(url, *texts), "".join(text.upper() + "\n" for text in texts).encode())

    def test_over_a_unix_socket(self):
        path = os.path.join(self.directory, "echo.socket")
        self.serve(f"echo=unix:{path}")
        self.check_output(self.echo(f"unix:{path}", "hello"), b"HELLO\n")
        self.check_output(self.echo("unix:echo.socket", "hello"), b"HELLO\n")

    def test_framings_by_flag_and_by_query(self):
        server = self.serve(f"echo={ANY}?framing=raw", f"echo={ANY}?width=2&order=big")
        self.check_output(self.echo(server.urls[0], "--framing", "raw", "hello"), b"HELLO\n")
        self.check_output(self.echo(server.urls[0] + "?framing=raw", "hello", "again"), b"HELLO\nAGAIN\n")
        self.check_output(self.echo(server.urls[0] + "?framing=raw", "--framing=raw", "hello"), b"HELLO\n")
        self.check_output(self.echo(server.urls[1] + "?width=2&order=big", "hello"), b"HELLO\n")
        self.check_output(
            self.echo(server.urls[1] + "?width=2&order=big", "--framing", "length-prefix", "hello"), b"HELLO\n"
        )

    def test_help_and_version(self):
        for arguments in (["--help"], ["-h"], ["echo", "--help"]):
            result = run(COSERVE, *arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertIn(b"echo", result.stdout)
        for word in (b"--framing", b"--encoding", b"--no-reply", b"--timeout", b"URL", b"TEXT", b"raw"):
            self.assertIn(word, self.echo("--help").stdout)
        for flag in ("-V", "--version"):
            self.assertRegex(run(COSERVE, flag).stdout, rb"\Acoserve \d+\.\d+\.\d+\n\Z")


class Usage(EchoTest):
    def test_mistakes(self):
        for arguments, says in (
            ([], ["URL"]),
            (["127.0.0.1:7700", "x"], ["tcp://HOST:PORT"]),
            (["http://127.0.0.1:7700", "x"], ["http", "tcp://HOST:PORT"]),
            (["tcp://127.0.0.1", "x"], ["port"]),
            (["udp://127.0.0.1:7700?framing=raw", "x"], ["framing", "max-datagram"]),
            (["udp://127.0.0.1:7700", "--framing", "raw", "x"], ["--framing raw", "udp://"]),
            (["udp://127.0.0.1:0", "x"], ["port 0"]),
            (["tcp://127.0.0.1:7700?framing=morse", "x"], ["framing=morse", "length-prefix"]),
            (["tcp://127.0.0.1:7700?fame=raw", "x"], ["fame", "framing"]),
            (["tcp://127.0.0.1:7700", "--framing", "morse", "x"], ["framing=morse", "length-prefix"]),
            (["tcp://127.0.0.1:7700?framing=raw", "--framing", "length-prefix", "x"], ["framing", "raw", "length-prefix"]),
            (["tcp://127.0.0.1:7700", "--timeout", "soon", "x"], ["--timeout", "soon", "10s"]),
            (["tcp://127.0.0.1:7700", "--no-replay", "x"], ["unknown argument --no-replay"]),
            (["tcp://127.0.0.1:7700", "--no-reply=yes", "x"], ["--no-reply", "no value"]),
        ):
            with self.subTest(arguments):
                self.check_fails(self.echo(*arguments), *says, code=2)

    def test_commands(self):
        self.check_fails(run(COSERVE), "subcommand", "--help", code=2)
        self.check_fails(run(COSERVE, "ecco"), "unknown command ecco", "echo", code=2)
        self.check_fails(run(COSERVE, "-x"), "unknown argument -x", code=2)


class Pipe(EchoTest):
    def test_one_request_a_line(self):
        url = self.serve(f"echo={ANY}").url
        self.check_output(self.echo(url, input=b"one\ntwo\n"), b"ONE\nTWO\n")
        self.check_output(self.echo(url, input=b"one\n\nlast without its end"), b"ONE\n\nLAST WITHOUT ITS END\n")
        self.check_output(self.echo(url, input=b"q\n"), b"Q\n")
        self.check_output(self.echo(url, input=b"\n"), b"\n")
        self.check_output(self.echo(url, input=b""), b"")

    def test_any_bytes(self):
        url = self.serve(f"echo={ANY}?mode=verbatim").url
        data = bytes(set(range(256)) - {10}) * 10
        self.check_output(self.echo(url, input=data + b"\n" + data), data + b"\n" + data + b"\n")
        self.check_output(self.echo(url, input=b"a\r\nb\r\n"), b"a\r\nb\r\n")

    def test_long_lines(self):
        url = self.serve(f"echo={ANY}").url
        lines = [b"x" * size for size in (65535, 65536, 65537, 1_000_000, 1, 16 << 20)]
        self.check_output(self.echo(url, input=b"\n".join(lines)), b"".join(line.upper() + b"\n" for line in lines))

    def test_a_line_longer_than_a_frame(self):
        url = self.serve(f"echo={ANY}").url
        result = self.echo(url + "?max-send-frame=64KiB", input=b"first\n" + 200_000 * b"x" + b"\nthird\n")
        self.check_fails(result, "line 2", "65536", "max-send-frame")
        self.assertEqual(result.stdout, b"FIRST\n")

    def test_a_hundred_thousand_lines(self):
        url = self.serve(f"echo={ANY}").url
        source = random.Random(1)
        lines = [b"%d %s" % (i, b"y" * source.randrange(40)) for i in range(100_000)]
        expected = b"".join(line.upper() + b"\n" for line in lines)
        self.check_output(self.echo(url, input=b"".join(line + b"\n" for line in lines)), expected)
        # A file cannot be waited for as a pipe can.
        with open(self.file("lines", "".join(line.decode() + "\n" for line in lines)), "rb") as file:
            self.check_output(self.echo(url, stdin=file), expected)

    def test_every_reply_comes_before_the_next_line_is_due(self):
        url = self.serve(f"echo={ANY}").url
        for flags in ([], ["--framing", "raw"]):
            if flags:
                url = self.serve(f"echo={ANY}?framing=raw").url
            with self.talk(url, *flags) as client:
                for i in range(20):
                    client.stdin.write(b"line %d\n" % i)
                    client.stdin.flush()
                    self.assertEqual(read_until(client.stdout.fileno(), b"\n"), b"LINE %d\n" % i)
                client.stdin.close()
                self.assertEqual(client.wait(LIMIT), 0)

    def test_a_reader_that_is_slow_to_come(self):
        """All that is on its way is held back, and nothing is lost."""
        url = self.serve(f"echo={ANY}").url
        data = b"".join(b"%d %s\n" % (i, b"z" * 1000) for i in range(20_000))
        path = os.path.join(self.directory, "input")
        with open(path, "wb") as file:
            file.write(data)
        with open(path, "rb") as file, subprocess.Popen(
            [COSERVE, "echo", url], stdin=file, stdout=subprocess.PIPE
        ) as client:
            self.addCleanup(client.kill)
            first = read_until(client.stdout.fileno(), b"\n")
            self.assertEqual(first + client.stdout.read(), data.upper())
            self.assertEqual(client.wait(LIMIT), 0)

    def test_leaves_its_input_as_it_was(self):
        """Whoever shares it must not find it non-blocking."""
        url = self.serve(f"echo={ANY}").url
        reader, writer = os.pipe()
        os.write(writer, b"hello\n")
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            self.check_output(self.echo(url, stdin=pipe), b"HELLO\n")
            self.assertTrue(os.get_blocking(pipe.fileno()))

    @contextlib.contextmanager
    def talk(self, url, *flags):
        with subprocess.Popen([COSERVE, "echo", url, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            try:
                yield client
            finally:
                client.kill()


class Raw(EchoTest):
    def setUp(self):
        super().setUp()
        self.url = self.serve(f"echo={ANY}?framing=raw").url + "?framing=raw"

    def test_arguments_and_lines(self):
        self.check_output(self.echo(self.url, "one", "", "two"), b"ONE\n\nTWO\n")
        self.check_output(self.echo(self.url, input=b"one\n\ntwo"), b"ONE\n\nTWO\n")

    def test_a_reply_in_many_reads(self):
        text = b"x" * (5 << 20)
        self.check_output(self.echo(self.url, input=text + b"\nshort\n"), text.upper() + b"\nSHORT\n")

    def test_a_reply_shorter_than_its_request(self):
        def serve(connection):
            for reply in (b"yes", b"no"):
                connection.recv(1024)
                connection.sendall(reply)
            connection.recv(1024)

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", "a question", "another"), b"yes\nno\n")

    def test_a_reply_longer_than_its_request(self):
        def serve(connection):
            connection.recv(1024)
            connection.sendall(b"a longer answer")
            connection.recv(1024)

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", "a"), b"a longer answer\n")

    def test_a_server_that_answers_once_and_closes(self):
        def serve(connection):
            self.assertEqual(connection.recv(1024), b"adas")
            connection.sendall("帅逼".encode("gbk"))

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", "adas"), b"\xcb\xa7\xb1\xc6\n")
        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", input=b"adas\n"), b"\xcb\xa7\xb1\xc6\n")

    def test_a_server_that_closes_without_an_answer(self):
        with Peer(lambda connection: connection.recv(1024)) as peer:
            self.check_fails(self.echo(peer.url, "--framing", "raw", "x"), peer.url, "ended the connection")


class Encoding(EchoTest):
    """Servers that speak something else than UTF-8."""

    def converse(self, *pieces, requests=None):
        """A server that answers each read with the next of `pieces`."""

        def serve(connection):
            for piece in pieces:
                request = connection.recv(1024)
                if requests is not None:
                    requests.append(request)
                connection.sendall(piece)

        return Peer(serve)

    def test_a_request_that_its_framing_cannot_hold(self):
        for query, text in (("framing=line", "x\ny"), ("framing=fixed&size=5", "abc"), ("width=1", "x" * 200)):
            server = self.serve(f"echo={ANY}?{query}")
            for arguments in ([text], ["--no-reply", text]):
                self.check_fails(self.echo(f"{server.url}?{query}", *arguments), "no way to write this frame")
        server = self.serve(f"echo={ANY}?framing=line")
        result = self.echo(f"{server.url}?framing=line", input=b"good\nbad\r\nlost\n")
        self.assertEqual(result.stdout, b"GOOD\n")  # what was asked before is answered
        self.assertEqual(result.returncode, 1)

    def test_a_server_that_answers_gbk(self):
        for flags in (["--encoding", "GBK"], ["--encoding=gbk"], ["--encoding", "gb18030"]):
            requests = []
            with self.converse("帅逼".encode("gbk"), requests=requests) as peer:
                self.check_output(self.echo(peer.url, "--framing", "raw", *flags, "你好"), "帅逼\n".encode())
            self.assertEqual(requests, ["你好".encode("gbk")])

    def test_other_encodings_both_ways(self):
        for encoding, text in (("big5", "中文"), ("shift_jis", "日本語"), ("latin-1", "café"), ("utf-16-le", "中😀")):
            with Peer(echo_frames) as peer:
                name = encoding.replace("utf-16-le", "UTF-16LE")
                self.check_output(self.echo(peer.url, "--encoding", name, text, text), (text + "\n").encode() * 2)
        frames = []

        def serve(connection):
            frames.append(receive_frame(connection))
            connection.sendall(frame("日本".encode("shift_jis")))

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--encoding", "Shift-JIS", "語"), "日本\n".encode())
        self.assertEqual(frames, ["語".encode("shift_jis")])

    def test_a_character_split_over_two_reads(self):
        """A reply that is as long as its request does not end within a character."""

        def serve(connection):
            connection.recv(1024)
            for i in range(len(reply)):
                connection.sendall(reply[i : i + 1])
            self.assertEqual(connection.recv(1024), b"next")
            connection.sendall(b"done")

        reply = "帅逼".encode("gbk")
        for _ in range(10):
            with Peer(serve) as peer:
                result = self.echo(peer.url, "--framing", "raw", "--encoding", "GBK", "abc", "next")
                self.check_output(result, "帅逼\ndone\n".encode())

    def test_what_is_malformed_is_shown(self):
        with self.converse(b"a\xffb\xcb") as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", "--encoding", "GBK", "x"), b"a\\xffb\\xcb\n")

        def serve(connection):
            for reply in (b"\xb1\xc6\xcb", b"\xa7"):  # a frame is a text of its own
                receive_frame(connection)
                connection.sendall(frame(reply))

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--encoding", "GBK", "x", "y"), "逼\\xcb\n\\xa7\n".encode())

    def test_lines(self):
        requests = []
        with self.converse("一".encode("gbk"), "二".encode("gbk"), requests=requests) as peer:
            result = self.echo(peer.url, "--framing", "raw", "--encoding", "GBK", input="帅\n逼".encode())
            self.check_output(result, "一\n二\n".encode())
        self.assertEqual(requests, ["帅".encode("gbk"), "逼".encode("gbk")])
        with Peer(echo_frames) as peer:
            lines = "".join(f"第{i}行\n" for i in range(20_000)).encode()
            self.check_output(self.echo(peer.url, "--encoding", "GBK", input=lines), lines)

    def test_what_cannot_be_encoded(self):
        url = unused_url()
        self.check_fails(self.echo(url, "--encoding", "GBK", "好", "a😀"), "TEXT 2", "U+1F600", "GBK", code=2)
        for flags in ([], ["--framing", "raw"]):
            with Peer(echo_frames if not flags else lambda c: c.sendall(c.recv(1024)) or c.recv(1)) as peer:
                result = self.echo(peer.url, *flags, "--encoding", "GBK", input="好\n😀\n好\n".encode())
                self.check_fails(result, "line 2 of standard input", "U+1F600")
                self.assertEqual(result.stdout, "好\n".encode())

    def test_names(self):
        url = unused_url()
        self.check_fails(self.echo(url, "--encoding", "GKB", "x"), 'encoding "GKB"', "did you mean GBK?", code=2)
        for name in ("", "GBK//TRANSLIT", "klingonese"):
            self.check_fails(self.echo(url, "--encoding", name, "x"), "encoding", "is unknown", code=2)
        self.assertIn(b"--encoding NAME", self.echo("--help").stdout)

    def test_only_sends(self):
        received = []
        with Peer(lambda connection: received.append(receive_rest(connection))) as peer:
            self.check_output(self.echo(peer.url, "--framing=raw", "--no-reply", "--encoding", "GBK", "帅", "逼"), b"")
        self.assertEqual(received, ["帅逼".encode("gbk")])


class Servers(EchoTest):
    def test_nobody_listens(self):
        url = unused_url()
        self.check_fails(self.echo(url, "x"), url, "Connection refused")
        self.check_fails(self.echo(url, input=b"x\n"), url, "Connection refused")
        self.check_fails(self.echo("unix:" + os.path.join(self.directory, "none"), "x"), "No such file")
        self.check_fails(self.echo("tcp://nowhere.invalid:7700", "x"), "nowhere.invalid")

    def test_nobody_answers_the_connection(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            address = listener.getsockname()
            # As many as the queue takes: the next one gets no answer.
            waiting = [socket.socket() for _ in range(4)]
            for s in waiting:
                s.setblocking(False)
                self.assertIn(s.connect_ex(address), (0, errno.EINPROGRESS))
            try:
                before = time.monotonic()
                result = self.echo(f"tcp://127.0.0.1:{address[1]}", "--timeout", "200ms", "x")
                self.check_fails(result, str(address[1]))
                self.assertGreaterEqual(time.monotonic() - before, 0.15)
            finally:
                for s in waiting:
                    s.close()

    def test_one_answer_then_the_end(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)))

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "once"), b"once\n")
        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, input=b"once\n"), b"once\n")
        # It need not wait for an input that stays open.
        reader, writer = os.pipe()
        os.write(writer, b"once\n")
        with Peer(serve) as peer, os.fdopen(reader, "rb") as pipe:
            self.check_output(self.echo(peer.url, stdin=pipe), b"once\n")
        os.close(writer)

    def test_the_end_before_the_last_answer(self):
        def serve(connection):
            requests = [receive_frame(connection) for _ in range(3)]
            connection.sendall(frame(requests[0]))

        with Peer(serve) as peer:
            result = self.echo(peer.url, "one", "two", "three")
            self.check_fails(result, peer.url, "ended the connection", "1 of 3")
            self.assertEqual(result.stdout, b"one\n")

    def test_the_end_while_much_is_still_to_be_sent(self):
        def serve(connection):
            receive_frame(connection)
            connection.shutdown(socket.SHUT_WR)
            gone.wait(LIMIT)  # and reads no more

        gone = threading.Event()
        before = time.monotonic()
        with Peer(serve) as peer:
            result = self.echo(peer.url, input=b"x" * 1000 + b"\n" + b"y" * 10_000_000)
            gone.set()
            self.check_fails(result, peer.url, "ended the connection")
        self.assertLess(time.monotonic() - before, 20)

    def test_the_end_inside_a_reply(self):
        def serve(connection):
            receive_frame(connection)
            connection.sendall(frame(b"a reply")[:-2])

        with Peer(serve) as peer:
            self.check_fails(self.echo(peer.url, "x"), peer.url)

    def test_a_reply_that_breaks_the_framing(self):
        def serve(connection):
            receive_frame(connection)
            connection.sendall(b"\xff\xff\xff\xff")
            with contextlib.suppress(ConnectionResetError):
                connection.recv(1024)

        with Peer(serve) as peer:
            self.check_fails(self.echo(peer.url, "x"), peer.url, "negative")

    def test_a_reset(self):
        def serve(connection):
            receive_frame(connection)
            reset(connection)

        with Peer(serve) as peer:
            self.check_fails(self.echo(peer.url, "x"), peer.url, "reset")

    def test_the_own_side_stays_open_until_the_last_reply(self):
        def serve(connection):
            requests = [receive_frame(connection) for _ in range(2)]
            connection.setblocking(False)
            with self.assertRaises(BlockingIOError):
                connection.recv(1)
            connection.setblocking(True)
            for request in requests:
                connection.sendall(frame(request))
            self.assertEqual(connection.recv(1), b"")

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "one", "two"), b"one\ntwo\n")
        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, input=b"one\ntwo\n"), b"one\ntwo\n")

    def test_more_than_one_address(self):
        """A name is tried at each of its addresses."""
        with Peer(echo_frames) as peer:
            self.check_output(self.echo(peer.url.replace("127.0.0.1", "localhost"), "hello"), b"hello\n")


class NoReply(EchoTest):
    def test_only_sends(self):
        received = []

        def serve(connection):
            received.append(receive_rest(connection))

        with Peer(serve, connections=2) as peer:
            self.check_output(self.echo(peer.url, "--framing", "raw", "--no-reply", "one", "two"), b"")
            self.check_output(self.echo(peer.url, "--no-reply", input=b"one\n\ntwo\n"), b"")
        self.assertEqual(received, [b"onetwo", frame(b"one") + frame(b"") + frame(b"two")])

    def test_drops_what_the_server_answers(self):
        url = self.serve(f"echo={ANY}").url
        lines = b"".join(b"%d\n" % i for i in range(100_000))
        self.check_output(self.echo(url, "--no-reply", input=lines), b"")

    def test_arrives_whole_though_replies_are_on_their_way(self):
        received = []

        def serve(connection):
            connection.sendall(b"unasked" * 1000)
            received.append(len(receive_rest(connection)))

        with Peer(serve) as peer:
            self.check_output(self.echo(peer.url, "--no-reply", input=b"x" * 1_000_000), b"")
        self.assertEqual(received, [1_000_004])


class Output(EchoTest):
    def test_a_reader_that_has_gone(self):
        url = self.serve(f"echo={ANY}").url
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            result = subprocess.run(
                [COSERVE, "echo", url, "x"], stdout=pipe, stderr=subprocess.PIPE, timeout=LIMIT, check=False
            )
        result.stdout = b""
        self.check_fails(result, "standard output", "Broken pipe")

    def test_a_reader_that_goes_in_between(self):
        url = self.serve(f"echo={ANY}").url
        lines = self.file("lines", "".join(f"line {i}\n" for i in range(300_000)))
        before = time.monotonic()
        with open(lines, "rb") as file, subprocess.Popen(
            [COSERVE, "echo", url], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as client:
            self.addCleanup(client.kill)
            read_until(client.stdout.fileno(), b"LINE 1\n")
            client.stdout.close()
            self.assertRegex(client.stderr.read(), rb"\Acoserve: [^\n]*standard output[^\n]*\n\Z")
            self.assertEqual(client.wait(LIMIT), 1)
        self.assertLess(time.monotonic() - before, 20)  # nobody waits for a deadline

    def test_a_closed_standard_output(self):
        url = self.serve(f"echo={ANY}").url
        result = run("/bin/sh", "-c", 'exec "$0" echo "$1" x >&-', COSERVE, url)
        self.check_fails(result, "standard output")

    def test_a_closed_standard_input(self):
        url = self.serve(f"echo={ANY}").url
        self.check_output(run("/bin/sh", "-c", 'exec "$0" echo "$1" x <&-', COSERVE, url), b"X\n")
        self.check_fails(run("/bin/sh", "-c", 'exec "$0" echo "$1" <&-', COSERVE, url), "standard input")


class Prompt(EchoTest):
    def open(self, url, *flags, **options):
        terminal = self.enterContext(Terminal(COSERVE, "echo", url, *flags, **options))
        terminal.expect(">>> ")
        return terminal

    def test_asks_until_q(self):
        terminal = self.open(self.serve(f"echo={ANY}").url)
        for text in ("hello", "阿宸真帅", "several words"):
            terminal.type(text + "\r")
            terminal.expect("\n" + text.upper() + "\r\n")
            terminal.expect(">>> ")
        terminal.type("q\r")
        self.assertEqual(terminal.wait(), 0)

    def test_ends_with_its_input(self):
        terminal = self.open(self.serve(f"echo={ANY}").url)
        before = terminal.attributes()
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotEqual(terminal.attributes(), before)  # the editor's were in force, and are no more
        self.assertTrue(terminal.attributes()[3] & termios.ICANON)

    def test_skips_empty_lines(self):
        received = []

        def serve(connection):
            with contextlib.suppress(EOFError):
                while True:
                    received.append(receive_frame(connection))
                    connection.sendall(frame(received[-1]))

        with Peer(serve) as peer:
            terminal = self.open(peer.url)
            terminal.type("\r")
            terminal.expect(">>> ")
            terminal.type("x\r")
            terminal.expect("\nx\r\n")
            terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)
        self.assertEqual(received, [b"x"])

    def test_edits_and_remembers(self):
        terminal = self.open(self.serve(f"echo={ANY}").url)
        terminal.type("hellx\x7fo\x01say \x05!\r")  # backspace, to the start, to the end
        terminal.expect("\nSAY HELLO!\r\n")
        terminal.expect(">>> ")
        terminal.type("second\r")
        terminal.expect("\nSECOND\r\n")
        terminal.expect(">>> ")
        terminal.type("\x1b[A\x1b[A\r")  # up, twice
        terminal.expect("\nSAY HELLO!\r\n")
        terminal.expect(">>> ")
        terminal.type("\x10 now\r")
        terminal.expect("\nSAY HELLO! NOW\r\n")

    def test_terminals_and_locales_of_little_use(self):
        for environment in ({"TERM": "dumb"}, {"TERM": ""}, {"TERM": "unheard-of"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}):
            with self.subTest(environment):
                terminal = self.open(self.serve(f"echo={ANY}").url, environment=environment)
                terminal.type("阿宸 x\r")
                terminal.expect("阿宸 X\r\n")
                terminal.expect(">>> ")
                terminal.type("q\r")
                self.assertEqual(terminal.wait(), 0)

    def test_control_characters_are_shown(self):
        def serve(connection):
            receive_frame(connection)
            connection.sendall(frame(b"a\x1b[2Jb\x07\xffc\xc2\x9bd\te"))
            connection.recv(1)

        with Peer(serve) as peer:
            terminal = self.open(peer.url)
            terminal.type("x\r")
            terminal.expect("a\\x1b[2Jb\\x07\\xffc\\xc2\\x9bd\te\r\n")
            terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)

    def test_an_encoding(self):
        def serve(connection):
            for reply in ("帅逼".encode("gbk") + b"\x1b[2J\xff", "逼".encode("gbk")):
                requests.append(receive_frame(connection))
                connection.sendall(frame(reply))
            connection.recv(1)

        requests = []
        with Peer(serve) as peer:
            terminal = self.open(peer.url, "--encoding", "GBK")
            terminal.type("你好\r")
            terminal.expect("\n帅逼\\x1b[2J\\xff\r\n")
            terminal.expect(">>> ")
            terminal.type("é😀\r")  # GBK has the first
            terminal.expect("coserve: U+1F600 (😀) at byte 2 is not in GBK")
            terminal.expect(">>> ")
            terminal.type("好\r")
            terminal.expect("\n逼\r\n")
            terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)
        self.assertEqual(requests, ["你好".encode("gbk"), "好".encode("gbk")])

    def test_the_server_goes_while_nobody_types(self):
        server = self.serve(f"echo={ANY}")
        terminal = self.open(server.url)
        self.assertEqual(server.stop(), 0)
        terminal.expect("coserve: the server ended the connection")
        self.assertEqual(terminal.wait(), 0)
        self.assertTrue(terminal.attributes()[3] & termios.ICANON)

    def test_the_server_goes_instead_of_answering(self):
        with Peer(receive_frame) as peer:
            terminal = self.open(peer.url)
            terminal.type("x\r")
            terminal.expect("ended the connection")
            self.assertEqual(terminal.wait(), 1)

    def test_one_answer_then_the_end(self):
        def serve(connection):
            connection.recv(1024)
            connection.sendall(b"bye")

        with Peer(serve) as peer:
            terminal = self.open(peer.url, "--framing", "raw")
            terminal.type("x\r")
            terminal.expect("\nbye\r\n")
            self.assertEqual(terminal.wait(), 0)

    def test_no_reply(self):
        received = []

        def serve(connection):
            received.append(receive_rest(connection))

        with Peer(serve) as peer:
            terminal = self.open(peer.url, "--framing=raw", "--no-reply")
            for text in ("one", "two"):
                terminal.type(text + "\r")
                terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)
        self.assertEqual(received, [b"onetwo"])

    def test_an_interrupt_gives_the_terminal_back(self):
        terminal = self.open(self.serve(f"echo={ANY}").url)
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.wait(), -signal.SIGINT)
        self.assertTrue(terminal.attributes()[3] & termios.ICANON)

    def test_data_goes_to_standard_output_and_the_prompt_elsewhere(self):
        path = os.path.join(self.directory, "output")
        with open(path, "wb") as file:
            terminal = self.open(self.serve(f"echo={ANY}").url, stdout=file)
            terminal.type("hello\r")
            terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"HELLO\n")


if __name__ == "__main__":
    unittest.main()
