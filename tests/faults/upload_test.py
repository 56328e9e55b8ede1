"""Uploads while the server is killed, the disk fills, the kernel fails, and the power goes.

Every run does a few of each. COSERVE_MASS=full does as many as are stated: 500 kills and 200 power cuts.
"""

import contextlib
import ctypes
import fcntl
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import support  # pylint: disable=wrong-import-position
import uploads  # pylint: disable=wrong-import-position

KILLS, CUTS = (500, 200) if os.environ.get("COSERVE_MASS") == "full" else (6, 3)
CLIENTS = 32
ECHO = "echo=tcp://127.0.0.1:0"


def content_of(name):
    """A file's name says what is in it."""
    seed, size = name.split("-")
    return random.Random(int(seed)).randbytes(int(size))


def upload(url, name, data, **more):
    """The server's last word."""
    with support.connect(url) as peer:
        peer.sendall(uploads.announced(name, data, reply=True, **more))
        said = uploads.reply(peer)
        if "error" in said:
            return said
        peer.sendall(data[said["offset"] :])
        return uploads.reply(peer)


def check_echo(test, url):
    with support.connect(url) as peer:
        peer.sendall(support.frame(b"hello"))
        test.assertEqual(support.receive_frame(peer), b"HELLO")


class Uploaders:
    """Clients that upload one file after the other until the server has gone."""

    def __init__(self, url, seed, largest):
        self.url, self.largest = url, largest
        self.acknowledged = set()
        self.threads = [threading.Thread(target=self.run, args=(seed * 1000 + i,)) for i in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, seed):
        choice = random.Random(seed)
        with contextlib.suppress(OSError, EOFError):
            for i in range(10_000):
                size = choice.choice((0, 1, choice.randrange(5000), choice.randrange(self.largest)))
                name = f"{seed * 10_000 + i}-{size}"
                data = content_of(name)
                resumable = {"resume": True, "sha256": uploads.sha256(data)} if choice.random() < 0.2 else {}
                if upload(self.url, name, data, **resumable).get("status") == "stored":
                    self.acknowledged.add(name)

    def join(self):
        for thread in self.threads:
            thread.join()


class WholeFiles(support.ProgramTest):
    def check_files(self, directory, acknowledged):
        """Whatever has a name is whole, and what was acknowledged has one."""
        names = set(uploads.stored(directory))
        for name in names:
            self.assertTrue(uploads.content(directory, name) == content_of(name), f"{name} is torn")
        self.assertEqual(acknowledged - names, set(), "acknowledged, and lost")


class KillTest(WholeFiles):
    def test_kills_tear_and_lose_nothing(self):
        directory = os.path.join(self.directory, "uploads")
        choice = random.Random(KILLS)
        total = 0
        for number in range(KILLS):
            with support.Server(f"upload=tcp://127.0.0.1:0?dir={directory}&max-partials=1000") as server:
                clients = Uploaders(server.url, number + 1, 300_000)
                least = choice.randrange(60)
                support.poll(lambda c=clients, n=least: len(c.acknowledged) >= n, "some uploads")
                server.process.kill()
                clients.join()
            self.check_files(directory, clients.acknowledged)
            total += len(clients.acknowledged)
            for name in uploads.stored(directory):
                os.remove(os.path.join(directory, name))
        self.assertGreater(total, 0)
        with support.Server(f"upload=tcp://127.0.0.1:0?dir={directory}"):
            for name in uploads.partials(directory):
                self.assertRegex(name, r"^[0-9a-f]{64}-\d+$", "a temporary file is left")


