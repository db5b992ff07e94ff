# SPDX-License-Identifier: GPL-2.0-only
"""Connections to databases, against what the servers and `ss` say of them."""

import ctypes.util
import random
import re
import socket
import struct
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import db_client
from builtin import shortened
from harness import Skip, Target, test, wait_until
from servers import Postgres, Redis, free_port

CLIENT = Path(__file__).resolve().parent / "db_client.py"


class Client(Target):
    """tests/live/db_client.py."""

    def __init__(self, t, *args):
        super().__init__(t, CLIENT, *args, wait=False, log=False, name="client")

    def open(self, kind, number, where):
        self.command(f"open {kind} {number} {where}")


def databases(postgresql=None, redis=None):
    """`databases:` with the ports that the servers have here."""
    parts = []
    if postgresql:
        parts.append(f'postgresql: {{ ports: [{postgresql.port}], paths: ["*/.s.PGSQL.*"] }}')
    if redis:
        parts.append(f'redis: {{ ports: [{redis.port}], paths: ["*/redis*.sock"] }}')
    return "databases: { " + ", ".join(parts) + " }\n"


def builtin_budgets(redis_port=None, **limits):
    """The built-in ones within seconds; limits: {"2h": "3s"} for what no test waits for."""
    text = shortened("", window="10s", lasting="1s")
    if redis_port:
        text = text.replace("redis: { ports: [6379]", f"redis: {{ ports: [{redis_port}]")
    for limit, here in limits.items():
        limit = limit.lstrip("_")
        for key in ("target", "warning"):
            text = text.replace(f"{key}: {limit}\n", f"{key}: {here}\n")
    return text


def ss_count(t, client, port, state="established"):
    """TCP connections of the client to that port, as `ss` finds them."""
    listed = t.run("ss", "-tnpH", "state", state, "dport", "=", f":{port}")
    return sum(f"pid={client.pid}," in line for line in listed.stdout.splitlines())


class Asker:
    """A connection to PostgreSQL that asks again and again, without a new process each time."""

    def __init__(self, server):
        self.sock = db_client.connect(str(server.dir / f".s.PGSQL.{server.port}"))
        words = b"user\0postgres\0database\0postgres\0application_name\0asker\0\0"
        self.sock.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
        db_client.until_ready(self.sock)

    def clients(self):
        text = b"select count(*) from pg_stat_activity where application_name = 'client'\0"
        self.sock.sendall(struct.pack("!cI", b"Q", len(text) + 4) + text)
        number = None
        while True:
            kind, length = struct.unpack("!cI", db_client.read_exactly(self.sock, 5))
            body = db_client.read_exactly(self.sock, length - 4)
            if kind == b"D":
                number = int(body[6:])
            if kind == b"Z":
                return number


class RedisAsker:
    """The same of Redis: its clients, less the one that asks."""

    def __init__(self, server):
        self.sock = socket.create_connection(("127.0.0.1", server.port))

    def clients(self):
        self.sock.sendall(b"CLIENT LIST TYPE normal\r\n")
        data = self.sock.recv(65536)
        size = int(data[1 : data.index(b"\r\n")])
        while len(data) < data.index(b"\r\n") + 2 + size + 2:
            data += self.sock.recv(65536)
        return data.count(b"\nid=") - 1


class Sampler:
    """What the servers count, all the time: (realtime, numbers by kind)."""

    def __init__(self, **askers):
        self.askers = askers
        self.samples = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.is_set():
            counts = {kind: asker.clients() for kind, asker in self.askers.items()}
            self.samples.append((time.time(), counts))
            self.ended.wait(0.01)

    def end(self):
        self.ended.set()
        self.thread.join(10)

    def around(self, at, kind, slack_s=0.15):
        return {counts[kind] for ts, counts in self.samples if abs(ts - at) <= slack_s}


def seconds_of(watch):
    """(realtime, metrics) of every summary, one a second."""
    return [
        (datetime.fromisoformat(line["ts"].replace("Z", "+00:00")).timestamp(), line["metrics"])
        for _, line in watch.objects("summary")
    ]


