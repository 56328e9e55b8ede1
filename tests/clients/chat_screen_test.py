"""The program `coserve chat` on a terminal: what a person sees while others talk."""

import os
import signal
import sys
import termios
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from chat_peer import ROOM_FULL, Member, Notice, address_of  # noqa: E402
from chat_server import ChatServer  # noqa: E402
from support import COSERVE, ProgramTest, poll, read_until  # noqa: E402
from terminal import Terminal  # noqa: E402

MARK = "的消息"


def without_times(screen):
    """Its lines; a message's begins with the time of day."""
    return [line[6:] if line[2:3] == ":" and line[:2].isdigit() else line for line in screen.lines()]


class ChatScreenTest(ProgramTest):
    def server(self, **options):
        return self.enterContext(ChatServer(**options))

    def terminal(self, server, *arguments, size=(12, 40), name="Ann", **options):
        return self.enterContext(Terminal(COSERVE, "chat", server.url, "--name", name, *arguments, size=size, **options))

    def start(self, **options):
        """Ann at her prompt."""
        server = self.server()
        terminal = self.terminal(server, **options)
        self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
        return server, terminal

    @staticmethod
    def wait_for(terminal, *lines):
        terminal.wait_for_screen(lambda screen: without_times(screen)[-len(lines) :] == list(lines))

    def type_and_wait(self, terminal, text):
        terminal.type(text)
        terminal.wait_for_screen(lambda screen: "".join(screen.lines()).endswith(text))


class Typing(ChatScreenTest):
    def test_a_message_leaves_the_line_that_is_typed_whole(self):
        server, terminal = self.start()
        self.type_and_wait(terminal, "half a li")
        server.say("Bob", "hi there")
        self.wait_for(terminal, "* you are Ann in lobby, alone", "Bob: hi there", ">>> half a li")
        self.assertEqual((terminal.screen.row, terminal.screen.column), (2, 13))
        self.type_and_wait(terminal, "ne")
        terminal.type("\n")
        self.wait_for(terminal, "Bob: hi there", ">>> half a line", ">>>")
        poll(lambda: server.texts() == [b"half a line"], "it is said")
        server.say("Bob", "yes")
        self.wait_for(terminal, ">>> half a line", "Bob: yes", ">>>")  # and not one's own once more
        self.assertRegex(terminal.screen.lines()[1], r"^\d\d:\d\d Bob: hi there$")

    def test_a_long_line_with_the_cursor_inside(self):
        server, terminal = self.start()
        typed = "a line that is longer than forty columns 阿宸真帅阿宸真帅阿宸真帅 and more"
        rows = [">>> a line that is longer than forty col", "umns 阿宸真帅阿宸真帅阿宸真帅 and more"]
        terminal.type(typed)
        self.wait_for(terminal, *rows)
        terminal.type("\x1b[D" * (len(typed) - 10))
        terminal.wait_for_screen(lambda screen: screen.column == 14)
        for number in range(12):  # and the screen scrolls
            server.say("Bob", f"message {number} " + "x" * 40)
            self.wait_for(terminal, "x" * (20 + len(str(number))), *rows)
            terminal.wait_for_screen(lambda screen: screen.column == 14)
        terminal.type("!\n")
        poll(lambda: server.texts(), "it is said")
        self.assertEqual(server.texts(), [(typed[:10] + "!" + typed[10:]).encode()])

    def test_lines_as_long_as_the_terminal_is_wide(self):
        for length in (35, 36, 37, 75, 76, 77, 35 + 40 * 12):
            server, terminal = self.start()
            text = "".join(chr(ord("a") + number % 26) for number in range(length))
            terminal.type(text)
            terminal.wait_for_screen(lambda screen, text=text: "".join(screen.lines()).endswith(text[-30:]))
            server.say("Bob", "hi")
            terminal.wait_for_screen(lambda screen: "Bob: hi" in str(screen) or length > 400)
            terminal.wait_for_screen(lambda screen, text=text: "".join(screen.lines()).endswith(text[-30:]))
            if length < 100:
                shown = ">>> " + text
                rows = [shown[at : at + 40] for at in range(0, len(shown) + (len(shown) % 40 == 0), 40)]
                self.wait_for(terminal, "* you are Ann in lobby, alone", "Bob: hi", *rows)
            terminal.type("!\n")
            poll(lambda server=server: server.texts(), "it is said")
            self.assertEqual(server.texts(), [text.encode() + b"!"])

    def test_history_and_search(self):
        server, terminal = self.start()
        for text in ("first", "second"):
            terminal.type(text + "\n")
            poll(lambda text=text: text.encode() in server.texts(), "it is said")
        terminal.type("\x1b[A\x1b[A")
        self.wait_for(terminal, ">>> first", ">>> second", ">>> first")
        server.say("Bob", "hi")
        self.wait_for(terminal, ">>> first", ">>> second", "Bob: hi", ">>> first")
        terminal.type("\x1b[B!\n")
        poll(lambda: b"second!" in server.texts(), "it is said")
        terminal.type("\x12fir")  # Ctrl-R
        terminal.wait_for_screen(lambda screen: screen.lines()[-2:] == [">>> first", "bck:fir"])
        server.say("Bob", "while you search")
        self.wait_for(terminal, "Bob: while you search", ">>> first", "bck:fir")
        terminal.type("\n")
        poll(lambda: server.texts().count(b"first") == 2, "it is said")

    def test_many_messages_at_once(self):
        server, terminal = self.start(size=(30, 80))
        self.type_and_wait(terminal, "typing")
        for number in range(200):
            server.say("Bob", f"message {number}")
        self.wait_for(terminal, *(f"Bob: message {number}" for number in range(171, 200)), ">>> typing")

    def test_a_hostile_member_commands_nothing(self):
        server, terminal = self.start()
        self.type_and_wait(terminal, "typing")
        server.say("\x1b[5mBob\n", b"\x1b[2J\x1b[H\r\n\x1b]0;title\x07 \xff\xe2\x80\xae")
        lines = ["\\x1b[5mBob\\x0a: \\x1b[2J\\x1b[H\\x0d\\", r"x0a\x1b]0;title\x07 \xff\xe2\x80\xae", ">>> typing"]
        self.wait_for(terminal, *lines)

    def test_a_terminal_that_can_do_nothing(self):
        server = self.server()
        terminal = self.terminal(server, size=None, environment={"TERM": "dumb"})
        terminal.expect(">>> ")
        terminal.type("half")
        terminal.expect("half")
        server.say("Bob", "hi")
        terminal.expect("\r\n")
        terminal.expect("Bob: hi\r\n>>> half")


