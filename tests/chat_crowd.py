"""Many of chat's members in one thread: they stay alive, and count what they hear and what they miss."""

import errno
import os
import select
import socket
import struct
import time

from chat_peer import ALIVE, DELIVERY, REFUSED, UNKNOWN, WELCOME, CHALLENGE, heartbeat, join, leave, message, read

SO_RCVBUFFORCE = 33


class Heard:
    """What a member has of another one's messages."""

    __slots__ = ("received", "first", "last", "repeated", "seen")

    def __init__(self):
        self.received = self.repeated = 0
        self.first = self.last = None
        self.seen = set()

    def take(self, sequence):
        if sequence in self.seen:
            self.repeated += 1
            return
        self.seen.add(sequence)
        self.received += 1
        self.first = sequence if self.first is None else min(self.first, sequence)
        self.last = sequence if self.last is None else max(self.last, sequence)

    def missed(self):
        """As a client knows it: the gaps, from 1 on."""
        return self.last - self.received


class Member:
    def __init__(self, crowd, source, room, name):
        self.crowd = crowd
        self.room = room
        self.name = name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, crowd.buffer)
        self.socket.bind((source, 0))
        self.socket.connect(crowd.address)
        self.attempt = int.from_bytes(os.urandom(4), "little") << 32
        self.heard = {}
        self.strayed = 0  # messages that were said in other rooms
        self.joins = 0
        self.refusals = []
        self.start()

    def start(self):
        self.attempt += 1
        self.joins += 1
        self.cookie = bytes(16)
        self.token = None
        self.sequence = 0
        self.count = 0  # of members, as the server said last
        self.dropped = 0
        self.number = 0
        self.due = 0.0

    def send(self, datagram):
        try:
            self.socket.send(datagram)
        except BlockingIOError:
            pass

    def step(self, now):
        """What is due now: joining again, or a heartbeat."""
        if now < self.due:
            return
        if self.token is None:
            self.send(join(self.attempt, self.room, self.name, self.cookie))
            self.due = now + self.crowd.patience
        else:
            self.number += 1
            self.send(heartbeat(self.token, self.number))
            self.due = now + self.crowd.heartbeat / 2

    def say(self, text=b""):
        self.sequence += 1
        self.send(message(self.token, self.sequence, self.room.encode() + b" " + text))

    def leave(self):
        self.send(leave(self.token))

    def take_all(self):
        while True:
            try:
                datagram = self.socket.recv(65536)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ECONNREFUSED:
                    raise
                continue
            self.take(datagram)

    def take(self, d):
        kind = d[2]
        if kind == DELIVERY:
            _, sender, sequence = struct.unpack_from("<QQQ", d, 3)
            self.heard.setdefault(sender, Heard()).take(sequence)
            self.strayed += not d[28 + d[27] :].startswith(self.room.encode() + b" ")
        elif kind == ALIVE:
            _, _, self.count, self.dropped = struct.unpack_from("<QIIQ", d, 3)
        elif kind == WELCOME:
            welcome = read(d)
            if welcome.attempt == self.attempt and self.token is None:
                self.token, self.member, self.count = welcome.token, welcome.member, welcome.members
                self.due = 0.0
        elif kind == CHALLENGE:
            challenge = read(d)
            if challenge.attempt == self.attempt and self.token is None:
                self.cookie = challenge.cookie
                self.due = 0.0
        elif kind == REFUSED:
            refused = read(d)
            if refused.reason == UNKNOWN and refused.about == self.token:
                self.start()
            elif refused.about == self.attempt:
                self.refusals.append(refused.reason)

    def missed(self):
        return sum(heard.missed() for heard in self.heard.values())


class Crowd:
    def __init__(self, address, heartbeat_s=5.0, buffer=8 << 20, patience=0.5):
        self.address = address
        self.heartbeat = heartbeat_s
        self.buffer = buffer
        self.patience = patience
        self.members = []
        self._poll = select.epoll()
        self._by_descriptor = {}

    def add(self, source, room, name):
        member = Member(self, source, room, name)
        self.members.append(member)
        self._by_descriptor[member.socket.fileno()] = member
        self._poll.register(member.socket.fileno(), select.EPOLLIN)
        return member

    def turn(self, wait=0.0):
        """Takes what has come, or waits so long for something, and does what is due. Whether anything came."""
        ready = self._poll.poll(wait)
        for descriptor, _ in ready:
            self._by_descriptor[descriptor].take_all()
        now = time.monotonic()
        for member in self.members:
            member.step(now)
        return bool(ready)

    def until(self, condition, what, limit=60):
        """Goes on until it is so; how long that took."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() > begin + limit:
                raise TimeoutError(f"not within {limit} s: {what}")
            self.turn(0.01)
        return time.monotonic() - begin

    def gather(self, limit=60):
        """Until all are members."""
        self.until(lambda: all(m.token is not None for m in self.members), "all are members", limit)

    def settle(self, quiet=0.3):
        """Until nobody has said anything for a while."""
        last = time.monotonic()
        heard = self.heard()
        while time.monotonic() < last + quiet:
            self.turn(0.01)
            if self.heard() != heard:
                heard, last = self.heard(), time.monotonic()

    def heard(self):
        return sum(h.received + h.repeated for m in self.members for h in m.heard.values())

    def close(self):
        for member in self.members:
            member.socket.close()
        self._poll.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
