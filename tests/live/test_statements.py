# SPDX-License-Identifier: GPL-2.0-only
"""Database statements: each one once, in its class, with nothing of what it says.

Truth is the client's own log and, for PostgreSQL, pg_stat_statements.
"""

from harness import Process, memory_of, test
from servers import Postgres, Redis

CLASSES = ("simple", "complex", "fulltext", "analytics")
SECRET = "hunter2"
# The probes of so many statements cost more than an assistant would be asked to pay.
CONFIG = """
engines: yes
limits: { overhead: 50% }
budgets: {}
"""
ALERTS = """
engines: yes
limits: { overhead: 50% }
budgets:
  db.simple.latency: { stat: max, window: 1m, for: 0s, warning: 100ms, alert: Simple }
  db.complex.latency: { stat: max, window: 1m, for: 0s, warning: 2s, alert: Complex }
  db.fulltext.latency: { stat: max, window: 1m, for: 0s, warning: 2s, alert: Fulltext }
  db.analytics.latency: { stat: max, window: 1m, for: 0s, warning: 2s, alert: Analytics }
  db.timeouts: { stat: count, window: 1m, for: 0s, warning: 0.5, alert: Timeouts }
"""


def no_secret(t, *processes):
    for process in processes:
        for path in (process.out_path, process.err_path):
            text = path.read_text(encoding="utf-8", errors="replace")
            t.check(SECRET not in text, f"{path.name} tells what a statement said")


def no_secret_in_memory(t, watch, shown):
    """A core of the session would not tell either; what may be told is there, so that it was looked."""
    memory = memory_of(watch.pid)
    t.check(shown.encode() in memory, "the memory of the session does not hold what it shows")
    t.check(SECRET.encode() not in memory, "the memory of the session tells what a statement said")


def counted(t, summary, truth, classes, latencies=True):
    """Every statement of the log, once, in its class."""
    for cls in classes:
        function = truth.functions[cls]
        t.equal(summary.number(f"db.{cls}.count"), function.calls, f"db.{cls}.count")
        if latencies:
            t.percentiles(
                summary, f"db.{cls}.latency", function.normal_ns, least_ns=function.least_ns
            )
    t.equal(summary.number("db.unclassified.count"), 0, "db.unclassified.count")


def watched(t, target, stage):
    watch = t.watch(target.pid, CONFIG, "-vv")
    t.equal(watch.stage(stage)["state"], "armed", f"state of {stage}")
    target.go()
    truth = target.finish()
    watch.wait(20)
    no_secret(t, watch)
    summary = watch.last_summary()
    t.no_drops(summary)
    return truth, summary


def fired_of(watch):
    """Alerts on statements; the target's own end is another."""
    fired = [line for _, line in watch.alerts(state="firing")]
    return {line["alert"] for line in fired if line["metric"].startswith("db.")}


def notes(server):
    server.sql("create extension pg_stat_statements")
    server.sql("create table notes(id int primary key, v text)")
    server.sql("insert into notes select i, 'note ' || i from generate_series(1, 100) i")
    server.sql("select pg_stat_statements_reset()")


def postgres(t, threads, rounds):
    server = Postgres(t)
    notes(server)
    target = t.target(
        "statements", "--mode", "postgresql", "--extra", server.connection(), "--threads", threads,
        "--iterations", rounds, "--us", "0",
    )
    truth, summary = watched(t, target, "postgresql")
    counted(t, summary, truth, CLASSES, latencies=threads == 1)
    t.equal(summary.number("db.simple.errors"), threads * rounds, "db.simple.errors")
    # Those that failed are not in the server's statistics.
    calls = server.sql(
        "select sum(calls) from pg_stat_statements where query ilike '%notes%' "
        "and query not ilike '%pg_stat%'"
    )
    measured = sum(summary.number(f"db.{cls}.count") for cls in CLASSES)
    t.equal(
        measured - summary.number("db.simple.errors"), int(calls[0][0]), "calls of the server"
    )
    server.stop()


@test(90)
def statements_of_postgresql(t):
    postgres(t, 1, 100)


@test(90)
def statements_of_postgresql_on_8_threads(t):
    postgres(t, 8, 40)


@test(120)
def statements_of_sqlite(t):
    target = t.target(
        "statements", "--mode", "sqlite", "--threads", 1, "--iterations", 200, "--rate", 100
    )
    truth, summary = watched(t, target, "sqlite")
    # Steps of microseconds: most of the target's own times is the traps of their probes.
    counted(t, summary, truth, CLASSES, latencies=False)
    dearest = {line["statement"]: line for line in summary.line["statements"]}
    ranks = truth.functions["analytics"]
    line = dearest["SELECT id, rank() OVER (ORDER BY v) FROM notes"]
    t.equal(line["count"], ranks.calls, "executions of one text")
    # The target's clock has the traps of both ends of every step in it, which are half of so short ones.
    whole_s = sum(ranks.normal_ns) / 1e9
    t.between(line["sum_s"], whole_s * 0.3, whole_s, "their time")