class Events(ChatScreenTest):
    def test_commands(self):
        server, terminal = self.start(size=(20, 60))
        terminal.type("/nope\n")
        self.wait_for(
            terminal, ">>> /nope", "* no such command: /nope; /help shows them, and //nope", " sends it as text", ">>>"
        )
        terminal.type("/join tea\n")
        self.wait_for(terminal, "* you are Ann in tea, alone", ">>>")
        server.names = [f"member{number}" for number in range(10)]
        terminal.type("/who\n")
        self.wait_for(
            terminal,
            ">>> /who",
            "* 10 members in tea: member0, member1, member2,",
            "*   member3, member4, member5, member6, member7,",
            "*   member8, member9",
            ">>>",
        )
        terminal.type("/help\n")
        self.wait_for(terminal, "* /help         this", "* //TEXT        say /TEXT", ">>>")
        terminal.type("   \n")
        terminal.type("/quit\n")
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual((len(server.left), server.texts()), (1, []))

    def test_ways_to_leave(self):
        for key in ("\x03", "\x04", "/quit\n", signal.SIGTERM):
            server, terminal = self.start()
            before = terminal.attributes()
            self.assertFalse(before[3] & termios.ICANON)
            if isinstance(key, str):
                terminal.type(key)
            else:
                terminal.process.send_signal(key)
            self.assertEqual(terminal.wait(), 0)
            self.assertEqual(len(server.left), 1)
            self.assertTrue(terminal.attributes()[3] & termios.ICANON)

    def test_a_terminal_that_is_closed(self):
        server, terminal = self.start()
        terminal.process.send_signal(signal.SIGHUP)  # as a shell does too
        terminal.hang_up()
        terminal.wait()
        self.assertEqual(len(server.left), 1)

    def test_ctrl_z(self):
        server, terminal = self.start()
        for number in range(2):
            self.type_and_wait(terminal, "half")
            terminal.type("\x1a")
            status = Path(f"/proc/{terminal.process.pid}/stat")
            poll(lambda status=status: status.read_text(encoding="utf-8").split()[2] == "T", "it stops")
            self.assertTrue(terminal.attributes()[3] & termios.ICANON)
            server.say("Bob", f"meanwhile {number}")
            terminal.process.send_signal(signal.SIGCONT)
            terminal.wait_for_screen(
                lambda screen, number=number: f"Bob: meanwhile {number}" in str(screen) and screen.lines()[-1] == ">>> half"
            )
            self.assertFalse(terminal.attributes()[3] & termios.ICANON)
            terminal.process.send_signal(signal.SIGCONT)  # the line is drawn, as after a message that came first
            terminal.type("x")
            terminal.wait_for_screen(lambda screen: screen.lines()[-1] == ">>> halfx")
            terminal.type("\x15")
            terminal.wait_for_screen(lambda screen: screen.lines()[-1] == ">>>")

    def test_a_terminal_that_changes_its_size(self):
        server, terminal = self.start()
        terminal.type("a line of words that wraps around its end")
        self.wait_for(terminal, ">>> a line of words that wraps around it", "s end")
        terminal.resize(12, 80)
        terminal.wait_for_lines(">>> a line of words that wraps around its end")
        server.say("Bob", "hi")
        self.wait_for(terminal, "Bob: hi", ">>> a line of words that wraps around its end")

    def test_output_that_nobody_reads(self):
        server = self.server()
        reader, writer = os.pipe()
        terminal = self.terminal(server, size=(12, 80), stdout=writer)
        os.close(writer)
        self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
        self.type_and_wait(terminal, "typing")
        server.say("Bob", "to the pipe")
        self.assertEqual(read_until(reader, b"\n"), b"Bob: to the pipe\n")
        os.close(reader)
        server.say("Bob", "to nobody")
        self.assertEqual(terminal.wait(), 1)
        self.assertEqual(len(server.left), 1)
        self.assertTrue(terminal.attributes()[3] & termios.ICANON)

    def test_no_contact(self):
        with ChatServer(heartbeat_ms=100) as first:
            port = first.port
            terminal = self.terminal(first, size=(20, 80))
            self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
            first.member()
        terminal.wait_for_screen(lambda screen: "* the server does not answer; trying to join again" in str(screen))
        self.type_and_wait(terminal, "half a li")
        terminal.type("ne\nanother\n")
        terminal.wait_for_screen(lambda screen: "* what you say is sent when you are back" in str(screen))
        second = self.server(port=port)
        terminal.wait_for_screen(lambda screen: "* back in lobby, alone" in str(screen))
        poll(lambda: second.texts() == [b"half a line", b"another"], "they are said")
        terminal.type("/quit\n")
        self.assertEqual(terminal.wait(), 0)

    def test_leaving_without_contact(self):
        with ChatServer(heartbeat_ms=100) as server:
            terminal = self.terminal(server, size=(20, 80))
            self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
            server.member()
        terminal.wait_for_screen(lambda screen: "* the server does not answer; trying to join again" in str(screen))
        terminal.type("in vain\n/quit\n")
        self.assertEqual(terminal.wait(), 1)

    def test_what_is_unheard_at_the_end_is_told(self):
        server, terminal = self.start(size=(20, 80))
        server.accept = lambda member, sequence, text: text != b"lose me"
        terminal.type("lose me\n/quit\n")
        terminal.wait_for_screen(lambda screen: "* nothing of yours came back: whether it was heard is not known" in str(screen))
        self.assertEqual(terminal.wait(), 0)
        terminal = self.terminal(server, size=(20, 80))
        self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
        terminal.type("hear me\n")
        poll(lambda: b"hear me" in server.texts(), "it is said")
        terminal.type("lose me\n\x04")
        terminal.wait_for_screen(lambda screen: "* 1 message of yours did not come back" in str(screen))
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(len(server.left), 2)

    def test_ctrl_c_with_lines_that_wait(self):
        with ChatServer(heartbeat_ms=100) as server:
            terminal = self.terminal(server, size=(20, 80))
            self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
            server.member()
        terminal.wait_for_screen(lambda screen: "* the server does not answer; trying to join again" in str(screen))
        terminal.type("in vain\n")
        terminal.wait_for_screen(lambda screen: "* what you say is sent when you are back" in str(screen))
        terminal.type("\x03")
        terminal.wait_for_screen(lambda screen: ": interrupted" in str(screen))
        self.assertEqual(terminal.wait(), 1)

    def test_a_room_that_is_full(self):
        server = self.server(refuse=lambda room, name: ROOM_FULL if room == "tea" else None)
        terminal = self.terminal(server, size=(12, 100))
        self.wait_for(terminal, "* you are Ann in lobby, alone", ">>>")
        terminal.type("/join tea\n")
        self.wait_for(terminal, "* cannot join tea as Ann: the room is full; you are still in lobby", ">>>")


