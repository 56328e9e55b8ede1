"""Exec on the wire: in hex, and by clients that were written from the format's description alone."""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import time
import unittest
from pathlib import Path

from wire import WireTest, name_of, reset
from support import LIMIT, connect, poll, receive, receive_rest
from exec_peer import answer, ask, is_last, last_headers, result, run, run_text, text_reply

NATIVE = "exec=tcp://127.0.0.1:0"
TEXT_WIRES = ("concat", "stderr-first", "json-size")


def is_there(pid):
    """Alive: a zombie that somebody else is to reap has ended, too."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return children.read().split()


class ExecTest(WireTest):
    def shell(self, query="", *more, flags=()):
        """A server that runs all; with the wire and the keys of `query`."""
        listener = NATIVE + ("?" + query if query else "")
        return self.serve(listener, *more, flags=["--exec-shell", *flags])


class NativeTest(ExecTest):
    def test_in_hex(self):
        peer = self.connect(self.serve(NATIVE, flags=["--exec-allow", "printf"]))
        request = b'{"argv": ["printf", "hi"], "data_size": 0}'
        peer.sendall(bytes.fromhex("2a000000") + request)
        piece = b'{"stream": "stdout", "data_size": 2}'
        self.assertEqual(receive(peer, 4 + len(piece) + 2), bytes.fromhex("24000000") + piece + b"hi")
        (size,) = struct.unpack("i", receive(peer, 4))
        last = json.loads(receive(peer, size))
        self.assertEqual(
            list(last),
            ["exit", "duration_ms", "stdout_bytes", "stderr_bytes", "truncated", "user_cpu_ms",
             "system_cpu_ms", "peak_memory_bytes", "data_size"],
        )
        self.assertEqual((last["exit"], last["stdout_bytes"], last["data_size"]), (0, 2, 0))

    def test_streams_codes_and_signals(self):
        peer = self.connect(self.shell())
        out, err, last = run(peer, id=1, command="echo out; echo err >&2; exit 3")
        self.assertEqual((out, err, last["exit"], last["id"]), (b"out\n", b"err\n", 3, 1))
        self.assertEqual((last["stdout_bytes"], last["stderr_bytes"]), (4, 4))
        _, _, last = run(peer, id=1, command="kill -KILL $$")
        self.assertEqual((last["signal"], "exit" in last, "reason" in last), ("SIGKILL", False, False))
        out, err, last = run(peer, argv=["true"])
        self.assertEqual((out, err, last["exit"], "id" in last), (b"", b"", 0, False))

    def test_a_body_is_the_input(self):
        peer = self.connect(self.shell())
        body = os.urandom(300_000)
        self.assertEqual(run(peer, body, argv=["cat"])[0], body)
        self.assertEqual(run(peer, b"a\nb\n", argv=["wc", "-l"])[0], b"2\n")
        self.assertEqual(run(peer, argv=["wc", "-c"])[0], b"0\n")  # /dev/null
        self.assertEqual(run(peer, body, argv=["true"])[2]["exit"], 0)  # who does not read it

    def test_input_in_pieces_has_a_window(self):
        peer = self.connect(self.shell())
        ask(peer, id=1, argv=["wc", "-c"], stdin=True)
        window, sent, size = 65536, 0, 400_000
        while sent < size:
            while window == 0:
                header, _ = answer(peer)
                window += header["window"]
            piece = min(window, size - sent, 30_000)
            ask(peer, bytes(piece), id=1, stdin="data")
            window -= piece
            sent += piece
        ask(peer, id=1, stdin="end")
        self.assertEqual(result(peer)[0], b"%d\n" % size)

    def test_a_conversation(self):
        peer = self.connect(self.shell())
        ask(peer, id=1, argv=["cat"], stdin=True)
        for word in (b"one", b"two"):
            ask(peer, word, id=1, stdin="data")
            headers = [answer(peer), answer(peer)]
            self.assertIn(({"id": 1, "stream": "stdout", "data_size": 3}, word), headers)
            self.assertIn(({"id": 1, "window": 3, "data_size": 0}, b""), headers)
        ask(peer, id=1, signal="SIGINT")
        self.assertEqual(result(peer)[2]["signal"], "SIGINT")

    def test_a_signal_reaches_what_the_shell_started(self):
        peer = self.connect(self.shell())
        ask(peer, id=1, command="sh -c 'echo ready; exec sleep 1000'; echo not reached")
        self.assertEqual(answer(peer)[1], b"ready\n")
        ask(peer, id=1, signal="SIGINT")
        out, _, last = result(peer)
        self.assertEqual((out, last.get("signal", last.get("exit"))), (b"", "SIGINT"))

    def test_more_than_the_window_is_an_error(self):
        server = self.shell()
        peer = self.connect(server)
        ask(peer, id=1, argv=["sleep", "1000"], stdin=True)
        ask(peer, bytes(65_537), id=1, stdin="data")
        _, _, last = result(peer)
        self.assertEqual((last["id"], last["error"]), (1, "bad-request"))
        self.assertIn("window", last["message"])
        self.assertEqual(receive_rest(peer), b"")
        self.assertEqual(run(self.connect(server), argv=["true"])[2]["exit"], 0)

    def test_many_in_line_that_are_over_at_once(self):
        peer = self.connect(self.shell())
        for i in range(8):
            ask(peer, id=i, command="sleep 0.2")
        for i in range(8, 20):
            ask(peer, id=i, argv=["/nonesuch"])
        found = last_headers(peer, 20)
        self.assertEqual([found[i].get("error") for i in range(8, 20)], ["not-found"] * 12)
        self.assertEqual([found[i].get("exit") for i in range(8)], [0] * 8)

    def test_a_client_goes_with_many_in_line(self):
        server = self.shell()
        peer = self.connect(server)
        for i in range(12):
            ask(peer, id=i, command="echo begun; exec sleep 1000")
        for _ in range(8):
            self.assertEqual(answer(peer)[1], b"begun\n")
        peer.close()
        poll(lambda: not children_of(server.process.pid), "the commands' end")
        self.assertEqual(run(self.connect(server), command="exit 3")[2]["exit"], 3)

    def test_a_client_goes_behind_a_large_body(self):
        server = self.shell()
        peer = self.connect(server)
        ask(peer, b"x" * (8 << 20), command="sleep 1000")
        peer.shutdown(socket.SHUT_WR)
        receive_rest(peer)
        poll(lambda: not children_of(server.process.pid), "the command's end")

    def test_several_at_once_each_with_its_output(self):
        peer = self.connect(self.shell())
        for i in range(8):
            ask(peer, id=i, command=f"echo {i}; read x < /dev/null; echo {i}")
        output = {i: b"" for i in range(8)}
        ended = set()
        while len(ended) < 8:
            header, body = answer(peer)
            if is_last(header):
                ended.add(header["id"])
            else:
                output[header["id"]] += body
        self.assertEqual(output, {i: b"%d\n%d\n" % (i, i) for i in range(8)})

    def test_the_ninth_waits_and_the_seventy_third_is_told(self):
        peer = self.connect(self.shell())
        for i in range(8):
            ask(peer, id=i, argv=["cat"], stdin=True)
        for i in range(8, 73):
            ask(peer, id=i, command="echo")
        header, _ = answer(peer)
        self.assertEqual((header["id"], header["error"]), (72, "busy"))
        ask(peer, id=0, stdin="end")  # the others take its place, one after the other
        found = last_headers(peer, 65)
        self.assertEqual(set(found), {0, *range(8, 72)})
        self.assertEqual({header.get("exit") for header in found.values()}, {0})

    def test_more_than_the_servers_wait_for_a_place(self):
        server = self.shell("commands=1&commands-per-connection=200", flags=["--cores", "2"])
        first, second = self.connect(server), self.connect(server)
        ask(first, id=1, argv=["cat"], stdin=True)
        ask(first, b"x", id=1, stdin="data")
        answer(first)  # it has its place
        for i in range(256):
            ask((first, second)[i % 2], id=100 + i, argv=["true"])
        for peer in (first, second):  # they are read in order, so all of these are in the line by then
            self.assertEqual(run(peer, id=2)[2]["error"], "bad-request")
        third = self.connect(server)
        self.assertEqual(run(third, id=1, argv=["true"])[2]["error"], "busy")
        ask(first, id=1, stdin="end")
        self.assertEqual({h["exit"] for h in last_headers(first, 129).values()}, {0})
        last_headers(second, 128)
        self.assertEqual(run(third, id=1, argv=["true"])[2]["exit"], 0)

    def test_a_waiting_command_can_be_cancelled(self):
        peer = self.connect(self.shell("commands-per-connection=2"))
        for i in range(3):
            ask(peer, id=i, argv=["sleep", "1000"])
        ask(peer, cancel=2)
        self.assertEqual(answer(peer)[0]["error"], "cancelled")
        ask(peer, cancel=0)
        header, _ = answer(peer)
        self.assertEqual((header["id"], header["signal"], header["reason"]), (0, "SIGTERM", "cancelled"))
        ask(peer, cancel=77)  # that there is not
        self.assertEqual(run(peer, id=5, argv=["true"])[2]["exit"], 0)

    def test_timeouts_are_told_at_once(self):
        peer = self.connect(self.shell())
        for command in (
            "sleep 1000",
            "trap '' TERM; sleep 1000; sleep 1000",
            "setsid sleep 1000 & sleep 1000",
            "exec >/dev/null 2>&1; sleep 1000",
        ):
            begin = time.monotonic()
            _, _, last = run(peer, id=1, command=command, timeout_ms=200)
            self.assertEqual(last["reason"], "timeout", command)
            self.assertLess(time.monotonic() - begin, 0.2 + 0.25 + 0.5, command)  # half a second for a busy machine

    def test_a_listeners_timeout_bounds_that_of_a_request(self):
        peer = self.connect(self.shell("timeout=200ms"))
        self.assertEqual(run(peer, argv=["sleep", "1000"], timeout_ms=900_000)[2]["reason"], "timeout")
        self.assertEqual(run(peer, argv=["sleep", "1000"])[2]["reason"], "timeout")

    def test_output_beyond_its_limit_is_cut(self):
        peer = self.connect(self.shell("output-limit=100000"))
        out, _, last = run(peer, argv=["yes"])
        self.assertEqual((len(out), last["truncated"], last["reason"]), (100_000, True, "output-limit"))
        out, _, last = run(peer, argv=["head", "-c", "100000", "/dev/zero"])
        self.assertEqual((len(out), last["truncated"], last["exit"]), (100_000, False, 0))

    def test_limits(self):
        peer = self.connect(self.shell("cpu-limit=1s&file-limit=64KiB&descriptor-limit=32&memory-limit=256MiB"))
        _, _, last = run(peer, command="while :; do :; done")
        self.assertEqual(last["reason"], "cpu-limit")
        path = os.path.join(self.directory, "big")
        _, _, last = run(peer, argv=["head", "-c", "1000000", "/dev/zero"], id=1)
        self.assertEqual(last["exit"], 0)
        run(peer, command=f"head -c 1000000 /dev/zero > {path}")
        self.assertEqual(os.path.getsize(path), 65536)
        self.assertEqual(run(peer, command="ulimit -n; ulimit -c; ulimit -v")[0], b"32\n0\n262144\n")

    def test_what_a_command_finds(self):
        here = os.path.realpath(self.directory)
        peer = self.connect(self.shell(f"env=A=1&env=B=x%20y&env=LANG=C&directory={here}"))
        out = run(peer, argv=["env"])[0].decode().splitlines()
        self.assertEqual(sorted(out), ["A=1", "B=x y", "LANG=C", "PATH=/usr/bin:/bin"])
        self.assertEqual(run(peer, argv=["pwd"])[0].decode().strip(), here)
        status = run(peer, argv=["cat", "/proc/self/status"])[0].decode()
        for line in ("SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "NoNewPrivs:\t1"):
            self.assertIn(line, status)
        self.assertEqual(run(peer, argv=["ls", "/proc/self/fd"])[0].split()[:3], [b"0", b"1", b"2"])
        self.assertEqual(len(run(peer, argv=["ls", "/proc/self/fd"])[0].split()), 4)  # and the directory it reads

    def test_commands_have_the_descriptors_that_the_server_began_with(self):
        """It raises its own limit."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        server = self.shell()
        limits = Path(f"/proc/{server.process.pid}/limits").read_text(encoding="ascii")
        self.assertNotRegex(limits, r"Max open files +300 ")
        self.assertEqual(run(self.connect(server), command="ulimit -n")[0], b"300\n")

    def test_a_client_that_does_not_read_stops_its_command_alone(self):
        server = self.shell("output-limit=1GiB")
        slow, other = self.connect(server), self.connect(server)
        ask(slow, id=1, argv=["yes"])
        answer(slow)
        self.assertEqual(run(other, argv=["echo", "x"])[0], b"x\n")
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            (memory,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        self.assertLess(memory, 400_000)  # KiB, under a sanitizer too

    def test_ten_megabytes(self):
        peer = self.connect(self.shell())
        out, _, last = run(peer, argv=["head", "-c", "10000000", "/dev/zero"])
        self.assertEqual((len(out), last["stdout_bytes"]), (10_000_000, 10_000_000))


class BadInputTest(ExecTest):
    def test_a_wrong_request_is_told_and_the_next_one_works(self):
        server = self.shell()
        peer = self.connect(server)
        for request, says in (
            ({"argv": "ls"}, "argv"),
            ({"argv": ["ls", 1]}, "argv"),
            ({"argv": []}, "argv"),
            ({"argv": ["a\0b"]}, "NUL"),
            ({"command": ["ls"]}, "command"),
            ({"argv": ["ls"], "command": "ls"}, "command"),
            ({"argv": ["ls"], "timeout_ms": -1}, "timeout_ms"),
            ({"argv": ["ls"], "timeout": 1}, "timeout"),
            ({"signal": "SIGWHAT"}, "signal"),
            ({}, "argv"),
        ):
            _, _, last = run(peer, b"a body that is dropped", id=4, **request)
            self.assertEqual((last["id"], last["error"]), (4, "bad-request"), request)
            self.assertIn(says, last["message"])
        self.assertEqual(run(peer, argv=["echo", "x"])[0], b"x\n")
        self.assertIn(f"peer={name_of(peer)}", server.log())
        self.assertIn("command refused", server.log())

    def test_an_unknown_program(self):
        peer = self.connect(self.shell())
        for program in ("nonesuch", "/nonesuch", "/etc/passwd/x"):
            self.assertEqual(run(peer, argv=[program])[2]["error"], "not-found")
        self.assertEqual(run(peer, argv=["/etc/passwd"])[2]["error"], "cannot-start")
        self.assertEqual(run(peer, argv=["true"])[2]["exit"], 0)

    def test_what_the_system_lacks_is_told(self):
        server = self.shell()
        mounts = (line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines())
        found = [p for m in mounts if m[2] == "cgroup2" for p in Path(m[1]).rglob(f"coserve-{server.process.pid}")]
        if not found:
            self.skipTest("there are no cgroups to be had")
        limit = found[0] / "cgroup.max.descendants"
        limit.write_text("0", encoding="ascii")
        peer = self.connect(server)
        last = run(peer, id=1, argv=["true"])[2]
        self.assertEqual((last["id"], last["error"]), (1, "cannot-start"))
        self.line_about(server, name_of(peer), "cannot-start")
        limit.write_text("max", encoding="ascii")
        self.assertEqual(run(peer, argv=["true"])[2]["exit"], 0)

    def test_an_id_is_one_commands(self):
        peer = self.connect(self.shell())
        ask(peer, id=1, argv=["cat"], stdin=True)
        self.assertEqual(run(peer, id=1, argv=["true"])[2]["error"], "duplicate-id")
        ask(peer, id=1, stdin="end")
        self.assertEqual(result(peer)[2]["exit"], 0)
        self.assertEqual(run(peer, id=1, argv=["true"])[2]["exit"], 0)

    def test_a_body_over_the_maximum(self):
        peer = self.connect(self.shell("max-frame=1000"))
        self.assertEqual(run(peer, bytes(1001), argv=["cat"])[2]["error"], "too-long")
        self.assertEqual(len(run(peer, bytes(1000), argv=["cat"])[0]), 1000)

    def check_end(self, server, sent, error, says):
        """Broken framing: the error, the end, and the next connection works."""
        peer = self.connect(server)
        peer.sendall(sent)
        header, _ = answer(peer)
        self.assertEqual(header["error"], error)
        self.assertIn(says, header["message"])
        self.assertEqual(receive_rest(peer), b"")
        self.line_about(server, name_of(peer), says)
        self.assertEqual(run(self.connect(server), argv=["true"])[2]["exit"], 0)

    def test_broken_framing_is_told_before_the_end(self):
        server = self.shell()
        for text, says in (
            (b"ls -l", "JSON"),
            (b'{"argv": ["ls"]', "JSON"),
            (b'{"argv": ["ls"]}', "data_size"),
            (b'{"argv": ["ls"], "data_size": "0"}', "data_size"),
            (b'{"argv": ["\xff"], "data_size": 0}', "JSON"),
            (b'{"id": 1, "id": 2, "argv": ["ls"], "data_size": 0}', "stands twice"),
        ):
            self.check_end(server, struct.pack("i", len(text)) + text, "bad-request", says)
        self.check_end(server, bytes.fromhex("ffffffff"), "bad-request", "negative")
        huge = json.dumps({"argv": ["echo", "x" * 10_000_000], "data_size": 0}).encode()
        self.check_end(server, struct.pack("i", len(huge)) + huge[:1000], "too-long", "maximum")


class EndTest(ExecTest):
    """How a connection's or the server's end is that of its commands."""

    def begin(self, peer, command="echo $$; sleep 1000"):
        """The process that it runs as."""
        ask(peer, id=1, command=command)
        header, body = answer(peer)
        self.assertEqual(header.get("stream"), "stdout", header)
        return int(body)

    def check_ended(self, server, pid):
        poll(lambda: not is_there(pid), "the command's end")
        poll(lambda: not children_of(server.process.pid), "no zombie")

    def test_fin_and_rst_end_its_commands(self):
        server = self.shell()
        for vanish in (lambda peer: peer.close(), reset, lambda peer: peer.shutdown(socket.SHUT_WR)):
            peer = self.connect(server)
            pid = self.begin(peer)
            vanish(peer)
            self.check_ended(server, pid)
        poll(lambda: server.log().count("commands stopped") == 3, "lines of the log")

    def test_a_client_may_vanish_in_any_phase(self):
        server = self.shell()
        whole = json.dumps({"id": 1, "command": "cat; sleep 1000", "data_size": 9}).encode()
        request = struct.pack("i", len(whole)) + whole + b"123456789"
        for size in (0, 3, 10, 4 + len(whole), len(request) - 1, len(request)):
            for vanish in (lambda peer: peer.close(), reset):
                peer = self.connect(server)
                peer.sendall(request[:size])
                vanish(peer)
        poll(lambda: not children_of(server.process.pid), "no child")
        self.assertEqual(run(self.connect(server), argv=["true"])[2]["exit"], 0)

    def test_hostile_children_end_too(self):
        server = self.shell()
        for command in (
            "trap '' TERM; echo $$; while :; do sleep 0.05; done",
            "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done' & wait; sleep 1000",
            "setsid sh -c 'echo $$; sleep 1000' & wait",
            "echo $$; kill -STOP $$; sleep 1000",
        ):
            peer = self.connect(server)
            pid = self.begin(peer, command)
            begin = time.monotonic()
            peer.close()
            poll(lambda pid=pid: not is_there(pid), f"the end of {command}")
            self.assertLess(time.monotonic() - begin, 3 + 1, command)

    def test_a_drain_lets_commands_finish(self):
        server = self.shell("commands-per-connection=1")
        idle, busy = self.connect(server), self.connect(server)
        go = os.path.join(self.directory, "go")
        os.mkfifo(go)
        ask(busy, id=1, command=f"echo begun; cat {go}")
        self.assertEqual(answer(busy)[1], b"begun\n")
        ask(busy, id=2, argv=["echo", "never"])
        self.assertEqual(run(idle, argv=["true"])[2]["exit"], 0)
        # What is asked is read in order, so the second is in line.
        self.assertEqual(run(busy, id=3)[2]["error"], "bad-request")
        server.signal(signal.SIGTERM)
        self.assertEqual(idle.recv(1), b"")
        with open(go, "w", encoding="ascii") as pipe:
            pipe.write("done\n")
        found, output = {}, b""
        while len(found) < 2:
            header, body = answer(busy)
            output += body
            if is_last(header):
                found[header["id"]] = header
        self.assertEqual((output, found[1]["exit"], found[2].get("error")), (b"done\n", 0, "draining"))
        self.assertEqual(busy.recv(1), b"")
        busy.close()
        idle.close()
        self.assertEqual(server.wait(), 0)

    def test_a_drain_that_runs_out_tells_why(self):
        server = self.shell("", flags=["--drain-timeout", "1s"])
        peer = self.connect(server)
        pid = self.begin(peer, "trap '' TERM; echo $$; while :; do sleep 0.05; done")
        begin = time.monotonic()
        server.signal(signal.SIGTERM)
        _, _, last = result(peer)
        self.assertEqual(last["reason"], "drain")
        self.assertEqual(receive_rest(peer), b"")
        self.assertEqual(server.wait(), 0)
        self.assertLess(time.monotonic() - begin, 1 + 1 + 2)
        self.assertFalse(is_there(pid))


class TextTest(ExecTest):
    """The tutorials' clients."""

    def test_in_hex(self):
        for wire, request, reply in (
            ("concat", b"echo out; echo err >&2", bytes.fromhex("08000000") + b"err\nout\n"),
            ("stderr-first", b"echo out; echo err >&2", bytes.fromhex("04000000") + b"err\n"),
            ("stderr-first", b"echo out", bytes.fromhex("04000000") + b"out\n"),
            ("json-size", b"echo out", bytes.fromhex("10000000") + b'{"data_size": 4}out\n'),
            ("json-size", b"head -c 61 /dev/zero", bytes.fromhex("11000000") + b'{"data_size": 61}' + bytes(61)),
        ):
            peer = self.connect(self.shell(f"wire={wire}"))
            peer.sendall(request)
            self.assertEqual(receive(peer, len(reply)), reply, wire)

    def test_every_command_of_the_tutorials(self):
        self.file("阿宸.txt", "x")
        for wire in TEXT_WIRES:
            server = self.shell(f"wire={wire}&directory={self.directory}")
            peer = self.connect(server)
            self.assertEqual(run_text(peer, wire, "ls").decode(), "阿宸.txt\n")
            failure = run_text(peer, wire, "echo out; ls /nonesuch").decode()
            self.assertRegex(failure, r"\Als: [^\n]*nonesuch[^\n]*\n" + ("out\n" if wire == "concat" else "") + r"\Z")
            self.assertEqual(run_text(peer, wire, "true"), b"")
            self.assertEqual(len(run_text(peer, wire, "head -c 10000000 /dev/zero")), 10_000_000)
            self.assertEqual(run_text(peer, wire, "cat"), b"")  # no input
            self.assertEqual(run_text(peer, wire, "echo 性感美女"), "性感美女\n".encode())

    def test_gbk(self):
        for wire in TEXT_WIRES:
            peer = self.connect(self.shell(f"wire={wire}&encoding=gbk"))
            self.assertEqual(run_text(peer, wire, "echo 阿宸真帅").decode("gbk"), "阿宸真帅\n")
            self.assertEqual(run_text(peer, wire, "printf 'a\\377b😀阿'").decode("gbk"), "a?b?阿")

    def test_the_head_comes_with_the_body(self):
        """Their clients read each with a single recv, 0.2 s apart at worst."""
        peer = self.connect(self.shell("wire=json-size"))
        peer.sendall(b"echo hello")
        peer.recv(1, socket.MSG_PEEK)
        self.assertEqual(peer.recv(4 + 16 + 6), bytes.fromhex("10000000") + b'{"data_size": 6}hello\n')

    def test_much_that_gbk_lacks(self):
        peer = self.connect(self.shell("wire=concat&encoding=gbk"))
        lost = run_text(peer, "concat", "head -c 3000000 /dev/zero | tr '\\0' '\\377'")
        self.assertEqual(lost, b"?" * 3_000_000)
        self.assertEqual(run_text(peer, "concat", "yes 阿😀 | head -n 100000"), "阿?\n".encode("gbk") * 100_000)

    def wait_for_command(self, server, text):
        """Until the server's children are running that."""

        def runs():
            for pid in children_of(server.process.pid):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as arguments:
                    if text in arguments.read():
                        return True
            return False

        poll(runs, f"the start of {text}")

    def test_requests_are_answered_in_their_order(self):
        """Several that are sent before the first is answered; each ends when it is let go."""
        server = self.shell(f"wire=concat&directory={self.directory}")
        peer = self.connect(server)
        command = "echo > {0}.runs; while [ ! -e {0} ]; do sleep 0.01; done; echo {0}"

        def let_go(name):
            with open(os.path.join(self.directory, name), "w", encoding="ascii"):
                pass

        peer.sendall(command.format("first").encode())
        self.wait_for_command(server, b"first")  # so it was read: the next is a request of its own
        let_go("second")
        peer.sendall(command.format("second").encode())
        self.assertEqual(select.select([peer], [], [], 0.3)[0], [], "a reply overtook another")
        self.assertFalse(os.path.exists(os.path.join(self.directory, "second.runs")))
        let_go("first")
        self.assertEqual(text_reply(peer, "concat"), b"first\n")
        self.assertEqual(text_reply(peer, "concat"), b"second\n")
        self.assertEqual(run_text(peer, "concat", "echo third"), b"third\n")

    def test_a_reply_that_nobody_reads_has_a_place(self):
        """Its output is in memory until then."""
        server = self.shell("wire=concat&commands=1")
        slow, other = self.connect(server), self.connect(server)
        slow.sendall(b"head -c 30000000 /dev/zero")
        self.assertEqual(len(receive(slow, 4)), 4)
        other.sendall(b"echo other")
        self.assertEqual(select.select([other], [], [], 0.5)[0], [], "there is no place for it")
        self.assertEqual(len(receive(slow, 30_000_000)), 30_000_000)
        self.assertEqual(text_reply(other, "concat"), b"other\n")

    def test_a_request_of_http_is_no_command(self):
        """It may be a browser's, for a page of somebody else's; no part of it is run."""
        for flags in (["--exec-shell"], ["--exec-allow", "touch"]):
            server = self.serve(f"{NATIVE}?wire=concat&directory={self.directory}", flags=flags)
            path = os.path.join(self.directory, "made")
            for begin in (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /" + b"x" * 2000, b"OPTIONS * HTTP/1.1\r\n"):
                peer = self.connect(server)
                peer.sendall(begin)
                self.assertIn(b"coserved: this is no web server", text_reply(peer, "concat"))
                with contextlib.suppress(ConnectionError):
                    peer.sendall(f"touch {path}".encode())
                    self.assertEqual(receive_rest(peer), b"")
                self.line_about(server, name_of(peer), "http: ")
            peer = self.connect(server)
            self.assertEqual(run_text(peer, "concat", "touch other"), b"")
            self.assertFalse(os.path.exists(path))
            self.assertTrue(os.path.exists(os.path.join(self.directory, "other")))
            os.remove(os.path.join(self.directory, "other"))

    def test_refusals_come_as_stderr_and_the_next_request_works(self):
        server = self.serve(NATIVE + "?wire=stderr-first", flags=["--exec-allow", "echo"])
        for request, says in (
            (b"ls", "not among the programs"),
            (b"echo 'open", "left open"),
            (b"  ", "empty"),
            (b"echo a\0b", "NUL"),
            (b"echo \xff", "UTF-8"),
            (b"echo " + b"x" * 1020, "1024"),
        ):
            peer = self.connect(server)
            reply = run_text(peer, "stderr-first", request).decode()
            self.assertRegex(reply, r"\Acoserved: [^\n]+\n\Z")
            self.assertIn(says, reply)
            self.assertEqual(run_text(peer, "stderr-first", b"echo  '$HOME *' \"b\""), b"$HOME * b\n")

    def test_a_timeout_and_a_limit_are_said_at_the_end(self):
        server = self.shell("wire=concat&timeout=200ms&output-limit=1000")
        peer = self.connect(server)
        self.assertEqual(
            run_text(peer, "concat", "echo a; sleep 1000"), b"a\ncoserved: the command was stopped: timeout\n"
        )
        reply = run_text(peer, "concat", "yes")
        self.assertEqual(reply[:1000], b"y\n" * 500)
        self.assertIn(b"truncated", reply[1000:])

    def test_a_client_that_goes_ends_its_command(self):
        server = self.shell("wire=concat")
        path = os.path.join(self.directory, "pid")
        peer = self.connect(server)
        peer.sendall(f"echo $$ > {path}.new; mv {path}.new {path}; sleep 1000".encode())
        poll(lambda: os.path.exists(path), "the command's start")
        with open(path, encoding="ascii") as file:
            pid = int(file.read())
        peer.close()
        poll(lambda: not is_there(pid), "the command's end")


class PolicyTest(ExecTest):
    def test_off_unless_allowed(self):
        server = self.serve(NATIVE, NATIVE + "?wire=concat")
        self.assertEqual(run(self.connect(server), argv=["true"])[2]["error"], "disabled")
        self.assertEqual(run(self.connect(server), command="true")[2]["error"], "disabled")
        self.assertIn(b"--exec-allow", run_text(self.connect(server, 1), "concat", "true"))

    def test_programs_without_a_shell(self):
        server = self.serve(NATIVE, flags=["--exec-allow", "echo", "--exec-allow", "/bin/cat"])
        peer = self.connect(server)
        for argv in (["echo", "$HOME"], ["/bin/cat"], ["cat"]):
            self.assertEqual(run(peer, argv=argv)[2]["exit"], 0)
        self.assertEqual(run(peer, argv=["ls"])[2]["error"], "not-allowed")
        self.assertEqual(run(peer, argv=["../bin/echo"])[2]["error"], "not-allowed")
        self.assertEqual(run(peer, command="echo")[2]["error"], "not-allowed")


if __name__ == "__main__":
    unittest.main()
