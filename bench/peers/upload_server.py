"""A tutorial's server for uploads: recv(4), recv(n), recv(1024) until all is there.

upload_server.py DIRECTORY
"""

import json
import os
import socket
import struct
import sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    peer, _ = listener.accept()
    with peer:
        (size,) = struct.unpack("i", peer.recv(4))
        header = json.loads(peer.recv(size))
        path = os.path.join(sys.argv[1], header["file_name"])
        received = 0
        with open(path, "wb") as file:
            while received < header["file_size"]:
                data = peer.recv(1024)
                if not data:
                    break
                file.write(data)
                received += len(data)
