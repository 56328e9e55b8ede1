"""The program `coserve chat` in a pipe: against a server in Python that does what networks do, against coserved, and
against a tutorial's server."""

import re
import signal
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from chat_peer import ENDING, MESSAGE, NAME_TAKEN, ROOM_FULL, WHO  # noqa: E402
from chat_server import ChatServer  # noqa: E402
from support import COSERVE, LIMIT, ProgramTest, poll, read_until, run  # noqa: E402

UDP = "chat=udp://127.0.0.1:0"
MARK = "的消息"
NOT_KNOWN = "* nothing of yours came back: whether it was heard is not known"


class Talker:
    """A running client with pipes."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [COSERVE, "chat", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._seen = {self.process.stdout: b"", self.process.stderr: b""}

    def type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def expect(self, text):
        return self._wait(self.process.stdout, text)

    def expect_told(self, text):
        return self._wait(self.process.stderr, text)

    def _wait(self, stream, text):
        """Waits for it behind what was expected before; all up to its end."""
        end = text.encode()
        seen = self._seen[stream]
        seen += read_until(stream.fileno(), end, before=seen) if end not in seen else b""
        before, _, self._seen[stream] = seen.partition(end)
        return (before + end).decode()

    def finish(self):
        """What else it says, and its code."""
        stdout, stderr = self.process.communicate(timeout=LIMIT)
        out, err = self._seen[self.process.stdout] + stdout, self._seen[self.process.stderr] + stderr
        return out.decode(), err.decode(), self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        self.process.wait(LIMIT)


class ChatTest(ProgramTest):
    def chat(self, url, *lines, name="Ann", arguments=()):
        """A whole run with these lines."""
        text = "".join(line + "\n" for line in lines)
        return run(COSERVE, "chat", url, "--name", name, *arguments, input=text.encode())

    def check(self, result, *said, told=None):
        """Success; what stood on stdout, and the stderr's lines behind the first."""
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.decode().splitlines(), list(said))
        if told is not None:
            self.assertEqual(result.stderr.decode().splitlines()[1:], told)

    def check_fails(self, result, complaint, *said):
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout.decode().splitlines(), list(said))
        self.assertRegex(result.stderr.decode(), rf"(\A|\n)coserve: udp://[0-9.:]+: {complaint}\n\Z")

    def talker(self, url, *arguments, name="Ann"):
        talker = self.enterContext(Talker(url, "--name", name, *arguments))
        talker.expect_told(f"* you are {name} in ")
        return talker

    def server(self, **options):
        return self.enterContext(ChatServer(**options))


