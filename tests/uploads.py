"""What the tests of uploads share: the format's bytes, as a stranger writes them, and a directory to look at."""

import hashlib
import json
import os
import struct

import support


def header(**members):
    """Python's json.dumps behind struct.pack('i', n), as the tutorials have it."""
    text = json.dumps(members).encode()
    return struct.pack("i", len(text)) + text


def announced(name, content, **more):
    return header(file_name=name, file_size=len(content), **more)


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def reply(peer):
    return json.loads(support.receive_frame(peer))


def finish(peer):
    """Ends the own side, and waits for the server's end: all that was sent has been dealt with."""
    peer.shutdown(1)
    rest = support.receive_rest(peer)
    peer.close()
    return rest


def stored(directory):
    """The files there, without what is kept of interrupted uploads."""
    return sorted(e.name for e in os.scandir(directory) if e.name != ".coserve-partial")


def partials(directory):
    path = os.path.join(directory, ".coserve-partial")
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def content(directory, name):
    with open(os.path.join(directory, name), "rb") as file:
        return file.read()
