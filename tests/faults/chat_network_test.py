"""Chat between machines: losses, floods and pretended addresses. In small; COSERVE_MASS=full is for tools/dev mass."""

import os
import re
import resource
import socket
import struct
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import networks  # noqa: E402
from chat_crowd import Crowd  # noqa: E402
from chat_peer import Delivery, Member, Refused, TOO_LONG, join, message  # noqa: E402
from support import LIMIT, ProgramTest, Server  # noqa: E402

FULL = os.environ.get("COSERVE_MASS") == "full"
PORT = 7703
MESSAGE, DELIVERY = "@th,64,24 0xff0103", "@th,64,24 0xff0184"
MIB = 1 << 20


def size(small, full):
    return full if FULL else small


def told(text):
    """Figures, where they are wanted."""
    if FULL:
        print(f"    {text}", flush=True)


class Network(ProgramTest):
    def setUp(self):
        super().setUp()
        reason = networks.why_not()
        if reason:
            self.skipTest(reason)
        self.cable = self.enterContext(networks.Cable())

    def start(self, query="", cores=2):
        with self.cable.inside("server"):
            flags = ["--cores", str(cores), "--log-level", "info"]
            return self.enterContext(Server(f"chat=udp://{self.cable.server}:{PORT}{query}", flags=flags))

    def crowd(self, **options):
        return self.enterContext(Crowd((self.cable.server, PORT), **options))

    def add(self, crowd, count, room=lambda _: "tea"):
        """So many members, each at an address of its own."""
        with self.cable.inside("members"):
            base = len(crowd.members)
            for number in range(base, base + count):
                crowd.add(f"10.78.{number // 250}.{number % 250 + 1}", room(number), f"member {number}")

    def check_no_overflow(self):
        """A full buffer would be taken for something that the network lost."""
        self.assertEqual([self.cable.overflows(side) for side in ("server", "members")], [0, 0])

    def check_ends(self, server):
        self.assertEqual(server.stop(), 0, server.log())
        self.assertNotRegex(server.log(), r"(?m)^\S+ error ")


