# SPDX-License-Identifier: GPL-2.0-only
"""What leaks are called: `cheshire leaks --debuginfod`, and the classes of C++ objects.

Debug files come from a server of our own, good and bad ones: the target is stripped, and its debug
file is nowhere else.
"""

import json
import os
import re
import shutil
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from harness import CHESHIRE, TARGETS, Failure, Process, test, wait_until
from leak_programs import Leaky

CONFIG = """limits: { overhead: 20% }
leaks: { interval: 1s, settle: 3s, watch: 3s, calls: 2000 }
"""
NOBODY = "65534"
# Where what is fetched lies for a moment.
SCRATCH = Path("/var/tmp")


class Answer(BaseHTTPRequestHandler):
    """As the server's `mode` says; every path that is asked for is kept."""

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        found = re.fullmatch(r"/buildid/([0-9a-f]+)/debuginfo", self.path)
        if not found or found[1] != server.build_id or server.mode == "unknown":
            self.send_error(404)
            return
        body = server.other if server.mode == "wrong" else server.body
        announced = len(body)
        if server.mode == "slow":
            server.released.wait(60)
            return
        if server.mode == "short":
            body = body[: len(body) // 2]
            announced = len(body)
        if server.mode == "cut":
            body = body[: len(body) // 2]
        if server.mode == "noise":
            body = os.urandom(announced)
        self.send_response(200)
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, case, target):
        super().__init__(("127.0.0.1", 0), Answer)
        self.build_id, self.body, self.other = target.build_id, target.debug, target.other
        self.mode, self.asked, self.released = "right", [], threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()
        case.cleanups.append(self.end)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def end(self):
        self.released.set()
        self.shutdown()
        self.server_close()


def build_id(case, path):
    out = case.run("readelf", "-n", path).stdout
    found = re.search(r"Build ID: ([0-9a-f]+)", out)
    if not found:
        raise Failure(f"{path} has no build-id")
    return found[1]


class Stripped:
    """A program that leaks, without symbols; and its debug file, and that of another program."""

    def __init__(self, case, serial="", name="lost"):
        self.case, self.name, self.program = case, name, case.dir / f"{name}{serial}"
        built = self.link(case.dir / "built")
        shutil.copy(built, self.program)
        self.debug = self.debug_file(built)
        self.other = self.debug_file(TARGETS / "leaks" / "slow_churn")
        if case.run("strip", self.program).returncode:
            raise Failure("the target cannot be stripped")
        self.build_id = build_id(case, self.program)
        self.log = case.dir / f"{name}{serial}.log"
        self.process = Process(case, f"{name}{serial}", [self.program, "--log", self.log])
        self.process.lines.wait(lambda line: line == "ready", 20, "the target ready")
        self.pid = self.process.pid

    def link(self, path):
        """Without the names that -rdynamic leaves in the others."""
        parts = [TARGETS / "leaks" / "obj" / f"{name}.o" for name in (self.name, "program", "usual")]
        if self.case.run("g++", "-pthread", "-pie", *parts, "-ldl", "-o", path).returncode:
            raise Failure("the target cannot be linked")
        return path

    def debug_file(self, path):
        out = self.case.dir / f"{path.name}.debug"
        if self.case.run("objcopy", "--only-keep-debug", path, out).returncode:
            raise Failure("its debug information cannot be taken out")
        return out.read_bytes()

    def site(self):
        def logged():
            text = self.log.read_text(encoding="utf-8")
            lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
            return [line for line in lines if line["type"] == "site"]

        return wait_until(logged, 20, "the target leaks")[0]


def search(case, pid, url, *args, name="leaks", patience_s=None):
    """The environment has the server, whether it is asked or not."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("DEBUGINFOD_")}
    if patience_s:
        env["DEBUGINFOD_TIMEOUT"] = str(patience_s)
    if url is not None:
        env["DEBUGINFOD_URLS"] = url
    return Process(
        case, name,
        [CHESHIRE, "leaks", "--pid", pid, "--output", "json",
         "--config", case.write(f"{name}.yaml", CONFIG), *args],
        env=env,
    )


def left_behind(process):
    return [path.name for path in SCRATCH.glob(f"cheshire-debuginfod-{process.pid}-*")]


def leak_of(process, wanted=lambda site: True):
    """The first such site that is called a leak, once one is."""

    def leaks(line):
        found = json.loads(line)
        return found["type"] == "leaks" and [
            site for site in found["sites"]
            if site["verdict"] in ("probable", "confirmed") and wanted(site)
        ]

    _, (_, line) = process.lines.wait(leaks, 200, f"a leak found by {process.name}")
    process.signal(signal.SIGTERM)
    process.wait()
    return leaks(line)[0]


@test(300, waits=True)
def debug_file_of_a_server_names_function_and_line(t):
    plain, helped = Stripped(t, "-plain"), Stripped(t, "-helped")
    server = Server(t, helped)
    without = search(t, plain.pid, server.url, name="without")
    with_it = search(t, helped.pid, server.url, "--debuginfod", name="with")
    found, truth = leak_of(with_it), helped.site()
    t.equal(found["function"], truth["function"], "the function")
    t.check((found["file"] or "").endswith(truth["file"]), f"the file: {found['file']}")
    t.check(abs((found["line"] or 0) - truth["line"]) <= 2, f"the line: {found['line']}")
    errors = with_it.errors()
    t.check(re.search(r"debuginfod: lost-helped: fetched in", errors), f"no progress: {errors}")
    t.equal(left_behind(with_it), [], "what was fetched is on disk no more")
    found = leak_of(without)
    t.equal((found["file"], found["line"]), (None, None), "the line without the server")
    t.check(found["function"] != truth["function"], "the function is known without the server")
    t.check("debuginfod" not in without.errors(), "a server is spoken of where nobody asked")
    # Both have the same build-id: one was asked for, by the one that was to ask.
    wanted = f"/buildid/{helped.build_id}/debuginfo"
    t.equal(server.asked.count(wanted), 1, "how often the server was asked")


# What is said of the target in each case.
BAD = {
    "unknown": r"debuginfod: lost: its debug file is not to be had",
    "cut": r"debuginfod: lost: (its debug file is not to be had|it cannot be fetched)",
    "short": r"warning: debuginfod: lost: the server sent a file without debug information",
    "noise": r"warning: debuginfod: lost: the server sent what is no debug file",
    "wrong": r"warning: debuginfod: lost: the server sent a file of another build-id",
}


@test(240, waits=True)
def servers_that_do_not_help_are_said_and_no_error(t):
    target = Stripped(t)
    server = Server(t, target)
    cases = [(mode, server.url, said) for mode, said in BAD.items()]
    cases.append(("right", "http://127.0.0.1:1", r"warning: debuginfod: lost: it cannot be"))
    cases.append(("right", None, r"warning: debuginfod: DEBUGINFOD_URLS is not set"))
    for mode, url, said in cases:
        server.mode = mode
        process = search(t, target.pid, url, "--debuginfod", "--duration", "100ms",
                         name=f"{mode}-{url is not None and url == server.url}")
        t.equal(process.wait(60), 0, f"{mode}: exit code")
        errors = process.errors()
        t.check(re.search(said, errors), f"{mode} {url}: not said: {said}: {errors}")
        t.check(process.lines.items, f"{mode}: it did not go on")


def status_of(pid, field):
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(line for line in text.splitlines() if line.startswith(field + ":")).split()[1:]


def fetching(pid):
    """The child that talks to the server."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text(encoding="ascii").split()]


@test(120, waits=True)
def slow_server_is_waited_for_by_a_child_without_privileges(t):
    target = Stripped(t)
    server = Server(t, target)
    server.mode = "slow"
    process = search(t, target.pid, server.url, "--debuginfod", "--duration", "100ms",
                     patience_s=1)
    t.equal(process.wait(60), 0, "exit code")
    t.check("warning: debuginfod: lost: the server is too slow" in process.errors(),
            f"not said: {process.errors()}")
    # Ended while it waits: nothing is left.
    server.asked.clear()
    process = search(t, target.pid, server.url, "--debuginfod", name="ended")
    wait_until(lambda: any(target.build_id in path for path in server.asked), 40, "it asks")
    t.equal(len(left_behind(process)), 1, "directories while it is fetched")
    child = fetching(process.pid)
    t.equal(len(child), 1, "children while it is fetched")
    t.equal(status_of(child[0], "Uid"), [NOBODY] * 4, "the child's user")
    for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        t.equal(int(status_of(child[0], field)[0], 16), 0, f"the child's {field}")
    t.equal(status_of(child[0], "NoNewPrivs"), ["1"], "the child's no_new_privs")
    process.signal(signal.SIGTERM)
    t.equal(process.wait(20), -signal.SIGTERM, "the end by SIGTERM")
    t.check(not Path(f"/proc/{child[0]}").exists(), "the child is there after the end")
    t.equal(left_behind(process), [], "what is left on disk")


# Most of what is leaked; the others come from a line of their own.
CLASS = "voice::AudioBuffer<short>"


def is_of_class(site):
    return [one["name"] for one in site["classes"]] == [CLASS]


@test(300, waits=True)
def objects_are_told_by_their_class(t):
    named = Leaky(t, "class_lost")
    stripped = Stripped(t, "-stripped", "class_lost")
    searches = [search(t, target.pid, None, name=name)
                for target, name in ((named, "named"), (stripped, "nameless"))]
    for process in searches:
        found = leak_of(process, is_of_class)
        t.check(found["classes_of"] >= 1, f"{process.name}: no block was looked at")
        t.equal(found["classes"][0]["blocks"], found["classes_of"],
                f"{process.name}: blocks of the class")
        if process.name == "named":
            t.equal(found["line"], named.site()["line"], "the line that allocates them")
