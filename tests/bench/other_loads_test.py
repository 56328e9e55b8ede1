"""The loads beside echo: connections, commands, files and chats, against coserved and servers of a few lines."""

import hashlib
import json
import os
import random
import socket
import struct
import threading
import unittest

from load_support import LoadTest, ThreadedPeer, url_of_nobody
from support import LIMIT, frame, poll, receive, receive_frame, receive_rest

ANY = "tcp://127.0.0.1:0"


class Connections(LoadTest):
    def test_each_is_a_request(self):
        peer = ThreadedPeer(self, receive_rest)
        report = self.report("connect", peer.url, "-n", "20", "-c", "3")
        self.assertEqual(report["requests"]["completed"], 20)
        self.assertEqual(report["errors"], {})
        poll(lambda: peer.connections == 20, "20 connections")

    def test_an_echo_on_each(self):
        for framing in ("", "?framing=line", "?framing=raw", "?framing=json-header", "?width=2&order=big"):
            with self.subTest(framing=framing):
                url = self.serve(f"echo={ANY}{framing}").url
                report = self.report("connect", url + framing, "-n", "20", "-c", "3", "--echo", "--verify", "full")
                self.assertEqual(report["requests"]["completed"], 20)

    def test_a_rate_and_resets(self):
        server = self.serve(f"echo=unix:{self.directory}/echo.sock", f"echo={ANY}")
        for url in server.urls:
            with self.subTest(url=url):
                report = self.report("connect", url, "-R", "200", "-t", "200ms", "--warmup", "0", "--reset")
                self.assertAlmostEqual(report["requests"]["completed"], 40, delta=1)

    def test_failures(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection) + b"?"))
            receive_rest(connection)

        report = self.report("connect", ThreadedPeer(self, serve).url, "-n", "3", "-c", "1", "--echo", code=1)
        self.assertEqual(report["errors"], {"wrong_reply": 3})
        begin = self.report("connect", url_of_nobody(), "-c", "2", "-t", "60s", "--warmup", "0", code=1)
        self.assertEqual(begin["errors"].keys(), {"refused"})
        self.assertEqual(begin["requests"]["completed"], 0)


class Idle(LoadTest):
    def test_they_are_held(self):
        server = self.serve(f"echo={ANY}")
        pid = str(server.process.pid)
        report = self.report("idle", server.url, "-c", "200", "-t", "100ms", "--pid", pid, "--threads", "2")
        self.assertEqual(report["errors"], {})
        self.assertEqual(report["connections"]["made"], 200)
        self.assertEqual(report["idle"]["connections"], 200)
        self.assertGreater(report["idle"]["bytes_per_connection"], 0)

    def test_one_that_is_ended_is_told(self):
        turns = iter(range(5))

        def serve(connection):
            if next(turns) != 0:
                receive_rest(connection)

        report = self.report("idle", ThreadedPeer(self, serve).url, "-c", "5", "-t", "200ms", code=1)
        self.assertEqual(report["errors"], {"closed": 1})
        self.assertEqual(report["idle"]["connections"], 4)


