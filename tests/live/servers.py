# SPDX-License-Identifier: GPL-2.0-only
"""Database servers of our own: in a scratch directory, on loopback, ended by their pid.

Each takes the Case that it ends with, and skips with its reason where the package is missing. Ports
are chosen by the kernel. What a server says of itself (pg_stat_activity, CLIENT LIST) is truth that
tests compare with.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import Failure, Process, Skip, wait_until

POSTGRES_BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# Of the package redis-tools, which starts nothing when it is installed: one program under several
# names, a server where it is called so.
REDIS = Path("/usr/bin/redis-check-aof")
REDIS_CLI = Path("/usr/bin/redis-cli")


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """What both have: a directory of their own, gone with the case."""

    def __init__(self, case, kind):
        self.dir = Path(tempfile.mkdtemp(prefix=f"cheshire-{kind}-"))
        case.cleanups.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def require_running(self):
        if not self.process.running():
            raise Failure(f"{self.process.name} ended: {self.process.errors()[-300:]}")

    def stop(self):
        self.process.signal(signal.SIGINT)
        self.process.wait(20)


class Postgres(Server):
    """Reached at `port` of 127.0.0.1 (tcp=True), and by a unix socket in `dir` always.

    `settings` are lines of postgresql.conf: Postgres(t, max_connections=30).
    """

    def __init__(self, case, tcp=False, **settings):
        if not POSTGRES_BIN:
            raise Skip("PostgreSQL is not installed")
        try:
            self.owner = pwd.getpwnam("postgres")
        except KeyError:
            raise Skip("there is no user postgres") from None
        super().__init__(case, "pg")
        self.bin = POSTGRES_BIN[-1]
        self.port = free_port()
        os.chown(self.dir, self.owner.pw_uid, self.owner.pw_gid)
        self.make_cluster()
        chosen = {
            "listen_addresses": "127.0.0.1" if tcp else "",
            "port": self.port,
            "fsync": "off",
            "max_connections": 10,
            "shared_preload_libraries": "pg_stat_statements",
            **settings,
        }
        words = [word for key, value in chosen.items() for word in ("-c", f"{key}={value}")]
        self.process = Process(
            case,
            "postgres",
            [self.bin / "postgres", "-D", self.dir / "data", "-k", self.dir, *words],
            cwd=self.dir,
            **self.identity(),
        )
        case.cleanups.append(self.end_children)
        wait_until(self.answers, 30, "PostgreSQL answers")

    def identity(self):
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}

    def make_cluster(self):
        made = subprocess.run(
            [self.bin / "initdb", "--no-sync", "--auth=trust", "-D", self.dir / "data"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.dir,
            **self.identity(),
        )
        if made.returncode:
            raise Failure(f"initdb: {made.stderr[-300:]}")

    def connection(self, tcp=False):
        """What PQconnectdb takes."""
        host = "127.0.0.1" if tcp else self.dir
        return f"host={host} port={self.port} user=postgres dbname=postgres"

    def answers(self):
        self.require_running()
        asked = subprocess.run(
            [self.bin / "pg_isready", "-q", "-h", self.dir, "-p", str(self.port)],
            timeout=10,
            check=False,
        )
        return not asked.returncode

    def sql(self, text):
        """The rows of a statement that psql runs, as lists of texts."""
        done = subprocess.run(
            [self.bin / "psql", "-X", "-A", "-t", "-F", "\t", "-d", self.connection(), "-c", text],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if done.returncode:
            raise Failure(f"psql: {done.stderr[-300:]}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def end_children(self):
        """Its processes leave by themselves when the first is gone; the directory goes after."""
        data = str(self.dir)

        def gone():
            for entry in Path("/proc").glob("[0-9]*/cwd"):
                try:
                    if os.readlink(entry).startswith(data):
                        return False
                except OSError:
                    continue
            return True

        wait_until(gone, 10, "the processes of PostgreSQL ended")


class Redis(Server):
    """Reached at `port` of 127.0.0.1 and at the unix socket `path`; nothing is written to disk.

    `settings` are its own: Redis(t, maxmemory="1mb", maxmemory_policy="allkeys-lru").
    """

    def __init__(self, case, **settings):
        if not REDIS.exists() or not REDIS_CLI.exists():
            raise Skip("redis-tools is not installed")
        super().__init__(case, "redis")
        self.port = free_port()
        self.path = self.dir / "redis.sock"
        chosen = {
            "bind": "127.0.0.1",
            "port": self.port,
            "unixsocket": self.path,
            "dir": self.dir,
            "save": "",
            "appendonly": "no",
            **{key.replace("_", "-"): value for key, value in settings.items()},
        }
        words = [str(word) for key, value in chosen.items() for word in (f"--{key}", value)]
        self.process = Process(
            case, "redis", ["redis-server", *words], executable=REDIS, cwd=self.dir
        )
        wait_until(self.answers, 30, "Redis answers")

    def answers(self):
        self.require_running()
        return self.path.exists() and self.cli("ping", check=False) == "PONG"

    def cli(self, *words, check=True):
        """The answer to one command, as redis-cli prints it."""
        done = subprocess.run(
            [REDIS_CLI, "-s", self.path, *[str(word) for word in words]],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        if check and done.returncode:
            raise Failure(f"redis-cli: {done.stderr[-300:]}")
        return done.stdout.strip()

    def clients(self):
        """CLIENT LIST without the client that asks: a list of {field: value}."""
        lines = [dict(field.split("=", 1) for field in line.split() if "=" in field)
                 for line in self.cli("client", "list").splitlines()]
        return [line for line in lines if "client" not in line.get("cmd", "").split("|")[0]]

    def calls(self):
        """{command: how often}; keyspace_hits of the server count other commands' look-ups too."""
        calls = {}
        for line in self.cli("info", "commandstats").splitlines():
            name, _, rest = line.strip().partition(":")
            if name.startswith("cmdstat_"):
                calls[name[8:]] = int(rest.split(",")[0].partition("=")[2])
        return calls
