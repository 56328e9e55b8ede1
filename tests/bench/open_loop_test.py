"""An open loop: the plan's times, and a server that does not keep up with them."""

import os
import signal
import subprocess
import threading
import time
import unittest

from load_support import LoadTest, StallingPeer, ThreadedPeer, COSERVE_BENCH
from support import LIMIT, frame, receive_frame

# The run of which the server is away for a part: seconds of both, and requests a second.
LONG = os.environ.get("COSERVE_MASS") == "full"
TIME, STALL, RATE = (10, 1, 1000) if LONG else (2, 0.4, 500)


class OpenLoop(LoadTest):
    def test_a_stall_is_seen_from_the_time_of_requests_alone(self):
        peer = StallingPeer(self, at=RATE * TIME // 4, stall=STALL)
        report = self.report(
            "echo", peer.url, "-R", str(RATE), "-t", str(TIME), "--warmup", "0", "-c", "2", "--timeout", "60s"
        )
        self.assertEqual(report["requests"]["completed"], RATE * TIME)
        latency = report["latency_us"]
        self.assertGreaterEqual(latency["intended"]["p99"], 0.85e6 * STALL)
        self.assertLess(latency["service"]["p99"], 0.5e6 * STALL)
        self.assertGreaterEqual(latency["service"]["max"], 0.95e6 * STALL)

    def test_a_connection_that_is_stuck_keeps_its_own_requests(self):
        """Others do not take them over: its user would wait, too."""
        turns = iter(range(4))

        def serve(connection):
            stuck = next(turns) == 0
            while True:
                request = receive_frame(connection)
                if stuck:
                    time.sleep(0.3)
                    stuck = False
                connection.sendall(frame(request))

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-R", "200", "-n", "200", "-c", "4")
        self.assertEqual(report["requests"]["completed"], 200)
        # One in four of those that were due meanwhile: 15.
        self.assertGreater(report["latency_us"]["intended"]["p99"], 150_000)
        self.assertLess(report["latency_us"]["service"]["p99"], 150_000)

    def test_what_could_not_be_sent_is_told(self):
        def serve(connection):
            while True:
                request = receive_frame(connection)
                time.sleep(0.05)
                connection.sendall(frame(request))

        peer = ThreadedPeer(self, serve)
        report = self.report("echo", peer.url, "-R", "1000", "-t", "300ms", "--warmup", "0", "-c", "1")
        requests = report["requests"]
        self.assertLess(requests["completed"], 60)  # 50 ms each, to a second after the end
        self.assertEqual(requests["completed"], requests["sent"])
        self.assertEqual(requests["sent"] + requests.get("unsent", 0), 300)

    def test_depth_bounds_what_is_under_way(self):
        most = 0
        lock = threading.Lock()

        def serve(connection):
            nonlocal most
            connection.settimeout(0.1)
            pending = []
            while True:
                try:
                    pending.append(receive_frame(connection))
                except TimeoutError:
                    with lock:
                        most = max(most, len(pending))
                    for request in pending:
                        connection.sendall(frame(request))
                    pending.clear()

        peer = ThreadedPeer(self, serve)
        self.report("echo", peer.url, "-R", "500", "-n", "30", "-c", "1", "--depth", "7")
        self.assertEqual(most, 7)

    def test_any_size_without_framing(self):
        server = self.serve("echo=tcp://127.0.0.1:0?framing=raw")
        report = self.report(
            "echo", f"{server.url}?framing=raw", "-R", "2000", "-n", "500", "-c", "3", "--size", "1..3000", "--verify", "full"
        )
        self.assertEqual(report["requests"], {"sent": 500, "completed": 500, "failed": 0})

    def test_a_ramp_is_not_counted_and_grows(self):
        times = []
        lock = threading.Lock()

        def serve(connection):
            while True:
                request = receive_frame(connection)
                with lock:
                    times.append(time.monotonic())
                connection.sendall(frame(request))

        peer = ThreadedPeer(self, serve)
        report = self.report(
            "echo", peer.url, "-R", "400", "--ramp", "1s", "-t", "250ms", "--warmup", "0", "-c", "4", "--timeout", "60s"
        )
        self.assertAlmostEqual(report["requests"]["sent"], 100, delta=1)
        self.assertAlmostEqual(len(times), 300, delta=2)  # 200 in the ramp
        self.assertEqual(peer.connections, 4)

    def test_connections_come_at_their_rate(self):
        url = StallingPeer(self, at=0, stall=0).url
        begin = time.monotonic()
        self.report("echo", url, "-n", "20", "-c", "10", "--connect-rate", "20", "--threads", "2")
        self.assertGreaterEqual(time.monotonic() - begin, 0.45)

    def test_an_interruption_shows_what_there_is(self):
        begun = threading.Event()

        def serve(connection):
            while True:
                connection.sendall(frame(receive_frame(connection)))
                begun.set()

        peer = ThreadedPeer(self, serve)
        command = [COSERVE_BENCH, "echo", peer.url, "-t", "1h", "--warmup", "0", "-c", "1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
            self.assertTrue(begun.wait(LIMIT))
            program.send_signal(signal.SIGINT)
            output, complaint = program.communicate(timeout=LIMIT)
        self.assertEqual((program.returncode, complaint), (0, b""))
        self.assertIn(b"requests", output)


if __name__ == "__main__":
    unittest.main()