class Commands(LoadTest):
    def serve_commands(self, *wires):
        listeners = [f"exec={ANY}?wire={wire}" for wire in wires]
        flags = ("--exec-allow", "echo", "--exec-allow", "false", "--exec-shell")
        return self.serve(*listeners, flags=flags)

    def test_every_wire(self):
        wires = ("native", "concat", "stderr-first", "json-size")
        server = self.serve_commands(*wires)
        for wire, url in zip(wires, server.urls):
            with self.subTest(wire=wire):
                report = self.report(
                    "exec", url, "--wire", wire, "-n", "12", "-c", "3", "--verify", "full", "--", "echo", "hello"
                )
                self.assertEqual(report["requests"]["completed"], 12)
                self.assertEqual(report["errors"], {})

    def test_a_rate_and_the_shell(self):
        url = self.serve_commands("native").url
        report = self.report(
            "exec", url, "-R", "50", "-t", "200ms", "--warmup", "0", "--shell", "--", "echo $((6 * 7))"
        )
        self.assertAlmostEqual(report["requests"]["completed"], 10, delta=1)

    def test_those_that_fail(self):
        url = self.serve_commands("native").url
        report = self.report("exec", url, "-n", "6", "-c", "1", "--", "false", code=1)
        self.assertEqual((report["errors"], report["requests"]["failed"]), ({"failed": 6}, 6))
        report = self.report("exec", url, "-n", "6", "-c", "1", "--verify", "off", "--", "false")
        self.assertEqual(report["requests"]["completed"], 6)
        report = self.report("exec", url, "-n", "6", "-c", "1", "--", "no-such-program", code=1)
        self.assertEqual(report["errors"], {"failed": 6})

    def test_a_stranger_whose_output_changes(self):
        turns = iter(range(9))

        def serve(connection):
            while connection.recv(1024):
                reply = b"later" if next(turns) == 2 else b"first"
                connection.sendall(struct.pack("i", len(reply)) + reply)

        url = ThreadedPeer(self, serve).url
        report = self.report(
            "exec", url, "--wire", "concat", "-n", "5", "-c", "1", "--verify", "full", "--", "date", code=1
        )
        self.assertEqual(report["errors"], {"wrong_reply": 1})
        self.assertEqual(report["requests"]["completed"], 4)


class Uploads(LoadTest):
    def test_files_are_there(self):
        server = self.serve(f"upload={ANY}", directory=self.directory)
        report = self.report("upload", server.url, "-n", "15", "-c", "3", "--size", "1..20KiB", "--verify", "full")
        self.assertEqual(report["requests"]["completed"], 15)
        stored = os.listdir(os.path.join(self.directory, "uploads"))
        self.assertEqual(len([name for name in stored if name.startswith("bench-")]), 15)

    def test_a_stranger_without_replies(self):
        names, sizes = [], []

        def serve(connection):
            header = json.loads(receive_frame(connection))
            names.append(header["file_name"])
            sizes.append(len(receive(connection, header["file_size"])))
            receive_rest(connection)

        peer = ThreadedPeer(self, serve)
        report = self.report("upload", peer.url, "--wire", "plain", "-n", "6", "-c", "2", "--size", "5000")
        self.assertEqual(report["requests"]["completed"], 6)
        poll(lambda: len(sizes) == 6, "every upload, of which the tool has no reply")
        self.assertEqual(len(set(names)), 6)
        self.assertEqual(set(sizes), {5000})

    def test_the_marker(self):
        streams = []
        peer = ThreadedPeer(self, lambda connection: streams.append(receive_rest(connection)))
        report = self.report("upload", peer.url, "--wire", "marker", "-n", "2", "-c", "2", "--size", "3000")
        self.assertEqual(report["requests"]["completed"], 2)
        poll(lambda: len(streams) == 2, "two files")
        for stream in streams:
            self.assertEqual(stream[3000:].decode(), "##发送完毕")

    def test_one_that_stores_something_else(self):
        def serve(connection):
            while True:
                header = json.loads(receive_frame(connection))
                connection.sendall(frame(b'{"status": "ready", "offset": 0}'))
                body = receive(connection, header["file_size"])
                reply = {
                    "status": "stored",
                    "file_name": header["file_name"],
                    "size": len(body),
                    "sha256": hashlib.sha256(body + b"?").hexdigest(),
                }
                connection.sendall(frame(json.dumps(reply).encode()))

        url = ThreadedPeer(self, serve).url
        report = self.report("upload", url, "-n", "2", "-c", "1", "--size", "99")
        self.assertEqual(report["requests"]["completed"], 2)
        report = self.report("upload", url, "-n", "2", "-c", "1", "--size", "99", "--verify", "full", code=1)
        self.assertEqual(report["errors"], {"wrong_reply": 2})

    def test_files_that_are_refused_fail_alone(self):
        turns = iter(range(9))

        def serve(connection):
            while True:
                header = json.loads(receive_frame(connection))
                if next(turns) % 3 == 1:
                    connection.sendall(frame(b'{"error": "quota", "message": "no room"}'))
                    return
                connection.sendall(frame(b'{"status": "ready", "offset": 0}'))
                receive(connection, header["file_size"])
                reply = {"status": "stored", "file_name": "x", "size": header["file_size"], "sha256": ""}
                connection.sendall(frame(json.dumps(reply).encode()))

        url = ThreadedPeer(self, serve).url
        report = self.report("upload", url, "-n", "6", "-c", "1", "--size", "99", code=1)
        self.assertEqual(report["errors"], {"failed": 2})
        self.assertEqual(report["requests"]["completed"], 4)


