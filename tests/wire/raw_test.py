"""Echo without framing, as the clients of tutorials speak it."""

import os
import random
import socket
import threading
import unittest

from wire import ANY, WireTest, complaints, reset
from support import LIMIT, connect, poll, receive

RAW = ANY + "?framing=raw"
VERBATIM = RAW + "&mode=verbatim"
CHINESE = bytes.fromhex("e998bfe5aeb8e79c9fe5b885")  # 阿宸真帅


def ask(peer, message):
    peer.send(message)
    return peer.recv(1024)


class Raw(WireTest):
    def test_upper(self):
        server = self.serve(RAW)
        peer = self.connect(server)
        self.assertEqual(ask(peer, b"hello"), b"HELLO")
        self.assertEqual(ask(peer, bytes.fromhex("68c3a9 00ff 7a")), bytes.fromhex("48c3a9 00ff 5a"))
        self.assertEqual(ask(peer, CHINESE), CHINESE)
        peer.close()
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_verbatim(self):
        server = self.serve(VERBATIM)
        peer = self.connect(server)
        for message in ("阿宸真帅".encode(), b"hello", "帅逼".encode("gbk"), bytes(range(256))):
            self.assertEqual(ask(peer, message), message)

    def test_many_messages_on_one_connection(self):
        peer = self.connect(self.serve(RAW))
        for number in range(2000):
            self.assertEqual(ask(peer, b"message %d" % number), b"MESSAGE %d" % number)

    def test_all_replies_after_the_end_of_input(self):
        peer = self.connect(self.serve(RAW))
        peer.sendall(b"x" * 100_000)
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(peer, 100_000), b"X" * 100_000)
        self.assertEqual(peer.recv(1), b"")

    def test_200_clients_at_once(self):
        server = self.serve(RAW)
        all_connected = threading.Barrier(200)
        wrong = []

        def client(number):
            try:
                with connect(server.url) as peer:
                    all_connected.wait(LIMIT)
                    for message in range(20):
                        text = b"client %d message %d" % (number, message)
                        reply = ask(peer, text)
                        if reply != text.upper():
                            wrong.append((text, reply))
            except (OSError, threading.BrokenBarrierError) as error:
                wrong.append((number, error))

        clients = [threading.Thread(target=client, args=(number,)) for number in range(200)]
        for each in clients:
            each.start()
        for each in clients:
            each.join(LIMIT)
        self.assertEqual(wrong, [])
        self.assertFalse(any(each.is_alive() for each in clients))
        self.stop(server)
        self.assertEqual(complaints(server), [])

    def test_after_clients_that_vanish(self):
        chance = random.Random(7)
        server = self.serve(RAW, ANY)
        steady = self.connect(server)
        self.assertEqual(ask(steady, b"hello"), b"HELLO")
        descriptors = f"/proc/{server.process.pid}/fd"
        before = len(os.listdir(descriptors))
        for round in range(300):
            listener = chance.randrange(2)
            peer = connect(server.urls[listener])
            if chance.random() < 0.8:
                peer.send(chance.randbytes(chance.randrange(1, 2000)))
                if listener == 0 and chance.random() < 0.5:
                    peer.recv(chance.randrange(1, 1000))
            if chance.random() < 0.5:
                reset(peer)
            else:
                peer.close()
            if round % 10 == 0:
                self.assertEqual(ask(steady, b"still here?"), b"STILL HERE?")
        with connect(server.url) as again:
            self.assertEqual(ask(again, b"hello"), b"HELLO")
        poll(lambda: len(os.listdir(descriptors)) <= before, "the end of all connections but one")
        self.assertEqual(ask(steady, b"hello"), b"HELLO")

    def test_unix_socket(self):
        path = os.path.join(self.directory, "echo.sock")
        server = self.serve(f"echo=unix:{path}?framing=raw")
        self.assertEqual(server.listeners, [{"service": "echo", "url": f"unix:{path}"}])
        peer = self.connect(server)
        for _ in range(100):
            self.assertEqual(ask(peer, b"hello"), b"HELLO")
        peer.shutdown(socket.SHUT_WR)
        self.assertEqual(peer.recv(1), b"")
        self.stop(server)
        with socket.socket(socket.AF_UNIX) as late, self.assertRaises(OSError):
            late.connect(path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
