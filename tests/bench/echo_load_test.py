"""The program `coserve-bench echo`: loads that count, and servers that are not what it was told."""

import contextlib
import json
import os
import socket
import struct
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import LIMIT, Peer, ProgramTest, frame, receive, receive_frame, run  # noqa: E402

COSERVE_BENCH = os.environ.get("COSERVE_BENCH", "coserve-bench")
ANY = "tcp://127.0.0.1:0"


def await_end(connection):
    with contextlib.suppress(ConnectionResetError):
        connection.recv(1)


class LoadTest(ProgramTest):
    def load(self, *arguments):
        return run(COSERVE_BENCH, "echo", *arguments, cwd=self.directory)

    def measure(self, *arguments):
        """The JSON report of a run that succeeds."""
        result = self.load(*arguments, "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return json.loads(result.stdout)

    def check_fails(self, result, *fragments, code=1):
        self.assertEqual(result.stdout, b"")
        self.check_failure(result, code, *fragments, program="coserve-bench")


class Counting(LoadTest):
    def test_every_request_once(self):
        url = self.serve(f"echo={ANY}").url
        for arguments in (["-c", "1"], ["-c", "7"], ["-c", "20", "--threads", "3"], ["--depth", "50"], ["--size", "0"],
                          ["--size", "100KiB", "--depth", "8"], ["-c", "3", "--warmup", "50ms"]):
            with self.subTest(arguments=arguments):
                report = self.measure(url, "-n", "1000", "--verify", "full", *arguments)
                self.assertEqual(report["requests"], {"sent": 1000, "completed": 1000, "failed": 0})
                self.assertEqual(report["errors"], {})

    def test_fewer_requests_than_connections(self):
        url = self.serve(f"echo={ANY}").url
        report = self.measure(url, "-n", "3", "-c", "10", "--depth", "2")
        self.assertEqual(report["requests"]["completed"], 3)

    def test_the_server_sees_them(self):
        seen = []

        def serve(connection):
            with contextlib.suppress(EOFError):
                while True:
                    seen.append(receive_frame(connection))
                    connection.sendall(frame(seen[-1]))

        with Peer(serve) as peer:
            self.measure(peer.url, "-n", "100", "-c", "1", "--depth", "3", "--size", "20", "--verify", "full")
        self.assertEqual(len(seen), 100)
        self.assertEqual(len(set(seen)), 100)
        self.assertEqual({len(payload) for payload in seen}, {20})

    def test_keeps_depth_requests_under_way(self):
        def serve(connection):
            first = receive(connection, 5 * 12)
            connection.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                await_end(connection)
            connection.settimeout(60)
            connection.sendall(first)
            connection.sendall(receive(connection, 2 * 12))

        with Peer(serve) as peer:
            report = self.measure(peer.url, "-n", "7", "-c", "1", "--depth", "5", "--size", "8", "--verify", "full")
        self.assertEqual(report["requests"]["completed"], 7)

    def test_the_time_ends_it(self):
        server = self.serve(f"echo={ANY}")
        report = self.measure(server.url, "-t", "200ms", "--warmup", "100ms", "--pid", str(server.process.pid))
        self.assertAlmostEqual(report["elapsed_s"], 0.2, delta=0.05)
        self.assertGreater(report["requests"]["completed"], 100)
        self.assertGreater(report["cpu"]["server_us_per_request"], 0)
        latency = report["latency_us"]["service"]
        ordered = [latency[key] for key in ("min", "p50", "p90", "p99", "p99.9", "p99.99", "max")]
        self.assertEqual(ordered, sorted(ordered))
        self.assertGreater(ordered[0], 0)

    def test_a_rate(self):
        url = self.serve(f"echo={ANY}").url
        for arguments in (["-c", "1"], ["-c", "8", "--threads", "2"], ["-c", "2", "--depth", "4"]):
            with self.subTest(arguments=arguments):
                report = self.measure(url, "-R", "2000", "-t", "300ms", "--warmup", "0", "--verify", "full", *arguments)
                self.assertAlmostEqual(report["requests"]["completed"], 600, delta=1)
                self.assertGreaterEqual(report["latency_us"]["intended"]["max"], report["latency_us"]["service"]["max"])

    def test_a_rate_counts_from_the_time_of_a_request(self):
        def serve(connection):
            first = receive_frame(connection)
            time.sleep(0.3)  # what the server does with its time
            connection.sendall(frame(first))
            with contextlib.suppress(EOFError):
                while True:
                    connection.sendall(frame(receive_frame(connection)))

        with Peer(serve) as peer:
            report = self.measure(peer.url, "-R", "100", "-n", "20", "-c", "1")
        self.assertEqual(report["requests"]["completed"], 20)
        latency = report["latency_us"]
        self.assertGreater(latency["intended"]["p50"], 100_000)
        self.assertLess(latency["service"]["p50"], 100_000)

    def test_any_framing(self):
        for framing in ("framing=raw", "order=big&width=2", "framing=length-prefix&includes-header&offset=2"):
            with self.subTest(framing=framing):
                server = self.serve(f"echo={ANY}?{framing}")
                report = self.measure(f"{server.url}?{framing}", "-n", "500", "--depth", "9", "--verify", "full")
                self.assertEqual(report["requests"]["completed"], 500)

    def test_a_unix_socket(self):
        server = self.serve(f"echo=unix:{self.directory}/echo.sock")
        self.assertEqual(self.measure(server.url, "-n", "100")["requests"]["completed"], 100)

    def test_a_summary_for_people(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load(url, "-n", "2000", "-c", "2")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        text = result.stdout.decode()
        self.assertIn(f"{url}  2 connections, depth 1, 64 bytes, 1 thread\n", text)
        self.assertRegex(text, r"requests  2,000 in \S+: [\d,]+/s")
        self.assertRegex(text, r"latency\n  min +\S+\n  mean +\S+\n  p50 +\S+\n")

    def test_a_report_in_a_file(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load(url, "-n", "10", "-c", "1", "--json", "report.json")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"requests  10 in", result.stdout)
        with open(os.path.join(self.directory, "report.json"), encoding="utf-8") as report:
            self.assertEqual(json.load(report)["requests"]["completed"], 10)


class WrongServers(LoadTest):
    """Never a table made of failures."""

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            url = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        self.check_fails(self.load(url, "-c", "3"), url, "3 of 3 connections failed", "refused 3", "Connection refused")

    def test_one_that_resets(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)))
            receive_frame(connection)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        with Peer(serve, connections=2) as peer:
            result = self.load(peer.url, "-c", "2", "--warmup", "0")
        self.check_fails(result, "2 of 2 connections failed (reset 2)", "Connection reset by peer")

    def test_one_that_ends(self):
        with Peer(lambda connection: receive_frame(connection)) as peer:
            result = self.load(peer.url, "-c", "1", "--json", "report.json")
        self.check_fails(result, "closed 1", "the server ended the connection")
        with open(os.path.join(self.directory, "report.json"), encoding="utf-8") as report:
            self.assertEqual(json.load(report)["errors"], {"closed": 1})

    def test_wrong_bytes(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)[:-1] + b"?"))
            await_end(connection)

        with Peer(serve) as peer:
            result = self.load(peer.url, "-c", "1", "--verify", "full")
        self.check_fails(result, "wrong_reply 1", "64 bytes")

    def test_a_reply_of_another_length(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection) + b"?"))
            await_end(connection)

        with Peer(serve) as peer:
            result = self.load(peer.url, "-c", "1")
        self.check_fails(result, "wrong_reply 1", "65 bytes")

    def test_another_framing(self):
        def serve(connection):
            receive_frame(connection)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await_end(connection)

        with Peer(serve) as peer:
            result = self.load(peer.url, "-c", "1")
        self.check_fails(result, "malformed 1", "longer than the maximum")

    def test_silence(self):
        with Peer(lambda connection: receive_frame(connection) and await_end(connection)) as peer:
            result = self.load(peer.url, "-c", "1", "--timeout", "200ms")
        self.check_fails(result, "timeout 1", "no reply came in time")

    def test_some_that_fail_are_told_beside_the_table(self):
        turns = iter(range(2))

        def serve(connection):
            if next(turns) == 0:
                return
            with contextlib.suppress(EOFError):
                while True:
                    connection.sendall(frame(receive_frame(connection)))

        with Peer(serve, connections=2) as peer:
            result = self.load(peer.url, "-c", "2", "-t", "200ms", "--warmup", "0")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"requests  ", result.stdout)
        self.assertRegex(result.stderr.decode(), r"\Acoserve-bench: \S+: 1 of 2 connections failed \(\w+ 1\): [^\n]+\n\Z")