def churn(client, lasting_s, servers):
    """Opens and closes, a few at a time, now here, now there."""
    chosen = random.Random(7)
    opened = 0
    end = time.monotonic() + lasting_s
    while time.monotonic() < end:
        kind, where = chosen.choice(servers)
        number = chosen.randint(1, 4)
        if opened + number > 24 or (opened > 4 and chosen.random() < 0.5):
            number = min(number, opened)
            client.command(f"close {number}")
            opened -= number
        else:
            client.open(kind, number, where)
            opened += number
        time.sleep(chosen.uniform(0.05, 0.5))
    return opened


@test(120)
def connections_equal_the_servers_every_second(t):
    postgres, redis = Postgres(t, tcp=True, max_connections=60), Redis(t)
    client = Client(t)
    before = Asker(postgres), RedisAsker(redis)
    watch = t.watch(client.pid, databases(postgres, redis) + "budgets: {}\n",
                    "--summary-interval", "1s")
    sampler = Sampler(postgresql=before[0], redis=before[1])
    # Long enough that the number stands still at the instant of many a summary.
    churn(client, 16, [
        ("postgresql", postgres.port),
        ("postgresql", postgres.dir / f".s.PGSQL.{postgres.port}"),
        ("redis", redis.port),
        ("redis", redis.path),
    ])
    sampler.end()
    last = sampler.samples[-1][0]
    seen = {"postgresql": set(), "redis": set()}
    compared = 0
    for at, metrics in seconds_of(watch):
        if not sampler.samples[0][0] < at < last:
            continue
        for kind in seen:
            truth = sampler.around(at, kind)
            entry = metrics.get(f"db.{kind}.connections", {"value": 0})
            if not truth:
                continue  # the sampler did not run just then: enough seconds are left, see below
            t.between(entry["value"], min(truth), max(truth), f"connections of {kind} at {at}")
            seen[kind].add(entry["value"])
            compared += len(truth) == 1
    t.check(compared >= 8, f"only {compared} seconds in which the number stood still")
    for kind, values in seen.items():
        t.check(len(values) >= 3, f"{kind} had only {values} connections")
    summary = watch.stop()
    parts = sum(summary.number(f"db.{kind}.connections") for kind in seen)
    t.equal(summary.number("db.connections"), parts, "db.connections")
    t.equal(summary.value("db.connect.failed"), 0, "failed attempts")
    t.exact_enough(summary.number("db.connect.latency.max") < 1, "a connect on loopback took a second")


@test(120, waits=True)
def handles_of_sqlite(t):
    """Those from before by their files, those that come and go by the library's functions."""
    client = Client(t)
    client.command(f"sqlite 2 {t.dir / 'a.db'}")
    client.command(f"sqlite 1 {t.dir / 'b.db'}")
    watch = t.watch(client.pid, "budgets: {}\n", "--summary-interval", "1s")

    def handles():
        lines = watch.objects("summary")
        return lines and lines[-1][1]["metrics"].get("db.sqlite.connections")

    def expect(number):
        wait_until(lambda: handles() and handles()["value"] == number, 10, f"{number} handles")
        t.equal(handles()["quality"], "sampled", "quality")

    expect(3)
    client.command("sqlite 4 :memory:")
    client.command(f"sqlite 2 {t.dir / 'a.db'}")
    expect(9)
    client.command("sqlite-close 2")
    expect(7)
    client.command("sqlite-close 7")
    expect(0)
    t.no_drops(watch.stop())


@test(120, waits=True)
def a_sqlite_handle_from_before_in_memory(t):
    """It cannot be seen until it is closed: then the number says that it was too low."""
    client = Client(t)
    client.command("sqlite 1 :memory:")
    watch = t.watch(client.pid, "budgets: {}\n", "--summary-interval", "1s")
    client.command("sqlite 2 :memory:")
    client.command("sqlite-close 3")
    wait_until(lambda: [line for _, line in watch.objects("summary")
                        if line["metrics"].get("db.sqlite.connections", {}).get("quality")
                        == "partial"], 10, "partial")
    t.equal(watch.stop().value("db.sqlite.connections"), 0, "handles at the end")


