"""The pages in a browser without a screen: what they show, in light and dark, and that nothing is amiss."""

import json
import os
import shutil
import struct
import subprocess
import unittest
import zlib

from load_support import LoadTest
from support import LIMIT

ANY = "tcp://127.0.0.1:0"
BROWSERS = ("chromium-headless-shell", "chromium")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
LIGHT, DARK = (255, 255, 255), (20, 24, 29)  # page.cpp has the colors


def first_pixel(path):
    """Of a PNG: in the first line of one no filter changes it."""
    with open(path, "rb") as file:
        data = file.read()
    at, content, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            content += body
        at += 12 + length
    return tuple(zlib.decompressobj().decompress(content, 4)[1:4]), size


@unittest.skipUnless(BROWSER, f"none of {', '.join(BROWSERS)} is here; tools/setup developers installs the first")
class Pages(LoadTest):
    def browse(self, page, *arguments):
        """Its standard output; no line on the console is allowed."""
        command = [BROWSER, "--no-sandbox", "--disable-gpu", "--headless", "--hide-scrollbars", f"--user-data-dir={self.directory}/browser",
                   "--enable-logging=stderr", "--virtual-time-budget=2000", *arguments, f"file://{self.directory}/{page}"]
        result = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False, cwd=self.directory)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn(b"CONSOLE", result.stderr)
        return result.stdout.decode()

    def check(self, page, *texts):
        document = self.browse(page, "--dump-dom")
        for text in texts:
            self.assertIn(text, document)
        for scheme, color in ((1, LIGHT), (0, DARK)):
            self.browse(page, "--window-size=900,1200", "--screenshot=page.png", f"--blink-settings=preferredColorScheme={scheme}")
            pixel, size = first_pixel(os.path.join(self.directory, "page.png"))
            self.assertEqual((pixel, size), (color, (900, 1200)))
            self.assertGreater(os.path.getsize(os.path.join(self.directory, "page.png")), 20_000, "charts are no blank page")

    def made(self, name, *arguments):
        url = self.serve(f"echo={ANY}").url
        result = self.load("echo", url, "-c", "4", "-R", "1000", "-t", "300ms", "--warmup", "0", "--json", name, *arguments)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return name

    def test_a_run(self):
        self.made("run.json", "--html", "run.html")
        self.check("run.html", ">replies/s<", ">time since the end of the warm-up, s<", ">latency<", ">requests that were no slower<",
                   ">share of requests<", ">99 %<", ">p99 intended<", ">p99 service<")

    def test_a_comparison_and_a_sweep(self):
        runs = [self.made(f"run{i}.json") for i in range(3)]
        self.load("compare", *runs, "vs", *runs, "-o", "comparison.html")
        self.check("comparison.html", ">within noise<", ">A<", ">B<", ">requests that were no slower<")
        url = self.serve(f"echo={ANY}").url
        self.load("sweep", "echo", url, "-c", "2", "-t", "1s", "--warmup", "0", "--from", "20", "--to", "40", "--until", "p50>10s",
                  "--html", "sweep.html")
        self.check("sweep.html", ">Latency over throughput<", ">replies/s<", ">requests/s that were asked for<", "40/s are not too many")

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
