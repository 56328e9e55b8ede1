"""Two machines on one: network namespaces with a cable between them. Only root can have them."""

import contextlib
import ctypes
import functools
import os
import re
import shutil
import subprocess
import threading

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _run(*command, text=None):
    result = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", timeout=60, check=False)
    if result.returncode != 0:
        raise OSError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


@functools.cache
def why_not():
    """Why there can be none here; None: there can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    for program, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(program):
            return f"needs {program}, of the package {package}"
    try:
        with Cable() as cable:
            cable.filter("server", "udp dport 7 @th,64,8 0xff numgen random mod 2 < 1 counter drop")
    except OSError as error:
        return f"needs network namespaces, veth and nftables: {error}"
    return None


def _sweep():
    """What tests left that were killed."""
    for line in _run("ip", "netns", "list").splitlines():
        found = re.match(r"(coserve-(\d+)-\S+)", line)
        if found and not os.path.exists(f"/proc/{found[2]}"):
            subprocess.run(["ip", "netns", "del", found[1]], capture_output=True, timeout=60, check=False)


class Cable:
    """The namespaces "server", 10.77.0.1, and "members", which has all addresses of 10.77.0.2, 10.78.0.0/16 and, where
    nobody answers, 10.64.0.0/10."""

    server = "10.77.0.1"

    def __init__(self):
        self._names = {side: f"coserve-{os.getpid()}-{id(self)}-{side}" for side in ("server", "members")}
        try:
            _sweep()
            for name in self._names.values():
                _run("ip", "netns", "add", name)
            _run(
                "ip", "link", "add", "cable", "netns", self._names["server"], "type", "veth",
                "peer", "name", "cable", "netns", self._names["members"],
            )
            for side, address in (("server", "10.77.0.1/24"), ("members", "10.77.0.2/24")):
                self.ip(side, "addr", "add", address, "dev", "cable")
                self.ip(side, "link", "set", "cable", "up")
                self.ip(side, "link", "set", "lo", "up")
            self.ip("server", "route", "add", "10.64.0.0/10", "via", "10.77.0.2")
            self.ip("members", "route", "add", "local", "10.78.0.0/16", "dev", "lo")
            for side in self._names:
                self._nft(side, "add table inet cable")
                for chain, hook in (("before", "prerouting"), ("in", "input"), ("out", "output")):
                    self._nft(side, f"add chain inet cable {chain} {{ type filter hook {hook} priority 0; }}")
        except BaseException:
            self.close()
            raise

    def ip(self, side, *arguments):
        return _run("ip", "-n", self._names[side], *arguments)

    def _nft(self, side, text):
        return _run("ip", "netns", "exec", self._names[side], "nft", "-f", "-", text=text + "\n")

    def filter(self, side, *rules, chain="in"):
        """These rules instead of those before; of nftables, in its language."""
        lines = [f"flush chain inet cable {chain}"]
        lines += [f"add rule inet cable {chain} {rule}" for rule in rules]
        self._nft(side, "\n".join(lines))

    def counted(self, side, chain="in"):
        """What each rule with a counter has seen: packets and bytes, the headers of IP included."""
        rules = _run("ip", "netns", "exec", self._names[side], "nft", "list", "chain", "inet", "cable", chain)
        return [tuple(map(int, found)) for found in re.findall(r"counter packets (\d+) bytes (\d+)", rules)]

    @contextlib.contextmanager
    def inside(self, side):
        """What this thread opens and starts here is in that namespace, and stays there."""
        with open(f"/proc/self/task/{threading.get_native_id()}/ns/net", "rb") as before:
            with open(f"/run/netns/{self._names[side]}", "rb") as there:
                self._enter(there)
            try:
                yield
            finally:
                self._enter(before)

    @staticmethod
    def _enter(namespace):
        if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, "setns: " + os.strerror(error))

    def overflows(self, side):
        """How many datagrams found a full buffer of a socket."""
        with self.inside(side):
            with open(f"/proc/self/task/{threading.get_native_id()}/net/snmp", encoding="ascii") as counts:
                names, values = [line.split() for line in counts if line.startswith("Udp:")]
        return int(values[names.index("RcvbufErrors")])

    def close(self):
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=60, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
