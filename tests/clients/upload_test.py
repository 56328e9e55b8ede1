"""The program `coserve upload`, with coserved and with servers such as the tutorials have."""

import contextlib
import json
import os
import pty
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import support  # pylint: disable=wrong-import-position
import uploads  # pylint: disable=wrong-import-position

CONTENT = random.Random(3).randbytes(3_000_003)


class UploadTest(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.uploads = os.path.join(self.directory, "uploads")

    def binary(self, name, content):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def start(self, query=""):
        return self.serve(f"upload=tcp://127.0.0.1:0?dir={self.uploads}{query}")

    def upload(self, *arguments, **options):
        return support.run(support.COSERVE, "upload", *arguments, cwd=self.directory, **options)

    def check_stored(self, result, files):
        """That it says so, as sha256sum does, and that it is so."""
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [f"{uploads.sha256(content)}  {name}" for name, content in files.items()]
        self.assertEqual(result.stdout.decode().splitlines(), lines)
        for name, content in files.items():
            self.assertEqual(uploads.content(self.uploads, name), content)


class OwnServerTest(UploadTest):
    def test_files_of_any_size(self):
        server = self.start()
        files = {"empty": b"", "one": b"x", "性感美女在线发牌.mp4": CONTENT, "marks": b"##" * 1000}
        paths = [self.binary(name, content) for name, content in files.items()]
        result = self.upload(server.url, *paths)
        self.check_stored(result, files)
        self.assertRegex(result.stderr.decode(), r"\Acoserve: 4 of 4 files, 2\.9 MiB in \d+\.\d s, [\d.]+ \w+/s\n\Z")

    def test_directories(self):
        server = self.start()
        for name in ("tree/b", "tree/deep/a", "tree/deep/deeper/c"):
            self.binary(name, name.encode())
        os.symlink("/etc/passwd", os.path.join(self.directory, "tree", "link"))
        result = self.upload("-r", server.url, "tree/")
        self.check_stored(result, {"b": b"tree/b", "a": b"tree/deep/a", "c": b"tree/deep/deeper/c"})
        self.assertEqual(uploads.stored(self.uploads), ["a", "b", "c"])

    def test_what_is_wrong_with_arguments(self):
        self.binary("d/a", b"")
        self.binary("a", b"")
        url = "tcp://127.0.0.1:1"
        for arguments, fragments in {
            (url, "d"): ["-r"],
            (url, "missing"): ["missing", "No such file"],
            (url, "-r", "d", "a"): ["a", "d/a", "same name"],
            (url, "/dev/null"): ["/dev/null", "not a file"],
            (url,): ["FILE"],
            (url, "--wire", "tar", "a"): ["--wire tar", "marker"],
            (url, "--plain", "--resume", "a"): ["--resume"],
            (url, "--reply-timeout", "soon", "a"): ["--reply-timeout soon", "must be a time"],
            ("http://x", "a"): ["http://x"],
        }.items():
            self.check_failure(self.upload(*arguments), 2, *fragments, program="coserve")

    def test_one_failure_does_not_stop_the_others(self):
        server = self.start()
        files = {"a": b"1", "b": b"2", "c": b"3"}
        paths = [self.binary(name, content) for name, content in files.items()]
        self.upload(server.url, paths[1])
        result = self.upload(server.url, *paths)
        self.assertEqual(result.returncode, 1)
        lines = result.stderr.decode().splitlines()
        self.assertRegex(lines[0], r"^coserve: .*/b: file_name: there is a file of this name already \(exists\)$")
        self.assertEqual(lines[-1], "coserve: 1 of 3 files failed")
        self.assertEqual(uploads.stored(self.uploads), ["a", "b", "c"])

    def test_one_line_where_it_fails(self):
        server = self.start("&max-file=10")
        path = self.binary("a", b"x" * 11)
        self.check_failure(self.upload(server.url, path), 1, "too-large", "maximum being 10", program="coserve")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            url = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        self.check_failure(self.upload(url, path), 1, url, "refused", program="coserve")

    def test_a_message_is_in_the_log(self):
        server = self.start()
        self.upload(server.url, self.binary("a", b""), "--message", "注意\n身体哦")
        support.poll(lambda: "msg: 注意\\x0a身体哦" in server.log(), "the message")

    def test_an_interrupted_upload_goes_on(self):
        server = self.start()
        content = CONTENT * 20
        path = self.binary("big", content)
        header = uploads.announced("big", content, reply=True, resume=True, sha256=uploads.sha256(content))
        with support.connect(server.url) as peer:
            peer.sendall(header)
            uploads.reply(peer)
            peer.sendall(content[:1_000_000])
        support.poll(lambda: uploads.partials(self.uploads), "a part that is kept")
        self.check_stored(self.upload("--resume", server.url, path), {"big": content})
        self.assertEqual(uploads.partials(self.uploads), [])

    def test_a_client_that_is_killed_goes_on_where_it_was(self):
        server = self.start()
        content, passed = CONTENT * 4, 5_000_000
        path = self.binary("big", content)
        partial = os.path.join(self.uploads, ".coserve-partial", f"{uploads.sha256(content)}-{len(content)}")
        killed = threading.Event()
        offsets, sizes = [], []

        def relay(connection, most):
            """A header, the reply to it, then so many bytes of the file."""
            with support.connect(server.url) as onward:
                onward.sendall(support.frame(support.receive_frame(connection)))
                said = support.receive_frame(onward)
                offsets.append(json.loads(said)["offset"])
                connection.sendall(support.frame(said))
                left = size = min(most, len(content) - offsets[-1])
                sizes.append(size)
                while left:
                    part = connection.recv(min(left, 65536))
                    self.assertTrue(part)
                    onward.sendall(part)
                    left -= len(part)
                if most < len(content):
                    killed.wait(support.LIMIT)
                else:
                    connection.sendall(support.frame(support.receive_frame(onward)))

        with support.Peer(lambda c: relay(c, passed)) as between:
            with subprocess.Popen(
                [support.COSERVE, "upload", "--resume", between.url, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as client:
                support.poll(lambda: os.path.exists(partial) and os.path.getsize(partial) == passed, "its first part")
                client.kill()
                client.communicate()
                killed.set()
        with support.Peer(lambda c: relay(c, len(content))) as between:
            self.check_stored(self.upload("--resume", between.url, path), {"big": content})
        self.assertEqual(offsets, [0, passed])
        self.assertEqual(sizes, [passed, len(content) - passed])

    @unittest.skipUnless(support.can_trace(), "strace cannot trace here")
    def test_hashing_keeps_no_server_waiting(self):
        server = self.start()
        path = self.binary("big", CONTENT * 20)

        def calls(*options):
            trace = os.path.join(self.directory, "trace")
            result = support.run(
                "strace", "-f", "-qq", "-o", trace, "-e", "trace=connect,pread64,sendfile",
                support.COSERVE, "upload", *options, server.url, path,
                env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
            )  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            with open(trace, encoding="utf-8") as file:
                return re.findall(r"^\d+ +(\w+)\(", file.read(), re.MULTILINE)

        made = calls()
        self.assertLess(made.index("sendfile"), len(made) - 1 - made[::-1].index("pread64"), "it hashes beside sending")
        os.remove(os.path.join(self.uploads, "big"))
        made = calls("--resume")
        hashed = len(made) - 1 - made[::-1].index("pread64")
        self.assertLess(hashed, made.index("connect"), "it hashes before it connects")

    def test_a_client_that_is_killed_goes_on(self):
        server = self.start()
        content = CONTENT * 30
        path = self.binary("big", content)
        client = subprocess.Popen(
            [support.COSERVE, "upload", "--resume", server.url, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with client:
            support.poll(lambda: uploads.partials(self.uploads) or client.poll() is not None, "it has begun")
            client.send_signal(signal.SIGKILL)
            client.communicate()
        if "big" not in uploads.stored(self.uploads):
            self.check_stored(self.upload("--resume", server.url, path), {"big": content})

    def test_marker(self):
        server = self.serve(f"upload=tcp://127.0.0.1:0?wire=marker&dir={self.uploads}")
        contents = [b"", CONTENT, "##发送完毕".encode()]
        paths = [self.binary(f"f{i}", content) for i, content in enumerate(contents)]
        result = self.upload("--wire", "marker", server.url, *paths)
        self.assertEqual((result.returncode, result.stdout), (0, b""), result.stderr)
        support.poll(lambda: len(uploads.stored(self.uploads)) == 3, "three files")
        found = [uploads.content(self.uploads, name) for name in uploads.stored(self.uploads)]
        self.assertEqual(sorted(found), sorted(contents))


class ProgressTest(UploadTest):
    def shown(self, *arguments):
        """What a terminal gets."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        client = subprocess.Popen(
            [support.COSERVE, "upload", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
        )
        with client:
            os.close(theirs)
            shown = support.read_until(ours, b"/s\r\n").decode()
            self.assertEqual(client.wait(support.LIMIT), 0)
        os.close(ours)
        return shown.lstrip("\r")

    def test_a_bar_on_a_terminal(self):
        server = self.start()
        shown = "\r" + self.shown(server.url, self.binary("big", CONTENT * 10))
        lines = re.split(r"\r(?!\n)", shown)
        self.assertRegex(lines[1], r"^big +\d+ % \[[=> ]+\] .* of 28\.6 MiB.*\x1b\[K$")
        for line in lines:
            self.assertLess(len(line.replace("\x1b[K", "")), 100)
        self.assertIn("1 of 1 file, 28.6 MiB", lines[-1])

    def test_a_bar_while_it_hashes(self):
        server = self.start()
        shown = self.shown("--resume", server.url, self.binary("big", CONTENT * 10))
        self.assertRegex(shown, r"^hashing big +\d+ % ")

    def test_none_elsewhere(self):
        server = self.start()
        result = self.upload(server.url, self.binary("a", CONTENT))
        self.assertNotIn(b"\r", result.stderr)


class OtherServersTest(UploadTest):
    """Servers such as the tutorials have, one connection after the other, written from the format."""

    def receive_one(self, connection, directory):
        """As a tutorial does: recv(4), recv(n), recv(1024) until all is there; prints, never answers."""
        (size,) = struct.unpack("i", connection.recv(4))
        header = json.loads(connection.recv(size).decode())
        path = os.path.join(directory, header["file_name"])
        received = 0
        with open(path, "wb") as file:
            while received < header["file_size"]:
                data = connection.recv(1024)
                if not data:
                    return
                file.write(data)
                received += len(data)
        self.shown.append(header["msg"])

    def test_plain(self):
        self.shown = []
        os.mkdir(self.uploads)
        files = {"empty": b"", "photo.jpg": CONTENT, "性感美女在线发牌.mp4": b"x" * 5000}
        paths = [self.binary(name, content) for name, content in files.items()]
        with support.Peer(lambda c: self.receive_one(c, self.uploads), connections=3) as server:
            result = self.upload("--plain", "--message", "注意身体哦", server.url, *paths)
            self.assertEqual((result.returncode, result.stdout), (0, b""), result.stderr)
        self.assertEqual(self.shown, ["注意身体哦"] * 3)
        for name, content in files.items():
            self.assertEqual(uploads.content(self.uploads, name), content)

    def test_plain_header_in_bytes(self):
        got = []

        def serve(connection):
            got.append(support.receive_rest(connection))

        with support.Peer(serve) as server:
            self.upload("--plain", "--message", "m", server.url, self.binary("é\"", b"abc"))
        text = b'{"file_name": "\\u00e9\\"", "file_size": 3, "msg": "m"}'
        self.assertEqual(got, [struct.pack("i", len(text)) + text + b"abc"])

    def test_marker_as_the_tutorials_receiver_reads_it(self):
        got = []

        def serve(connection):
            content = b""
            while (data := connection.recv(1024)) != b"##":
                if not data:
                    return
                content += data
            got.append((content, connection.recv(1024).decode()))

        with support.Peer(serve) as server:
            result = self.upload("--wire", "marker", server.url, self.binary("a", CONTENT[:300_000]))
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(got, [(CONTENT[:300_000], "发送完毕")])

    def test_a_server_that_stores_other_bytes(self):
        def serve(connection):
            header = uploads.reply(connection)
            connection.sendall(uploads.header(status="ready", offset=0))
            support.receive(connection, header["file_size"])
            connection.sendall(
                uploads.header(status="stored", file_name="a", size=header["file_size"], sha256="0" * 64)
            )
            connection.recv(1)

        with support.Peer(serve) as server:
            result = self.upload(server.url, self.binary("a", b"abc"))
            self.check_failure(result, 1, "other bytes", uploads.sha256(b"abc"), program="coserve")

    def test_a_server_that_refuses_in_the_middle(self):
        def serve(connection):
            uploads.reply(connection)
            connection.sendall(uploads.header(status="ready", offset=0))
            support.receive(connection, 100_000)
            connection.sendall(uploads.header(error="no-space", message="the disk is full"))
            support.receive_rest(connection)

        def reset(connection):
            try:
                serve(connection)
            except ConnectionError:
                pass

        with support.Peer(reset) as server:
            result = self.upload(server.url, self.binary("a", CONTENT * 10))
            self.check_failure(result, 1, "the disk is full (no-space)", program="coserve")

    def test_a_server_that_never_replies(self):
        def silent(connection):
            with contextlib.suppress(ConnectionError):
                support.receive_rest(connection)

        def silent_at_the_end(connection):
            header = uploads.reply(connection)
            connection.sendall(uploads.header(status="ready", offset=0))
            support.receive(connection, header["file_size"])
            silent(connection)

        for serve in (silent, silent_at_the_end):
            with support.Peer(serve) as server:
                result = self.upload("--reply-timeout", "300ms", server.url, self.binary("a", CONTENT))
                self.check_failure(result, 1, "/a: the server does not reply", program="coserve")

    def test_servers_that_make_no_sense(self):
        for answer in (
            uploads.header(status="stored", file_name="a", size=3, sha256="0" * 64),
            uploads.header(status="ready", offset=4),
            uploads.header(status="perhaps"),
            support.frame(b"no JSON"),
            b"",
        ):

            def serve(connection, answer=answer):
                uploads.reply(connection)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                support.receive_rest(connection)

            def until_reset(connection, serve=serve):
                try:
                    serve(connection)
                except ConnectionError:
                    pass

            with support.Peer(until_reset) as server:
                result = self.upload(server.url, self.binary("a", b"abc"))
                self.check_failure(result, 1, "/a: ", program="coserve")


if __name__ == "__main__":
    unittest.main()
