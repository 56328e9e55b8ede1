"""Clients of exec as a stranger writes them: native, and the tutorials' three."""

import json
import struct

from support import receive

LAST = ("exit", "signal", "error")


def ask(peer, body=b"", **header):
    """One frame of native exec."""
    text = json.dumps(dict(header, data_size=len(body))).encode()
    peer.sendall(struct.pack("i", len(text)) + text + body)


def answer(peer):
    """The next frame's header and body."""
    (size,) = struct.unpack("i", receive(peer, 4))
    header = json.loads(receive(peer, size))
    return header, receive(peer, header["data_size"])


def is_last(header):
    return "stream" not in header and "window" not in header


def result(peer):
    """One command's stdout, stderr and last header; nothing else is under way."""
    output = {"stdout": b"", "stderr": b""}
    while True:
        header, body = answer(peer)
        if is_last(header):
            return output["stdout"], output["stderr"], header
        if "stream" in header:
            output[header["stream"]] += body


def run(peer, body=b"", **request):
    ask(peer, body, **request)
    return result(peer)


def last_headers(peer, count):
    """Of so many commands, by id."""
    found = {}
    while len(found) < count:
        header, _ = answer(peer)
        if is_last(header):
            found[header.get("id")] = header
    return found


def text_reply(peer, wire):
    """As the tutorials' clients read it: W2 and W3 a size, W4 a size and a JSON object before."""
    (size,) = struct.unpack("i", receive(peer, 4))
    if wire == "json-size":
        size = json.loads(receive(peer, size))["data_size"]
    return receive(peer, size)


def run_text(peer, wire, command):
    peer.sendall(command if isinstance(command, bytes) else command.encode())
    return text_reply(peer, wire)
