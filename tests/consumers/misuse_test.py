"""Mistakes that must not compile, each with the sentence that tells its author why.

misuse_test.py COMPILER FLAG... -- FILE...

A case begins with `#if MISUSE == n  // fails: PATTERN`, or `fails on g++ 12.2: PATTERN` where only that compiler is at fault: clang then
takes it, and of any other g++ the outcome is printed and nothing required. Without a case the file must compile.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import unittest

CASE = re.compile(r"MISUSE == (\d+)\s+// fails(?: on g\+\+ ([\d.]+))?: (.+)")


class Compiler:
    def __init__(self, command):
        self.command = command
        macros = subprocess.run(
            [command[0], "-dM", "-E", "-x", "c++", os.devnull], capture_output=True, text=True, check=True, timeout=60
        ).stdout
        macros = dict(line.split(" ", 2)[1:] for line in macros.splitlines() if line.count(" ") >= 2)
        self.is_clang = "__clang__" in macros
        self.version = "{__GNUC__}.{__GNUC_MINOR__}".format(**macros)

    def diagnose(self, path, case):
        """The compiler's exit code and what it said."""
        environment = dict(os.environ, LC_ALL="C")
        done = subprocess.run(
            [*self.command, "-fsyntax-only", f"-DMISUSE={case}", path],
            capture_output=True, text=True, timeout=300, env=environment,
        )
        return done.returncode, done.stderr


class Misuse(unittest.TestCase):
    compiler = None
    files = []

    def test_without_a_case_it_compiles(self):
        for path in self.files:
            with self.subTest(file=path):
                code, said = self.compiler.diagnose(path, 0)
                self.assertEqual(code, 0, said)

    def test_each_case_fails_and_says_why(self):
        cases = []
        for path in self.files:
            with open(path) as source:
                text = source.read()
            found = CASE.findall(text)
            self.assertEqual(len(found), text.count("MISUSE =="), f"{path}: a case does not say how it fails")
            self.assertEqual([int(case) for case, _, _ in found], list(range(1, len(found) + 1)), path)
            cases += [(path, *each) for each in found]
        self.assertTrue(cases)
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            results = list(pool.map(lambda each: self.compiler.diagnose(each[0], each[1]), cases))
        for (path, case, only_on, pattern), (code, said) in zip(cases, results):
            with self.subTest(file=os.path.basename(path), case=case):
                if not only_on or (not self.compiler.is_clang and only_on == self.compiler.version):
                    self.assertNotEqual(code, 0, f"it compiles, and was to fail: {pattern}")
                    self.assertRegex(said, pattern)
                elif self.compiler.is_clang:
                    self.assertEqual(code, 0, said)
                else:
                    print(f"g++ {self.compiler.version}: {os.path.basename(path)} case {case}:",
                          "compiles" if code == 0 else "does not compile")


if __name__ == "__main__":
    split = sys.argv.index("--")
    Misuse.compiler = Compiler(sys.argv[1:split])
    Misuse.files = sys.argv[split + 1 :]
    unittest.main(argv=sys.argv[:1], verbosity=2)