class FullDiskTest(support.ProgramTest):
    def setUp(self):
        super().setUp()
        if os.environ.get("COSERVE_INSIDE_NAMESPACE"):
            return
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
        with contextlib.suppress(OSError):
            mounts = subprocess.run(
                [*unshare, "mount", "-t", "tmpfs", "none", self.directory], capture_output=True, check=False
            )
            if mounts.returncode == 0:
                self.inside = unshare
                return
        self.skipTest("no mount namespaces here")

    def test_a_full_disk_is_a_clean_error(self):
        if not os.environ.get("COSERVE_INSIDE_NAMESPACE"):
            result = support.run(
                *self.inside, sys.executable, __file__, "-v", self.id().partition(".")[2],
                env={**os.environ, "COSERVE_INSIDE_NAMESPACE": "1"},
            )  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr.decode())
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", self.directory], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.directory], check=True)
        server = self.serve(
            f"upload=tcp://127.0.0.1:0?dir={self.directory}",
            f"upload=tcp://127.0.0.1:0?wire=marker&dir={self.directory}",
            ECHO,
        )
        self.fill_by_announced_files(server)
        self.fill_by_marked_files(server)
        self.assertEqual(server.stop(), 0)

    def fill_by_announced_files(self, server):
        data = bytes(1 << 20)
        words = []

        def send(first):
            for i in range(first, 100, 8):
                said = upload(server.urls[0], f"f{i}", data)
                words.append(said.get("status") or said["error"])

        threads = [threading.Thread(target=send, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        check_echo(self, server.urls[2])
        for thread in threads:
            thread.join()
        self.assertEqual(len(words), 100)
        self.assertEqual(set(words), {"stored", "no-space"})
        self.assertEqual(words.count("stored"), len(uploads.stored(self.directory)))
        for name in uploads.stored(self.directory):
            self.assertEqual(uploads.content(self.directory, name), data)
            os.remove(os.path.join(self.directory, name))
        self.assertEqual(upload(server.urls[0], "after", data)["status"], "stored")

    def fill_by_marked_files(self, server):
        """Nobody knows their size before the disk is full."""
        with support.connect(server.urls[1]) as peer:
            with contextlib.suppress(ConnectionError):
                peer.sendall(bytes(9 << 20))
                uploads.finish(peer)
        support.poll(lambda: "No space left on device" in server.log(), "the error in the log")
        self.assertEqual(uploads.stored(self.directory), ["after"])
        with support.connect(server.urls[1]) as peer:
            peer.sendall(bytes(5 << 20) + "##发送完毕".encode())
            uploads.finish(peer)
        self.assertEqual(len(uploads.stored(self.directory)), 2, server.log())
        check_echo(self, server.urls[2])


@unittest.skipUnless(support.can_trace(), "strace cannot trace here")
class InjectedErrorTest(support.ProgramTest):
    """Each call fails the first time that a thread makes it: so a few uploads fail, and the others do not."""

    THREADS = 4  # that do blocking work

    def setUp(self):
        super().setUp()
        self.uploads = os.path.join(self.directory, "uploads")

    def serve_with(self, call, error, when="1", path=None, without_splice=False):
        """`error`: an errno's name, or another fault in strace's words."""
        fault = error if "=" in error else f"error={error}"
        wrapper = os.path.join(self.directory, "coserved-" + call)
        only = f"-P {path}" if path else ""
        splice = "-e inject=splice:error=EINVAL" if without_splice else ""
        with open(wrapper, "w", encoding="utf-8") as script:
            script.write(
                f"#!/bin/sh\nexec strace -D -f -qq -o /dev/null {only} -e trace={call},splice"
                f' {splice} -e inject={call}:{fault}:when={when} "{support.COSERVED}" "$@"\n'
            )
        os.chmod(wrapper, stat.S_IRWXU)
        usual, support.COSERVED = support.COSERVED, wrapper
        try:
            return self.serve(f"upload=tcp://127.0.0.1:0?dir={self.uploads}", ECHO)
        finally:
            support.COSERVED = usual

    def check_errors(self, call, error, word, data, when="1"):
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        server = self.serve_with(call, error, when)
        failed = 0
        with support.connect(server.urls[1]) as echo:
            for i in range(2 * self.THREADS + 2):
                name = f"{call}-{error}-{i}"
                said = upload(server.url, name, data)
                echo.sendall(support.frame(b"hello"))
                self.assertEqual(support.receive_frame(echo), b"HELLO")
                if said.get("status") == "stored":
                    self.assertEqual(uploads.content(self.uploads, name), data)
                else:
                    failed += 1
                    self.assertEqual(said["error"], word, said)
                    self.assertNotIn(name, uploads.stored(self.uploads))
        self.assertGreater(failed, 0, "nothing was injected")
        self.assertLessEqual(failed, self.THREADS + 1)
        self.assertEqual(uploads.partials(self.uploads), [])

    def test_fallocate(self):
        self.check_errors("fallocate", "ENOSPC", "no-space", b"x" * 1000)

    def test_fsync_of_the_file(self):
        self.check_errors("fsync", "EIO", "storage", b"x" * 1000)

    def test_fsync_on_a_full_disk(self):
        self.check_errors("fsync", "ENOSPC", "no-space", b"x" * 1000)

    def test_a_client_that_comes_again_during_the_last_fsync(self):
        """It hears that the file is stored: nobody is taken for dead, and nothing is sent again."""
        server = self.serve_with("fsync", "delay_enter=3000000")
        data = random.Random(8).randbytes(1 << 20)
        head = uploads.announced("slow", data, reply=True, resume=True, sha256=uploads.sha256(data))
        with support.connect(server.url) as first:
            first.sendall(head)
            self.assertEqual(uploads.reply(first)["offset"], 0)
            first.sendall(data)
        with support.connect(server.url) as second:
            second.sendall(head)
            self.assertEqual(uploads.reply(second)["offset"], len(data))
            said = uploads.reply(second)
        self.assertEqual(said["sha256"], uploads.sha256(data), said)
        self.assertEqual(uploads.content(self.uploads, "slow"), data)
        self.assertEqual(uploads.stored(self.uploads), ["slow"])
        self.assertEqual(uploads.partials(self.uploads), [])

    def check_write(self, error, word):
        """Of the file alone, which the kernel splices nothing into: each thread's second write to it."""
        os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        data = random.Random(6).randbytes(1 << 20)
        kept = os.path.join(self.uploads, ".coserve-partial", f"{uploads.sha256(data)}-{len(data)}")
        server = self.serve_with("write", error, when="2", path=kept, without_splice=True)
        failed = 0
        with support.connect(server.urls[1]) as echo:
            for i in range(self.THREADS + 2):
                try:
                    said = upload(server.url, f"w{i}", data, resume=True, sha256=uploads.sha256(data))
                except (ConnectionError, EOFError):  # it was refused while it was still sent
                    said = {"error": word}
                echo.sendall(support.frame(b"hello"))
                self.assertEqual(support.receive_frame(echo), b"HELLO")
                if "error" in said:
                    failed += 1
                    self.assertEqual(said["error"], word, said)
                else:
                    self.assertEqual(uploads.content(self.uploads, f"w{i}"), data)
        self.assertGreater(failed, 0, "nothing was injected")
        self.assertEqual(upload(server.url, "after", b"x")["status"], "stored")
        for name in uploads.stored(self.uploads):
            self.assertEqual(uploads.content(self.uploads, name), b"x" if name == "after" else data)

    def test_write(self):
        self.check_write("EIO", "storage")

    def test_write_on_a_full_disk(self):
        self.check_write("ENOSPC", "no-space")

    def test_fsync_of_the_directory(self):
        self.check_errors("fsync", "EIO", "storage", b"x" * 1000, when="2")

    def test_linkat(self):
        self.check_errors("linkat", "EIO", "storage", b"x" * 1000)

    def test_open(self):
        self.check_errors("openat2", "EMFILE", "storage", b"x" * 1000)

    def test_splice(self):
        self.check_splice("EIO", "Input/output error")

    def test_splice_on_a_full_disk(self):
        self.check_splice("ENOSPC", "No space left on device")

    def test_no_pipes(self):
        """Then the bytes are copied."""
        data = random.Random(7).randbytes(3 << 20)
        server = self.serve_with("splice", "EINVAL", when="1+")
        for i in range(3):
            with support.connect(server.url) as peer:
                peer.sendall(uploads.announced(f"s{i}", data) + data)
                uploads.finish(peer)
            self.assertEqual(uploads.content(self.uploads, f"s{i}"), data)

    def check_splice(self, error, text):
        """The bytes of a file that nobody hashes: without a reply, so the log tells."""
        data = random.Random(5).randbytes(3 << 20)
        server = self.serve_with("splice", error, when="2")
        with support.connect(server.urls[1]) as echo:
            for i in range(2 * self.THREADS + 2):
                with support.connect(server.url) as peer:
                    with contextlib.suppress(ConnectionError):
                        peer.sendall(uploads.announced(f"s{i}", data) + data)
                        uploads.finish(peer)
                echo.sendall(support.frame(b"hello"))
                self.assertEqual(support.receive_frame(echo), b"HELLO")
        names = uploads.stored(self.uploads)
        self.assertGreater(len(names), 0)
        self.assertLess(len(names), 2 * self.THREADS + 2, "nothing was injected")
        for name in names:
            self.assertEqual(uploads.content(self.uploads, name), data)
        self.assertIn(text, server.log())

    def test_no_nameless_files(self):
        """A file system without O_TMPFILE: another way, and nothing is left either."""
        server = self.serve_with("openat2", "EOPNOTSUPP")
        for i in range(2 * self.THREADS + 2):
            said = upload(server.url, f"n{i}", b"x" * i)
            if "error" in said:  # it was another call than that
                self.assertEqual(said["error"], "storage")
            else:
                self.assertEqual(uploads.content(self.uploads, f"n{i}"), b"x" * i)
        self.assertEqual(uploads.partials(self.uploads), [])


@unittest.skipUnless(os.geteuid() == 0, "only root can cut a disk's power")
class PowerCutTest(WholeFiles):
    SHUTDOWN, WITHOUT_LOG = 0x8004587D, 2  # EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
    CLONE_NEWNS = 0x20000

    @classmethod
    def setUpClass(cls):
        """Mounts of its own: in a copy of this machine's, as other tests make, a file system stays mounted, and cut."""
        if ctypes.CDLL(None, use_errno=True).unshare(cls.CLONE_NEWNS) != 0:
            raise unittest.SkipTest(f"no mounts of its own here: {os.strerror(ctypes.get_errno())}")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)

    def setUp(self):
        super().setUp()
        self.image = os.path.join(self.directory, "image")
        self.mounted = os.path.join(self.directory, "mounted")
        os.mkdir(self.mounted)
        with open(self.image, "wb") as image:
            image.truncate(64 << 20)
        try:
            subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True, capture_output=True)
            self.mount()
        except (OSError, subprocess.CalledProcessError) as error:
            self.skipTest(f"no ext4 on a loop device here: {error}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.mounted], check=False, capture_output=True)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.mounted], check=True, capture_output=True)

    def cut(self):
        where = os.open(self.mounted, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(where, self.SHUTDOWN, struct.pack("I", self.WITHOUT_LOG))
        finally:
            os.close(where)

    def unmount(self):
        def unmounted():
            return subprocess.run(["umount", self.mounted], capture_output=True, check=False).returncode == 0

        support.poll(unmounted, "the file system is free")

    def test_cuts_lose_nothing_that_was_acknowledged(self):
        directory = os.path.join(self.mounted, "uploads")
        choice = random.Random(CUTS)
        total = 0
        for number in range(CUTS):
            with support.Server(f"upload=tcp://127.0.0.1:0?dir={directory}&max-partials=1000") as server:
                clients = Uploaders(server.url, number + 1, 100_000)
                least = choice.randrange(1, 40)
                support.poll(lambda c=clients, n=least: len(c.acknowledged) >= n, "some uploads")
                acknowledged = set(clients.acknowledged)  # later ones may hear of it before the cut, too
                self.cut()
                server.process.kill()
                clients.join()
            self.unmount()
            self.mount()
            names = set(uploads.stored(directory))
            self.assertEqual(acknowledged - names, set(), "acknowledged, and lost")
            for name in acknowledged:
                self.assertTrue(uploads.content(directory, name) == content_of(name), f"{name} is torn")
            self.check_files(directory, clients.acknowledged)
            total += len(names)
            shutil.rmtree(directory)
        self.assertGreater(total, 0)


if __name__ == "__main__":
    unittest.main()
