# SPDX-License-Identifier: GPL-2.0-only
"""Programs that leak and programs that do not, with their truth: tests/targets/leaks and servers.

Those called held_* were written together with the others but kept back: nothing was tuned with
them. The same holds for SQLite's and PostgreSQL's, of the servers.
"""

import json
import socket
import threading
import time
from pathlib import Path

from harness import ROOT, TARGETS, Failure, Process, wait_until
from servers import Postgres, Redis

SOURCES = ROOT / "tests" / "targets" / "leaks"

# By what cheshire is to find: the site, or for Python the type.
LEAKING = (
    "lost", "slow_churn", "realloc_lost", "new_lost", "plugin_lost", "py_list.py", "class_lost",
    "held_threads", "held_mmap", "held_map", "held_strings", "held_py_dict.py",
)
QUIET = (
    "warm_up", "bounded_cache", "burst_idle", "py_steady.py", "redis",
    "held_lru", "held_fragments", "held_arenas", "held_mapped", "held_sqlite", "postgres",
)


class Leaky(Process):
    """One of tests/targets/leaks, warmed up and at work."""

    def __init__(self, case, program_name, *args, name=None, **options):
        name = name or program_name
        self.log_path = case.dir / f"{name}.log"
        is_script = program_name.endswith(".py")
        program = SOURCES / program_name if is_script else TARGETS / "leaks" / program_name
        if not program.exists():
            raise Failure(f"{program} is not built")
        super().__init__(case, name, [program, "--log", self.log_path, *args], **options)
        self.lines.wait(lambda line: line == "ready", 20, f"{name} ready")

    def log(self, kind):
        text = self.log_path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        found = [json.loads(line) for line in whole.splitlines()]
        return [line for line in found if line["type"] == kind]

    def site(self):
        """{function, file, line}, and for Python python_type; once something was leaked."""
        return wait_until(lambda: self.log("site"), 20, f"{self.name} leaks")[0]

    def rate(self, seconds=None):
        """Bytes a second that it has leaked, in the last so many seconds or since its start."""
        points = self.log("leaked")
        last = points[-1]
        first = points[0]
        if seconds is not None:
            since_ns = last["at_ns"] - seconds * 1e9
            first = next(point for point in points if point["at_ns"] >= since_ns)
        if last["at_ns"] == first["at_ns"]:
            raise Failure(f"{self.name}: its log is too short")
        return (last["bytes"] - first["bytes"]) / (last["at_ns"] - first["at_ns"]) * 1e9


class Steadily(threading.Thread):
    """Does the same so many times a second until the case ends."""

    def __init__(self, case, action, per_second):
        super().__init__(daemon=True)
        self.action, self.per_second = action, per_second
        self.done, self.ending = 0, threading.Event()
        case.cleanups.append(self.end)
        self.start()

    def run(self):
        started = time.monotonic()
        while not self.ending.wait(0.005):
            while self.done < (time.monotonic() - started) * self.per_second:
                try:
                    self.action(self.done)
                except OSError:
                    return  # the server ends before this does; the test asks whether it runs
                self.done += 1

    def end(self):
        self.ending.set()
        self.join(5)


class LoadedRedis:
    """A server that keeps the newest twenty thousand keys, under a thousand changes a second."""

    KEYS, PER_S = 20000, 1000

    def __init__(self, case):
        self.server = Redis(case)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.server.path))
        case.cleanups.append(self.sock.close)
        for number in range(-self.KEYS, 0):
            self.change(number)
        self.load = Steadily(case, self.change, self.PER_S)
        self.pid = self.server.pid

    def change(self, number):
        value = b"v" * (20 + number * 7919 % 800)
        key, old = b"key:%d" % number, b"key:%d" % (number - self.KEYS)
        self.sock.sendall(
            b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)
            + b"*2\r\n$3\r\nDEL\r\n$%d\r\n%s\r\n" % (len(old), old)
        )
        answers = b""
        while answers.count(b"\r\n") < 2:
            answers += self.sock.recv(4096)


class LoadedPostgres:
    """A backend that inserts, looks up and deletes, and plans anew each time."""

    PER_S = 100
    SCRIPT = """\\set id random(1, 10000000)
insert into heard values (:id, repeat('x', 100 + :id % 900)) on conflict do nothing;
select said from heard where id between :id and :id + 1000 order by said limit 5;
delete from heard where id = :id;
"""

    def __init__(self, case):
        self.server = Postgres(case)
        self.server.sql("create table heard (id bigint primary key, said text)")
        self.load = Process(
            case, "pgbench",
            [self.server.bin / "pgbench", "-n", "-f", case.write("heard.sql", self.SCRIPT),
             "-h", self.server.dir, "-p", self.server.port, "-U", "postgres", "-c", 1,
             "-R", self.PER_S, "-T", 3600, "postgres"],
        )
        self.pid = int(wait_until(self.backend, 20, "pgbench at work")[0][0])

    def backend(self):
        return self.server.sql("select pid from pg_stat_activity where application_name='pgbench'")


def start(case, name, *args):
    """The program at work: what it returns has a `pid`."""
    if name == "redis":
        return LoadedRedis(case)
    if name == "postgres":
        return LoadedPostgres(case)
    return Leaky(case, name, *args)


def anonymous_bytes(pid):
    """By /proc: what growth is about."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return sum(
        int(line.split()[1]) * 1024
        for line in text.splitlines()
        if line.startswith(("RssAnon:", "VmSwap:"))
    )