class Losses(Network):
    members, messages, percent = size(10, 30), size(100, 1000), 10

    def test_what_is_lost_is_what_clients_count(self):
        server = self.start("?heartbeat=1s&member-rate=0&room-rate=0&send-queue=64MiB&send-queue-per-peer=64MiB&receive-buffer=64MiB")
        rooms = ("tea", "coffee")
        crowd = self.crowd(heartbeat_s=1.0, patience=0.2, buffer=32 * MIB)
        lose = f"numgen random mod 100 < {self.percent} counter drop"
        # Each kind has its own counter; what belongs to no message is lost as well.
        for side, kind in (("server", MESSAGE), ("members", DELIVERY)):
            port = "dport" if side == "server" else "sport"
            self.cable.filter(
                side,
                f"udp {port} {PORT} {kind} {lose}",
                f"udp {port} {PORT} {kind} accept",
                f"udp {port} {PORT} {lose}",
            )
        self.add(crowd, self.members, lambda number: rooms[number % 2])
        crowd.gather()
        for _ in range(self.messages):
            for member in crowd.members:
                member.say(b"x" * 100)
            while crowd.turn():
                pass
        crowd.settle()
        self.check_no_overflow()
        lost_messages = self.cable.counted("server")[0][0]
        lost_deliveries = self.cable.counted("members")[0][0]
        for side in ("server", "members"):
            self.cable.filter(side)
        for member in crowd.members:
            member.say(b"the last one, which shows the gap before it")
        in_room = self.members // 2
        def have_last(heard):
            return len(heard) == in_room and all(h.last == self.messages + 1 for h in heard.values())

        crowd.until(lambda: all(have_last(m.heard) for m in crowd.members), "the last message of each")
        self.check_no_overflow()
        self.assertEqual([m.joins for m in crowd.members], [1] * self.members)
        self.assertEqual(sum(m.strayed for m in crowd.members), 0)
        self.assertEqual(sum(h.repeated for m in crowd.members for h in m.heard.values()), 0)
        expected = lost_messages * in_room + lost_deliveries
        missed = sum(m.missed() for m in crowd.members)
        told(
            f"{self.members} members x {self.messages} messages, {self.percent} % lost each way: {lost_messages} messages and "
            f"{lost_deliveries} deliveries, {missed} missed by the clients' count"
        )
        self.assertEqual(missed, expected)
        self.assertGreater(lost_messages, 0)
        self.assertGreater(lost_deliveries, 0)
        self.check_ends(server)

    def test_membership_converges_within_three_heartbeats(self):
        beat = 1.0
        server = self.start(f"?heartbeat={beat:.0f}s")
        crowd = self.crowd(heartbeat_s=beat, patience=0.2)
        self.add(crowd, self.members)
        crowd.gather()
        crowd.until(lambda: all(m.count == self.members for m in crowd.members), "one count of all")
        gone, here = crowd.members[: self.members // 3], crowd.members[self.members // 3 :]
        sources = ", ".join(m.socket.getsockname()[0] for m in gone)
        self.cable.filter("server", f"ip saddr {{ {sources} }} drop")
        cut = crowd.until(lambda: all(m.count == len(here) for m in here), "the others' end")
        self.assertGreater(cut, 1.5 * beat)  # not at once: a heartbeat may be lost
        self.assertLess(cut, 3 * beat + beat)  # and the time of its answer
        self.cable.filter("server")
        healed = crowd.until(lambda: all(m.count == self.members and m.token for m in crowd.members), "all together")
        self.assertLess(healed, 3 * beat)
        self.assertEqual([m.joins for m in here], [1] * len(here))
        told(f"{len(gone)} of {self.members} cut off: gone after {cut:.2f} s, back after {healed:.2f} s, heartbeat {beat} s")
        self.check_ends(server)


class Strangers(Network):
    joins, batch = size(20_000, 200_000), 2000
    honest = size(200, 5000)

    def test_pretended_addresses_cost_nothing(self):
        server = self.start()
        with self.cable.inside("members"):
            witness = self.enterContext(Member((self.cable.server, PORT), "tea", "witness", patience=1))
            raw = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MIB)
        # Nobody is at those addresses: what comes back is counted, and goes no further.
        self.cable.filter("members", "ip daddr 10.96.0.0/11 counter drop", chain="before")
        self.cable.filter("server", f"ip saddr 10.96.0.0/11 udp dport {PORT} counter")
        self.cable.filter("server", f"ip daddr 10.96.0.0/11 udp sport {PORT} counter", chain="out")
        resident = None
        for begin in range(0, self.joins, self.batch):
            for number in range(begin, begin + self.batch):
                raw.sendto(self.pretended(number), (self.cable.server, 0))
            self.wait_for_answers(begin + self.batch)
            resident = resident or self.resident(server)
        grown = self.resident(server) - resident
        (packets_in, bytes_in), (packets_out, bytes_out) = self.cable.counted("server") + self.cable.counted("server", "out")
        told(f"{self.joins} pretended joins: {bytes_in} bytes in, {bytes_out} bytes out, resident memory grew by {grown} KiB")
        self.assertEqual((packets_in, packets_out), (self.joins, self.joins))
        self.assertLessEqual(bytes_out, bytes_in)
        self.assertLess(grown, 512)
        self.assertEqual(witness.who().names, ["witness"])
        self.check_no_overflow()
        self.check_ends(server)
        self.assertEqual(sum(map(int, re.findall(r"(\d+) members,", server.log()))), 1)

    def wait_for_answers(self, count):
        until = time.monotonic() + LIMIT
        while self.cable.counted("server", "out")[0][0] < count:
            self.assertLess(time.monotonic(), until, "an answer to each")

    def pretended(self, number):
        """A join with zeros for a cookie, from an address that is not ours."""
        payload = join(1, "tea", f"n{number % 1000}")
        source = socket.inet_aton(f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}")
        head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), 0, 0, 64, socket.IPPROTO_UDP, 0)
        ports = struct.pack("!HHHH", 1024 + number % 60000, PORT, 8 + len(payload), 0)
        return head + source + socket.inet_aton(self.cable.server) + ports + payload

    @staticmethod
    def resident(server):
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])

    def test_honest_members_from_as_many_addresses(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 3 * self.honest)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = self.start("?send-queue=64MiB")
        crowd = self.crowd(patience=2.0)
        in_room = 50
        begin = time.monotonic()
        while len(crowd.members) < self.honest:
            self.add(crowd, min(100, self.honest - len(crowd.members)), lambda number: f"room {number // in_room}")
            crowd.gather()
        joined = time.monotonic() - begin
        for number, member in enumerate(crowd.members):
            member.say()
            if number % 20 == 0:
                crowd.turn()
        crowd.until(lambda: crowd.heard() >= self.honest * in_room, "each message at each member")
        said = time.monotonic() - begin - joined
        crowd.settle()
        self.check_no_overflow()
        crowd.until(lambda: all(m.count == in_room for m in crowd.members), "one count of all")
        for member in crowd.members:
            self.assertEqual([h.received for h in member.heard.values()], [1] * in_room)
            self.assertEqual((member.strayed, member.missed()), (0, 0))
        told(
            f"{self.honest} members from as many addresses, in rooms of {in_room}: joined in {joined:.1f} s, "
            f"heard in {said:.1f} s"
        )
        self.check_ends(server)


