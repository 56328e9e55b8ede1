"""The pages in a browser without a screen: what they show, in light and dark, what they print, and that nothing is amiss."""

import json
import os
import unittest

from load_support import LoadTest
from browser import BrowserTest, needs_browser

ANY = "tcp://127.0.0.1:0"


@needs_browser
class Pages(LoadTest, BrowserTest):
    def made(self, name, *arguments, rate="1000", time="300ms"):
        server = self.serve(f"echo={ANY}")
        arguments = ["-R", rate, "-t", time, "--pid", str(server.process.pid), "--json", name, *arguments]
        result = self.load("echo", server.url, "-c", "4", "--depth", "16", "--warmup", "0", *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return name

    def test_a_run(self):
        self.made("run.json", "--html", "run.html", rate="8000", time="1250ms")
        self.check("run.html", ">replies/s<", ">time since the end of the warm-up, s<", ">latency<", ">requests that were no slower<",
                   ">share of requests<", ">99 %<", ">p99 intended<", ">p99 service<", ">of replies<",
                   ">The server's processor time<", ">99.99 %<")
        printed = self.check_prints("run.html", 4, tables=["latencyintendedservicemin", "whathow many", "keyvalue"])
        self.assertIn("Latency by percentile", "".join(printed))

    def test_a_comparison_and_a_sweep(self):
        runs = [self.made(f"run{i}.json") for i in range(3)]
        self.load("compare", *runs, "vs", *runs, "-o", "comparison.html")
        self.check("comparison.html", ">within noise<", ">A<", ">B<", ">requests that were no slower<")
        self.check_prints("comparison.html", 2, tables=["ABfrom A to B"])
        url = self.serve(f"echo={ANY}").url
        self.load("sweep", "echo", url, "-c", "2", "-t", "1s", "--warmup", "0", "--from", "20", "--to", "40", "--until", "p50>10s",
                  "--html", "sweep.html")
        self.check("sweep.html", ">Latency over throughput<", ">replies/s<", ">requests/s that were asked for<", "40/s are not too many")
        self.check_prints("sweep.html", 2, tables=["asked/sreplies/s", "keyvalue"])

    def test_several_runs_begin_on_sheets_of_their_own(self):
        names = [self.made(f"run{i}.json") for i in range(2)]
        self.load("report", *names, "-o", "runs.html")
        printed = self.check_prints("runs.html", 9)
        self.assertEqual([text.startswith(tuple(names)) for text in printed].count(True), 2)

    def test_hostile_text(self):
        with open(os.path.join(self.directory, self.made("run.json")), encoding="utf-8") as file:
            run = json.load(file)
        bad = "</style></title></svg><script>document.title = 'taken'; console.log('taken')</script><img src=x onerror=console.log('taken')>"
        run["plan"].update({"url": bad, "load": bad, bad: bad})
        run["errors"][bad] = 1
        run["limits"] = [bad]
        self.file("bad.json", json.dumps(run))
        self.assertEqual(self.load("report", "bad.json", "bad.json", "-o", "bad.html").returncode, 0)
        document = self.browse("bad.html", "--dump-dom")
        self.assertIn("&lt;script&gt;", document)
        self.assertIn("<title>coserve-bench</title>", document)


if __name__ == "__main__":
    unittest.main()