class ChatPeer:
    """A chat in a few lines. `deliver(count, datagram, send)` sends one datagram on, or does not."""

    def __init__(self, test, deliver):
        self._deliver = deliver
        self._socket = test.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._over = threading.Event()
        self._members, self._deliveries = {}, 0
        self.url = f"udp://127.0.0.1:{self._socket.getsockname()[1]}"
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        test.addCleanup(thread.join, LIMIT)
        test.addCleanup(self._over.set)

    def _run(self):
        while not self._over.is_set():
            try:
                datagram, sender = self._socket.recvfrom(65536)
            except (TimeoutError, OSError):
                continue
            if datagram[:2] == b"\xff\x01":
                self._take(datagram[2], datagram[3:], sender)

    def _send(self, kind, body, to):
        self._socket.sendto(b"\xff\x01" + bytes([kind]) + body, to)

    def _take(self, kind, body, sender):
        if kind == 1:  # join
            room_size = body[24]
            room = body[25 : 25 + room_size]
            (attempt,) = struct.unpack("<Q", body[:8])
            number = self._members.setdefault(sender, (len(self._members) + 1, room))[0]
            place = hash(room) & 0xFFFF
            self._send(0x82, struct.pack("<QQQQIII", attempt, number, place, number, 5000, 1, 1000), sender)
        elif kind == 3:  # message
            self._tell(sender, struct.unpack("<Q", body[8:16])[0], body[16:])
        elif kind == 4:  # heartbeat
            token, number = struct.unpack("<QI", body)
            self._send(0x86, struct.pack("<QIIQ", token, number, 1, 0), sender)

    def _tell(self, sender, sequence, text):
        number, room = self._members[sender]
        body = struct.pack("<QQQ", hash(room) & 0xFFFF, number, sequence) + b"\x01x" + text
        for address, (other, place) in self._members.items():
            if place == room and other != number:
                self._deliveries += 1
                self._deliver(self._deliveries, body, lambda d, to=address: self._send(0x84, d, to))


