"""Uploads in the tutorials' formats, by a stranger's Python, against the real coserved."""

import hashlib
import json
import os
import pathlib
import random
import signal
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import support  # pylint: disable=wrong-import-position
import uploads  # pylint: disable=wrong-import-position
from uploads import announced, content, finish, header, partials, reply, sha256, stored  # pylint: disable=wrong-import-position

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + random.Random(1).randbytes(70_001) + b"\xff\xd9"
MARKER_END = "##发送完毕".encode()
LARGE = 1 << 30 if os.environ.get("COSERVE_MASS") == "full" else 40 << 20


class UploadTest(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.uploads = os.path.join(self.directory, "uploads")
        self.server = None

    def start(self, query="", **options):
        self.server = self.serve(f"upload=tcp://127.0.0.1:0?dir={self.uploads}{query}", **options)
        return self.server

    def connect(self):
        return self.enterContext(support.connect(self.server.url))

    def upload(self, *parts):
        """Sends that on a connection of its own, and gives what came back."""
        peer = self.connect()
        for part in parts:
            peer.sendall(part)
        return finish(peer)

    def refused(self, *parts):
        """The same for what the server ends, perhaps in the middle."""
        peer = self.connect()
        try:
            for part in parts:
                peer.sendall(part)
            return finish(peer)
        except (ConnectionError, OSError):
            peer.close()
            return b""

    def check_log(self, *fragments):
        support.poll(lambda: all(f in self.server.log() for f in fragments), f"{fragments} in the log")


class JsonHeaderTest(UploadTest):
    def test_files_of_every_kind_arrive_and_nothing_is_answered(self):
        self.start()
        for name, data in {
            "photo.jpg": JPEG,
            "empty": b"",
            "one": b"x",
            "marks": b"##" * 40_000 + MARKER_END,
            "性感美女在线发牌.mp4": JPEG[:1000],
        }.items():
            self.assertEqual(self.upload(announced(name, data), data), b"")
            self.assertEqual(content(self.uploads, name), data)

    def test_the_tutorials_uploader_sends_line_by_line(self):
        self.start()
        text = "".join(f"line {i} 你好\n" for i in range(3000)).encode()
        peer = self.connect()
        head = json.dumps({"file_name": "lines.txt", "file_size": len(text), "msg": "注意身体哦"}).encode()
        peer.send(struct.pack("i", len(head)))
        peer.send(head)
        for line in text.splitlines(keepends=True):
            peer.send(line)
        self.assertEqual(finish(peer), b"")
        self.assertEqual(content(self.uploads, "lines.txt"), text)
        self.check_log("lines.txt", "注意身体哦")

    def test_the_header_in_the_documentation(self):
        """134 bytes, 86000000; the file is larger than the disk is asked for."""
        self.start("&max-file=1MiB")
        head = header(file_name="性感美女在线发牌.mp4", file_size=254031692, msg="注意身体哦")
        self.assertEqual(head[:4], bytes.fromhex("86000000"))
        self.assertEqual(len(head), 4 + 134)
        self.refused(head)
        self.check_log("file_size: 254031692 bytes, the maximum being 1048576")
        self.assertEqual(stored(self.uploads), [])

    def test_a_large_file(self):
        self.start()
        block = random.Random(2).randbytes(1 << 20)
        digest = hashlib.sha256()
        peer = self.connect()
        peer.sendall(header(file_name="large", file_size=LARGE))
        for _ in range(LARGE // len(block)):
            peer.sendall(block)
            digest.update(block)
        self.assertEqual(finish(peer), b"")
        found = hashlib.sha256()
        with open(os.path.join(self.uploads, "large"), "rb") as file:
            while part := file.read(1 << 20):
                found.update(part)
        self.assertEqual(found.hexdigest(), digest.hexdigest())

    def test_three_files_on_one_connection_in_any_pieces(self):
        self.start()
        files = {"a": JPEG, "b": b"", "c": JPEG * 2}
        stream = b"".join(announced(name, data) + data for name, data in files.items())
        for size in (1000, 4099, len(stream)):
            directory = self.uploads
            self.upload(*[stream[i : i + size] for i in range(0, len(stream), size)])
            for name, data in files.items():
                self.assertEqual(content(directory, name), data)
                os.remove(os.path.join(directory, name))

    def test_the_misspelt_key(self):
        self.start()
        self.upload(header(fiel_name="x.txt", file_size=3), b"abc")
        self.assertEqual(content(self.uploads, "x.txt"), b"abc")
        self.refused(header(fiel_name="y", file_name="y", file_size=0))
        self.check_log("fiel_name")

    def test_sizes_that_are_none_are_refused_with_the_key(self):
        self.start()
        numbers = [
            "435413543654364364546546544445",
            "9223372036854775808",
            "-1",
            "1.5",
            "1e3",
            "true",
            '"12"',
            "null",
            "[1]",
        ]
        for number in numbers:
            text = f'{{"file_name": "x", "file_size": {number}, "reply": true}}'.encode()
            answer = self.refused(support.frame(text), b"x" * 100)
            said = json.loads(answer[4:])
            self.assertEqual(said["error"], "bad-header", number)
            self.assertIn("file_size", said["message"])
        for text in (
            b'{"file_name": "x"}',
            b'{"file_size": 1}',
            b'{"file_name": "x", "file_size": 1, "file_size": 1}',
            b'{"file_name": 1, "file_size": 1}',
            b'{"file_name": "x", "file_size": 1} ',
            b"[]",
            b"not JSON",
            b'{"file_name": "\xff", "file_size": 1}',
            b'{"file_name": "\\ud800", "file_size": 1}',
        ):
            self.refused(support.frame(text), b"x")
        self.refused(bytes.fromhex("92000000"), b"x" * 146)
        self.refused(bytes.fromhex("ffffffff"), b"x" * 146)
        self.refused(struct.pack("i", (64 << 10) + 1))
        found = stored(self.uploads)
        # A blank behind the object belongs to JSON.
        self.assertEqual(found, ["x"] if found else [])

    def test_hostile_names_leave_the_directory_alone(self):
        self.start()
        names = [
            "", ".", "..", "...", "/", "//", "/etc/passwd", "../x", "../../x", "a/../b", "a/b", "./a", "a/", "/a",
            "..\\x", "a\\b", "C:\\x", "\\\\host\\share", ".hidden", ".coserve-partial", ".coserve-partial/x", "a\0b",
            "\0", "a\nb", "\n", "a\rb", "a\tb", "\x1b[2J", "\x7f", "a\x80", "\x9f", "\u2028", "a\u2029b", "\u202egpj.exe",
            "\u2066x\u2069", "x" * 201, "你" * 67, "x" * 4096, "a.", "a ", " a", " ", "%2e%2e/x", "..%2fx/",
            "file:///etc/passwd", "~/x", "~root/.ssh/x", "/dev/null", "/proc/self/fd/1", "/proc/self/cwd/x",
        ]  # fmt: skip
        names += [f"a{chr(c)}b" for c in range(32)] + [chr(c) for c in range(0x80, 0xA0)]
        names += [f"{'../' * n}etc/x{n}" for n in range(1, 37)]
        self.assertGreaterEqual(len(names), 150)
        for name in names:
            answer = self.refused(header(file_name=name, file_size=1, reply=True), b"x")
            self.assertTrue(answer, repr(name))
            said = json.loads(answer[4:])
            self.assertIn(said["error"], ("bad-name", "bad-header"), repr(name))
            self.assertIn("file_name", said["message"])
        self.assertEqual(stored(self.uploads), [])
        self.assertEqual(os.listdir(self.directory), ["uploads"])
        self.assertNotIn("\x1b", self.server.log())
        for line in self.server.log().splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT", "a line that a peer forged")

    def test_names_that_only_look_strange_are_kept(self):
        self.start()
        names = ["CON", "NUL.txt", "-rf", "a b", "a;b", "$(x)", "`x`", "a'b\"c", "%00", "*", "?", "\u00e9", "e\u0301", "x" * 200, "🎲", "a..b"]
        for name in names:
            self.upload(announced(name, name.encode()), name.encode())
            self.assertEqual(content(self.uploads, name), name.encode())
        self.assertEqual(stored(self.uploads), sorted(names))

    def test_planted_links_are_neither_followed_nor_replaced(self):
        outside = self.file("outside", "untouched")
        for existing, expected in {"refuse": "link", "rename": "link (1)"}.items():
            directory = os.path.join(self.directory, existing)
            os.mkdir(directory)
            for name in ("link", "dangling"):
                os.symlink(outside if name == "link" else outside + "-not-there", os.path.join(directory, name))
            server = self.serve(f"upload=tcp://127.0.0.1:0?dir={directory}&existing={existing}")
            self.server = server
            for name in ("link", "dangling"):
                self.refused(announced(name, b"new"), b"new")
                self.assertTrue(os.path.islink(os.path.join(directory, name)))
            if existing == "rename":
                self.assertEqual(content(directory, expected), b"new")
        with open(outside, encoding="utf-8") as file:
            self.assertEqual(file.read(), "untouched")
        self.assertFalse(os.path.exists(outside + "-not-there"))

    def test_what_is_planted_while_a_file_comes(self):
        """Between its header and its end: links in the place of its name, of the partials, of the directory itself."""
        outside = self.file("outside", "untouched")
        elsewhere = os.path.join(self.directory, "elsewhere")
        os.mkdir(elsewhere)
        for existing, resumes, answer, name in (
            ("refuse", False, "exists", None),
            ("refuse", True, "exists", None),
            ("rename", False, "stored", "victim (2)"),
            ("rename", True, "stored", "victim (2)"),
            ("replace", False, "storage", None),  # its partials are needed, and a link is none
            ("replace", True, "stored", "victim"),
        ):
            directory = os.path.join(self.directory, f"{existing}-{resumes}")
            self.server = self.serve(f"upload=tcp://127.0.0.1:0?dir={directory}&existing={existing}")
            more = {"resume": True, "sha256": sha256(JPEG)} if resumes else {}
            peer = self.connect()
            peer.sendall(announced("victim", JPEG, reply=True, **more))
            self.assertEqual(reply(peer)["status"], "ready")
            peer.sendall(JPEG[:30_000])
            os.symlink(outside, os.path.join(directory, "victim"))
            os.symlink(elsewhere, os.path.join(directory, "victim (1)"))
            hidden = os.path.join(directory, ".coserve-partial")
            if resumes:
                os.rename(hidden, hidden + "-away")
            os.symlink(elsewhere, hidden)
            os.rename(directory, directory + "-away")
            os.symlink(elsewhere, directory)
            peer.sendall(JPEG[30_000:])
            said = reply(peer)
            self.assertEqual(said.get("status") or said["error"], answer, said)
            if name:
                self.assertEqual(said["file_name"], name)
                self.assertEqual(content(directory + "-away", name), JPEG)
                self.assertFalse(os.path.islink(os.path.join(directory + "-away", name)))
            self.assertEqual(os.listdir(elsewhere), [])
        with open(outside, encoding="utf-8") as file:
            self.assertEqual(file.read(), "untouched")

    def test_what_is_said_beside_a_file_refuses_none(self):
        self.start()
        for i, said in enumerate(("null", "1", '["a"]', "true", '"a\\u0000b"')):
            text = f'{{"file_name": "m{i}", "file_size": 1, "msg": {said}}}'.encode()
            self.upload(support.frame(text), b"x")
        self.assertEqual(stored(self.uploads), [f"m{i}" for i in range(5)])
        self.check_log("msg: a\\x00b")

    def test_a_message_is_one_short_line_of_the_log(self):
        self.start()
        self.upload(announced("long", b"x", msg="你" * 10_000 + "the end"), b"x")
        self.upload(announced("turned", b"x", msg="a\u202egpj.exe\u2028b"), b"x")
        self.check_log("long, 1 bytes", "turned, 1 bytes")
        (line,) = [line for line in self.server.log().splitlines() if "long, 1 bytes" in line]
        self.assertIn("你... (30007 bytes)", line)
        self.assertNotIn("the end", line)
        self.assertLess(len(line.encode()), 1300)
        self.assertIn("a\\xe2\\x80\\xaegpj.exe\\xe2\\x80\\xa8b", self.server.log())

    def test_links_planted_while_it_uploads(self):
        self.start()
        outside = self.file("outside", "untouched")
        stop = threading.Event()

        def plant():
            while not stop.is_set():
                for name in ("victim", ".coserve-partial"):
                    try:
                        os.symlink(outside, os.path.join(self.uploads, name))
                        os.remove(os.path.join(self.uploads, name))
                    except OSError:
                        pass

        thread = threading.Thread(target=plant)
        thread.start()
        try:
            for _ in range(50):
                self.refused(announced("victim", b"new" * 1000), b"new" * 1000)
        finally:
            stop.set()
            thread.join()
        with open(outside, encoding="utf-8") as file:
            self.assertEqual(file.read(), "untouched")

    def test_a_partial_directory_that_is_a_link_is_not_followed(self):
        outside = os.path.join(self.directory, "outside")
        os.makedirs(self.uploads)
        os.mkdir(outside)
        os.symlink(outside, os.path.join(self.uploads, ".coserve-partial"))
        self.start()
        answer = self.refused(announced("a", b"abc", reply=True, resume=True, sha256=sha256(b"abc")), b"abc")
        self.assertEqual(json.loads(answer[4:])["error"], "storage")
        self.assertEqual(os.listdir(outside), [])

    def test_what_happens_to_a_name_that_is_taken(self):
        for existing, names in {
            "refuse": ["a.txt"],
            "rename": ["a (1).txt", "a (2).txt", "a.txt"],
            "replace": ["a.txt"],
        }.items():
            directory = os.path.join(self.directory, existing)
            self.server = self.serve(f"upload=tcp://127.0.0.1:0?dir={directory}&existing={existing}")
            for data in (b"1", b"2", b"3"):
                self.refused(announced("a.txt", data), data)
            self.assertEqual(stored(directory), names)
            self.assertEqual(content(directory, "a.txt"), b"3" if existing == "replace" else b"1")
            self.assertEqual(partials(directory), [])

    def test_replacing_never_removes_a_directory(self):
        self.start("&existing=replace")
        os.mkdir(os.path.join(self.uploads, "d"))
        answer = self.refused(announced("d", b"x", reply=True), b"x")
        self.assertEqual(json.loads(answer[4:])["error"], "exists")

    def test_a_client_that_vanishes_leaves_nothing(self):
        self.start()
        whole_header = len(announced("gone", JPEG))
        for resets in (0, 1):
            for sent in (0, 2, 30, whole_header, whole_header + 1, 1000, 60_000):
                peer = self.connect()
                peer.sendall((announced("gone", JPEG) + JPEG)[:sent])
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", resets, 0))
                peer.close()
        self.upload(announced("after", b"x"), b"x")
        self.check_log("after", "0 of 70015 bytes", "1 of 70015 bytes")
        self.assertEqual(stored(self.uploads), ["after"])
        self.assertEqual(partials(self.uploads), [])


class ReplyTest(UploadTest):
    def test_a_file_is_there_when_the_reply_is(self):
        self.start()
        peer = self.connect()
        for name, data in {"a": JPEG, "b": b"", "c": b"x"}.items():
            peer.sendall(announced(name, data, reply=True))
            self.assertEqual(reply(peer), {"status": "ready", "offset": 0})
            peer.sendall(data)
            self.assertEqual(
                reply(peer), {"status": "stored", "file_name": name, "size": len(data), "sha256": sha256(data)}
            )
            self.assertEqual(content(self.uploads, name), data)
        finish(peer)

    def test_a_wrong_checksum_publishes_nothing(self):
        self.start()
        peer = self.connect()
        peer.sendall(announced("a", b"abc", reply=True, sha256=sha256(b"abd")) + b"abc")
        self.assertEqual(reply(peer)["status"], "ready")
        self.assertEqual(reply(peer)["error"], "checksum")
        self.assertEqual(finish(peer), b"")
        self.refused(announced("a", b"abc", sha256=sha256(b"abd")), b"abc")
        self.check_log("sha256")
        self.assertEqual(stored(self.uploads), [])
        self.upload(announced("a", b"abc", sha256=sha256(b"abc").upper()), b"abc")
        self.assertEqual(content(self.uploads, "a"), b"abc")

    def test_quota_and_free_space_are_claimed_first(self):
        self.start("&quota=1000&max-file=900")
        self.upload(announced("a", b"x" * 600), b"x" * 600)
        for size, word in {600: "quota", 901: "too-large", 1 << 62: "too-large"}.items():
            answer = self.refused(header(file_name="b", file_size=size, reply=True))
            self.assertEqual(json.loads(answer[4:])["error"], word)
        # What is on its way counts.
        peer = self.connect()
        peer.sendall(header(file_name="c", file_size=300, reply=True))
        self.assertEqual(reply(peer)["status"], "ready")
        answer = self.refused(header(file_name="d", file_size=200, reply=True))
        self.assertEqual(json.loads(answer[4:])["error"], "quota")
        peer.close()

        def fits():
            attempt = self.connect()
            attempt.sendall(header(file_name="d", file_size=200, reply=True))
            said = reply(attempt)
            attempt.close()
            return said.get("status") == "ready"

        support.poll(fits, "the room of an upload that was given up")

    def test_a_size_beyond_the_disk(self):
        self.start()
        for size in (1 << 50, (1 << 63) - 1):
            answer = self.refused(header(file_name="b", file_size=size, reply=True))
            self.assertIn(json.loads(answer[4:])["error"], ("no-space", "too-large"))
        self.assertEqual(stored(self.uploads), [])


class ResumeTest(UploadTest):
    def head(self, data, name="r", **more):
        return announced(name, data, reply=True, resume=True, sha256=sha256(data), **more)

    def interrupt(self, data, size, name="r"):
        """Sends so much of it and vanishes; what the server has kept then."""
        peer = self.connect()
        peer.sendall(self.head(data, name))
        offset = reply(peer)["offset"]
        peer.sendall(data[offset : offset + size])
        peer.close()
        support.poll(
            lambda: self.kept(data) == offset + size and not self.has_open(data), "what came of it, closed"
        )
        return offset

    def has_open(self, data):
        """Whether the server still writes to what is kept."""
        descriptors = f"/proc/{self.server.process.pid}/fd"
        for descriptor in os.listdir(descriptors):
            try:
                if sha256(data) in os.readlink(os.path.join(descriptors, descriptor)):
                    return True
            except OSError:
                pass
        return False

    def kept(self, data):
        path = os.path.join(self.uploads, ".coserve-partial", f"{sha256(data)}-{len(data)}")
        return os.path.getsize(path) if os.path.exists(path) else 0

    def test_an_upload_goes_on_where_it_ended(self):
        self.start()
        self.assertEqual(self.interrupt(JPEG, 20_000), 0)
        self.assertEqual(self.interrupt(JPEG, 10_000), 20_000)
        self.assertEqual(stored(self.uploads), [])
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        self.assertEqual(reply(peer), {"status": "ready", "offset": 30_000})
        peer.sendall(JPEG[30_000:])
        self.assertEqual(reply(peer)["sha256"], sha256(JPEG))
        self.assertEqual(content(self.uploads, "r"), JPEG)
        self.assertEqual(partials(self.uploads), [])

    def test_another_server_goes_on(self):
        first = self.start()
        self.interrupt(JPEG, 20_000)
        first.signal(9)
        first.wait()
        self.start()
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        self.assertEqual(reply(peer)["offset"], 20_000)
        peer.close()

    def test_a_server_that_is_killed_in_the_middle(self):
        first = self.start()
        peer = self.connect()
        peer.sendall(self.head(JPEG) + JPEG[:20_000])
        self.assertEqual(reply(peer)["offset"], 0)
        support.poll(lambda: self.kept(JPEG) == 20_000, "what was sent")
        first.signal(9)
        first.wait()
        self.start()
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        self.assertEqual(reply(peer)["offset"], 20_000)
        peer.sendall(JPEG[20_000:])
        self.assertEqual(reply(peer)["sha256"], sha256(JPEG))
        self.assertEqual(content(self.uploads, "r"), JPEG)
        self.assertEqual(partials(self.uploads), [])

    def test_two_listeners_of_one_directory(self):
        """By two paths: a writer takes over from one of the other listener."""
        os.mkdir(self.uploads)
        link = os.path.join(self.directory, "link")
        os.symlink(self.uploads, link)
        self.server = self.serve(*[f"upload=tcp://127.0.0.1:0?dir={path}" for path in (self.uploads, link)])
        with support.connect(self.server.urls[1]) as dead:
            dead.sendall(self.head(JPEG) + JPEG[:5000])
            self.assertEqual(reply(dead)["offset"], 0)
            support.poll(lambda: self.kept(JPEG) == 5000, "what it sent")
            peer = self.connect()
            peer.sendall(self.head(JPEG))
            self.assertEqual(reply(peer)["offset"], 5000)

    def test_another_server_that_starts_leaves_it_alone(self):
        self.start("&existing=replace")
        peer = self.connect()
        peer.sendall(self.head(JPEG) + JPEG[:5000])
        self.assertEqual(reply(peer)["offset"], 0)
        support.poll(lambda: self.kept(JPEG) == 5000, "what was sent")
        with support.Server(f"upload=tcp://127.0.0.1:0?dir={self.uploads}&partial-age=1s") as other:
            with support.connect(other.url) as theirs:
                theirs.sendall(self.head(JPEG))
                self.assertEqual(reply(theirs)["error"], "busy")
            peer.sendall(JPEG[5000:])
            self.assertEqual(reply(peer)["sha256"], sha256(JPEG))

    def test_two_files_of_one_name_never_mix(self):
        self.start()
        other = bytes(reversed(JPEG))
        self.interrupt(JPEG, 20_000)
        peer = self.connect()
        peer.sendall(self.head(other))
        self.assertEqual(reply(peer)["offset"], 0)
        peer.sendall(other)
        self.assertEqual(reply(peer)["sha256"], sha256(other))
        self.assertEqual(content(self.uploads, "r"), other)

    def test_wrong_bytes_are_not_kept(self):
        self.start()
        self.interrupt(JPEG, 100)
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        offset = reply(peer)["offset"]
        peer.sendall(b"?" * (len(JPEG) - offset))
        self.assertEqual(reply(peer)["error"], "checksum")
        finish(peer)
        self.assertEqual(partials(self.uploads), [])
        self.assertEqual(stored(self.uploads), [])

    def test_a_second_writer_takes_over_from_a_dead_one(self):
        self.start()
        dead = self.connect()
        dead.sendall(self.head(JPEG) + JPEG[:5000])
        self.assertEqual(reply(dead)["offset"], 0)
        support.poll(lambda: self.kept(JPEG) == 5000, "what it sent")
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        self.assertEqual(reply(peer)["offset"], 5000)
        with self.assertRaises((ConnectionError, EOFError)):
            dead.sendall(JPEG[5000:])
            support.receive(dead, 1)
        peer.sendall(JPEG[5000:])
        self.assertEqual(reply(peer)["sha256"], sha256(JPEG))
        self.assertEqual(content(self.uploads, "r"), JPEG)
        dead.close()

    def test_a_second_writer_is_refused_while_the_first_gets_on(self):
        self.start()
        first = self.connect()
        first.sendall(self.head(JPEG))
        self.assertEqual(reply(first)["offset"], 0)
        done = threading.Event()

        def send_slowly():
            for byte in JPEG[:4000]:
                if done.wait(0.02):
                    return
                first.sendall(bytes([byte]))

        sender = threading.Thread(target=send_slowly)
        sender.start()
        try:
            answer = self.refused(self.head(JPEG))
            self.assertEqual(json.loads(answer[4:])["error"], "busy")
        finally:
            done.set()
            sender.join()
            first.close()

    def test_only_so_many_are_kept(self):
        self.start("&max-partials=3")
        for i in range(6):
            data = JPEG + bytes([i])
            self.interrupt(data, 1000, name=f"n{i}")
        self.assertEqual(len(partials(self.uploads)), 3)
        self.assertEqual(self.kept(JPEG + b"\x05"), 1000)

    def test_old_ones_go(self):
        self.start("&partial-age=1h")
        self.interrupt(JPEG, 1000)
        path = os.path.join(self.uploads, ".coserve-partial", partials(self.uploads)[0])
        os.utime(path, (time.time() - 4000, time.time() - 4000))
        self.interrupt(JPEG + b"x", 1000)
        self.assertEqual(self.kept(JPEG), 0)

    def age(self, data, seconds):
        path = os.path.join(self.uploads, ".coserve-partial", f"{sha256(data)}-{len(data)}")
        os.utime(path, (time.time() - seconds, time.time() - seconds))

    def test_old_ones_go_with_any_upload(self):
        self.start("&partial-age=1h&existing=replace")
        self.interrupt(JPEG, 1000)
        self.age(JPEG, 4000)

        def is_gone():
            self.upload(announced("other", b"x"), b"x")
            return self.kept(JPEG) == 0

        support.poll(is_gone, "the old one is gone")

    def test_an_old_one_is_begun_afresh(self):
        self.start("&partial-age=1h")
        self.interrupt(JPEG, 1000)
        self.age(JPEG, 4000)
        peer = self.connect()
        peer.sendall(self.head(JPEG))
        self.assertEqual(reply(peer)["offset"], 0)

    def test_only_so_many_bytes_are_kept(self):
        self.start("&partial-size=5000")
        for i in range(4):
            self.interrupt(JPEG + bytes([i]), 2000, name=f"n{i}")
        support.poll(lambda: len(partials(self.uploads)) == 2, "two of them are kept")
        self.assertEqual(self.kept(JPEG + b"\x03"), 2000)

    def test_what_resume_needs(self):
        self.start()
        for more in ({"reply": True}, {"sha256": sha256(b"x")}):
            self.refused(header(file_name="a", file_size=1, resume=True, **more))
        self.check_log("resume: needs sha256", "resume: needs reply")


class MarkerTest(UploadTest):
    def start_marker(self, more="", **options):
        return self.start("&wire=marker" + more, **options)

    def test_the_tutorials_sender(self):
        self.start_marker()
        peer = self.connect()
        for at in range(0, 20_000, 1024):
            peer.send(JPEG[at : min(at + 1024, 20_000)])
        time.sleep(0.1)  # its pauses are a part of the format
        peer.send(b"##")
        time.sleep(0.1)
        peer.send("发送完毕".encode())
        self.assertEqual(finish(peer), b"")
        (name,) = stored(self.uploads)
        self.assertRegex(name, r"^upload-\d{8}T\d{6}Z-\d+$")
        self.assertEqual(content(self.uploads, name), JPEG[:20_000])

    def test_what_looks_like_an_end_decides_nothing(self):
        self.start_marker()
        bodies = [b"", b"#", b"##", b"##" * 5000, MARKER_END, MARKER_END * 3, b"x##", "发送完毕".encode(), JPEG + b"###", MARKER_END[:-1]]
        for body in bodies:
            for size in (1, 7, 1024, 1 << 20):
                if size == 1 and len(body) > 100:
                    continue
                stream = body + MARKER_END
                self.upload(*[stream[i : i + size] for i in range(0, len(stream), size)])
                (name,) = stored(self.uploads)
                self.assertEqual(content(self.uploads, name), body)
                os.remove(os.path.join(self.uploads, name))

    def test_any_other_end_publishes_nothing(self):
        self.start_marker()
        streams = [b"", b"abc", b"abc##", MARKER_END[:-1], MARKER_END + b"\n", b"abc" + "发送完毕".encode(), b"#" + "发送完毕".encode()]
        for stream in streams:
            self.assertEqual(self.upload(stream), b"")
        self.assertEqual(stored(self.uploads), [])
        support.poll(lambda: self.server.log().count("upload refused") == len(streams), "a line for each")

    def begin(self):
        """An upload that is under way, in one of which the server has some bytes."""
        peer = self.connect()
        peer.sendall(b"first part " + MARKER_END)
        descriptors = f"/proc/{self.server.process.pid}/fd"

        def has_begun():
            names = [os.path.join(descriptors, d) for d in os.listdir(descriptors)]
            return any(self.uploads + "/" in os.readlink(n) for n in names if os.path.islink(n))

        support.poll(has_begun, "the upload's beginning")
        return peer

    def test_a_drain_is_no_end(self):
        self.start_marker(flags=["--drain-timeout", "1"])
        peer = self.begin()
        self.server.signal(signal.SIGTERM)
        with self.assertRaises(ConnectionResetError):
            support.receive_rest(peer)
        self.assertEqual(self.server.wait(), 0)
        self.assertEqual(stored(self.uploads), [])

    def test_a_drain_lets_what_has_begun_come_to_its_end(self):
        self.start_marker()
        peer, idle = self.begin(), self.connect()
        self.server.signal(signal.SIGTERM)
        self.assertEqual(support.receive_rest(idle), b"")
        peer.sendall(JPEG + MARKER_END)
        self.assertEqual(finish(peer), b"")
        self.assertEqual(self.server.wait(), 0)
        (name,) = stored(self.uploads)
        self.assertEqual(content(self.uploads, name), b"first part " + MARKER_END + JPEG)

    def test_limits(self):
        self.start_marker("&max-file=1000")
        self.upload(b"x" * 1000 + MARKER_END)
        self.refused(b"x" * 1001 + MARKER_END)
        self.check_log("more than the maximum")
        self.assertEqual(len(stored(self.uploads)), 1)


class ConfigurationTest(UploadTest):
    def check_refused(self, *fragments, arguments):
        self.check_failure(support.run(support.COSERVED, *arguments), 2, *fragments, program="coserved")

    def test_a_framing_is_refused(self):
        for wire in ("json-header", "marker"):
            self.check_refused(
                "framing", arguments=["--check", "--listen", f"upload=tcp://127.0.0.1:0?wire={wire}&framing=raw"]
            )

    def test_unknown_values_are_named(self):
        self.check_refused(
            "existing=keep", "refuse", arguments=["--check", "--listen", "upload=tcp://127.0.0.1:0?existing=keep"]
        )

    def test_check_makes_no_directory(self):
        path = os.path.join(self.directory, "new")
        result = support.run(support.COSERVED, "--check", "--upload-dir", path, "--listen", "upload=tcp://127.0.0.1:0")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse(os.path.exists(path))

    def test_a_directory_that_cannot_be(self):
        path = self.file("file", "")
        self.check_refused("upload directory", path, arguments=["--listen", f"upload=tcp://127.0.0.1:0?dir={path}"])

    def test_upload_dir(self):
        path = os.path.join(self.directory, "deep", "new")
        self.server = self.serve("upload=tcp://127.0.0.1:0", flags=["--upload-dir", path])
        self.upload(announced("a", b"x"), b"x")
        self.assertEqual(content(path, "a"), b"x")

    def test_a_drain_lets_a_file_come_to_its_end(self):
        self.start()
        peer = self.connect()
        peer.sendall(announced("a", JPEG, reply=True))
        self.assertEqual(reply(peer)["status"], "ready")
        peer.sendall(JPEG[:100])
        self.server.signal(15)
        peer.sendall(JPEG[100:])
        self.assertEqual(reply(peer)["status"], "stored")
        self.assertEqual(self.server.wait(), 0)
        self.assertEqual(content(self.uploads, "a"), JPEG)


if __name__ == "__main__":
    unittest.main()
