"""A chat server of a few lines, written from the format's description, for a client to meet. What the network could do to
its datagrams a test does here: skip, repeat and swap them."""

import contextlib
import socket
import struct
import threading

from chat_peer import (
    ALIVE, CHALLENGE, DELIVERY, HEARTBEAT, JOIN, LEAVE, LEFT, MESSAGE, NAMES, NOTICE, REFUSED, TOO_LONG, UNKNOWN, WELCOME, WHO,
    name, take_name,
)
from support import LIMIT, poll

ROOM = 77


def packet(kind, *fields):
    return b"\xff\x01" + bytes([kind]) + b"".join(fields)


class Member:
    def __init__(self, address, attempt, number, room, called):
        self.address, self.attempt, self.id, self.room, self.name = address, attempt, number, room, called
        self.token = struct.pack("<Q", 1000 + number)
        self.texts = []  # with their sequence numbers


class ChatServer:
    """Everybody is in one room for it, whatever the room is called."""

    def __init__(self, echo=True, port=0, longest=65415, heartbeat_ms=5000, challenge=False, refuse=None, names=None):
        self.echo, self.longest, self.heartbeat_ms = echo, longest, heartbeat_ms
        self.challenge, self.refuse, self.names = challenge, refuse, names
        self.members = {}  # by address
        self.left = []
        self.kinds = []  # of all that came
        self.dropped = 0
        self.answer_who = True
        self._others = {}  # ids and sequences of members that a test invents
        self._next = 1
        self._lock = threading.RLock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", port))
        self._socket.settimeout(LIMIT)
        self.port = self._socket.getsockname()[1]
        self.url = f"udp://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # ---- what a test does

    def member(self, called="Ann"):
        """Waits until somebody of that name has joined."""
        poll(lambda: self._find(called), f"{called} joins")
        return self._find(called)

    def texts(self, called="Ann"):
        """All that members of this name said, those who have left too."""
        with self._lock:
            return [text for m in [*self.left, *self.members.values()] if m.name == called for _, text in m.texts]

    def say(self, called, text, skip=0, sequence=None):
        """Another member speaks to all; `skip`: so many of its messages before are lost."""
        with self._lock:
            number, last = self._others.get(called, (500 + len(self._others), 0))
            this = last + skip + 1 if sequence is None else sequence
            self._others[called] = number, max(last, this)
            self._to_all(self._delivery(number, this, called, text.encode() if isinstance(text, str) else text))

    def notice(self, called, joined=True, number=900):
        self._to_all(packet(NOTICE, bytes([1 if joined else 2]), struct.pack("<QQ", ROOM, number), name(called)))

    def refuse_all(self, reason):
        with self._lock:
            for member in list(self.members.values()):
                self._send(packet(REFUSED, bytes([reason]), member.token), member.address)

    def forget_all(self):
        with self._lock:
            self.members.clear()

    # ---- the server

    def _find(self, called):
        with self._lock:
            return next((m for m in self.members.values() if m.name == called), None)

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                data, address = self._socket.recvfrom(65536)
                if data == b"that was all":
                    return
                with self._lock:
                    self._take(data[2], data[3:], address)

    def _take(self, kind, fields, address):
        self.kinds.append(kind)
        if kind == JOIN:
            return self._join(fields, address)
        member = self.members.get(address)
        if not member or member.token != fields[:8]:
            return self._send(packet(REFUSED, bytes([UNKNOWN]), fields[:8]), address)
        return {LEAVE: self._leave, MESSAGE: self._message, HEARTBEAT: self._heartbeat, WHO: self._who}[kind](member, fields[8:])

    def _join(self, fields, address):
        attempt, cookie = fields[:8], fields[8:24]
        room, rest = take_name(fields[24:])
        called, _ = take_name(rest)
        if self.challenge and cookie != b"c" * 16:
            return self._send(packet(CHALLENGE, attempt, b"c" * 16), address)
        refusal = self.refuse(room, called) if self.refuse else None
        if refusal:
            return self._send(packet(REFUSED, bytes([refusal]), attempt), address)
        member = self.members.get(address)
        if not member or member.attempt != attempt:
            member = self.members[address] = Member(address, attempt, self._next, room, called)
            self._next += 1
        welcome = struct.pack("<QQIII", ROOM, member.id, self.heartbeat_ms, len(self.members), self.longest)
        return self._send(packet(WELCOME, attempt, member.token, welcome), address)

    def _leave(self, member, _):
        del self.members[member.address]
        self.left.append(member)
        self._send(packet(LEFT, member.token), member.address)

    def _message(self, member, fields):
        (sequence,) = struct.unpack("<Q", fields[:8])
        text = fields[8:]
        if len(text) > self.longest:
            return self._send(packet(REFUSED, bytes([TOO_LONG]), member.token), member.address)
        if not self.accept(member, sequence, text):
            return None
        member.texts.append((sequence, text))
        delivery = self._delivery(member.id, sequence, member.name, text)
        for other in self.members.values():
            if self.echo or other is not member:
                self._send(delivery, other.address)
        return None

    def accept(self, member, sequence, text):  # pylint: disable=unused-argument
        """A test may lose messages here."""
        return True

    def _heartbeat(self, member, fields):
        self._send(packet(ALIVE, member.token, fields, struct.pack("<IQ", len(self.members), self.dropped)), member.address)

    def _who(self, member, fields):
        if not self.answer_who:
            return
        names = [m.name for m in self.members.values()] if self.names is None else self.names
        shown = b""
        for field in map(name, names):
            if len(shown) + len(field) <= 16 << 10:
                shown += field
        self._send(packet(NAMES, member.token, fields, struct.pack("<I", len(names)), shown), member.address)

    @staticmethod
    def _delivery(number, sequence, called, text):
        return packet(DELIVERY, struct.pack("<QQQ", ROOM, number, sequence), name(called), text)

    def _to_all(self, data):
        with self._lock:
            for member in self.members.values():
                self._send(data, member.address)

    def _send(self, data, address):
        self._socket.sendto(data, address)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"that was all", ("127.0.0.1", self.port))
        self._thread.join(LIMIT)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