class Chats(LoadTest):
    ARGUMENTS = ("-c", "6", "--rooms", "2", "-R", "500", "-n", "150", "--warmup", "0")

    def test_all_is_heard(self):
        peer = ChatPeer(self, lambda _, datagram, send: send(datagram))
        requests = self.report("chat", peer.url, *self.ARGUMENTS)["requests"]
        self.assertEqual((requests["sent"], requests["completed"]), (300, 300))

    def test_a_service_with_members_on_several_threads(self):
        url = self.serve("chat=udp://127.0.0.1:0").url
        report = self.report(
            "chat", url, "-c", "9", "--rooms", "3", "--threads", "2", "-R", "200", "-n", "60", "--size", "44..900"
        )
        requests = report["requests"]
        self.assertEqual((requests["sent"], requests["completed"]), (120, 120))
        self.assertEqual(report["connections"]["made"], 9)

    def test_what_is_lost_twice_or_late(self):
        held = []

        def deliver(count, datagram, send):
            if count % 10 == 1:
                return
            send(datagram)
            if count % 10 == 2:
                send(datagram)
            for send_held in held:
                send_held()
            held.clear()
            if count % 50 == 5:
                held.append(lambda: None)

        peer = ChatPeer(self, deliver)
        requests = self.report("chat", peer.url, *self.ARGUMENTS)["requests"]
        self.assertEqual((requests["sent"], requests["completed"]), (300, 270))
        self.assertEqual(requests["lost"], 30)
        self.assertEqual(requests["duplicate"], 30)

    def test_what_others_overtook(self):
        held = {}

        def deliver(count, datagram, send):
            number = datagram[8:16]
            if number in held:  # the one before comes after this one
                send(datagram)
                before, send_before = held.pop(number)
                send_before(before)
            elif count % 5 == 0:
                held[number] = (datagram, send)
            else:
                send(datagram)

        peer = ChatPeer(self, deliver)
        requests = self.report("chat", peer.url, "-c", "2", "-R", "500", "-n", "100", "--warmup", "0")["requests"]
        self.assertGreater(requests["reordered"], 5)
        self.assertGreaterEqual(requests["completed"], 98)

    def test_nobody_lets_them_in(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            url = f"udp://127.0.0.1:{silent.getsockname()[1]}"
            result = self.load("chat", url, "-c", "2", "-t", "60s", "--timeout", "200ms")
        self.check_failure(result, 1, "timeout 2", "join", program="coserve-bench")


class Usage(LoadTest):
    def test_mistakes(self):
        tcp, udp = "tcp://127.0.0.1:1", "udp://127.0.0.1:1"
        for arguments, says in (
            (["exec", udp, "--", "true"], ["tcp://"]),
            (["exec", tcp], ["COMMAND"]),
            (["exec", tcp, "--wire", "smoke", "--", "true"], ["wire smoke", "native, concat"]),
            (["exec", f"{tcp}?wire=concat", "--wire", "native", "--", "true"], ["--wire native", "wire=concat"]),
            (["exec", f"{tcp}?framing=line", "--", "true"], ["framing"]),
            (["exec", tcp, "--shell", "--", "echo", "hello"], ["--shell", "one text"]),
            (["upload", tcp, "--wire", "pigeon"], ["wire pigeon", "marker"]),
            (["upload", tcp, "--depth", "3"], ["--depth"]),
            (["connect", udp], ["tcp://"]),
            (["connect", tcp, "--size", "9..3"], ["--size 9..3", "first"]),
            (["idle", tcp, "-n", "3"], ["-n"]),
            (["chat", tcp], ["udp://"]),
            (["chat", udp, "-c", "3", "--rooms", "2"], ["--rooms 2", "alone"]),
            (["chat", udp, "--size", "10"], ["--size 10", "at least"]),
            (["echo", f"{tcp}?framing=fixed&size=9", "--size", "10"], ["--size 10", "framing"]),
            (["echo", f"{tcp}?framing=delimiter&delimiter=c"], ["--size", "framing"]),
            (["echo", tcp, "--ramp", "1s", "--connect-rate", "3"], ["--ramp and --connect-rate"]),
            (["echo", tcp, "--size", "64:often"], ["--size often", "90%"]),
        ):
            with self.subTest(arguments=arguments):
                self.check_usage(*arguments, says=says)

    def test_a_fixed_framing_says_the_size(self):
        url = self.serve(f"echo={ANY}?framing=fixed&size=37").url
        report = self.report("echo", f"{url}?framing=fixed&size=37", "-n", "10")
        self.assertEqual(report["requests"]["completed"], 10)

    def test_sizes_by_chance_are_the_same_with_the_same_seed(self):
        seen = []

        def serve(connection):
            sizes = []
            seen.append(sizes)
            while True:
                request = receive_frame(connection)
                sizes.append(len(request))
                connection.sendall(frame(request))

        url = ThreadedPeer(self, serve).url
        seeds = [str(random.randrange(1, 1000))] * 2 + ["1001"]
        for seed in seeds:
            self.report("echo", url, "-n", "50", "-c", "1", "--size", "1..900", "--seed", seed, "--verify", "full")
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[0], seen[2])
        self.assertTrue(all(1 <= size <= 900 for size in seen[0]))


if __name__ == "__main__":
    unittest.main()
