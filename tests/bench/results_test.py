"""What becomes of runs: files, assertions, and the commands report, compare, merge and sweep."""

import csv
import json
import os
import random
import unittest
from concurrent.futures import ThreadPoolExecutor

from load_support import LoadTest, StallingPeer

ANY = "tcp://127.0.0.1:0"


class ResultTest(LoadTest):
    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()

    def made(self, name, *arguments):
        """The name of a file with a short run's JSON."""
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-c", "4", "-n", "300", "--json", name, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return name

    def check_refused(self, result, *fragments):
        self.assertEqual(result.stdout, b"")
        self.check_failure(result, 2, *fragments, program="coserve-bench")


class Files(ResultTest):
    def test_all_of_them_at_once(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-R", "1000", "-t", "1200ms", "--warmup", "0", "--json", "run.json", "--csv", "run.csv",
                           "--html", "run.html", "--samples", "samples.csv")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertIn("intended     service", result.stdout.decode())
        report = json.loads(self.read("run.json"))
        rows = list(csv.DictReader(self.read("run.csv").splitlines()))
        self.assertEqual(sum(int(row["replies"]) for row in rows), report["replies"]["all"])
        self.assertEqual([second["replies"] for second in report["series"]], [int(row["replies"]) for row in rows])
        samples = [[int(cell) for cell in line] for line in list(csv.reader(self.read("samples.csv").splitlines()))[1:]]
        self.assertEqual(len(samples), report["requests"]["completed"])
        self.assertTrue(self.read("run.html").startswith("<!DOCTYPE html>"))

    def test_percentiles_are_those_of_all_samples(self):
        url = self.serve(f"echo={ANY}").url
        report = self.report("echo", url, "-n", "30000", "-R", "50000", "-c", "16", "--depth", "8", "--samples", "samples.csv")
        lines = self.read("samples.csv").splitlines()[1:]
        for column, kind in enumerate(("intended", "service")):
            exact = sorted(int(line.split(",")[column]) / 1000 for line in lines)
            latency = report["latency_us"][kind]
            self.assertAlmostEqual(latency["min"], exact[0], delta=0.001)
            self.assertAlmostEqual(latency["max"], exact[-1], delta=0.001)
            self.assertAlmostEqual(latency["mean"], sum(exact) / len(exact), delta=0.01)
            for name in ("p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99", "p99.999"):
                rank = -(-len(exact) * round(float(name[1:]) * 1000) // 100_000)
                self.assertAlmostEqual(latency[name], exact[rank - 1], delta=exact[rank - 1] * 0.01, msg=name)

    def test_only_one_is_stdout(self):
        self.check_refused(self.load("echo", "tcp://127.0.0.1:1", "--json", "-", "--csv", "-"), "only one")

    def test_a_page_on_stdout(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-n", "10", "--html", "-")
        self.assertEqual(result.stdout.split(b"\n")[0], b"<!DOCTYPE html>")


class Assertions(ResultTest):
    def test_that_hold(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-n", "100", "--assert", "p99<10s", "--assert", "errors=0", "--assert", "rate>1")
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_that_do_not(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-n", "100", "--assert", "p50<1us", "--assert", "p99<10s", "--assert", "max < 2us")
        self.assertEqual(result.returncode, 99)
        self.assertRegex(
            result.stderr.decode(),
            r"\Acoserve-bench: asserted p50<1us: p50 was \S+\ncoserve-bench: asserted max<2us: max was \S+\n\Z"
        )

    def test_count_from_the_intended_time(self):
        """The server stops for a second: users feel that, the requests that were sent do not."""
        peer = StallingPeer(self, at=350, stall=1)
        result = self.load("echo", peer.url, "-R", "500", "-t", "3s", "--warmup", "0", "-c", "4", "--json", "run.json",
                           "--assert", "p99<850ms")
        self.assertEqual(result.returncode, 99, result.stderr)
        latency = json.loads(self.read("run.json"))["latency_us"]
        self.assertGreaterEqual(latency["intended"]["p99"], 850_000)
        self.assertLess(latency["service"]["p99"], 500_000)

    def test_mistakes(self):
        for text in ("p99", "p99<", "q99<5ms", "p99<5parsecs"):
            with self.subTest(text=text):
                self.check_refused(self.load("echo", "tcp://127.0.0.1:1", "--assert", text), "as in p99<5ms")


class Report(ResultTest):
    def test_a_summary_and_a_page(self):
        run = self.made("run.json", "-R", "2000")
        result = self.load("report", run)
        self.assertIn(b"intended     service", result.stdout)
        result = self.load("report", run, run, "-o", "page.html")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
        self.assertIn("<h1>2 runs</h1>", self.read("page.html"))

    def test_files_that_are_none(self):
        good = json.loads(self.read(self.made("run.json")))
        self.check_refused(self.load("report", "nowhere.json"), "cannot read nowhere.json", "No such file")
        self.check_refused(self.load("report", "."), "cannot read .")
        for text, *fragments in (
            ("", "bad.json:1:1: not JSON"),
            ("{", "bad.json:1:2: not JSON"),
            ("[]", "bad.json: it must be an object"),
            ("{}", "is no run of coserve-bench"),
            (json.dumps({**good, "series": 3}), "bad.json: series must be an array"),
            (json.dumps({**good, "requests": {"sent": "7"}}), "requests.sent must be a whole number"),
            (json.dumps({**good, "elapsed_s": -1}), "elapsed_s must be a number of 0 or more"),
        ):
            with self.subTest(text=text[:20]):
                self.file("bad.json", text)
                self.check_refused(self.load("report", "bad.json"), *fragments)

    def test_cut_and_mutated_files(self):
        """Each is read or refused, and no more than a line is said."""
        good = self.read(self.made("run.json", "-R", "2000")).encode()
        chance = random.Random(4)

        def check(number):
            text = bytearray(good)
            if number % 2:
                del text[chance.randrange(len(text)):]
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(max(1, len(text)))
                text[at:at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
            name = f"bad{number}.json"
            with open(self.path(name), "wb") as file:
                file.write(text)
            for command in (["report", name, "-o", f"{name}.html"], ["merge", name, "run.json", "-o", f"{name}.merged"],
                            ["compare", name, name, name, "vs", name, name, name]):
                result = self.load(*command)
                self.assertIn(result.returncode, (0, 2), result.stderr)
                if result.returncode == 2:
                    self.check_failure(result, 2, program="coserve-bench")

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(check, range(20)))


class Merge(ResultTest):
    def test_two_machines(self):
        one, other = self.made("one.json", "-R", "2000"), self.made("other.json", "-R", "3000")
        result = self.load("merge", one, other, "-o", "all.json", "--csv", "all.csv", "--assert", "errors=0")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        report = json.loads(self.read("all.json"))
        self.assertEqual(report["requests"], {"sent": 600, "completed": 600, "failed": 0})
        self.assertEqual((report["plan"]["rate"], report["plan"]["connections"]), (5000, 8))
        again = self.load("merge", "all.json", one, "-o", "-")
        self.assertEqual(json.loads(again.stdout)["requests"]["completed"], 900)

    def test_no_parts_of_one(self):
        one, other = self.made("one.json", "-R", "2000"), self.made("other.json")
        self.check_refused(self.load("merge", one, other, "-o", "all.json"), "no parts of one", "open loops")


class Compare(ResultTest):
    def test_the_same_is_noise(self):
        runs = [self.made(f"run{i}.json", "-R", "2000") for i in range(3)]
        result = self.load("compare", *runs, "vs", *runs, "-o", "page.html")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        lines = result.stdout.decode().splitlines()
        self.assertRegex(lines[0], r"A: 3 runs +B: 3 runs")
        for line in lines[1:]:
            self.assertRegex(line, r"within noise\Z|\Athe plans differ in url: ")
        self.assertIn("within noise", self.read("page.html"))

    def test_what_differs_beyond_noise(self):
        runs = [self.made(f"run{i}.json", "-R", "2000") for i in range(3)]
        for i, name in enumerate(runs):
            text = json.loads(self.read(name))
            # Ten doublings of the latency are 1280 buckets; it had less than a second.
            for kind in ("intended", "service"):
                h = text["histograms"][kind]
                h["buckets"] = [n + 1280 if j % 2 == 0 else n for j, n in enumerate(h["buckets"])]
                h["min_ns"], h["max_ns"], h["sum_ns"] = h["min_ns"] << 10, h["max_ns"] << 10, h["sum_ns"] << 10
            self.file(f"slow{i}.json", json.dumps(text))
        # Latencies that are a thousand times the others', which differ by what else the machine does.
        result = self.load("compare", *runs, "vs", *(f"slow{i}.json" for i in range(3)))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.decode(), r"\nrate .* within noise\n")
        self.assertRegex(result.stdout.decode(), r"\np50 intended .* \+\d+\.\d %  (worse|within noise)\n")

    def test_mistakes(self):
        run = self.made("run.json")
        self.check_refused(self.load("compare", run, run, "vs", run, run, run), "side A has 2 runs")
        self.check_refused(self.load("compare", run, run, run, "vs"), "side B has 0 runs")
        self.check_refused(self.load("compare", run, run, run), "one word vs")
        self.check_refused(self.load("compare", run, "vs", run, "vs", run), "one word vs")


class Sweep(ResultTest):
    def test_finds_a_limit(self):
        url = self.serve(f"echo={ANY}").url
        # So slow that a busy machine keeps up.
        arguments = ["-c", "8", "-t", "1s", "--warmup", "0", "--from", "10", "--to", "40", "--factor", "2"]
        result = self.load("sweep", "echo", url, *arguments, "--until", "p50>10s", "--json", "sweep.json", "--html", "sweep.html")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertRegex(result.stdout.decode(), r"\n40/s are not too many, p99 \S+\n\Z")
        report = json.loads(self.read("sweep.json"))
        self.assertEqual([step["plan"]["rate"] for step in report["steps"]], [10, 20, 40])
        self.assertEqual(report["best_rate"], 40)
        self.assertIn("Latency over throughput", self.read("sweep.html"))
        self.assertEqual(self.load("report", "sweep.json").stdout, result.stdout)
        self.load("report", "sweep.json", "-o", "again.html")
        self.assertEqual(self.read("again.html"), self.read("sweep.html"))

    def test_the_first_rate_is_too_much(self):
        url = self.serve(f"echo={ANY}").url
        result = self.load("sweep", "echo", url, "-c", "1", "-t", "100ms", "--warmup", "0", "--until", "p50>1us")
        self.check_failure(result, 1, "already 1,000/s are too many: p50>1us", program="coserve-bench")

    def test_mistakes(self):
        url = "tcp://127.0.0.1:1"
        for arguments, *fragments in (
            (["echo", url, "-R", "5"], "--rate", "--from"),
            (["echo", url, "--until", "p99"], "as in p99<5ms"),
            (["echo", url, "--from", "10", "--to", "5"], "--from 10"),
            (["idle", url], "sweep idle"),
            ([], "subcommand"),
        ):
            with self.subTest(arguments=arguments):
                self.check_refused(self.load("sweep", *arguments), *fragments)


class Help(ResultTest):
    def test_each_command_has_one(self):
        for command in ("report", "compare", "merge", "sweep", "sweep echo"):
            with self.subTest(command=command):
                result = self.load(*command.split(), "--help")
                self.assertEqual((result.returncode, result.stderr), (0, b""))
                self.assertIn(b"--", result.stdout)


if __name__ == "__main__":
    unittest.main()
