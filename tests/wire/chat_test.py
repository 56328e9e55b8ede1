"""The service chat: its bytes, tutorials' clients and its own, together in rooms."""

import random
import re
import select
import signal
import socket
import struct
import unittest
from collections import Counter

from wire import WireTest, complaints, has_ipv6
from support import COSERVED, LIMIT, poll, run
from chat_peer import ENDING, MARK, NAME_TAKEN, TOO_LONG, UNKNOWN, Delivery, Left, Member, Notice, Refused
from chat_peer import address_of, join, message, read

CHAT = "chat=udp://127.0.0.1:0"
TWO_CORES = ["--cores", "2"]


class Tutorial:
    """A client as the tutorials write it: sendto, then one blocking recvfrom."""

    def __init__(self, address, source="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(LIMIT)
        self.socket.bind((source, 0))
        self.address = address

    def send(self, data):
        self.socket.sendto(data, self.address)

    def receive(self, size=1024):
        data, sender = self.socket.recvfrom(size)
        assert sender == self.address, sender
        return data

    def has_nothing(self):
        return select.select([self.socket], [], [], 0)[0] == []

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class ChatTest(WireTest):
    def member(self, server, room, name, **options):
        return self.enterContext(Member(address_of(server.url), room, name, **options))

    def tutorial(self, server, **options):
        return self.enterContext(Tutorial(address_of(server.url), **options))

    def stop_silently(self, server):
        self.stop(server)
        self.assertEqual(complaints(server), [])


class Bytes(ChatTest):
    """In hex, as docs/wire.md has them."""

    def peer(self, server):
        peer = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        peer.settimeout(LIMIT)
        peer.connect(address_of(server.url))
        return peer

    def enter(self, peer):
        """Ann in the room tea: her token, the room and her number, each as it came."""
        peer.send(bytes.fromhex("ff0101 01000000cdab0000") + bytes(16) + bytes.fromhex("03746561 03416e6e"))
        welcome = peer.recv(100)
        self.assertEqual(welcome[:11], bytes.fromhex("ff0182 01000000cdab0000"))
        self.assertEqual(welcome[35:], bytes.fromhex("88130000 01000000 87ff0000"))  # 5 s, one member, 65 415 bytes
        self.assertEqual(len(welcome), 47)
        return welcome[11:19], welcome[19:27], welcome[27:35]

    def test_join_say_who_heartbeat_leave(self):
        peer = self.peer(self.serve(CHAT))
        token, room, member = self.enter(peer)
        peer.send(bytes.fromhex("ff0103") + token + bytes.fromhex("0200000000000000") + b"hi")
        self.assertEqual(
            peer.recv(100),
            bytes.fromhex("ff0184") + room + member + bytes.fromhex("0200000000000000 03416e6e") + b"hi",
        )
        peer.send(bytes.fromhex("ff0104") + token + bytes.fromhex("07000000"))
        self.assertEqual(peer.recv(100), bytes.fromhex("ff0186") + token + bytes.fromhex("07000000 01000000") + bytes(8))
        peer.send(bytes.fromhex("ff0105") + token + bytes.fromhex("08000000"))
        self.assertEqual(
            peer.recv(100), bytes.fromhex("ff0187") + token + bytes.fromhex("08000000 01000000 03416e6e")
        )
        peer.send(bytes.fromhex("ff0102") + token)
        self.assertEqual(peer.recv(100), bytes.fromhex("ff0188") + token)
        peer.send(bytes.fromhex("ff0104") + token + bytes(4))
        self.assertEqual(peer.recv(100), bytes.fromhex("ff0183 07") + token)

    def test_others_hear_of_who_comes_and_goes(self):
        server = self.serve(CHAT)
        bob = self.peer(server)
        bob.send(join(1, "tea", "Bob"))
        bob.recv(100)
        ann = self.peer(server)
        ann.send(join(1, "tea", "Ann"))
        _, token, room, member = struct.unpack("<QQQQ", ann.recv(100)[3:35])
        told = struct.pack("<QQ", room, member) + bytes.fromhex("03416e6e")
        self.assertEqual(bob.recv(100), bytes.fromhex("ff0185 01") + told)
        ann.send(bytes.fromhex("ff0102") + struct.pack("<Q", token))
        self.assertEqual(bob.recv(100), bytes.fromhex("ff0185 02") + told)

    def test_a_name_that_is_taken(self):
        server = self.serve(CHAT)
        self.enter(self.peer(server))
        other = self.peer(server)
        other.send(bytes.fromhex("ff0101 01000000cdab0000") + bytes(16) + bytes.fromhex("03746561 03416e6e"))
        self.assertEqual(other.recv(100), bytes.fromhex("ff0183 03 01000000cdab0000"))

    def test_a_wrong_token_changes_nothing(self):
        peer = self.peer(self.serve(CHAT))
        token, _, _ = self.enter(peer)
        wrong = bytes(8)
        for request in (b"\x02", b"\x03", b"\x04", b"\x05"):
            peer.send(b"\xff\x01" + request + wrong + bytes({2: 0, 3: 8, 4: 4, 5: 4}[request[0]]))
            answer = read(peer.recv(100))
            self.assertEqual(answer, Left(0) if request == b"\x02" else Refused(UNKNOWN, 0))
        peer.send(bytes.fromhex("ff0104") + token + bytes(4))
        self.assertEqual(read(peer.recv(100)).members, 1)

    def test_every_cut_and_every_kind_is_survived(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        peer = self.peer(server)
        token, _, _ = self.enter(peer)
        for whole in (join(2, "tea", "Ann"), message(0, 1, b""), b"\xff\x01\x04" + bytes(12)):
            for size in range(1, len(whole)):
                peer.send(whole[:size])
        chance = random.Random(1)
        for kind in range(256):
            peer.send(b"\xff\x01" + bytes([kind]) + chance.randbytes(chance.randrange(60)))
        with self.member(server, "tea", "Bob") as bob:  # and it serves on
            bob.say(b"still there")
            self.assertEqual(bob.next(Delivery).text, b"still there")
        self.stop_silently(server)


class Rooms(ChatTest):
    def test_three_tutorials_and_three_of_ours(self):
        """Each message reaches each member exactly once, from as many addresses, on both cores."""
        server = self.serve(CHAT, flags=TWO_CORES)
        for turn in range(5):
            self.one_room(server, turn)
        self.stop_silently(server)
        cores = re.findall(r"chat ended.*?(\d+) members", server.log())
        self.assertEqual(len(cores), 2, server.log())
        self.assertEqual(sum(map(int, cores)), 5 * (6 + 1))
        self.assertNotIn("0", cores)  # by chance once in 2 ** 29

    def one_room(self, server, turn):
        source = lambda number: f"127.0.{turn + 1}.{number}"
        plain = [self.tutorial(server, source=source(number)) for number in (1, 2, 3)]
        ours = [self.member(server, "lobby", f"ours {number}", source=source(number)) for number in (4, 5, 6)]
        first = [f"客户端{number}{MARK}".encode() for number in (1, 2, 3)]
        for number, client in enumerate(plain):
            client.send(first[number])  # which makes it a member
            self.assertEqual(client.receive(), first[number])
        for number, client in enumerate(plain):
            self.assertEqual([client.receive() for _ in first[number + 1 :]], first[number + 1 :])
        for member in ours:
            self.assertEqual([member.next(Delivery).name for _ in first], ["客户端1", "客户端2", "客户端3"])
            self.assertEqual(member.alive().members, 6)

        said = Counter()
        for message_number in range(20):
            for number, client in enumerate(plain, 1):
                client.send(f"客户端{number}{MARK}消息 {message_number}".encode())
                said[f"客户端{number}", f"消息 {message_number}"] += 1
            for member in ours:
                member.say(f"message {message_number}".encode())
                said[member.name, f"message {message_number}"] += 1
        for client in plain:
            heard = Counter(tuple(client.receive().decode().split(MARK)) for _ in range(said.total()))
            self.assertEqual(heard, said)
        for member in ours:
            heard = Counter()
            for _ in range(said.total()):
                delivery = member.next(Delivery)
                heard[delivery.name, delivery.text.decode()] += 1
            self.assertEqual(heard, said)
        for member in ours:
            member.alive()
            self.assertEqual([r for r in member.pending() if isinstance(r, Delivery)], [])
            member.leave()
        for client in plain:
            self.assertTrue(client.has_nothing())
            client.close()
        # Their ports are closed now: the next word to the room says so, and they are gone.
        with self.member(server, "lobby", "last") as last:
            def alone():
                last.say(b"anybody?")
                return last.alive().members == 1

            poll(alone, "an empty room")
            last.leave()

    def test_the_loner(self):
        """Its echo, and nothing else, whatever is said in other rooms."""
        server = self.serve(CHAT, flags=TWO_CORES)
        others = [self.member(server, "tea", f"other {number}") for number in range(3)]
        loner = self.tutorial(server)
        for number in range(20):
            for other in others:
                other.say(b"among us")
            text = f"客户端1{MARK}{number}".encode()
            loner.send(text)
            self.assertEqual(loner.receive(), text)
        for other in others:
            self.assertEqual({other.next(Delivery).text for _ in range(60)}, {b"among us"})
        self.stop_silently(server)
        self.assertTrue(loner.has_nothing())

    def test_an_empty_datagram_is_a_message(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        ours = self.member(server, "lobby", "ours")
        first, second = self.tutorial(server), self.tutorial(server)
        first.send(b"")
        self.assertEqual(first.receive(), b"")
        delivery = ours.next(Delivery)
        self.assertEqual((delivery.name, delivery.text), (":".join(map(str, first.socket.getsockname())), b""))
        second.send(b"x")
        self.assertEqual([first.receive(), second.receive()], [b"x", b"x"])
        ours.say(b"")
        self.assertEqual([first.receive(), second.receive()], [f"ours{MARK}".encode()] * 2)
        self.assertEqual(ours.next(Delivery).text, b"x")
        self.assertEqual(ours.next(Delivery).text, b"")

    def test_other_encodings_come_through(self):
        server = self.serve(CHAT)
        first, second = self.tutorial(server), self.tutorial(server)
        for client in (first, second):
            client.send(b"here")
            client.receive()
        first.receive()
        for data in ("帅逼".encode("gbk"), bytes(range(255)), b"\x00", b"\xfe\xff"):
            first.send(data)
            self.assertEqual([first.receive(), second.receive()], [data, data])

    def test_sizes(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        ours = [self.member(server, "lobby", name, patience=1) for name in ("one", "two")]
        plain = [self.tutorial(server) for _ in range(2)]
        for client in plain:
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            client.send(b"here")
            client.receive()
        plain[0].receive()
        for member in ours:
            member.who()
            member.pending()
        for size in (1200, 1201, 65000, 65507):
            data = random.Random(size).randbytes(size).replace(b"\xff", b"\xfe")
            plain[0].send(data)
            for client in plain:
                self.assertTrue(client.receive(65536) == data, f"{size} bytes")
            if size <= 65000:
                for member in ours:
                    self.assertTrue(member.next(Delivery).text == data)
            else:  # too long with a sender's name before it: they miss this number
                for member in ours:
                    member.alive()
                    self.assertEqual([r for r in member.pending() if isinstance(r, Delivery)], [])
        for size in (1200, 1201, 65415):
            data = random.Random(size).randbytes(size)
            ours[0].say(data)
            for member in ours:
                self.assertEqual(member.next(Delivery).text, data)
            if size + len(f"one{MARK}".encode()) <= 65507:
                for client in plain:
                    self.assertEqual(client.receive(65536), f"one{MARK}".encode() + data)
        ours[0].say(bytes(65416))
        self.assertEqual(ours[0].next(Refused), Refused(TOO_LONG, ours[0].token))
        self.stop_silently(server)
        for client in plain:
            self.assertTrue(client.has_nothing())

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_ipv6(self):
        server = self.serve("chat=udp://[::1]:0", flags=TWO_CORES)
        ann, bob = self.member(server, "茶", "安"), self.member(server, "茶", "Bob")
        ann.say("水".encode())
        for member in (ann, bob):
            self.assertEqual(member.next(Delivery)[3:], ("安", "水".encode()))

    def test_the_address_that_was_asked_answers_and_tells(self):
        """Connected sockets take nothing that comes from another one."""
        server = self.serve("chat=udp://0.0.0.0:0", flags=TWO_CORES)
        port = address_of(server.url)[1]
        members = [
            self.enterContext(Member((host, port), "tea", host))
            for host in ("127.0.0.1", "127.0.0.2", "127.1.2.3")
        ]
        for member in members:
            member.say(b"hello")
        for member in members:
            self.assertEqual({member.next(Delivery).name for _ in members}, {m.name for m in members})

    def test_echo_off(self):
        server = self.serve(CHAT + "?echo=off", flags=TWO_CORES)
        ann, bob, plain = self.member(server, "lobby", "Ann"), self.member(server, "lobby", "Bob"), self.tutorial(server)
        plain.send(b"here")
        self.assertEqual([ann.next(Delivery).text, bob.next(Delivery).text], [b"here"] * 2)
        ann.say(b"to others")
        self.assertEqual(bob.next(Delivery).text, b"to others")
        self.assertEqual(plain.receive(), f"Ann{MARK}to others".encode())
        ann.alive()
        self.assertEqual([r for r in ann.pending() if isinstance(r, Delivery)], [])
        self.assertTrue(plain.has_nothing())


class Leaving(ChatTest):
    def test_the_silent_are_dropped_after_three_heartbeats(self):
        server = self.serve(CHAT + "?heartbeat=500ms", flags=TWO_CORES)
        ann, bob = self.member(server, "tea", "Ann"), self.member(server, "tea", "Bob")
        self.assertEqual(ann.welcome.heartbeat_ms, 500)
        poll(lambda: ann.alive().members == 1, "Bob to be dropped")
        self.assertIn("Bob", [r.name for r in ann.pending() if isinstance(r, Notice) and r.happened == 2])
        bob.say(b"hello?")
        self.assertEqual(bob.next(Refused), Refused(UNKNOWN, bob.token))
        self.stop_silently(server)

    def test_silent_plain_members_are_dropped(self):
        server = self.serve(CHAT + "?plain-silence=1s", flags=TWO_CORES)
        ours, plain = self.member(server, "lobby", "ours"), self.tutorial(server)
        plain.send(b"here")
        plain.receive()
        self.assertEqual(ours.alive().members, 2)
        poll(lambda: ours.alive().members == 1, "the silent one to be dropped")
        self.stop_silently(server)

    def test_the_end_is_told(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        members = [self.member(server, f"room {number % 3}", f"member {number}") for number in range(12)]
        plain = self.tutorial(server)
        plain.send(b"x")
        plain.receive()
        self.stop_silently(server)
        for member in members:
            self.assertEqual(member.next(Refused), Refused(ENDING, member.token))
        self.assertTrue(plain.has_nothing())

    def test_what_had_arrived_is_said_before_the_end(self):
        server = self.serve(CHAT, flags=["--cores", "1"])
        ann, bob = self.member(server, "tea", "Ann"), self.member(server, "tea", "Bob")
        server.signal(signal.SIGSTOP)
        for number in range(10):
            ann.say(b"%d" % number)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        self.assertEqual(server.wait(), 0)
        self.assertEqual([bob.next(Delivery).text for _ in range(10)], [b"%d" % number for number in range(10)])
        self.assertEqual(bob.next(Refused).reason, ENDING)

    def test_closed_ports_and_garbage_do_no_harm(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        stay = [self.member(server, "lobby", f"stays {number}") for number in range(3)]
        chance = random.Random(7)
        for number in range(100):
            with Member(address_of(server.url), "lobby", f"goes {number}") as gone, socket.socket(
                socket.AF_INET, socket.SOCK_DGRAM
            ) as garbage:
                gone.say(b"and gone")
                garbage.sendto(b"\xff" + chance.randbytes(chance.randrange(200)), address_of(server.url))
            for member in stay:
                member.pending()
        for member in stay:
            member.say(b"still here")
        for member in stay:
            heard = []
            while len(heard) < 3:
                delivery = member.next(Delivery)
                if delivery.text == b"still here":
                    heard.append(delivery.name)
            self.assertEqual(sorted(heard), [m.name for m in stay])
        poll(lambda: stay[0].alive().members == 3, "the closed ports to be gone")
        self.stop_silently(server)

    def test_a_move_leaves_the_room(self):
        server = self.serve(CHAT, flags=TWO_CORES)
        ann, bob = self.member(server, "tea", "Ann"), self.member(server, "tea", "Bob")
        ann.next(Notice)
        bob.join("coffee")
        notice = ann.next(Notice)
        self.assertEqual((notice.happened, notice.name), (2, "Bob"))
        ann.say(b"alone")
        ann.next(Delivery)
        bob.alive()
        self.assertEqual([r for r in bob.pending() if isinstance(r, Delivery)], [])
        self.assertEqual(ann.who().names, ["Ann"])


class Limits(ChatTest):
    def test_a_rate_of_each_member(self):
        server = self.serve(CHAT + "?member-rate=10", flags=TWO_CORES)
        ann, bob = self.member(server, "tea", "Ann"), self.member(server, "tea", "Bob")
        for _ in range(100):
            ann.say(b"flood")
        bob.say(b"after it")
        heard = Counter()
        while not heard[b"after it"]:
            heard[bob.next(Delivery).text] += 1
        self.assertLess(heard[b"flood"], 50)
        # The answer itself waits until the rate allows it.
        poll(lambda: self.tries(ann), "an answer")

    def tries(self, member):
        member.patience = 0.1
        return member.alive().dropped >= 50

    def test_bounds(self):
        server = self.serve(CHAT + "?max-members=3&max-rooms=2&max-room-members=2", flags=TWO_CORES)
        for name in ("Ann", "Bob"):
            self.member(server, "tea", name)
        for room, name, reason in (("tea", "Cid", 4), ("tea", "Ann", NAME_TAKEN), ("\ttea", "Cid", 2), ("tea", "", 1)):
            with self.assertRaisesRegex(ConnectionError, f"refused: {reason}"):
                self.member(server, room, name)
        self.member(server, "coffee", "Cid")
        with self.assertRaisesRegex(ConnectionError, "refused: 6"):
            self.member(server, "coffee", "Dan")

    def test_wrong_options(self):
        for query, says in (
            ("heartbeat=99ms", ["heartbeat=99ms", "100ms"]),
            ("echo=loud", ["echo=loud", "on"]),
            ("plain-room=", ["plain-room", "1 to 64 bytes"]),
            ("max-members=0", ["max-members=0", "1000000"]),
            ("room=tea", ["room", "plain-room", "max-rooms", "max-datagram"]),
            ("framing=raw", ["framing", "heartbeat"]),
        ):
            with self.subTest(query):
                result = run(COSERVED, "--check", "--listen", f"chat=udp://127.0.0.1:0?{query}")
                self.check_failure(result, 2, *says, program="coserved")
        self.check_failure(run(COSERVED, "--check", "--listen", "chat=tcp://127.0.0.1:0"), 2, "udp://", program="coserved")


if __name__ == "__main__":
    unittest.main()
