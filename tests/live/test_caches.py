# SPDX-License-Identifier: GPL-2.0-only
"""Caches: hits, look-ups, what is put in and thrown out, and size, against the cache's own counters;
GETs of a real Redis against the server's own."""

from budget_rows import MB, TABLES, Rig, Row, run_together
from builtin import shortened
from harness import Target, config, test
from servers import Redis

# What an operator writes who knows the program: struct cache has its bytes at 8, an entry at 0.
CACHE = """\
caches:
  tts:
    lookup: { probe: "caches:cache_get", hit: "ret != 0" }
    insert: { probe: "caches:cache_put@return", where: "i64 ret > 0", bytes: ret,
              size: "*(arg0 + 8)" }
    evict: { probe: "caches:cache_drop", bytes: "*(arg1)", size: "*(arg0 + 8)" }
"""
WITHOUT_SIZE = CACHE.replace(', size: "*(arg0 + 8)"', "").replace(
    ',\n              size: "*(arg0 + 8)"', "")


def cache_config(text, more="budgets: {}\n"):
    return config({}, more=text + more).replace("stages:\n", "stages: {}\n")


def look(t, threads, lookups, keys, limit_kb, text=CACHE):
    """The summary and the target's own counters of one run."""
    target = t.target("caches", wait=False)
    watch = t.watch(target.pid, cache_config(text))
    target.command(f"limit {limit_kb}")
    target.command(f"look {threads} {lookups} {keys}", 60)
    target.command("counters")
    summary = watch.stop()
    target.send_line("quit")
    (truth,) = target.finish().others
    t.equal(truth["lookups"], threads * lookups, "the target's own look-ups")
    t.check(0 < truth["hits"] < truth["lookups"] and truth["evictions"] > 0, f"all kinds: {truth}")
    return summary, truth


def counts(t, summary, truth):
    for metric in ("lookups", "hits", "inserts", "evictions"):
        t.equal(summary.number(f"cache.tts.{metric}"), truth[metric], f"cache.tts.{metric}")
        t.equal(summary.entry(f"cache.tts.{metric}")["quality"], "exact", f"quality of {metric}")
    ratio = summary.entry("cache.tts.hit_ratio")
    t.equal((ratio["unit"], ratio["quality"]), ("ratio", "exact"), "of the ratio")
    t.equal(ratio["n"], truth["lookups"], "look-ups behind the ratio")
    t.check(abs(ratio["value"] - truth["hits"] / truth["lookups"]) < 1e-12, f"ratio: {ratio}")
    t.check(not summary.has("cache.tts.latency.p95"), "nothing is timed")
    t.no_drops(summary)


@test(120)
def cache_of_one_thread(t):
    summary, truth = look(t, 1, 4000, 300, 400)
    counts(t, summary, truth)
    size = summary.entry("cache.tts.size")
    t.equal((size["value"], size["unit"], size["quality"]), (truth["bytes"], "bytes", "sampled"),
            "cache.tts.size")


@test(120)
def cache_of_eight_threads(t):
    summary, truth = look(t, 8, 2500, 300, 400)
    counts(t, summary, truth)
    t.equal(summary.number("cache.tts.size"), truth["bytes"], "cache.tts.size")


@test(120)
def cache_size_as_it_adds_up(t):
    """Nothing tells the size: what was put in less what was thrown out, and said so."""
    summary, truth = look(t, 8, 1000, 300, 400, WITHOUT_SIZE)
    counts(t, summary, truth)
    size = summary.entry("cache.tts.size")
    t.equal((size["value"], size["quality"]), (truth["bytes"], "partial"), "cache.tts.size")


@test(120)
def cache_of_redis_by_itself(t):
    """Nothing is configured: hiredis is recognised. Truth is what the server counts."""
    redis = Redis(t)
    target = t.target("caches", wait=False)
    watch = t.watch(target.pid, "limits: { overhead: 50% }\nbudgets: {}\n")
    t.check("hiredis" in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    target.command(f"redis {redis.port} 1 500 100", 30)
    target.command(f"redis {redis.port} 8 250 400", 60)
    summary = watch.stop()
    target.send_line("quit")
    target.finish()
    calls = redis.calls()
    t.equal(calls["get"], 500 + 8 * 250, "GETs by the server")
    t.equal(summary.number("cache.redis.lookups"), calls["get"], "cache.redis.lookups")
    # Each miss is followed by a SET.
    t.equal(summary.number("cache.redis.hits"), calls["get"] - calls["set"], "cache.redis.hits")
    t.equal(summary.entry("cache.redis.hit_ratio")["quality"], "exact", "quality")
    t.check(not summary.has("cache.redis.size"), "the size is the server's")


# --- the document's ratios and sizes ---


class CacheRow(Row):
    """One limit; hit ratios below their target are P2, however far."""

    def __init__(self, name, measure, limit, action=None):
        super().__init__(f"cache.{name}.{measure}", limit, limit, None, action)
        self.below = measure == "hit_ratio"

    def priority(self, value, severity):
        return "P2" if self.below else super().priority(value, severity)


ROWS = {
    **TABLES,
    "TTS Audio Cache Hits": CacheRow(
        "tts", "hit_ratio", 0.8, "Use neural vocoder caching for common phrases"),
    "Intent Cache Hits": CacheRow(
        "intent", "hit_ratio", 0.7, "Implement intent caching for frequent queries"),
    "API Response Cache Hits": CacheRow("api", "hit_ratio", 0.6),
    "Database Query Cache Hits": CacheRow("database", "hit_ratio", 0.5),
}
SIZES = (("tts", "TTS", 500), ("intent", "Intent", 100), ("api", "API", 200),
         ("database", "Database", 150))
for name, title, size in SIZES:
    ROWS[f"{title} Cache Size"] = CacheRow(
        name, "size", size * MB, "Reduce model sizes, optimize caching")


class Cache(Target):
    """tests/targets/caches: what is planted is a list of commands, and ends by itself."""

    def plant(self, fault):
        with self.lines.changed:
            self.due = len(self.lines.items) + fault.count(",") + 1
        for command in fault.split(","):
            self.send_line(command)

    def lift(self, fault):
        self.lines.wait(lambda _: len(self.lines.items) >= self.due, 60, "the commands done")
        if fault.startswith("weight"):
            self.plant("clear")


# How the ratio falls: so many look-ups of keys that are there, then as many of new ones.
WARM = "look 1 60 1,look 1 400 20"
COLD = "clear,look 1 400 4000"


def story(rig, name, title, size):
    """A cold start says nothing; nor does a cache that is warm; one that is cold does."""
    hits = next(row for row, at in ROWS.items() if at.metric == f"cache.{name}.hit_ratio")
    rig.target.plant(f"look 1 40 4000,idle 1500,{WARM},idle 1500")
    yield
    rig.target.lift("")
    rig.t.equal(rig.told(0), [], f"alerts of {name} before it was cold")
    yield from rig.phase([COLD], {hits: ("warning", "P2")})
    entries = size * 1.3 / 100
    yield from rig.phase([f"weight {int(entries * 1024 / 2.5)},clear,look 1 2000 100"],
                         {f"{title} Cache Size": "warning"}, {hits})


@test(150)
def cache_rows(t):
    """The document's four ratios and four sizes, each by a cache of its own."""
    scripts = []
    for name, title, size in SIZES:
        target = Cache(t, "caches", wait=False, name=f"caches-{name}")
        watch = t.watch(target.pid, shortened(CACHE.replace("tts:", f"{name}:"), "5s"))
        scripts.append(story(Rig(t, target, watch, ROWS), name, title, size))
    run_together(*scripts)