class Usage(LoadTest):
    def test_mistakes(self):
        url = "tcp://127.0.0.1:1"
        for arguments, fragments in (
            ([], ["URL is required"]),
            (["http://127.0.0.1:1"], ["http"]),
            ([f"{url}?framng=raw"], ["framng", "the known keys are"]),
            ([url, "-c", "0"], ["--connections"]),
            ([url, "-c", "900000"], ["--connections 900000", "at most"]),
            ([url, "-t", "soon"], ["--duration soon", "a time"]),
            ([url, "-t", "0"], ["--duration 0", "a time"]),
            ([url, "-t", "1s", "-n", "5"], ["--requests and --duration"]),
            ([url, "--size", "2GiB"], ["--size 2GiB", "1GiB"]),
            ([f"{url}?framing=raw", "--size", "0"], ["--size 0", "at least 1"]),
            ([url, "-c", "2", "--threads", "3"], ["--threads 3", "at most one"]),
            ([url, "--verify", "some"], ["--verify some", "off, length or full"]),
            ([url, "--pid", "0"], ["--pid"]),
            ([url, "-R", "-1"], ["--rate"]),
            ([url, "--frobnicate"], ["--frobnicate"]),
        ):
            with self.subTest(arguments=arguments):
                self.check_fails(self.load(*arguments), *fragments, code=2)

    def test_a_file_that_cannot_be_written(self):
        server = self.serve(f"echo={ANY}")
        result = self.load(server.url, "-n", "1", "-c", "1", "--json", "nowhere/report.json")
        self.check_failure(result, 1, "cannot write nowhere/report.json", "No such file", program="coserve-bench")

    def test_help(self):
        for arguments in (["--help"], ["echo", "--help"]):
            result = run(COSERVE_BENCH, *arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn(b"--connections", result.stdout)
        self.assertEqual(run(COSERVE_BENCH, "--version").returncode, 0)


if __name__ == "__main__":
    unittest.main()
