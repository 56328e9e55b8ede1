"""The program `coserve-bench echo` over UDP: every request is answered, lost, or said to be wrong."""

import json
import os
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import LIMIT, ProgramTest, run  # noqa: E402

COSERVE_BENCH = os.environ.get("COSERVE_BENCH", "coserve-bench")
UDP = "udp://127.0.0.1:0"


class DatagramLoad(ProgramTest):
    def load(self, *arguments):
        return run(COSERVE_BENCH, "echo", *arguments, cwd=self.directory)

    def measure(self, *arguments):
        result = self.load(*arguments, "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return json.loads(result.stdout)

    def peer(self, answer):
        """A UDP server of a few lines, and its URL: `answer(number, message)` gives what goes back."""
        listener = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.1)
        over = threading.Event()

        def serve():
            number = 0
            while not over.is_set():
                try:
                    message, sender = listener.recvfrom(65536)
                except TimeoutError:
                    continue
                for reply in answer(number, message):
                    listener.sendto(reply, sender)
                number += 1

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, LIMIT)
        self.addCleanup(over.set)
        return f"udp://127.0.0.1:{listener.getsockname()[1]}"

    def test_every_request_once(self):
        url = self.serve(f"echo={UDP}").url
        for arguments in (["-c", "1"], ["-c", "7"], ["-c", "20", "--threads", "3"], ["-c", "2", "--depth", "50"],
                          ["--size", "0"], ["--size", "3", "--depth", "8", "-c", "1"], ["--size", "60000", "-c", "2"],
                          ["-c", "3", "--warmup", "50ms"]):
            with self.subTest(arguments=arguments):
                verify = "length" if "3" in arguments[1:2] and "--size" in arguments else "full"
                report = self.measure(url, "-n", "1000", "--verify", verify, "--timeout", "20s", *arguments)
                self.assertEqual(
                    report["requests"],
                    {"sent": 1000, "completed": 1000, "failed": 0, "lost": 0, "late_replies": 0, "wrong_replies": 0},
                )
                self.assertEqual(report["errors"], {})

    def test_losses_are_counted_and_made_good(self):
        url = self.peer(lambda number, message: [] if number % 10 == 3 else [message])
        report = self.measure(url, "-n", "200", "-c", "1", "--depth", "4", "--timeout", "200ms")
        counts = report["requests"]
        self.assertEqual(counts["sent"], 200)
        self.assertEqual(counts["completed"] + counts["lost"], 200)
        # On a busy machine some are late beside the 20 that nobody answers.
        self.assertGreaterEqual(counts["lost"], 20)
        self.assertLessEqual(counts["late_replies"], counts["lost"] - 20)

    def test_replies_in_any_order_find_their_requests(self):
        held = []

        def answer(_, message):
            held.append(message)
            if len(held) < 4:
                return []
            replies = held[::-1]
            held.clear()
            return replies

        report = self.measure(self.peer(answer), "-n", "400", "-c", "1", "--depth", "4", "--verify", "full")
        self.assertEqual(report["requests"]["completed"], 400)
        self.assertEqual(report["requests"]["wrong_replies"], 0)

    def test_duplicates_are_not_counted_twice(self):
        report = self.measure(self.peer(lambda _, message: [message, message]), "-n", "100", "-c", "1")
        self.assertEqual(report["requests"]["completed"], 100)
        self.assertGreater(report["requests"]["late_replies"], 50)

    def test_wrong_replies_are_counted(self):
        url = self.peer(lambda _, message: [message[:-1], message])
        counts = self.measure(url, "-n", "10", "-c", "1")["requests"]
        self.assertEqual((counts["completed"], counts["wrong_replies"]), (10, 10))

    def test_a_rate(self):
        url = self.serve(f"echo={UDP}").url
        for arguments in (["-c", "1", "--depth", "64"], ["-c", "8", "--threads", "2", "--depth", "8"]):
            with self.subTest(arguments=arguments):
                report = self.measure(url, "-R", "1000", "-t", "300ms", "--warmup", "0", "--timeout", "20s", *arguments)
                self.assertAlmostEqual(report["requests"]["completed"], 300, delta=1)

    def test_a_rate_counts_from_the_time_of_a_request(self):
        def answer(number, message):
            if number == 0:
                time.sleep(0.3)  # what the server does with its time
            return [message]

        report = self.measure(self.peer(answer), "-R", "100", "-n", "20", "-c", "1", "--timeout", "20s")
        self.assertEqual(report["requests"]["completed"], 20)
        self.assertGreater(report["latency_us"]["intended"]["p50"], 100_000)
        self.assertLess(report["latency_us"]["service"]["p50"], 100_000)

    def test_nobody_there(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"udp://127.0.0.1:{probe.getsockname()[1]}"
        self.check_failure(self.load(url, "-n", "10", "-c", "2"), 1, url, "refused 2", program="coserve-bench")

    def test_nobody_answers(self):
        result = self.load(self.peer(lambda *_: []), "-n", "4", "-c", "1", "--timeout", "50ms")
        self.check_failure(result, 1, "no reply came", program="coserve-bench")

    def test_for_a_time_with_the_servers_cpu(self):
        server = self.serve(f"echo={UDP}")
        report = self.measure(
            server.url, "-t", "300ms", "--warmup", "50ms", "-c", "2", "--depth", "8", "--pid", str(server.process.pid)
        )
        self.assertGreater(report["requests"]["completed"], 100)
        self.assertGreater(report["cpu"]["server_us_per_request"], 0)

    def test_summary(self):
        result = self.load(self.serve(f"echo={UDP}").url, "-n", "100")
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"lost      0 (0.000 %)", result.stdout)

    def test_usage(self):
        for arguments, says in (
            (["--size", "65508"], ["--size 65508", "65507"]),
            (["--size", "64..65508"], ["--size 64..65508", "65507"]),
        ):
            with self.subTest(arguments=arguments):
                self.check_failure(
                    self.load("udp://127.0.0.1:1", *arguments), 2, *says, program="coserve-bench"
                )
        result = self.load("udp://127.0.0.1:1?framing=raw")
        self.assertEqual(result.returncode, 2, result.stderr)


if __name__ == "__main__":
    unittest.main()
