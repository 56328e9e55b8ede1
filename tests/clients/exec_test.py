"""The program `coserve exec`: against coserved, and against tutorials' servers written from the formats' description."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import COSERVE, LIMIT, Peer, ProgramTest, poll, receive, run  # noqa: E402
from terminal import Terminal  # noqa: E402

NATIVE = "exec=tcp://127.0.0.1:0"
WIRES = ("native", "concat", "stderr-first", "json-size")


class ExecTest(ProgramTest):
    def exec(self, *arguments, **options):
        return run(COSERVE, "exec", *arguments, cwd=self.directory, **options)

    def check(self, result, stdout=b"", stderr=b"", code=0):
        self.assertEqual((result.stdout, result.stderr, result.returncode), (stdout, stderr, code))

    def check_fails(self, result, *fragments, code=1):
        self.check_failure(result, code, *fragments, program="coserve")

    def shell(self, query=""):
        return self.serve(NATIVE + query, flags=["--exec-shell"]).url


class Native(ExecTest):
    def test_a_program_and_its_arguments(self):
        url = self.shell()
        self.check(self.exec(url, "--", "echo", "a  b", "$HOME", "阿宸", "[x,y]", "{}", "--"), "a  b $HOME 阿宸 [x,y] {} --\n".encode())
        self.check(self.exec(url, "echo", "x"), b"x\n")

    def test_streams_and_exit_codes(self):
        url = self.shell()
        self.check(self.exec(url, "--shell", "echo out; echo err >&2; exit 7"), b"out\n", b"err\n", 7)
        self.check(self.exec(url, "--shell", "kill -KILL $$"), code=128 + signal.SIGKILL)
        self.check(self.exec(url, "--shell", ""))

    def test_standard_input_is_the_commands(self):
        url = self.shell()
        data = os.urandom(3_000_000)
        self.check(self.exec(url, "--", "cat", input=data), data)
        self.check(self.exec(url, "--", "wc", "-c", input=b""), b"0\n")
        self.check(self.exec(url, "--", "true", input=data))  # who does not read it

    def test_an_input_that_cannot_be_read(self):
        directory = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        self.check_fails(self.exec(self.shell(), "--", "cat", stdin=directory), "standard input", "directory")

    def test_output_comes_while_the_command_runs(self):
        process = subprocess.Popen(
            [COSERVE, "exec", self.shell(), "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with process:
            for line in (b"one\n", b"two\n"):
                process.stdin.write(line)
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), line)
            process.stdin.close()
            self.assertEqual(process.wait(LIMIT), 0)

    def test_much_output(self):
        self.check(self.exec(self.shell(), "--", "head", "-c", "10000000", "/dev/zero"), bytes(10_000_000))

    def test_what_the_server_refuses_or_stops_is_said(self):
        url = self.shell()
        self.check_fails(self.exec(url, "--", "nonesuch"), "not-found", "nonesuch")
        self.check_fails(self.exec(url, "--time-limit", "100ms", "--", "sleep", "1000"), "timeout", code=128 + signal.SIGTERM)
        self.check_fails(self.exec(self.serve(NATIVE).url, "--", "ls"), "disabled", "--exec-allow")
        result = self.exec(self.shell("?output-limit=10"), "--", "yes")
        self.assertEqual(result.stdout, b"y\n" * 5)
        self.assertIn(b"more than the server passes on", result.stderr)

    def test_lines_of_a_pipe(self):
        self.check(self.exec(self.shell(), input=b"echo one\n\n  \necho two | cat; false"), b"one\ntwo\n", code=1)
        programs = self.serve(NATIVE, flags=["--exec-allow", "echo"]).url
        self.check(self.exec(programs, input=b"echo $HOME 'a  b'\necho two\n"), b"$HOME a  b\ntwo\n")

    def test_ctrl_c_stops_the_command(self):
        url = self.shell()
        for command, code in (("echo ready; exec sleep 1000", 130), ("trap '' INT; echo ready; exec sleep 1000", 143)):
            process = subprocess.Popen(
                [COSERVE, "exec", url, "--shell", command],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            with process:
                self.assertEqual(process.stdout.readline(), b"ready\n")
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(LIMIT), code)

    def test_a_second_ctrl_c_ends_the_client(self):
        process = subprocess.Popen(
            [COSERVE, "exec", self.shell(), "--shell", "trap 'echo caught' INT; echo ready; while :; do sleep 0.05; done"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )
        with process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.readline(), b"caught\n")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(LIMIT), 130)

    def test_a_server_that_goes(self):
        def go(connection):
            receive(connection, 4)

        with Peer(go) as server:
            self.check_fails(self.exec(server.url, "--", "ls"), server.url)

    def test_a_server_of_something_else(self):
        def other(connection):
            (size,) = struct.unpack("i", receive(connection, 4))
            receive(connection, size)
            text = b'{"weather": "fine", "data_size": 0}'
            connection.sendall(struct.pack("i", len(text)) + text)

        with Peer(other) as server:
            self.check_fails(self.exec(server.url, "--", "ls"), "not a reply of exec")

    def test_a_server_cannot_command_the_terminal_by_what_went_wrong(self):
        def refuse(connection):
            connection.recv(1024)
            reply = json.dumps({"error": "no", "message": "a\x1b]0;x\x07b\u202ec\nd\\", "data_size": 0}).encode()
            connection.sendall(struct.pack("i", len(reply)) + reply)

        with Peer(refuse) as server:
            result = self.exec(server.url, "--", "ls")
            says = f"coserve: {server.url}: no: a\\x1b]0;x\\x07b\\xe2\\x80\\xaec\\x0ad\\\n"
            self.check(result, b"", says.encode(), code=1)


class Usage(ExecTest):
    def test_mistakes(self):
        url = "tcp://127.0.0.1:1"
        for arguments, says in (
            ((url, "--wire", "w2", "--", "ls"), ["w2", "stderr-first"]),
            ((url + "?wire=concat", "--wire", "native", "--", "ls"), ["wire=concat"]),
            ((url + "?framing=line", "--", "ls"), ["framing"]),
            ((url, "--shell", "ls", "--", "ls"), ["--shell"]),
            ((url, "--time-limit", "soon", "--", "ls"), ["--time-limit"]),
            ((url, "--wire", "concat", "--time-limit", "1s", "--", "ls"), ["--time-limit"]),
            (("127.0.0.1:1", "--", "ls"), ["tcp://HOST:PORT"]),
        ):
            self.check_fails(self.exec(*arguments), *says, code=2)
        self.check_fails(self.exec(url, "--", "ls"), url)

    def test_help(self):
        result = run(COSERVE, "exec", "--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for text in (b"--wire", b"--shell", b"--time-limit", b"Ctrl-C", b"Exit codes"):
            self.assertIn(text, result.stdout)


class Text(ExecTest):
    def test_coserved(self):
        for wire in WIRES[1:]:
            url = self.shell(f"?wire={wire}")
            for way in ((url, "--wire", wire), (f"{url}?wire={wire}",)):
                self.check(self.exec(*way, "--", "echo", "a  b", "it's", "阿宸"), "a  b it's 阿宸\n".encode())
            self.check(self.exec(url, "--wire", wire, "--", "true"))
            self.check(self.exec(url, "--wire", wire, "--", "head", "-c", "10000000", "/dev/zero"), bytes(10_000_000))
            self.check(self.exec(url, "--wire", wire, input=b"echo one\necho two\n"), b"one\ntwo\n")

    def test_gbk(self):
        url = self.shell("?wire=concat&encoding=gbk")
        self.check(self.exec(url, "--wire", "concat", "--encoding", "GBK", "--", "echo", "阿宸真帅"), "阿宸真帅\n".encode())

    def test_more_than_a_request_can_carry(self):
        url = self.shell("?wire=concat")
        self.check(self.exec(url, "--wire", "concat", "--", "echo", "x" * 1019), b"x" * 1019 + b"\n")
        self.check_fails(self.exec(url, "--wire", "concat", "--", "echo", "x" * 1020), "1024", code=2)

    @staticmethod
    def tutorial(wire, sends):
        """A tutorial's server: one recv(1024), a shell, and two or three sends."""

        def serve(connection):
            while command := connection.recv(1024):
                done = subprocess.run(command.decode(), shell=True, capture_output=True, check=False, timeout=LIMIT)
                if wire == "concat":
                    body = done.stderr + done.stdout
                else:
                    body = done.stderr or done.stdout
                header = struct.pack("i", len(body))
                if wire == "json-size":
                    text = json.dumps({"data_size": len(body)}).encode()
                    header = struct.pack("i", len(text)) + text
                for part in (header[:4], header[4:], body) if sends == 3 else (header, body):
                    connection.sendall(part)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        return Peer(serve)

    def test_tutorials_servers(self):
        for wire, sends in (("concat", 2), ("stderr-first", 2), ("json-size", 3)):
            with self.tutorial(wire, sends) as server:
                result = self.exec(server.url, "--wire", wire, input="echo 阿宸\necho out; echo err >&2\ntrue\n".encode())
                both = b"err\nout\n" if wire == "concat" else b"err\n"
                self.check(result, "阿宸\n".encode() + both)
            with self.tutorial(wire, sends) as server:
                result = self.exec(server.url, "--wire", wire, "--", "head", "-c", "10000000", "/dev/zero")
                self.check(result, bytes(10_000_000))

    def test_a_reply_that_is_none(self):
        for wire, reply, says in (
            ("concat", b"\xff\xff\xff\xff", "-1 bytes"),
            ("concat", b"\x09\0\0\0abc", "9 bytes"),
            ("json-size", b"\x02\0\0\0{}", "data_size"),
            ("json-size", b"\x02\0\0\0[]", "JSON object"),
            ("json-size", b"\xff\xff\xff\x7f", "none of this wire"),
            ("concat", b"", "ended the connection"),
        ):
            def answer(connection, reply=reply):
                connection.recv(1024)
                connection.sendall(reply)

            with Peer(answer) as server:
                self.check_fails(self.exec(server.url, "--wire", wire, "--", "ls"), says)


