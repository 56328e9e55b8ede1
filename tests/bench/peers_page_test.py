"""What a comparison with other servers saves: its text, its figures and its page, alone and with others; without any other server."""

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

from load_support import LoadTest
from browser import BrowserTest, needs_browser

PEERS = Path(__file__).resolve().parents[2] / "bench" / "peers"
sys.path.insert(0, str(PEERS))
from comparison import OURS, Comparison, spread  # noqa: E402
from percentile_curve import curve, merged  # noqa: E402

LIMIT, OTHER = "the least that there is", "another one, with quite a long name"
RATIOS = {LIMIT: [1, 1, 1], OURS: [1.1, 1.05, 1.2], OTHER: [9, 11, 10], "a third": [0.9, 1.3, 2]}


class Sample(Comparison):
    """One that measures nothing."""

    title, about = "A sample", "Nothing."

    def echo(self):
        for number in range(3):
            self.heading(f"Shape {number}")
            self.bars("Server CPU a frame", RATIOS, LIMIT, short=f"CPU a frame, shape {number}")
            self.curves("Latency by percentile", dict.fromkeys(RATIOS, self.reports), LIMIT)
            self.columns(f"server {number}", "to the limit")
            for name, values in RATIOS.items():
                self.row(name, spread(values))

    def upload(self):
        self.heading("A file")
        self.bars("Throughput", {name: [1 / ratio for ratio in values] for name, values in RATIOS.items()}, LIMIT, "more", short="a file")
        self.say("- `--flag` <script>console.log('taken')</script>")

    def setting(self):
        return "no rounds"

    parts = {"echo": echo, "upload": upload}


class PeersPages(LoadTest, BrowserTest):
    def reports(self, count=2):
        url = self.serve("echo=tcp://127.0.0.1:0").url
        return [self.report("echo", url, "-n", "5000", "-c", "8") for _ in range(count)]

    def saved(self, name, parts):
        arguments = argparse.Namespace(rounds=3, parts=parts, save=self.directory, bin="", peers="")
        sample = type("Named", (Sample,), {"name": name})(arguments)
        sample.reports = self.reports()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            sample.run()
        return said.getvalue()

    def read(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return file.read()

    def test_what_is_said_is_saved(self):
        said = self.saved("sample", "echo,upload")
        for line in "### Shape 2", f"| {OURS} | 1.10 [1.05..1.20] |", "| server 0 | to the limit |\n|---|---|", "no rounds":
            self.assertIn(line, said)
            self.assertIn(line, self.read("sample.md"))
        saved = json.loads(self.read("sample.json"))
        self.assertEqual((saved["name"], saved["title"], saved["rounds"]), ("sample", "A sample", 3))
        self.assertEqual([part["kind"] for part in saved["document"] if isinstance(part, dict)], ["bars", "curves"] * 3 + ["bars"])

    def test_curves_are_those_of_the_reports(self):
        report = self.reports(1)[0]
        points = curve(merged([report, report]))
        self.assertAlmostEqual(points[0][0], 0.5)
        self.assertAlmostEqual(points[-1][0], 1 - 1 / 10_000)
        for name, share in ("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999):
            below = max(point for point in points if point[0] <= share + 1e-9)
            above = min(point for point in points if point[0] >= share - 1e-9)
            exact = report["latency_us"]["service"][name]
            self.assertTrue(0.99 * below[1] <= exact <= 1.01 * above[1], f"{name}: {below} {exact} {above}")
        self.assertEqual(curve(merged([])), [])

    @needs_browser
    def test_a_page(self):
        self.saved("sample", "echo,upload")
        self.check("sample.html", ">A sample<", ">coserve<", f">{OTHER}<", ">99.9 %<", ">requests that were no slower<", ">10.00<",
                   "<code>--flag</code> &lt;script&gt;", "less is better", "more is better", "What coserve costs", ">a file<")
        printed = self.check_prints("sample.html", 5, tables=[f"server {number}to the limit" for number in range(3)])
        for number in range(3):  # all of a shape is on its sheet
            sheet = next(text for text in printed if f"Shape {number}" in text)
            self.assertIn(f"server {number}to the limit", sheet)

    @needs_browser
    def test_a_page_of_several(self):
        for name in "one", "other":
            self.saved(name, "upload")
        command = [sys.executable, PEERS / "page.py", "one.json", "other.json", "-o", "all.html"]
        subprocess.run(command, cwd=self.directory, check=True)
        self.check("all.html", 'href="#one"', 'id="other"', "How much coserve does")
        printed = self.check_prints("all.html", 2)
        self.assertTrue(printed[1].startswith("A sample"), "each begins on a sheet of its own")


if __name__ == "__main__":
    unittest.main()
