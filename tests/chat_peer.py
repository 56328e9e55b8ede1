"""Chat's own format, as a stranger's Python speaks it. docs/wire.md has the bytes."""

import os
import socket
import struct
import time
from collections import namedtuple
from urllib.parse import urlsplit

from support import LIMIT

MARK = "的消息"

JOIN, LEAVE, MESSAGE, HEARTBEAT, WHO = range(0x01, 0x06)
CHALLENGE, WELCOME, REFUSED, DELIVERY, NOTICE, ALIVE, NAMES, LEFT = range(0x81, 0x89)
BAD_NAME, BAD_ROOM, NAME_TAKEN, ROOM_FULL, ROOMS_FULL, MEMBERS_FULL, UNKNOWN, TOO_LONG, ENDING = range(1, 10)

Challenge = namedtuple("Challenge", "attempt cookie")
Welcome = namedtuple("Welcome", "attempt token room member heartbeat_ms members longest_text")
Refused = namedtuple("Refused", "reason about")
Delivery = namedtuple("Delivery", "room member sequence name text")
Notice = namedtuple("Notice", "happened room member name")
Alive = namedtuple("Alive", "token number members dropped")
Names = namedtuple("Names", "token number members names")
Left = namedtuple("Left", "token")


def address_of(url):
    parts = urlsplit(url)
    return parts.hostname, parts.port


def name(text):
    data = text.encode()
    return struct.pack("B", len(data)) + data


def join(attempt, room, who, cookie=bytes(16)):
    return b"\xff\x01\x01" + struct.pack("<Q", attempt) + cookie + name(room) + name(who)


def leave(token):
    return b"\xff\x01\x02" + struct.pack("<Q", token)


def message(token, sequence, text):
    return b"\xff\x01\x03" + struct.pack("<QQ", token, sequence) + text


def heartbeat(token, number):
    return b"\xff\x01\x04" + struct.pack("<QI", token, number)


def who(token, number):
    return b"\xff\x01\x05" + struct.pack("<QI", token, number)


def take_name(data):
    return data[1 : 1 + data[0]].decode(), data[1 + data[0] :]


def take_names(data):
    names = []
    while data:
        one, data = take_name(data)
        names.append(one)
    return names


def read(datagram):
    """What the server said."""
    assert datagram[:2] == b"\xff\x01", datagram
    kind, rest = datagram[2], datagram[3:]
    if kind == CHALLENGE:
        return Challenge(*struct.unpack("<Q16s", rest))
    if kind == WELCOME:
        return Welcome(*struct.unpack("<QQQQIII", rest))
    if kind == REFUSED:
        return Refused(*struct.unpack("<BQ", rest))
    if kind == DELIVERY:
        return Delivery(*struct.unpack("<QQQ", rest[:24]), *take_name(rest[24:]))
    if kind == NOTICE:
        return Notice(*struct.unpack("<BQQ", rest[:17]), take_name(rest[17:])[0])
    if kind == ALIVE:
        return Alive(*struct.unpack("<QIIQ", rest))
    if kind == NAMES:
        return Names(*struct.unpack("<QII", rest[:16]), take_names(rest[16:]))
    assert kind == LEFT, datagram
    return Left(*struct.unpack("<Q", rest))


class Member:
    """One of chat's own members. What is lost on the way is asked for again."""

    def __init__(self, address, room, called, source=None, patience=LIMIT):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(LIMIT)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.name = called
        self.patience = patience
        self.attempts = int.from_bytes(os.urandom(4), "little") << 32
        self.sequence = 0
        self.number = 0
        self.kept = []  # what came while something else was waited for
        try:
            self.join(room)
        except BaseException:
            self.close()
            raise

    def join(self, room, called=None):
        self.name = called or self.name
        self.attempts += 1
        cookie = bytes(16)
        deadline = time.monotonic() + LIMIT
        while True:
            answer = self.ask(
                join(self.attempts, room, self.name, cookie),
                lambda r: getattr(r, "attempt", None) == self.attempts
                or (isinstance(r, Refused) and r.about == self.attempts),
                deadline,
            )
            if isinstance(answer, Refused):
                raise ConnectionError(f"{self.name} is refused: {answer.reason}")
            if isinstance(answer, Welcome):
                break
            cookie = answer.cookie
        self.welcome = answer
        self.token = answer.token
        self.sequence = 0

    def ask(self, request, answers, deadline=None):
        """Sends it, and again while nothing comes that answers it."""
        deadline = deadline or time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            self.socket.send(request)
            until = min(deadline, time.monotonic() + self.patience)
            while time.monotonic() < until:
                reply = self.receive(until)
                if reply is None:
                    break
                if answers(reply):
                    return reply
                self.kept.append(reply)
        raise TimeoutError(f"{self.name} got no answer")

    def receive(self, until=None):
        """The next one; None: not until then."""
        self.socket.settimeout(LIMIT if until is None else max(0.001, until - time.monotonic()))
        try:
            return read(self.socket.recv(65536))
        except TimeoutError:
            if until is None:
                raise
            return None

    def say(self, text):
        self.sequence += 1
        self.socket.send(message(self.token, self.sequence, text))

    def alive(self):
        self.number += 1
        number = self.number
        return self.ask(heartbeat(self.token, number), lambda r: isinstance(r, Alive) and r.number == number)

    def who(self):
        self.number += 1
        number = self.number
        return self.ask(who(self.token, number), lambda r: isinstance(r, Names) and r.number == number)

    def leave(self):
        self.ask(leave(self.token), lambda r: r == Left(self.token))

    def next(self, kind):
        """The next of this kind, past all others."""
        while True:
            reply = self.kept.pop(0) if self.kept else self.receive()
            if isinstance(reply, kind):
                return reply

    def pending(self):
        """What has come so far."""
        found, self.kept = self.kept, []
        while (reply := self.receive(time.monotonic())) is not None:
            found.append(reply)
        return found

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