class Prompt(ExecTest):
    def open(self, url, *flags):
        terminal = self.enterContext(Terminal(COSERVE, "exec", url, *flags))
        terminal.expect(">>> ")
        return terminal

    def test_runs_lines_until_q(self):
        for wire in WIRES:
            terminal = self.open(self.shell(f"?wire={wire}"), "--wire", wire)
            for word in ("one", "阿宸"):
                terminal.type(f"echo {word} | tr a-z A-Z\r")
                terminal.expect("\n" + word.upper() + "\r\n")
                terminal.expect(">>> ")
            terminal.type("\r")
            terminal.expect(">>> ")
            terminal.type("q\r")
            self.assertEqual(terminal.wait(), 0)

    def test_a_server_cannot_command_the_terminal(self):
        terminal = self.open(self.shell())
        terminal.type("printf '\\033]0;x\\007\\n'\r")
        terminal.expect("\\x1b]0;x\\x07")
        terminal.type("q\r")
        self.assertEqual(terminal.wait(), 0)

    def test_ctrl_c_ends_the_command_and_not_the_prompt(self):
        terminal = self.open(self.shell())
        terminal.type("echo re''ady; exec sleep 1000\r")
        terminal.expect("ready\r\n")
        os.killpg(terminal.process.pid, signal.SIGINT)
        terminal.expect(">>> ")
        terminal.type("echo still\r")
        terminal.expect("\nstill\r\n")

    def test_a_server_that_stops(self):
        server = self.serve(NATIVE, flags=["--exec-shell"])
        terminal = self.open(server.url)
        server.signal(signal.SIGTERM)
        terminal.expect("the server ended the connection")
        self.assertEqual(terminal.wait(), 0)


if __name__ == "__main__":
    unittest.main()
