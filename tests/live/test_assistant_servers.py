# SPDX-License-Identifier: GPL-2.0-only
"""The demo assistant with PostgreSQL, Redis and a cache of speech, eight users at once: what is seen
from outside against its own log and against what the servers say."""

from harness import test, wait_until
from servers import Postgres, Redis
from test_assistant import CONFIG, Alice
from test_connections import databases

USERS = 8
# struct speech_cache has its bytes at 0, struct spoken as well.
MORE = """\
engines: yes
caches:
  tts:
    lookup: { probe: "alice:speech_cache_get", hit: "ret != 0" }
    insert: { probe: "alice:speech_cache_put@return", where: "i64 ret > 0", bytes: ret,
              size: "*(arg0)" }
    evict: { probe: "alice:speech_cache_drop", bytes: "*(arg1)" }
budgets: {}
"""


def alice_config(postgres, redis):
    stages = CONFIG.replace("libespeak-ng.so*:espeak_Synth", "alice:synthesize")
    return stages + MORE + databases(postgres, redis)


def users_of(postgres, redis):
    """What the servers say of who is connected, themselves left out."""
    (number,), = postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres' "
                              "AND backend_type = 'client backend' AND pid <> pg_backend_pid()")
    return int(number), len(redis.clients())


def statements_of(postgres):
    """{first words of a statement: calls}, as the server counts them."""
    rows = postgres.sql("SELECT query, calls FROM pg_stat_statements WHERE query LIKE '%asked%'")
    return {" ".join(query.split()[:2]): int(calls) for query, calls in rows}


@test(120)
def assistant_with_servers(t):
    postgres, redis = Postgres(t, tcp=True, max_connections=30), Redis(t)
    postgres.sql("CREATE EXTENSION pg_stat_statements")
    alice = Alice(t, "--fast", "--push-to-talk", "--users", USERS, "--turns", 7,
                  "--postgres", postgres.port, "--redis", redis.port, "--speech-cache", "300KB")
    watch = t.watch(alice.pid, alice_config(postgres, redis))
    for engine in ("hiredis", "sqlite3"):
        t.check(engine in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    t.equal(users_of(postgres, redis), (USERS, USERS), "connections by the servers")

    def counted():
        summary = watch.summary_now()
        return [summary.value(f"db.{kind}.connections") if summary.has(f"db.{kind}.connections")
                else None for kind in ("postgresql", "redis")]

    wait_until(lambda: counted() == [USERS, USERS], 15, "connections as many as the servers say")
    alice.go()
    truth = alice.truth()
    t.equal(watch.wait(30), 4, "exit code of cheshire when the target has exited")
    summary = watch.last_summary()
    caches(t, summary, truth, redis)
    statements(t, summary, truth, postgres)
    t.equal(summary.count("response"), len(truth.spans("response", alice.stopped_ns)),
            "response.count")
    t.no_drops(summary)


def statements(t, summary, truth, postgres):
    asked = statements_of(postgres)
    logged = {kind: sum(line[kind] for line in truth.of_type("backend"))
              for kind in ("simple", "complex", "failed")}
    t.equal(logged["failed"], 0, "statements that failed")
    t.equal(asked["INSERT INTO"], logged["simple"], "INSERTs by the server")
    t.equal(asked["SELECT count(*)"], logged["complex"], "SELECTs by the server")
    commands = sum(line["gets"] + line["sets"] for line in truth.of_type("backend"))
    t.equal(summary.count("db.simple"), logged["simple"] + commands, "db.simple.count")
    t.equal(summary.count("db.complex"), logged["complex"], "db.complex.count")


def caches(t, summary, truth, redis):
    spoken = truth.one("speech_cache")
    t.check(0 < spoken["hits"] < spoken["lookups"] and spoken["evictions"] > 0, f"{spoken}")
    for metric in ("lookups", "hits", "inserts", "evictions"):
        t.equal(summary.number(f"cache.tts.{metric}"), spoken[metric], f"cache.tts.{metric}")
    t.equal(summary.entry("cache.tts.hit_ratio")["quality"], "exact", "quality of the ratio")
    t.check(abs(summary.number("cache.tts.hit_ratio") - spoken["hits"] / spoken["lookups"]) < 1e-12,
            "cache.tts.hit_ratio")
    t.equal(summary.number("cache.tts.size"), spoken["bytes"], "cache.tts.size")
    logged = {kind: sum(line[kind] for line in truth.of_type("backend"))
              for kind in ("gets", "hits", "sets")}
    calls = redis.calls()
    t.check(0 < logged["hits"] < logged["gets"], f"hits and misses: {logged}")
    t.equal((calls["get"], calls["set"]), (logged["gets"], logged["sets"]), "by the server")
    t.equal(summary.number("cache.redis.lookups"), logged["gets"], "cache.redis.lookups")
    t.equal(summary.number("cache.redis.hits"), logged["hits"], "cache.redis.hits")