@test(120)
def statements_of_sqlite_on_8_threads(t):
    target = t.target("statements", "--mode", "sqlite", "--threads", 8, "--iterations", 50)
    truth, summary = watched(t, target, "sqlite")
    counted(t, summary, truth, CLASSES, latencies=False)


@test(120)
def five_thousand_statements_a_second(t):
    target = t.target(
        "statements", "--mode", "sqlite", "--threads", 2, "--iterations", 7500, "--rate", 2500
    )
    truth, summary = watched(t, target, "sqlite")
    counted(t, summary, truth, ["simple"], latencies=False)
    t.equal(truth.functions["simple"].calls, 15000, "statements of the target")


@test(120)
def commands_of_redis(t):
    server = Redis(t)
    target = t.target(
        "statements", "--mode", "redis", "--extra", server.port, "--threads", 1,
        "--iterations", 150,
    )
    truth, summary = watched(t, target, "redis")
    counted(t, summary, truth, ["simple", "complex"])
    t.equal(summary.number("db.simple.errors"), 150, "db.simple.errors")
    server.stop()


@test(90)
def a_slow_query_raises_the_alert_of_its_class(t):
    server = Postgres(t)
    notes(server)
    target = t.target(
        "statements", "--mode", "postgresql", "--extra", server.connection(), "--threads", 1,
        "--iterations", 3, "--us", "300000:300000",
    )
    text = t.watch(target.pid, ALERTS, output="text", hello=False)
    watch = t.watch(target.pid, ALERTS, "-vv")
    text.lines.wait(lambda line: "postgresql" in line, 15, "the other watcher watches")
    target.go()
    _, alert = watch.wait_alert("db.simple.latency", "firing")
    target.finish()
    watch.wait(20)
    text.wait(20)
    fired = fired_of(watch)
    t.equal(fired, {"Simple"}, "alerts")
    slow = "SELECT v, pg_sleep(?) FROM notes WHERE id = ? AND v <> ?"
    t.equal(alert["evidence"][0]["statement"], slow, "evidence")
    t.check(alert["evidence"][0]["wall_s"] > 0.3, "time of the slow statement")
    t.check(
        any(slow in line for _, line in text.lines.items), "the text names the slow statement"
    )
    no_secret(t, watch, text)
    server.stop()


# A statement of each other class that takes so long, and what may be told of it.
SLOW = {
    "complex": (
        "select count(*), pg_sleep(0.4) from notes a join notes b using (id) where a.v <> 'hunter2'",
        "SELECT count(*), pg_sleep(?) FROM notes a JOIN notes b USING (id) WHERE a.v <> ?",
    ),
    "fulltext": (
        "select id, pg_sleep(0.4) from notes "
        "where id = 7 and to_tsvector(v) @@ to_tsquery('note & !hunter2')",
        "SELECT id, pg_sleep(?) FROM notes WHERE id = ? AND to_tsvector(v) @@ to_tsquery(?)",
    ),
    "analytics": (
        "select id, rank() over (order by v), pg_sleep(0.4) from notes where id = 7 and v <> 'hunter2'",
        "SELECT id, rank() OVER (ORDER BY v), pg_sleep(?) FROM notes WHERE id = ? AND v <> ?",
    ),
}


@test(120)
def slow_queries_of_the_other_classes(t):
    """psql as it is in the package; only the alert of the statement's class comes."""
    server = Postgres(t)
    notes(server)
    psql = Process(t, "psql", [server.bin / "psql", "-X", "-q", "-d", server.connection()])
    psql.send_line("\\echo ready")
    psql.lines.wait(lambda line: line == "ready", 15, "psql is connected")
    watch = t.watch(psql.pid, ALERTS.replace("2s", "300ms"))
    for cls, (statement, shown) in SLOW.items():
        psql.send_line(statement + ";")
        _, alert = watch.wait_alert(f"db.{cls}.latency", "firing")
        t.check(alert["evidence"][0]["wall_s"] > 0.4, f"time of the slow {cls} statement")
        t.equal(alert["evidence"][0]["statement"], shown, f"evidence of {cls}")
        no_secret_in_memory(t, watch, shown)
    psql.send_line("\\q")
    watch.wait(20)
    t.equal(fired_of(watch), {"Complex", "Fulltext", "Analytics"}, "alerts")
    no_secret(t, watch)
    server.stop()


@test(120)
def a_statement_over_its_timeout(t):
    server = Postgres(t)
    notes(server)
    target = t.target(
        "statements", "--mode", "postgresql", "--extra", server.connection(), "--threads", 1,
        "--iterations", 2, "--us", "400000:400000",
    )
    stages = """
stages:
  pg:
    timeout: 200ms
    statement:
      language: postgresql
      execute: { probe: "libpq.so*:PQexec", text: arg1 }
"""
    budgets = ALERTS.replace("engines: yes\n", "").replace("100ms", "10s")
    watch = t.watch(target.pid, stages + budgets)
    target.go()
    watch.wait_alert("db.timeouts", "firing")
    target.finish()
    watch.wait(20)
    fired = fired_of(watch)
    t.equal(fired, {"Timeouts"}, "alerts")
    t.equal(watch.last_summary().number("db.timeouts"), 2, "db.timeouts")
    server.stop()