def fired(watch):
    return {line["metric"] for _, line in watch.alerts(state="firing")}


def two_more_seconds(watch):
    first = watch.summary_now()
    at = first.line["ts"]

    def later():
        ts = watch.summary_now().line["ts"]
        return (datetime.fromisoformat(ts.replace("Z", "+00:00"))
                - datetime.fromisoformat(at.replace("Z", "+00:00"))).total_seconds() > 2.5

    wait_until(later, 10, "two more seconds")


@test(120, waits=True)
def an_exhausted_pool_raises_its_alert(t):
    redis = Redis(t)
    client = Client(t)
    watch = t.watch(client.pid, builtin_budgets(redis.port))
    client.open("redis", 18, redis.port)
    two_more_seconds(watch)
    t.equal(fired(watch), set(), "alerts of 18 connections")
    client.open("redis", 7, redis.path)
    _, alert = watch.wait_alert("db.connections", "firing", 15)
    two_more_seconds(watch)
    t.equal(fired(watch), {"db.connections"}, "alerts")
    t.equal(alert["alert"], "Database Connections", "its name")
    t.equal(alert["value"], 25, "value")
    t.equal(len(redis.clients()), 25, "clients by the server")
    t.equal((alert["severity"], alert["priority"]), ("warning", "P1"), "how bad")
    t.equal(alert["impact"], "Connection pool exhaustion", "impact")
    t.equal(alert["cause"], "db", "cause")
    texts = [item["text"] for item in alert["evidence"]]
    t.check(f"redis, port {redis.port} on this host: 18 open" in texts[0], f"evidence: {texts}")
    t.check(f"redis, {redis.path}: 7 open" in texts[1], f"evidence: {texts}")
    client.open("redis", 30, redis.port)
    _, alert = watch.wait_for("alert", 15, lambda line: line["severity"] == "critical")
    t.equal((alert["metric"], alert["value"]), ("db.connections", 55), "the critical alert")
    client.command("close 45")
    watch.wait_alert("db.connections", "resolved", 15)
    t.equal(fired(watch), {"db.connections"}, "alerts in all")


class FullListener:
    """A port of loopback whose backlog is full until it accepts."""

    def __init__(self, stack):
        self.listener = stack.enter_context(socket.socket())
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = [stack.enter_context(socket.socket()) for _ in range(3)]
        for filler in self.fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))

    def accept(self, stack):
        self.listener.settimeout(10)
        for _ in range(4):
            try:
                stack.enter_context(self.listener.accept()[0])
            except TimeoutError:
                return


@test(90, waits=True)
def a_slow_connect_raises_its_alert(t):
    """While it still waits; once it has come through, it is a latency."""
    with ExitStack() as stack:
        full = FullListener(stack)
        client = Client(t)
        watch = t.watch(client.pid, builtin_budgets(full.port, _30s="2s"))
        begun = time.monotonic()
        client.command(f"begin {full.port}")
        t.equal(ss_count(t, client, full.port, "syn-sent"), 1, "attempts by ss")
        _, alert = watch.wait_alert("db.connect.longest", "firing", 15)
        # The limit, and what an alert may take.
        t.between(time.monotonic() - begun, 2, 2 + 5, "seconds until the alert")
        t.check("1 connecting for up to" in alert["evidence"][0]["text"],
                f"evidence: {alert['evidence']}")
        t.equal(ss_count(t, client, full.port, "syn-sent"), 1, "attempts by ss, still")
        early = time.monotonic()
        accepting = threading.Thread(target=full.accept, args=(stack,))
        accepting.start()
        while not ss_count(t, client, full.port):
            early = time.monotonic()
            t.check(early - begun < 30, "it never came through")
        late = time.monotonic()
        two_more_seconds(watch)
        t.equal(fired(watch), {"db.connect.longest"}, "alerts")
        summary = watch.stop()
        took = summary.number("db.connect.latency.max")
        t.between(took, (early - begun) * 0.98 - 0.2, (late - begun) * 1.016, "connect time")
        t.equal(summary.entry("db.connect.latency.max")["n"], 1, "connects")
        t.equal(summary.number("db.redis.connections"), 1, "connections")
        accepting.join(15)


