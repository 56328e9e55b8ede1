"""The program coserved, from its command line to its exit code."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import (  # noqa: E402
    COSERVED,
    LIMIT,
    ProgramTest,
    Server,
    connect,
    frame,
    poll,
    read_until,
    receive,
    receive_frame,
    receive_rest,
    run,
)

ANY = "tcp://127.0.0.1:0"


class CoservedTest(ProgramTest):
    def check_refused(self, *arguments, says, code=2):
        """Refuses the arguments with one line that says all of `says`, and nothing on stdout."""
        result = run(COSERVED, *arguments, cwd=self.directory)
        self.check_failure(result, code, *says, program="coserved")
        self.assertEqual(result.stdout, b"")

    def check_accepted(self, *arguments):
        result = run(COSERVED, "--check", *arguments, cwd=self.directory)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def echo(self, url, request=b"hello"):
        with connect(url) as peer:
            peer.sendall(frame(request))
            return receive_frame(peer)


class Process:
    """A coserved that is not looked at until it is stopped."""

    def __init__(self, *arguments, program=COSERVED, **options):
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([program, *arguments], **(silent | options))

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(LIMIT) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(LIMIT)


class Starting(CoservedTest):
    def test_prints_each_listener_then_ready(self):
        path = os.path.join(self.directory, "echo.socket")
        server = self.serve(f"echo={ANY}", f"echo={ANY}?mode=verbatim", f"echo=unix:{path}")
        self.assertEqual(server.output, "".join(f"echo {url}\n" for url in server.urls) + "Ready.\n")
        self.assertEqual(server.urls[2], f"unix:{path}")
        self.assertEqual([self.echo(url, b"Abc") for url in server.urls], [b"ABC", b"Abc", b"ABC"])

    def test_ports_file_is_json_in_the_order_of_the_flags(self):
        server = self.serve(f"echo={ANY}", f"echo={ANY}?framing=raw", "echo=tcp://[::1]:0")
        self.assertEqual([set(entry) for entry in server.listeners], [{"service", "url"}] * 3)
        self.assertEqual([entry["service"] for entry in server.listeners], ["echo"] * 3)
        self.assertRegex(server.urls[0], r"^tcp://127\.0\.0\.1:[1-9]\d*$")
        self.assertRegex(server.urls[2], r"^tcp://\[::1\]:[1-9]\d*$")
        self.assertEqual(len(set(server.urls)), 3)
        # Nothing is left of how it was written.
        self.assertEqual(sorted(os.listdir(os.path.dirname(server.ports_file))), ["log", "ports.json"])

    def test_a_name_listens_on_each_of_its_addresses(self):
        server = self.serve("echo=tcp://localhost:0")
        addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
        self.assertEqual(len(server.urls), len(addresses))
        for url in server.urls:
            self.assertEqual(self.echo(url), b"HELLO")

    def test_ports_file_may_be_a_pipe(self):
        reader, writer = os.pipe()
        with os.fdopen(reader, "rb"):
            process = self.enterContext(
                Process("--listen", f"echo={ANY}", "--ports-file", f"/dev/fd/{writer}", pass_fds=[writer])
            )
            os.close(writer)
            ports = json.loads(read_until(reader, b"\n"))
            self.assertEqual(self.echo(ports[0]["url"]), b"HELLO")
            process.stop()

    def test_serves_with_its_standard_streams_closed(self):
        for streams in (">&-", "<&- >&- 2>&-"):
            with self.subTest(streams):
                self.check_serves("-c", f'exec "$0" "$@" {streams}', COSERVED, program="/bin/sh")

    def test_serves_while_nobody_reads_its_output(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.check_serves(stdout=writer, stderr=writer)
        os.close(writer)

    def check_serves(self, *arguments, **options):
        ports = os.path.join(self.directory, "ports.json")
        with Process(*arguments, "--listen", f"echo={ANY}", "--ports-file", ports, **options) as process:
            poll(lambda: os.path.exists(ports), "the ports file")
            with open(ports, encoding="utf-8") as file:
                url = json.load(file)[0]["url"]
            os.unlink(ports)
            with connect(url) as peer:  # something to log
                peer.sendall(b"\xff\xff\xff\xff")
                self.assertEqual(receive_rest(peer), b"")
            self.assertEqual(self.echo(url), b"HELLO")
            process.stop()

    def test_runs_on_as_many_cores_as_asked(self):
        server = self.serve(f"echo={ANY}", flags=["--cores", "3"])
        with connect(server.url) as peer:
            peer.sendall(frame(b"x"))
            receive_frame(peer)
            threads = len(os.listdir(f"/proc/{server.process.pid}/task"))
        self.assertGreaterEqual(threads, 3)

    def test_refuses_connections_over_the_cap(self):
        server = self.serve(f"echo={ANY}", flags=["--max-connections", "1"])
        with connect(server.url) as first:
            first.sendall(frame(b"first"))
            self.assertEqual(receive_frame(first), b"FIRST")
            with connect(server.url) as second:
                try:
                    self.assertEqual(second.recv(1), b"")
                except ConnectionResetError:
                    pass
            first.sendall(frame(b"still"))
            self.assertEqual(receive_frame(first), b"STILL")


class CommandLine(CoservedTest):
    def test_help_names_flags_services_framings_and_keys(self):
        for flag in ("-h", "--help"):
            result = run(COSERVED, flag)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            text = result.stdout.decode()
            for word in ("--config", "--check", "--listen", "--cores", "--ports-file", "--max-connections", "--log-level",
                         "--log-format", "--drain-timeout", "tcp://127.0.0.1:7700", "echo", "mode", "verbatim",
                         "exec", "--exec-allow", "--exec-shell", "tcp://127.0.0.1:7701", "wire", "commands-per-connection",
                         "length-prefix", "raw", "width", "idle-timeout", "backlog", "framing=fixed", "any-of", "netstring"):
                self.assertIn(word, text)

    def test_version(self):
        for flag in ("-V", "--version"):
            result = run(COSERVED, flag)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertRegex(result.stdout.decode(), r"\Acoserved \d+\.\d+\.\d+\n\Z")

    def test_wrong_flags(self):
        for arguments, says in (
            (["--listne", "x"], ["--listne", "--listen"]),
            (["stray"], ["stray"]),
            (["--listen"], ["--listen"]),
            (["--cores", "0"], ["cores=0", "1 to 1024"]),
            (["--cores", "two"], ["cores=two", "1 to 1024"]),
            (["--cores", "-1"], ["cores"]),
            (["--cores", "1", "--cores", "2"], ["cores", "twice"]),
            (["--check=yes"], ["--check", "no value"]),
            (["--max-connections", "many"], ["max-connections=many", "whole number"]),
            (["--log-level", "loud"], ["log-level=loud", "debug, info, warning or error"]),
            (["--log-format", "xml"], ["log-format=xml", "text or json"]),
            (["--drain-timeout", "soon"], ["drain-timeout=soon", "500ms"]),
            (["--drain-timeout", "-1s"], ["drain-timeout"]),
            (["--exec-allow", "nonesuch"], ["exec-allow=nonesuch", "PATH"]),
            (["--exec-allow", "/etc/passwd"], ["exec-allow=/etc/passwd", "executed"]),
            (["--exec-shell=yes"], ["--exec-shell", "no value"]),
        ):
            with self.subTest(arguments):
                self.check_refused(*arguments, says=says)

    def test_wrong_listeners(self):
        for listener, says in (
            ("tcp://127.0.0.1:7700", ["tcp://127.0.0.1:7700", "SERVICE=URL"]),
            ("ecco=tcp://127.0.0.1:7700", ["ecco", "echo"]),
            ("echo=127.0.0.1:7700", ["tcp://HOST:PORT"]),
            ("echo=http://127.0.0.1:7700", ["http", "tcp://HOST:PORT"]),
            ("echo=tcp://127.0.0.1", ["port"]),
            ("echo=tcp://127.0.0.1:65536", ["0 to 65535"]),
            ("sink=udp://127.0.0.1:7700", ["sink", "datagrams", "tcp://HOST:PORT"]),
            ("echo=udp://127.0.0.1:7700?framing=raw", ["framing", "mode", "max-datagram"]),
            (f"echo={ANY}?mode=lower", ["mode=lower", "upper or verbatim"]),
            (f"echo={ANY}?node=upper", ["node", "mode", "framing", "max-frame"]),
            (f"echo={ANY}?mode=upper&mode=verbatim", ["mode"]),
            (f"echo={ANY}?framing=morse", ["framing=morse", "length-prefix", "raw"]),
            (f"echo={ANY}?width=5", ["width"]),
            (f"echo={ANY}?framing=raw&width=4", ["width"]),
            (f"echo={ANY}?max-frame=lots", ["max-frame=lots", "64KiB"]),
            (f"echo={ANY}?idle-timeout=soon", ["idle-timeout=soon", "10s"]),
            ("echo=unix:" + 200 * "x", ["path"]),
        ):
            with self.subTest(listener):
                self.check_refused("--listen", listener, says=says)
                self.check_refused("--check", "--listen", listener, says=says)
                # Nothing of a configuration that is wrong is put to work.
                self.check_refused("--listen", f"echo={ANY}", "--listen", listener, says=says)

    def test_times_with_and_without_a_unit(self):
        for time_given in ("500ms", "10s", "3", "0.25", "1m"):
            with self.subTest(time_given):
                self.check_accepted("--drain-timeout", time_given)

    def test_check_binds_nothing(self):
        server = self.serve(f"echo={ANY}")
        self.check_accepted("--listen", f"echo={server.url}")
        self.check_accepted()
        missing = os.path.join(self.directory, "no.socket")
        self.check_accepted("--listen", f"echo=unix:{missing}", "--ports-file", "ports.json")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_port_in_use(self):
        server = self.serve(f"echo={ANY}")
        ports = os.path.join(self.directory, "ports.json")
        self.check_refused(
            "--listen", f"echo={ANY}", "--listen", f"echo={server.url}", "--ports-file", ports,
            says=[server.url, "in use"], code=3,
        )
        self.assertFalse(os.path.exists(ports))
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            self.check_refused("--listen", f"echo=tcp://127.0.0.1:{port}", says=[str(port), "in use"], code=3)
        self.assertEqual(self.echo(server.url), b"HELLO")

    def test_an_address_of_another_machine(self):
        self.check_refused("--listen", "echo=tcp://192.0.2.1:7700", says=["192.0.2.1", "0.0.0.0"], code=3)

    def test_a_name_that_does_not_resolve(self):
        self.check_refused("--listen", "echo=tcp://nowhere.invalid:7700", says=["nowhere.invalid"], code=3)

    def test_a_unix_socket_in_use(self):
        path = os.path.join(self.directory, "echo.socket")
        self.serve(f"echo=unix:{path}")
        self.check_refused("--listen", f"echo=unix:{path}", says=[path], code=3)
        self.assertEqual(self.echo(f"unix:{path}"), b"HELLO")

    def test_a_ports_file_that_cannot_be_written(self):
        self.check_refused("--listen", f"echo={ANY}", "--ports-file", "no/such/directory", says=["no/such/directory"],
                           code=1)


class ConfigurationFile(CoservedTest):
    def check_file_refused(self, text, line, *says):
        path = self.file("coserved.toml", text)
        self.check_refused("--config", path, "--check", says=[f"{path}:{line}: ", *says])

    def test_every_top_level_key(self):
        ports = os.path.join(self.directory, "ports.json")
        config = self.file(
            "coserved.toml",
            f"""
            cores = 1
            max-connections = 5
            log-level = "error"
            log-format = "json"
            drain-timeout = "500ms"
            ports-file = "{ports}"
            [[listen]]
            service = "echo"
            url = "{ANY}"
            """,
        )
        with Process("--config", config) as process:
            poll(lambda: os.path.exists(ports), "the ports file")
            with open(ports, encoding="utf-8") as file:
                (listener,) = json.load(file)
            self.assertEqual(self.echo(listener["url"]), b"HELLO")
            process.stop()

    def test_listen_tables(self):
        config = self.file(
            "coserved.toml",
            f"""
            [[listen]]
            service = "echo"
            url = "{ANY}"
            mode = "verbatim"
            framing = "length-prefix"
            width = 2
            signed = false
            order = "big"
            max-frame = "64KiB"
            idle-timeout = 60

            [[listen]]
            url = "{ANY}?framing=raw"
            service = "echo"
            max-connections = 7

            [[listen]]
            service = "echo"
            url = "unix:{self.directory}/a%20b"
            """,
        )
        server = self.serve(flags=["--config", config])
        with connect(server.urls[0]) as peer:
            peer.sendall(b"\0\5Hello")
            self.assertEqual(receive(peer, 7), b"\0\5Hello")
        with connect(server.urls[1]) as peer:
            peer.sendall(b"Hello")
            self.assertEqual(receive(peer, 5), b"HELLO")
        self.assertTrue(os.path.exists(os.path.join(self.directory, "a b")))
        self.assertEqual(self.echo(server.urls[2]), b"HELLO")

    def test_the_command_line_wins(self):
        config = self.file(
            "coserved.toml",
            f"""
            cores = 1
            log-level = "error"
            ports-file = "{self.directory}/unused"
            [[listen]]
            service = "echo"
            url = "{ANY}"
            [[listen]]
            service = "echo"
            url = "{ANY}"
            """,
        )
        server = self.serve(f"echo={ANY}?mode=verbatim", flags=["--config", config, "--cores", "2"])
        self.assertEqual(len(server.urls), 1)
        self.assertEqual(self.echo(server.url, b"Abc"), b"Abc")
        self.assertEqual(os.listdir(self.directory), ["coserved.toml"])

    def test_an_empty_file_is_the_default(self):
        self.check_accepted("--config", self.file("coserved.toml", ""))
        self.check_accepted("--config", self.file("coserved.toml", "# nothing\ncores = 1\n"))

    def test_a_file_that_cannot_be_read(self):
        self.check_refused("--config", "missing.toml", says=["missing.toml", "No such file"])
        self.check_refused("--config", self.directory, says=[self.directory, "Is a directory"])

    def test_broken_toml(self):
        self.check_file_refused("cores = 1\ncores = = 2\n", 2)
        self.check_file_refused("cores = 1\ncores = 2\n", 2, "cores")
        self.check_file_refused('\n\nlog-level = "info\n', 3)

    def test_wrong_keys_and_values(self):
        for text, line, *says in (
            ("\ncors = 2", 2, '"cors"', "cores", "[[listen]]"),
            ("max_connections = 2", 1, '"max_connections"', "max-connections"),
            ("[server]\ncores = 2", 1, '"server"', "cores"),
            ('cores = "two"', 1, "cores=two", "1 to 1024"),
            ("cores = 0", 1, "cores=0", "1 to 1024"),
            ("cores = -1", 1, "cores=-1"),
            ("cores = 1.5", 1, "cores", "whole number"),
            ("cores = [1]", 1, "cores", "whole number"),
            ("log-level = 3", 1, "log-level=3", "warning"),
            ("log-level = true", 1, "log-level"),
            ("ports-file = 3", 1, "ports-file", "string"),
            ('drain-timeout = "soon"', 1, "drain-timeout=soon", "10s"),
            ("listen = 3", 1, "[[listen]]"),
            ('listen = ["echo=tcp://127.0.0.1:0"]', 1, "[[listen]]"),
            ("[listen]\nservice = 'echo'", 1, "[[listen]]"),
            ("cores = 1\n[[listen]]\nservice = 'echo'", 2, "url"),
            (f"cores = 1\n[[listen]]\nurl = '{ANY}'", 2, "service"),
            (f"[[listen]]\nservice = 3\nurl = '{ANY}'", 2, "service", "string"),
            (f"[[listen]]\nservice = 'ecco'\nurl = '{ANY}'", 1, "ecco", "echo"),
            ("[[listen]]\nservice = 'echo'\nurl = 'tcp://127.0.0.1'", 1, "port"),
            (f"[[listen]]\nservice = 'echo'\nurl = '{ANY}'\nmode = 'lower'", 1, "mode=lower", "verbatim"),
            (f"[[listen]]\nservice = 'echo'\nurl = '{ANY}'\nnode = 'upper'", 1, "node", "mode"),
            (f"[[listen]]\nservice = 'echo'\nurl = '{ANY}'\nmode = ['upper']", 4, "mode"),
            (f"[[listen]]\nservice = 'exec'\nurl = '{ANY}'\nenv = [['A=1']]", 4, "env"),
            ("exec-shell = 'perhaps'", 1, "exec-shell=perhaps"),
            (f"[[listen]]\nservice = 'echo'\nurl = '{ANY}?mode=upper'\nmode = 'upper'", 1, "mode"),
            (f"[[listen]]\nservice = 'echo'\nurl = '{ANY}'\nmode = 'upper&width=2'", 1, "mode=upper&width=2"),
        ):
            with self.subTest(text):
                self.check_file_refused(text, line, *says)


class Exec(CoservedTest):
    """What the operator says of exec; the wire has tests of its own."""

    def test_it_listens_on_loopback_only(self):
        for url in ("tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:0"):
            for flags in ([], ["--exec-shell"], ["--exec-allow", "sh"], ["--check"]):
                self.check_refused(*flags, "--listen", f"exec={url}", says=[url, "authentication", "loopback"])
        self.check_accepted("--exec-shell", "--listen", "exec=tcp://127.0.0.2:0", "--listen", "exec=tcp://localhost:0")
        self.check_accepted("--exec-shell", "--listen", "exec=unix:exec.sock")

    def test_its_wire_fixes_the_framing(self):
        for key in ("framing=raw", "read-framing=line", "width=2"):
            self.check_refused("--listen", f"exec={ANY}?{key}", says=["unknown key", key.partition("=")[0], "wire"])

    def test_keys_that_repeat(self):
        self.check_accepted("--listen", f"exec={ANY}?env=A=1&env=B=2")
        self.check_refused("--listen", f"exec={ANY}?wire=native&wire=native", says=["wire", "twice"])
        self.check_accepted("--exec-allow", "sh", "--exec-allow", "/bin/cat")

    def test_in_the_configuration_file(self):
        config = self.file(
            "coserved.toml",
            f"""
            exec-allow = ["sh", "/bin/cat"]
            exec-shell = true
            [[listen]]
            service = "exec"
            url = "{ANY}"
            env = ["A=1", "B=x y"]
            timeout = "10s"
            """,
        )
        server = self.serve(flags=["--config", config])
        with connect(server.url) as peer:
            request = b'{"command": "echo $A $B", "data_size": 0}'
            peer.sendall(frame(request))
            self.assertIn(b"stdout", receive_frame(peer))
            self.assertEqual(receive(peer, 6), b"1 x y\n")
        self.check_accepted("--config", self.file("one.toml", 'exec-allow = "sh"'))
        self.check_refused("--config", self.file("bad.toml", 'exec-allow = ["sh", "nonesuch"]'), says=["exec-allow=nonesuch"])

    def test_root_is_told_that_a_limit_does_not_bind_it(self):
        warning = "process-limit=10 does not bind root"
        for query, warns in (("process-limit=10", True), ("process-limit=0", False), ("process-limit=10&user=nobody", False)):
            if os.geteuid() != 0 and "user" in query:
                continue
            server = self.serve(f"exec={ANY}?{query}", flags=["--exec-shell"])
            self.assertEqual(warning in server.log(), warns and os.geteuid() == 0, query)


class Logging(CoservedTest):
    def offend(self, server):
        """A negative length: that connection ends, and one line says so."""
        with connect(server.url) as peer:
            peer.sendall(b"\xff\xff\xff\xff")
            self.assertEqual(receive_rest(peer), b"")
            name = "127.0.0.1:" + str(peer.getsockname()[1])
        return name

    def test_text(self):
        server = self.serve(f"echo={ANY}")
        peer = self.offend(server)
        self.assertEqual(server.stop(), 0)
        (line,) = [line for line in server.log().splitlines() if peer in line]
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (info|warning|error) ")
        self.assertIn("echo", line)
        self.assertIn(server.url, line)
        self.assertIn("negative", line)

    def test_json(self):
        server = self.serve(f"echo={ANY}", flags=["--log-format", "json"])
        peer = self.offend(server)
        self.assertEqual(server.stop(), 0)
        records = [json.loads(line) for line in server.log().splitlines()]
        (record,) = [record for record in records if record.get("peer") == peer]
        self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertIn(record["level"], ("info", "warning", "error"))
        self.assertEqual((record["service"], record["listener"]), ("echo", server.url))
        self.assertIn("negative", record["reason"])
        self.assertTrue(record["message"])

    def test_nobody_can_make_a_line_look_like_another(self):
        request = json.dumps({"argv": ["a\u202eb\u200f\u0085c"], "data_size": 0}).encode()
        shown = "a\\xe2\\x80\\xaeb\\xe2\\x80\\x8f\\xc2\\x85c"
        for log_format in ("text", "json"):
            server = self.serve(f"exec={ANY}", flags=["--exec-allow", "sh", "--log-format", log_format])
            with connect(server.url) as peer:
                peer.sendall(frame(request))
                self.assertIn(b"not-allowed", receive_frame(peer))
            self.assertEqual(server.stop(), 0)
            (line,) = [line for line in server.log().splitlines() if "not-allowed" in line]
            self.assertIn(shown, json.loads(line)["reason"] if log_format == "json" else line)

    def test_level(self):
        server = self.serve(f"echo={ANY}", flags=["--log-level", "error"])
        self.offend(server)
        self.assertEqual(server.stop(), 0)
        self.assertEqual([line for line in server.log().splitlines() if " error " not in line], [])

    def test_says_nothing_while_all_is_well(self):
        server = self.serve(f"echo={ANY}", flags=["--log-level", "warning"])
        self.assertEqual(self.echo(server.url), b"HELLO")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.log(), "")


class Stopping(CoservedTest):
    def test_either_signal_ends_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve(f"echo={ANY}")
            server.signal(number)
            self.assertEqual(server.wait(), 0)

    def test_a_signal_right_after_ready(self):
        for _ in range(20):
            with Server(f"echo={ANY}") as server:
                self.assertEqual(server.stop(), 0)

    def test_a_drain_answers_what_had_arrived(self):
        server = self.serve(f"echo={ANY}")
        requests = [b"request %d" % i for i in range(1000)]
        with connect(server.url) as peer, connect(server.url) as idle:
            peer.sendall(b"".join(map(frame, requests)))
            self.assertEqual(receive_frame(peer), requests[0].upper())
            server.signal(signal.SIGTERM)
            # Everything else was read with the first, or waits in the socket.
            for request in requests[1:]:
                self.assertEqual(receive_frame(peer), request.upper())
            self.assertEqual(receive_rest(peer), b"")
            self.assertEqual(receive_rest(idle), b"")
        self.assertEqual(server.wait(), 0)

    def test_no_new_connections_while_it_drains(self):
        server = self.serve(f"echo={ANY}")
        with connect(server.url) as peer:
            self.begin_frame(peer)
            server.signal(signal.SIGTERM)
            poll(lambda: not self.accepts(server.url), "the listener to be closed")
            self.assertIsNone(server.process.poll())
            peer.sendall(b"lo")
            self.assertEqual(receive_frame(peer), b"HELLO")
        self.assertEqual(server.wait(), 0)

    def test_the_deadline_ends_a_drain_with_0(self):
        server = self.serve(f"echo={ANY}", flags=["--drain-timeout", "200ms"])
        with connect(server.url) as peer:
            self.begin_frame(peer)
            before = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertGreaterEqual(time.monotonic() - before, 0.15)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.serve(f"echo={ANY}", flags=["--drain-timeout", "1h"])
        with connect(server.url) as peer:
            self.begin_frame(peer)
            server.signal(signal.SIGTERM)
            poll(lambda: not self.accepts(server.url), "the listener to be closed")
            self.assertEqual(server.stop(), 0)

    def test_the_port_is_free_again(self):
        server = self.serve(f"echo={ANY}")
        self.assertEqual(self.echo(server.url), b"HELLO")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.echo(self.serve(f"echo={server.url}").url), b"HELLO")

    def test_a_unix_socket_can_be_used_again(self):
        path = os.path.join(self.directory, "echo.socket")
        server = self.serve(f"echo=unix:{path}")
        self.assertEqual(server.stop(), 0)
        killed = self.serve(f"echo=unix:{path}")
        killed.process.kill()
        killed.wait()
        self.assertEqual(self.echo(self.serve(f"echo=unix:{path}").url), b"HELLO")

    @staticmethod
    def begin_frame(peer):
        """A frame of which the server has read a part, when this returns."""
        peer.sendall(frame(b"first") + frame(b"hello")[:-2])
        assert receive_frame(peer) == b"FIRST"

    @staticmethod
    def accepts(url):
        try:
            connect(url).close()
            return True
        except (ConnectionRefusedError, ConnectionResetError):  # the latter while it closes
            return False


if __name__ == "__main__":
    unittest.main()
