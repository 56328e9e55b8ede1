"""What the tests of the wire share."""

import re
import signal
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import ProgramTest, connect, poll  # noqa: E402

ANY = "echo=tcp://127.0.0.1:0"
HELLO = bytes.fromhex("05000000 68656c6c6f")
HELLO_BACK = bytes.fromhex("05000000 48454c4c4f")


def name_of(peer):
    """This end of a connection as the server's log names it."""
    host, port = peer.getsockname()[:2]
    return f"{host}:{port}"


def reset(peer):
    """Vanishes with RST instead of FIN."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def about(server, peer):
    """The lines of the log that name this peer."""
    return [line for line in server.log().splitlines() if re.search(rf"{re.escape(peer)}(?!\d)", line)]


def complaints(server):
    return [line for line in server.log().splitlines() if re.search(r"^\S+ (warning|error) ", line)]


class WireTest(ProgramTest):
    def connect(self, server, listener=0):
        return self.enterContext(connect(server.urls[listener]))

    def stop(self, server):
        self.assertEqual(server.stop(), 0, server.log())

    def line_about(self, server, peer, reason):
        """The one line of the log that names the peer, once it is there: it must name the listener and the reason too."""
        poll(lambda: about(server, peer), f"a line of the log about {peer}")
        (line,) = about(server, peer)
        self.assertIn(f"listener={server.urls[0]}", line)
        self.assertIn(reason, line)
        return line

    def end_of_listening(self, server):
        def refused():
            try:
                connect(server.url).close()
            except ConnectionRefusedError:
                return True
            except ConnectionResetError:
                pass  # the kernel was still making it when the listener was closed
            return False

        server.signal(signal.SIGTERM)
        poll(refused, "the end of listening")