class Floods(Network):
    good, rate, seconds = 10, size(2_000, 10_000), size(1, 10)

    def test_one_flooding_peer(self):
        """The others in its room lose less than one message in a hundred."""
        for kind in ("messages", "garbage", "joins"):
            with self.subTest(kind):
                self.flooded(kind)

    def flooded(self, kind):
        server = self.start()
        crowd = self.crowd()
        self.add(crowd, self.good)
        crowd.gather()
        with self.cable.inside("members"):
            flooder = self.enterContext(Member((self.cable.server, PORT), "tea", f"flooder {kind}", patience=1))
        flooder.socket.setblocking(False)
        over = threading.Event()
        sent = [0]
        thread = threading.Thread(target=self.flood, args=(flooder, kind, over, sent), daemon=True)
        thread.start()
        begin = time.monotonic()
        said = 0
        while time.monotonic() < begin + self.seconds:
            if time.monotonic() >= begin + said / 20:  # 20 messages a second of each
                for member in crowd.members:
                    member.say(b"among friends")
                said += 1
            crowd.turn(0.005)
        over.set()
        thread.join(LIMIT)
        took = time.monotonic() - begin
        crowd.settle()
        flooder.close()
        for member in crowd.members:
            member.say(b"the last one")
        good = {member.member for member in crowd.members}
        crowd.until(
            lambda: all(m.heard[g].last == said + 1 for m in crowd.members for g in good), "the last message of each"
        )
        missed = sum(m.heard[g].missed() for m in crowd.members for g in good)
        due = self.good * self.good * (said + 1)
        told(f"{sent[0] / took:.0f} {kind} a second from one peer: {missed} of {due} others' deliveries lost")
        self.assertGreater(sent[0] / took, self.rate / 2)
        self.assertLess(missed, due / 100)
        self.check_ends(server)
        server.kill()

    def test_one_who_comes_and_goes(self):
        """Leaving and joining again gives nobody more than the rate of one member."""
        rate = 200
        server = self.start(f"?member-rate={rate}")
        crowd = self.crowd()
        self.add(crowd, 2)
        crowd.gather()
        with self.cable.inside("members"):
            visitor = self.enterContext(Member((self.cable.server, PORT), "tea", "visitor", patience=0.002))
        over = threading.Event()
        visits = [0]
        thread = threading.Thread(target=self.come_and_go, args=(visitor, over, visits), daemon=True)
        begin = time.monotonic()
        thread.start()
        while time.monotonic() < begin + self.seconds:
            crowd.turn(0.005)
        over.set()
        thread.join(LIMIT)
        took = time.monotonic() - begin
        crowd.settle()
        heard = crowd.heard() / len(crowd.members)
        told(f"{visits[0]} visits in {took:.1f} s, each of {self.per_visit} messages: {heard:.0f} of them heard")
        self.assertGreater(visits[0], 1)
        self.assertGreater(heard, 0)
        self.assertLessEqual(heard, rate * (took + 1))
        self.check_ends(server)

    per_visit = 50

    def come_and_go(self, visitor, over, visits):
        while not over.is_set():
            for _ in range(self.per_visit):
                visitor.say(b"tea and more")
            visitor.leave()
            visitor.kept.clear()
            visitor.join("tea")
            visits[0] += 1

    def flood(self, flooder, kind, over, sent):
        begin = time.monotonic()
        while not over.is_set():
            due = int((time.monotonic() - begin) * self.rate)
            for number in range(sent[0], min(due, sent[0] + 500)):
                datagram = {
                    "messages": lambda n: message(flooder.token, n + 1, b"tea flood"),
                    "garbage": lambda n: b"\xff\x01\x03" + os.urandom(20),
                    "joins": lambda n: join(flooder.attempts + n, "tea", f"flooder {n}"),
                }[kind](number)
                try:
                    flooder.socket.send(datagram)
                except BlockingIOError:
                    pass
                sent[0] += 1
            time.sleep(0.001)  # the rate, not a condition


class Sizes(Network):
    def test_texts_between_machines(self):
        with self.cable.inside("server"):
            server = self.enterContext(Server(f"chat=udp://0.0.0.0:{PORT}", flags=["--cores", "2"]))
            near = self.enterContext(Member(("127.0.0.1", PORT), "lobby", "near"))
        with self.cable.inside("members"):
            far = self.enterContext(Member((self.cable.server, PORT), "lobby", "far"))
            plain = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            plain.sendto(b"not from here", (self.cable.server, PORT))
        self.assertEqual((near.welcome.longest_text, far.welcome.longest_text), (65_415, 1200))
        far.say(b"a" * 1200)
        for member in (near, far):
            self.assertEqual(member.next(Delivery).text, b"a" * 1200)
        far.say(b"a" * 1201)
        self.assertEqual(far.next(Refused), Refused(TOO_LONG, far.token))
        for length in (1201, 65_415, 1200):  # what is too long for the cable is said on this side alone
            near.say(b"b" * length)
            self.assertEqual(len(near.next(Delivery).text), length)
        delivery = far.next(Delivery)
        self.assertEqual((delivery.sequence, len(delivery.text)), (3, 1200))
        self.assertEqual(far.who().members, 2)
        self.check_ends(server)
        plain.setblocking(False)
        self.assertRaises(BlockingIOError, plain.recv, 100)


if __name__ == "__main__":
    unittest.main()