@test(120, waits=True)
def a_refused_connect_is_counted(t):
    port = free_port()
    client = Client(t)
    watch = t.watch(client.pid, f"databases: {{ redis: {{ ports: {port} }} }}\nbudgets: {{}}\n")
    for _ in range(3):
        client.command(f"begin {port}")
    wait_until(lambda: watch.summary_now().value("db.connect.failed") == 3, 10, "3 failed")
    summary = watch.stop()
    t.equal(summary.entry("db.connect.latency.max")["n"], 0, "connects that came through")
    t.equal(summary.value("db.connections"), 0, "connections")
    t.equal(summary.value("db.connections.stale"), 0, "stale connections")


@test(120, waits=True)
def every_connect_is_counted(t):
    """However short; what is more than is kept of a second is said to be lost."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(4096)
        port = listener.getsockname()[1]
        client = Client(t)
        watch = t.watch(client.pid,
                        f"databases: {{ redis: {{ ports: {port} }} }}\nbudgets: {{}}\n")

        def counted():
            return watch.summary_now().entry("db.connect.latency.max")

        client.command(f"burst 900 {port}")
        wait_until(lambda: counted()["n"] == 900, 10, "900 connects")
        t.equal(counted()["quality"], "exact", "quality")
        # The hook sees them all; of those within one look of a second the newest are kept.
        client.command(f"burst 3000 {port}", timeout_s=30)
        two_more_seconds(watch)
        entry = counted()
        if entry["n"] < 3900:
            t.equal(entry["quality"], "partial", "quality where some were lost")
        t.check(900 + 1024 <= entry["n"] <= 3900, f"connects: {entry}")
        t.equal(watch.stop().value("db.connections"), 0, "connections left")


@test(90, waits=True)
def a_slow_login_raises_its_alert(t):
    """TCP is quick: it is PostgreSQL that answers late."""
    postgres = Postgres(t, tcp=True, pre_auth_delay=2)
    try:
        client = Client(t, "--map", "libpq.so.5")
    except Exception as error:
        raise Skip(f"no libpq.so.5 here: {error}") from error
    watch = t.watch(client.pid, builtin_budgets(_30s="1s"))
    t.equal(watch.stage("db_connect")["state"], "armed", "state of db_connect")
    answer = client.command(f"pq {postgres.connection(tcp=True)}", timeout_s=20)
    status, took = answer.split()[1:]
    t.equal(status, "0", "status of the connection")
    watch.wait_alert("db_connect.latency", "firing", 15)
    two_more_seconds(watch)
    t.equal(fired(watch), {"db_connect.latency.max"}, "alerts")
    summary = watch.stop()
    t.near(summary.number("db_connect.latency.max"), float(took), "time of PQconnectdb",
           absolute=0.005)


@test(120, waits=True)
def connects_of_hiredis(t):
    """The real library, whose connect is one call."""
    library = ctypes.util.find_library("hiredis")
    if not library:
        raise Skip("hiredis is not installed")
    redis = Redis(t)
    client = Client(t, "--map", library)
    watch = t.watch(client.pid, databases(redis=redis) + "budgets: {}\n")
    t.equal(watch.stage("db_connect")["state"], "armed", "state of db_connect")
    for where in redis.port, redis.path, redis.port:
        client.command(f"hiredis {where}")
    wait_until(lambda: watch.summary_now().value("db.connections") == 3, 10, "3 connections")
    summary = watch.stop()
    t.equal(summary.count("db_connect"), 3, "calls")
    t.equal(summary.entry("db.connect.latency.max")["n"], 2, "connects by TCP")
    t.equal(len(redis.clients()), 3, "clients by the server")


@test(120, waits=True)
def a_stale_connection_raises_its_alert(t):
    """The server ends it, the client does not notice: by TCP and by a unix socket."""
    redis = Redis(t)
    client = Client(t)
    client.open("redis", 2, redis.port)
    client.open("redis", 2, redis.path)
    watch = t.watch(client.pid, builtin_budgets(redis.port))
    two_more_seconds(watch)
    t.equal(fired(watch), set(), "alerts before")
    ids = [entry["id"] for entry in redis.clients()]
    for number in ids[0], ids[-1]:
        redis.cli("client", "kill", "id", number)
    t.equal(len(redis.clients()), 2, "clients by the server")
    _, alert = watch.wait_alert("db.connections.stale", "firing", 15)
    two_more_seconds(watch)
    t.equal(fired(watch), {"db.connections.stale"}, "alerts")
    t.equal(alert["value"], 2, "stale connections")
    t.equal(ss_count(t, client, redis.port, "close-wait"), 1, "those of TCP by ss")
    for item in alert["evidence"]:
        t.check("1 ended by the server but kept" in item["text"], f"evidence: {item}")
    t.equal(watch.summary_now().value("db.redis.connections"), 2, "connections")
    client.command("close 4")
    watch.wait_alert("db.connections.stale", "resolved", 15)


@test(120, waits=True)
def an_old_connection_raises_its_alert(t):
    """Two hours are as good as three seconds; one from before is `partial`: at least so old."""
    redis = Redis(t)
    client = Client(t)
    watch = t.watch(client.pid, builtin_budgets(redis.port, _2h="3s"))
    opened = time.monotonic()
    client.open("redis", 1, redis.port)
    _, alert = watch.wait_alert("db.connections.age", "firing", 15)
    known = time.monotonic()
    two_more_seconds(watch)
    t.equal(fired(watch), {"db.connections.age"}, "alerts")
    t.equal(alert["quality"], "sampled", "quality")
    t.between(alert["value"], 3, known - opened + 0.1, "age")
    summary = watch.stop()
    text = alert["evidence"][0]["text"]
    t.check(re.search(r"1 open \(\d idle\).*, oldest \d+ s$", text), f"evidence: {text}")
    t.check(summary.number("db.connections.age") <= time.monotonic() - opened, "age at the end")

    begun = time.monotonic()
    again = t.watch(client.pid, databases(redis=redis) + "budgets: {}\n")
    wait_until(lambda: again.summary_now().value("db.connections.age"), 10, "an age")
    entry = again.stop().entry("db.connections.age")
    t.equal(entry["quality"], "partial", "quality of the age of one from before")
    t.check(entry["value"] < time.monotonic() - begun, "older than it has been watched")


@test(120, waits=True)
def pool_and_idle_connections(t):
    """Three that stay and carry nothing, one that is used, one that comes late."""
    redis = Redis(t)
    client = Client(t)
    watch = t.watch(client.pid, databases(redis=redis) + "budgets: {}\n",
                    "--summary-interval", "1s")
    client.open("redis", 4, redis.port)
    opened = time.monotonic()
    t.equal(watch.summary_now().value("db.pool.size"), None, "pool at once")

    def metrics():
        lines = watch.objects("summary")
        return lines[-1][1]["metrics"] if lines else {}

    while time.monotonic() < opened + 8:
        client.command("use-first 1")
        time.sleep(0.3)
    client.open("redis", 1, redis.port)
    while (metrics().get("db.connections.idle") or {"value": 0})["value"] != 3:
        t.exact_enough(
            time.monotonic() < opened + 20, f"idle: {metrics().get('db.connections.idle')}"
        )
        client.command("use-first 1")
        time.sleep(0.1)
    t.between(time.monotonic() - opened, 9.5, 13, "seconds until they were idle")
    t.equal(metrics()["db.pool.size"]["value"], 4, "pool")
    t.equal(metrics()["db.redis.connections"]["value"], 5, "connections")
