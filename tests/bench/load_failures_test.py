"""Servers that go, come back, dawdle or answer wrongly: counted by kind, and the run ends as documented."""

import contextlib
import socket
import struct
import threading
import time
import unittest

from load_support import COSERVE_BENCH, LoadTest, ThreadedPeer, url_of_nobody
from support import LIMIT, frame, receive_frame, run

ANY = "tcp://127.0.0.1:0"


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Failures(LoadTest):
    def test_the_server_is_gone_in_mid_run(self):
        server = self.serve(f"echo={ANY}")
        threading.Timer(0.3, server.process.kill).start()
        for arguments in (["-t", "60s"], ["-t", "60s", "-R", "1000"]):
            with self.subTest(arguments=arguments):
                begin = time.monotonic()
                report = self.report("echo", server.url, "-c", "8", "--warmup", "0", *arguments, code=1)
                self.assertLess(time.monotonic() - begin, 30)
                # The second run meets nobody.
                self.assertEqual(sum(report["errors"].values()), 8)
                self.assertLessEqual(report["errors"].keys(), {"reset", "closed", "refused"})

    def test_it_is_tried_again_and_the_run_goes_on(self):
        def serve(connection):
            for _ in range(20):
                connection.sendall(frame(receive_frame(connection)))
            receive_frame(connection)

        for arguments in ([], ["-R", "1000"]):
            with self.subTest(arguments=arguments):
                peer = ThreadedPeer(self, serve)
                report = self.report("echo", peer.url, "-n", "100", "-c", "2", "--reconnect", "30s", *arguments, code=1)
                requests = report["requests"]
                self.assertEqual(requests["completed"] + requests["failed"], 100)
                self.assertGreaterEqual(requests["completed"], 90)
                self.assertEqual(report["errors"].keys(), {"closed"})
                self.assertGreaterEqual(peer.connections, 4)

    def test_trying_again_has_an_end(self):
        result = self.load("echo", url_of_nobody(), "-c", "2", "-t", "60s", "--reconnect", "250ms")
        self.check_failure(result, 1, "refused", program="coserve-bench")

    def test_the_other_connections_do_the_rest(self):
        turns = iter(range(4))

        def serve(connection):
            bad = next(turns) == 0
            while True:
                request = receive_frame(connection)
                if bad:
                    reset(connection)
                    return
                connection.sendall(frame(request))

        for arguments in ([], ["-R", "1000"]):
            with self.subTest(arguments=arguments):
                turns = iter(range(4))
                peer = ThreadedPeer(self, serve)
                report = self.report("echo", peer.url, "-n", "100", "-c", "4", *arguments, code=1)
                self.assertEqual(report["errors"], {"reset": 1})
                self.assertEqual(report["requests"]["failed"], 1)
                self.assertEqual(report["requests"]["completed"], 99)

    def test_what_waited_for_a_lost_connection_is_taken_over(self):
        """At the end of the plan, where nothing else wakes the others."""
        turns = iter(range(2))

        def serve(connection):
            if next(turns) == 0:
                receive_frame(connection)
                connection.recv(1)  # nothing more comes
                return
            while True:
                connection.sendall(frame(receive_frame(connection)))

        peer = ThreadedPeer(self, serve)
        report = self.report(
            "echo", peer.url, "-R", "1000", "-n", "40", "-c", "2", "--timeout", "400ms", code=1
        )
        self.assertEqual(report["errors"], {"timeout": 1})
        self.assertEqual((report["requests"]["completed"], report["requests"]["failed"]), (39, 1))

    def test_replies_that_are_too_slow(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)))
            receive_frame(connection)
            connection.recv(1)

        for arguments in ([], ["-R", "1000"]):
            with self.subTest(arguments=arguments):
                peer = ThreadedPeer(self, serve)
                result = self.report("echo", peer.url, "-n", "10", "-c", "2", "--timeout", "300ms", *arguments, code=1)
                self.assertEqual(result["errors"], {"timeout": 2})
                self.assertEqual(result["requests"]["completed"], 2)
                self.assertEqual(result["requests"]["failed"], 2)

    def test_what_is_unanswered_at_the_end(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)))
            receive_frame(connection)
            connection.recv(1)

        for arguments in ([], ["-R", "100"]):
            with self.subTest(arguments=arguments):
                peer = ThreadedPeer(self, serve)
                report = self.report(
                    "echo", peer.url, "-t", "200ms", "--warmup", "0", "-c", "2", "--timeout", "60s", *arguments, code=1
                )
                self.assertEqual(report["errors"], {"unanswered": 2})
                self.assertEqual(report["requests"]["completed"], 2)
                self.assertEqual(report["requests"]["failed"], 2)

    def test_replies_under_way_at_the_end_are_counted(self):
        def serve(connection):
            while True:
                request = receive_frame(connection)
                time.sleep(0.4)
                connection.sendall(frame(request))

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-t", "200ms", "--warmup", "0", "-c", "3")
        self.assertEqual(report["requests"]["completed"], 3)
        self.assertEqual(report["errors"], {})

    def test_wrong_bytes_under_a_rate(self):
        def serve(connection):
            connection.sendall(frame(receive_frame(connection)[:-1] + b"?"))
            with contextlib.suppress(OSError):
                connection.recv(1)

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-R", "1000", "-n", "10", "-c", "1", "--verify", "full", code=1)
        self.assertEqual(report["errors"], {"wrong_reply": 1})

    def test_what_nobody_asked_for(self):
        def serve(connection):
            connection.sendall(frame(b"hello"))
            receive_frame(connection)

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-n", "10", "-c", "1", "--size", "7", code=1)
        self.assertEqual(report["errors"], {"wrong_reply": 1})

    def test_datagrams_go_on_where_the_server_comes_back(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            address = first.getsockname()

        over = threading.Event()

        def serve_late():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
                listener.bind(address)
                listener.settimeout(0.05)
                while not over.is_set():
                    with contextlib.suppress(TimeoutError):
                        message, sender = listener.recvfrom(65536)
                        listener.sendto(message, sender)

        late = threading.Timer(0.3, serve_late)
        late.start()
        self.addCleanup(late.join, LIMIT)
        self.addCleanup(over.set)
        url = f"udp://127.0.0.1:{address[1]}"
        report = self.report("echo", url, "-n", "23", "-c", "1", "--timeout", "20s", "--reconnect", "20s", code=1)
        self.assertEqual(report["errors"].keys(), {"refused"})
        self.assertGreater(report["requests"]["completed"], 0)

    def test_no_route_to_a_name(self):
        for load in ("connect", "echo"):
            result = run(COSERVE_BENCH, load, "tcp://no-such-host.invalid:1", "-n", "1", "-c", "1")
            self.check_failure(result, 1, "tcp://no-such-host.invalid:1: ", "not found", program="coserve-bench")
            self.assertNotIn(b"asio", result.stderr)

    def test_nobody_at_a_path(self):
        result = self.load("echo", f"unix:{self.directory}/nobody.sock", "-c", "3", "-n", "5")
        self.check_failure(result, 1, "refused 3", "No such file", program="coserve-bench")

    def test_a_server_that_takes_no_connections(self):
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as held:
            for _ in range(3):  # all that its queue holds, and more
                waiting = held.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            url = f"tcp://127.0.0.1:{full.getsockname()[1]}"
            result = self.load("echo", url, "-c", "2", "-t", "60s", "--timeout", "300ms")
        self.check_failure(result, 1, "timeout 2", program="coserve-bench")

    def test_replies_in_front_of_what_breaks_the_framing(self):
        def serve(connection):
            requests = [receive_frame(connection) for _ in range(16)]
            connection.sendall(b"".join(map(frame, requests[:10])) + b"\xff\xff\xff\x7f")
            connection.recv(1)

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-c", "1", "--depth", "16", "-n", "16", code=1)
        self.assertEqual((report["requests"]["completed"], report["requests"]["failed"]), (10, 6))
        self.assertEqual(report["errors"], {"malformed": 1})

    def test_replies_before_the_requests_were_taken(self):
        size = 8 << 20

        def serve(connection):
            connection.recv(1, socket.MSG_PEEK)
            connection.sendall(frame(bytes(size)))
            receive_frame(connection)

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-c", "2", "-n", "2", "--size", str(size))
        self.assertEqual(report["requests"], {"sent": 2, "completed": 2, "failed": 0})

    def test_the_last_request_is_lost(self):
        """What is tried again then would have nothing to send."""

        def serve(connection):
            for _ in range(50):
                connection.sendall(frame(receive_frame(connection)))
            receive_frame(connection)

        peer = ThreadedPeer(self, serve)
        begin = time.monotonic()
        report = self.report("echo", peer.url, "-c", "1", "-n", "51", "-R", "500", "--reconnect", "60s", code=1)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual((report["requests"]["completed"], report["requests"]["failed"]), (50, 1))

    def test_a_server_that_ends_each_connection(self):
        closed = threading.Event()
        peer = ThreadedPeer(self, lambda connection: closed.set())
        report = self.report("echo", peer.url, "-c", "4", "--connect-rate", "100", "-n", "9", code=1)
        self.assertTrue(closed.is_set())
        self.assertEqual(sum(report["errors"].values()), 4)
        self.assertGreaterEqual(report["errors"]["closed"], 3)  # the last may still be open when it is sent to


if __name__ == "__main__":
    unittest.main()
