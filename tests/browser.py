"""Pages in a browser without a screen: what they show in light and dark, what is cut, and what they print."""

import os
import re
import shutil
import struct
import subprocess
import unicodedata
import unittest
import zlib

from support import LIMIT

BROWSERS = ("chromium-headless-shell", "chromium")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
LIGHT, DARK = (255, 255, 255), (20, 24, 29)  # page.cpp and page.py have the colors
needs_browser = unittest.skipUnless(BROWSER, f"none of {', '.join(BROWSERS)} is here; tools/setup developers installs the first")

# Says which texts of charts stand out of them, and whether the page is wider than the window.
MEASURE = """<script>addEventListener('load', () => {
  const cut = [...document.querySelectorAll('svg text')].filter(text => {
    const inner = text.getBoundingClientRect(), outer = text.closest('svg').getBoundingClientRect();
    return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  }).map(text => text.textContent);
  if (document.documentElement.scrollWidth > innerWidth) cut.push('the page');
  document.body.replaceChildren('cut: ' + JSON.stringify(cut));
})</script>"""


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


class Printed:
    """A PDF as Chromium writes it: of each sheet the text, without what is between its pieces, and the colors of what is filled."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.objects = {int(m[1]): m[2] for m in re.finditer(rb"(\d+) 0 obj\s*(.*?)\s*endobj", data, re.S)}
        self.sheets = [self.sheet(o) for o in self.objects.values() if re.search(rb"/Type /Page\b", o)]

    def stream(self, number):
        content = re.search(rb"stream\r?\n(.*)endstream", self.objects[number], re.S)[1]
        return zlib.decompress(content).decode("latin-1")

    def letters(self, font):
        """Those of a font's codes."""
        reference = re.search(rb"/ToUnicode (\d+) 0 R", self.objects[font])
        letters = {}
        for first, last, to in re.findall(r"<(\w+)> (?:<(\w+)> )?<(\w+)>\n", self.stream(int(reference[1])) if reference else ""):
            for code in range(int(first, 16), int(last or first, 16) + 1):
                letters[code] = chr(int(to, 16) + code - int(first, 16))
        return letters

    def sheet(self, page):
        content = self.stream(int(re.search(rb"/Contents (\d+) 0 R", page)[1]))
        fonts = {name.decode(): self.letters(int(number)) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page)}
        texts, letters = [], {}
        for font, codes in re.findall(r"/(F\d+) \S+ Tf|<(\w+)> Tj", content):
            if font:
                letters = fonts[font]
            else:
                texts.append("".join(letters.get(int(codes[i:i + 4], 16), "?") for i in range(0, len(codes), 4)))
        fills = {tuple(round(255 * float(part)) for part in rgb.split()) for rgb in re.findall(r"(\S+ \S+ \S+) rg", content)}
        return unicodedata.normalize("NFKC", "".join(texts)), fills  # no ligatures


class BrowserTest(unittest.TestCase):
    """What has a `directory` with pages in it."""

    def browse(self, page, *arguments):
        """Its standard output; no line on the console is allowed."""
        command = [BROWSER, "--no-sandbox", "--disable-gpu", "--headless", "--hide-scrollbars", f"--user-data-dir={self.directory}/browser",
                   "--enable-logging=stderr", "--virtual-time-budget=2000", *arguments, f"file://{self.directory}/{page}"]
        result = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False, cwd=self.directory)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn(b"CONSOLE", result.stderr)
        return result.stdout.decode()

    def check(self, page, *texts):
        """It has these texts, is light or dark as the reader likes it, and cuts nothing."""
        document = self.browse(page, "--dump-dom")
        for text in texts:
            self.assertIn(text, document)
        for scheme, color in ((1, LIGHT), (0, DARK)):
            self.browse(page, "--window-size=900,1200", "--screenshot=page.png", f"--blink-settings=preferredColorScheme={scheme}")
            pixel, size = first_pixel(os.path.join(self.directory, "page.png"))
            self.assertEqual((pixel, size), (color, (900, 1200)))
            self.assertGreater(os.path.getsize(os.path.join(self.directory, "page.png")), 20_000, "charts are no blank page")
        self.check_nothing_is_cut(page)

    def check_nothing_is_cut(self, page):
        with open(os.path.join(self.directory, page), encoding="utf-8") as file:
            document = file.read()
        with open(os.path.join(self.directory, "measured.html"), "w", encoding="utf-8") as file:
            file.write(document + MEASURE)
        measured = self.browse("measured.html", "--dump-dom", "--window-size=900,1200")
        self.assertEqual(re.findall(r"cut: (\[.*\])", measured), ["[]"])

    def check_prints(self, page, most_sheets, tables=()):
        """On so many sheets, none of them blank, or dark where the reader likes that; each of these tables, which are named by their
        headings' text, on one. Gives the sheets' text."""
        self.browse(page, "--print-to-pdf=page.pdf", "--no-pdf-header-footer", "--blink-settings=preferredColorScheme=0")
        sheets = Printed(os.path.join(self.directory, "page.pdf")).sheets
        self.assertTrue(1 <= len(sheets) <= most_sheets, f"{len(sheets)} sheets")
        for text, fills in sheets:
            self.assertGreater(len(text), 10)
            self.assertNotIn(DARK, fills)
        all_text = [text for text, _ in sheets]
        for heading in tables:
            self.assertEqual("".join(all_text).count(heading), 1, f"{heading}: a table that is split has its heading on each sheet")
        return all_text