class Pipe(ChatTest):
    def test_lines_are_said_and_come_back(self):
        for options in ({}, {"challenge": True}):
            server = self.server(**options)
            self.check(self.chat(server.url, "hello", "", "阿宸真帅"), "Ann: hello", "Ann: ", "Ann: 阿宸真帅", told=[])
            self.assertEqual(server.texts(), [b"hello", b"", "阿宸真帅".encode()])
            self.assertEqual(len(server.left), 1)
        self.check(self.chat(self.server().url))

    def test_a_thousand_lines_in_order(self):
        server = self.server()
        texts = [f"line {number}" for number in range(1000)]
        self.check(self.chat(server.url, *texts), *(f"Ann: {text}" for text in texts), told=[])
        self.assertEqual(server.texts(), [text.encode() for text in texts])

    def test_where_nothing_comes_back(self):
        server = self.server(echo=False)
        texts = [f"line {number}" for number in range(150)]
        self.check(self.chat(server.url, *texts), told=[NOT_KNOWN])
        self.assertEqual(server.texts(), [text.encode() for text in texts])

    def test_commands(self):
        server = self.server()
        result = self.chat(server.url, "/join tea", "hello", "/who", "//who", "/help", "/quit", "never said")
        self.check(result, "Ann: hello", "* 1 member in tea: Ann", "Ann: /who")
        self.assertEqual(server.left[-1].room, "tea")
        told = result.stderr.decode()
        self.assertIn("* you are Ann in lobby, alone\n* you are Ann in tea, alone\n", told)
        self.assertIn("* /join ROOM", told)
        self.assertTrue(all(line.startswith("* ") for line in told.splitlines()), told)

    def test_mistakes_are_told_and_not_sent(self):
        server = self.server()
        result = self.chat(server.url, "/whois Bob", "/join", "/join " + "x" * 65, "/who me", "hello")
        self.check_fails(result, "4 of 5 lines had no effect", "Ann: hello")
        self.assertEqual(server.texts(), [b"hello"])
        self.assertIn("* no such command: /whois; /help shows them, and //whois sends it as text\n", result.stderr.decode())

    def test_names_over_several_lines(self):
        names = [f"member {number}" for number in range(3000)]
        result = self.chat(self.server(names=names).url, "/who")
        self.assertEqual(result.returncode, 0)
        lines = result.stdout.decode().splitlines()
        self.assertEqual(lines[0].partition(":")[0], "* 3000 members in lobby")
        self.assertTrue(all(line.startswith("* ") and len(line) <= 80 for line in lines), lines)
        text = " ".join(line.removeprefix("* ").strip() for line in lines)
        shown, others = re.fullmatch(r".*?: (.*) and (\d+) others", text).groups()
        self.assertEqual(shown.split(", "), names[: 3000 - int(others)])

    def test_what_others_send_stays_on_its_line_and_is_escaped(self):
        server = self.server()
        with self.talker(server.url) as talker:
            server.member()
            for called, text in (
                ("Bob", b"\x1b[2Jtwo\nlines\r\x07\x9b\xff"),
                ("E\x1bve\n", "‮gpj.exe".encode()),
                ("Bob: I am", b"not him"),
                ("* Bob", b"has left"),
                ("a\\b", b"c:\\new\tx"),
            ):
                server.say(called, text)
            server.notice("Eve\x1b[31m")
            talker.expect_told("* Eve\\x1b[31m has joined\n")
            out, _, code = talker.finish()
            self.assertEqual(code, 0)
            self.assertEqual(
                out.splitlines(),
                [
                    "Bob: \\x1b[2Jtwo\\x0alines\\x0d\\x07\\x9b\\xff",
                    "E\\x1bve\\x0a: \\xe2\\x80\\xaegpj.exe",
                    "Bob\\x3a I am: not him",
                    "\\x2a Bob: has left",
                    "a\\b: c:\\new\tx",
                ],
            )

    def test_loss_is_told_repetition_is_not_and_what_is_late_comes_late(self):
        server = self.server()
        with self.talker(server.url) as talker:
            server.member()
            server.say("Bob", "one")
            server.say("Bob", "one", sequence=1)
            server.say("Bob", "four", skip=2)
            server.say("Eve", "first")
            server.say("Eve", "third", skip=1)
            server.say("Eve", "second", sequence=2)
            self.assertEqual(talker.expect("second\n").splitlines(), ["Bob: one", "Bob: four", "Eve: first", "Eve: third", "Eve: second"])
            self.assertEqual(talker.expect_told("lost\n").splitlines()[-1], "* 2 messages of Bob were lost")
            server.say("Bob", "six", skip=1)
            self.assertEqual(talker.expect_told("lost\n"), "* 1 message of Bob was lost\n")
            server.say("Bob", "very many", skip=1 << 62)
            self.assertEqual(talker.expect_told("lost\n"), "* many messages of Bob were lost\n")
            server.notice("Cy", number=502)
            server.say("Cy", "three", skip=2)
            self.assertEqual(talker.expect_told("lost\n"), "* Cy has joined\n* 2 messages of Cy were lost\n")
            server.say("Dan", "three", sequence=3)
            server.say("Dan", "five", sequence=5)
            server.say("Dan", "two", sequence=2)
            self.assertEqual(talker.expect_told("lost\n"), "* 1 message of Dan was lost\n")
            out, told, code = talker.finish()
            self.assertEqual((out.splitlines()[-3:], told, code), (["Dan: three", "Dan: five", "Dan: two"], "", 0))

    def test_own_messages_that_get_lost_are_told(self):
        server = self.server()
        server.accept = lambda member, sequence, text: text != b"lose me"
        self.check_fails(
            self.chat(server.url, "one", "lose me", "three", "lose me"), "2 messages of yours did not come back", "Ann: one", "Ann: three"
        )
        self.check_fails(
            self.chat(server.url, "lose me", "lose me", "three", "four", "lose me"),
            "3 messages of yours did not come back",
            "Ann: three",
            "Ann: four",
        )
        self.check(self.chat(server.url, "lose me"), told=[NOT_KNOWN])

    def test_too_much_at_once_is_told(self):
        server = self.server(heartbeat_ms=50)
        with self.talker(server.url) as talker:
            server.dropped = 3
            talker.expect_told("* the server dropped 3 datagrams of yours: too many\n")

    def test_texts_that_are_too_long_are_told_and_the_others_sent(self):
        server = self.server(longest=10)
        result = self.chat(server.url, "one", "x" * 11, "x" * 10)
        self.check_fails(result, "1 of 3 lines had no effect", "Ann: one", "Ann: " + "x" * 10)
        self.assertIn("* not sent: 11 bytes are too long; the server takes 10\n", result.stderr.decode())

    def test_a_line_without_an_end(self):
        server = self.server()
        result = run(COSERVE, "chat", server.url, "--name", "Ann", input=b"x" * (17 << 20))
        self.assertEqual(result.returncode, 1)
        self.assertIn("longer than 16777216 bytes; no server takes more\n", result.stderr.decode())

    def test_others_come_and_go(self):
        server = self.server()
        with self.talker(server.url) as talker:
            server.member()
            server.notice("Bob")
            server.notice("Bob", joined=False)
            talker.expect_told("* Bob has joined\n* Bob has left\n")
            self.assertEqual(talker.finish(), ("", "", 0))

    def test_ctrl_c_leaves(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            server = self.server()
            with self.talker(server.url) as talker:
                talker.type("hello\n")
                talker.expect("Ann: hello\n")
                talker.process.send_signal(number)
                self.assertEqual(talker.process.wait(LIMIT), 0)
                self.assertEqual(len(server.left), 1)

    def test_ctrl_c_in_the_middle(self):
        server = self.server()
        with self.talker(server.url) as talker:
            talker.type("x\n" * 10_000)
            poll(lambda: len(server.texts()) > 100, "some are said")
            talker.process.send_signal(signal.SIGINT)
            self.assertEqual(talker.process.wait(LIMIT), 1)
            self.assertIn("interrupted", talker.expect_told("interrupted\n"))
            self.assertEqual(len(server.left), 1)

    def test_ctrl_c_after_what_had_no_effect(self):
        server = self.server()
        with self.talker(server.url) as talker:
            talker.type("/whois Bob\nhello\n")
            talker.expect("Ann: hello\n")
            talker.process.send_signal(signal.SIGINT)
            self.assertEqual(talker.process.wait(LIMIT), 1)
            self.assertIn("1 of 2 lines had no effect", talker.expect_told("had no effect\n"))
            self.assertEqual(len(server.left), 1)

    def test_ctrl_c_before_the_last_has_come_back(self):
        server = self.server()
        server.accept = lambda *_: False
        server.answer_who = False
        with self.talker(server.url) as talker:
            talker.type("lost\n")
            talker.process.stdin.close()
            poll(lambda: WHO in server.kinds, "it waits for what it said")
            talker.process.send_signal(signal.SIGINT)
            self.assertEqual(talker.process.wait(LIMIT), 1)
            talker.expect_told(": interrupted\n")
            self.assertEqual(len(server.left), 1)


class Trouble(ChatTest):
    def test_refused(self):
        for reason, says in ((NAME_TAKEN, "the name is taken"), (ROOM_FULL, "the room is full"), (200, "the server refused it")):
            server = self.server(refuse=lambda room, name, reason=reason: reason)
            result = self.chat(server.url, "hello", arguments=("--room", "tea"))
            self.check_failure(result, 1, server.url, f"cannot join tea as Ann: {says}", program="coserve")

    def test_a_move_that_is_refused(self):
        server = self.server(refuse=lambda room, name: ROOM_FULL if room == "tea" else None)
        result = self.chat(server.url, "/join tea", "hello")
        self.check_fails(result, "1 of 2 lines had no effect", "Ann: hello")
        self.assertIn("* cannot join tea as Ann: the room is full; you are still in lobby\n", result.stderr.decode())

    def test_nobody_there(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"udp://127.0.0.1:{probe.getsockname()[1]}"
            result = self.chat(url, "hello", arguments=("--timeout", "300ms"))  # it says nothing
            self.check_fails(result, "the server does not answer")
        result = self.chat(url, "hello", arguments=("--timeout", "300ms"))
        self.check_fails(result, "Connection refused")
        self.assertEqual(result.stderr.decode().count("; trying again\n"), 1)

    def test_a_server_that_comes_late(self):
        with ChatServer() as first:
            port = first.port
        with Talker(f"udp://127.0.0.1:{port}", "--name", "Ann") as talker:
            talker.expect_told("Connection refused; trying again\n")
            self.server(port=port)
            talker.expect_told("* you are Ann in lobby, alone\n")
            self.assertEqual(talker.finish(), ("", "", 0))

    def test_a_server_that_forgets(self):
        server = self.server(heartbeat_ms=100)
        with self.talker(server.url) as talker:
            talker.type("one\n")
            talker.expect("Ann: one\n")
            server.forget_all()
            talker.expect_told("* the server has forgotten you; joining again\n* back in lobby, alone\n")
            talker.type("two\n")
            self.assertEqual(talker.finish(), ("Ann: two\n", "", 0))

    def test_a_place_that_is_taken_meanwhile(self):
        server = self.server(heartbeat_ms=100)
        with self.talker(server.url, "--timeout", "500ms") as talker:
            server.member()
            server.refuse = lambda *_: NAME_TAKEN
            server.forget_all()
            talker.expect_told("cannot join lobby as Ann: the name is taken; trying again\n")
            talker.type("never sent\n")
            _, told, code = talker.finish()
            self.assertEqual(code, 1)
            self.assertRegex(told, r"coserve: udp://[0-9.:]+: cannot join lobby as Ann: the name is taken\n\Z")

    def test_a_server_that_ends_and_starts_again(self):
        with ChatServer(heartbeat_ms=100) as first:
            talker = self.talker(first.url)
            first.member()
            first.refuse = lambda *_: ENDING
            first.refuse_all(ENDING)
            talker.expect_told("* the server ends; trying to join again\n")
            port = first.port
        talker.type("two\nthree\n")
        second = self.server(port=port)
        talker.expect_told("* back in lobby, alone\n")
        self.assertEqual(talker.finish(), ("Ann: two\nAnn: three\n", "", 0))
        self.assertEqual(second.texts(), [b"two", b"three"])

    def test_a_server_that_falls_silent_for_ever(self):
        with ChatServer(heartbeat_ms=100) as server:
            talker = self.talker(server.url, "--timeout", "500ms")
            server.accept = lambda *_: False
            talker.type("lost\n")
            poll(lambda: MESSAGE in server.kinds, "it is sent")
        talker.expect_told("* the server does not answer; trying to join again\n* 1 message of yours did not come back\n")
        talker.type("never sent\n")
        out, told, code = talker.finish()
        self.assertEqual((out, code), ("", 1))
        self.assertIn("coserve: udp://", told.splitlines()[-1])

    def test_without_echo_the_server_is_asked_at_the_end(self):
        with ChatServer(echo=False, heartbeat_ms=3_600_000) as server:
            talker = self.talker(server.url)
            talker.type("one\n")
            poll(lambda: server.texts(), "it is said")
        out, told, code = talker.finish()
        self.assertEqual((out, code), ("", 1))
        self.assertRegex(told, r"coserve: udp://[0-9.:]+: Connection refused\n\Z")


class Plain(ChatTest):
    """The tutorials' format."""

    def plain(self, url, *lines):
        return self.chat(url, *lines, name="客户端1", arguments=("--plain",))

    def operator(self, answers):
        """A tutorial's server: it receives, and somebody types an answer to that sender alone."""
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(peer.close)
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(LIMIT)
        heard = []

        def serve():
            for answer in answers:
                message, sender = peer.recvfrom(1024)
                heard.append(message.decode())
                if answer is not None:
                    peer.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        return f"udp://127.0.0.1:{peer.getsockname()[1]}", heard, thread

    def test_an_operator_that_answers(self):
        url, heard, thread = self.operator(["在吗".encode(), b"* the server ends", b"\x1b[2Jbye *"])
        self.check(self.plain(url, "hello", "", "//who"), "在吗", "\\x2a the server ends", "\\x1b[2Jbye *", told=[])
        thread.join(LIMIT)
        self.assertEqual(heard, [f"客户端1{MARK}hello", f"客户端1{MARK}", f"客户端1{MARK}/who"])

    def test_what_comes_back(self):
        url = self.serve(UDP).url
        lines = [f"line {number}" for number in range(150)]
        self.check(self.plain(url, *lines), *(f"客户端1{MARK}{line}" for line in lines), told=None)

    def test_what_it_has_no_words_for(self):
        url = self.serve(UDP).url
        result = self.plain(url, "/who", "/join tea", "x" * 65_507, "hello")
        self.check_fails(result, "3 of 4 lines had no effect", f"客户端1{MARK}hello")
        for says in ("/who works without --plain", "/join works without --plain", "65526 bytes"):
            self.assertIn(says, result.stderr.decode())

    def test_nobody_there(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            url = f"udp://127.0.0.1:{probe.getsockname()[1]}"
        self.check_failure(self.plain(url, "hello"), 1, url, "refused", program="coserve")


class Coserved(ChatTest):
    def test_a_thousand_lines_reach_everybody_in_order(self):
        url = self.serve(UDP, flags=["--cores", "2"]).url
        texts = [f"line {number}" for number in range(1000)]
        with self.talker(url, name="Bob") as bob, self.talker(url, name="Eve") as eve:
            self.check(self.chat(url, *texts), *(f"Ann: {text}" for text in texts), told=[])
            for other in (bob, eve):
                other.expect_told("* Ann has left\n")
                out, told, code = other.finish()
                self.assertEqual((out.splitlines(), code), ([f"Ann: {text}" for text in texts], 0))

    def test_rooms_and_names(self):
        url = self.serve(UDP).url
        with self.talker(url, "--room", "tea", name="Bob") as bob:
            self.check_failure(
                self.chat(url, arguments=("--room", "tea"), name="Bob"), 1, "cannot join tea as Bob: the name is taken", program="coserve"
            )
            result = self.chat(url, "unheard", "/join tea", "heard", "/who", arguments=("--room", "coffee"))
            self.assertEqual(result.stdout.decode().splitlines()[:2], ["Ann: unheard", "Ann: heard"])
            self.assertRegex(result.stdout.decode(), r"\n\* 2 members in tea: (Ann, Bob|Bob, Ann)\n\Z")
            bob.expect_told("* Ann has joined\n* Ann has left\n")
            self.assertEqual(bob.finish(), ("Ann: heard\n", "", 0))

    def test_echo_off_and_long_texts(self):
        url = self.serve(UDP + "?echo=off").url
        with self.talker(url, name="Bob") as bob:
            result = self.chat(url, "one", "x" * 65_415, "x" * 65_416)
            self.check_fails(result, "1 of 3 lines had no effect")
            bob.expect_told("* Ann has left\n")
            out, _, code = bob.finish()
            self.assertEqual((out, code), ("Ann: one\nAnn: " + "x" * 65_415 + "\n", 0))

    def test_plain_members_and_native_ones(self):
        url = self.serve(UDP).url
        with self.talker(url) as ann, self.enterContext(Talker(url, "--name", "客户端1", "--plain")) as plain:
            plain.type("hello\n")
            ann.expect("客户端1: hello\n")
            ann.type("你好\n")
            plain.expect(f"客户端1{MARK}hello\n")
            plain.expect(f"Ann{MARK}你好\n")

    def test_a_restart(self):
        # Of several cores one may take a member back while the others end.
        first = self.serve(UDP + "?heartbeat=200ms", flags=["--cores", "1"])
        talker = self.talker(first.url)
        self.assertEqual(first.stop(), 0)
        talker.expect_told("* the server ends; trying to join again\n")
        talker.type("while it was away\n")
        self.serve(f"chat={first.url}")
        talker.expect_told("* back in lobby, alone\n")
        self.assertEqual(talker.finish(), ("Ann: while it was away\n", "", 0))


class Usage(ChatTest):
    def test_mistakes(self):
        url = "udp://127.0.0.1:1"
        for arguments, says in (
            (("tcp://127.0.0.1:1",), ["udp://HOST:PORT"]),
            (("127.0.0.1:1",), ["udp://HOST:PORT"]),
            (("udp://127.0.0.1:0",), ["port 0"]),
            ((url + "?echo=on",), ["echo", "max-datagram"]),
            ((url, "--name", "x" * 65), ["--name", "1 to 64 bytes"]),
            ((url, "--name", ""), ["--name"]),
            ((url, "--name", f"Ann{MARK}Bob"), ["--name", MARK]),
            ((url, "--name", " Ann"), ["--name", "blanks"]),
            ((url, "--room", "tea\u202e"), ["--room", "marks of direction", "blanks", MARK]),
            ((url, "--room", "a\nb"), ["--room", "1 to 64 bytes"]),
            ((url, "--plain", "--room", "tea"), ["--room", "--plain"]),
            ((url, "--timeout", "soon"), ["--timeout soon", "500ms"]),
            ((url, "--plain=yes"), ["--plain"]),
            ((url, "--nick", "Ann"), ["--nick"]),
            ((), ["URL"]),
        ):
            self.check_failure(run(COSERVE, "chat", *arguments), 2, *says, program="coserve")

    def test_help(self):
        result = run(COSERVE, "chat", "--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for text in ("--name", "--room", "--plain", "--timeout", "/join", "NAME的消息TEXT", "Exit codes"):
            self.assertIn(text, result.stdout.decode())
        self.assertIn("chat", run(COSERVE, "--help").stdout.decode())

    def test_the_usual_name(self):
        server = self.server()
        for user, name in (("carol", "carol"), ("", "guest"), ("a\x1bb", "guest")):
            result = run(COSERVE, "chat", server.url, env={"USER": user}, input=b"hello\n")
            self.assertEqual((result.stdout.decode(), result.returncode), (f"{name}: hello\n", 0))


if __name__ == "__main__":
    unittest.main()