class Plain(ChatScreenTest):
    def test_two_members(self):
        server = self.serve("chat=udp://127.0.0.1:0")
        one = self.terminal(server, "--plain", name="客户端1")
        two = self.terminal(server, "--plain", name="客户端2")
        for terminal in (one, two):
            self.wait_for(terminal, ">>>")
        with Member(address_of(server.url), "lobby", "watcher") as watcher:
            two.type("\n")  # an empty line is enough to be a member
            self.assertEqual(watcher.next(Notice).name, "客户端2")
        self.type_and_wait(two, "typing")
        one.type("hello\n")
        self.wait_for(two, f"客户端1{MARK}hello", ">>> typing")
        self.wait_for(one, ">>> hello", ">>>")
        two.type("\x15hi\n")
        self.wait_for(one, f"客户端2{MARK}hi", ">>>")


class Coserved(ChatScreenTest):
    def test_two_members(self):
        server = self.serve("chat=udp://127.0.0.1:0")
        ann, bob = (self.terminal(server, name=name, size=(12, 60)) for name in ("Ann", "Bob"))
        self.wait_for(bob, ">>>")
        self.wait_for(ann, ">>>")
        self.type_and_wait(bob, "half")
        ann.type("hello\n")
        self.wait_for(bob, "Ann: hello", ">>> half")
        bob.type("\x15/quit\n")
        self.assertEqual(bob.wait(), 0)
        self.wait_for(ann, "* Bob has left", ">>>")


if __name__ == "__main__":
    unittest.main()
