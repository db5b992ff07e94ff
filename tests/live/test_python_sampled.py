# SPDX-License-Identifier: GPL-2.0-only
"""Python functions that are sampled, against the clock of the program itself.

The sampling looks 499 times a second of a thread's CPU time, and whenever a thread leaves its CPU:
either end of a span is known within 2 ms, and put into the middle. So the duration of a call is
wrong by less than 2 ms, and what is counted is every call that is longer than that and apart from
the next.
"""

from harness import ROOT, config, nearest_rank, rank, test

PYTHON = "/usr/bin/python3"
SCRIPTS = ROOT / "tests" / "targets" / "python"
INTERVAL_S = 1 / 499
# The clock's interrupt may be late, and what it interrupts is other work of the same thread.
ERROR_S = INTERVAL_S + 1e-3

EXACT = ("five", "twenty", "hundred", "asleep", "recursive", "raising", "reply")
PROBES = {name: name for name in (*EXACT, "tiny", "generating", "threaded", "handle")}
PROBES["reply"] = "Session.reply"


def stages(script, names):
    return {name: {"call": f'"python:{script}:{qualname}"'} for name, qualname in names.items()}


def start(t, script, names, *args, overhead="50%"):
    target = t.target(PYTHON, SCRIPTS / script, *args, name=script.removesuffix(".py"))
    lines = {
        name: f'{{ call: "python:{script}:{qualname}" }}' for name, qualname in names.items()
    }
    watch = t.watch(target.pid, config(lines, overhead=overhead))
    return target, watch


def latency(t, summary, name, took_ns):
    """Percentiles within the error, by ranks as elsewhere."""
    most = sorted(took_ns)
    for stat, percent in (("p50", 50), ("p95", 95)):
        at = rank(len(most), percent)
        low, high = most[max(at - 1, 0)] / 1e9, most[min(at + 1, len(most) - 1)] / 1e9
        t.between(
            summary.number(f"{name}.latency.{stat}"),
            low * 0.984 - ERROR_S,
            high * 1.016 + ERROR_S,
            f"{name}.latency.{stat} (by the target {nearest_rank(most, percent) / 1e9})",
        )


@test(90)
def python_functions_sampled(t):
    target, watch = start(t, "sampled.py", PROBES, "--rounds", 10)
    for name in PROBES:
        t.equal(watch.stage(name)["state"], "armed", f"state of '{name}'")
        t.check("sampled" in watch.stage(name)["reason"], f"'{name}' is said to be sampled")
    target.go()
    truth = target.finish().functions
    watch.wait(20)
    summary = watch.last_summary()
    for name in (*EXACT, "generating", "threaded", "handle"):
        took_ns = truth[name].normal_ns
        t.equal(summary.count(name), len(took_ns), f"{name}.count")
        latency(t, summary, name, took_ns)
        for metric in (f"{name}.count", f"{name}.latency.max"):
            t.equal(summary.entry(metric)["quality"], "sampled", f"quality of {metric}")
    # In a row: fewer than there were, and said to be a lower bound; never more.
    row = summary.count("tiny")
    t.check(1 <= row < len(truth["tiny"].normal_ns), f"{row} calls in a row")
    t.check(
        sum(truth["tiny"].normal_ns) / 1e9
        >= row * summary.number("tiny.latency.mean") - row * ERROR_S,
        "calls in a row take no longer together than they did",
    )
    split(t, summary)
    t.no_drops(summary)


def split(t, summary):
    """Where the time goes: a sleeping function sleeps, a computing one computes."""
    asleep = summary.number("asleep.wait.sleep")
    t.between(asleep, 0.030, 0.030 + ERROR_S, "asleep.wait.sleep")
    t.between(summary.number("hundred.cpu"), 0.100 - ERROR_S, 0.100 + ERROR_S, "hundred.cpu")
    for name in EXACT:
        parts = [m for m in summary.metrics if m == f"{name}.cpu" or m.startswith(f"{name}.wait.")]
        whole = sum(summary.number(m) for m in parts if not m.endswith(".sum"))
        t.near(whole, summary.number(f"{name}.latency.mean"), f"{name}: CPU and waits", 0.02, 1e-4)


@test(60)
def python_waits_for_the_gil(t):
    names = {name: name for name in ("contended", "alone", "locked")}
    target, watch = start(t, "gil.py", names, "--rounds", 10)
    target.go()
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    for name in names:
        took_ns, waited_ns = truth.functions[name].normal_ns, truth.waits[name]["ns"]
        t.equal(summary.count(name), len(took_ns), f"{name}.count")
        wall, waited = sum(took_ns) / len(took_ns) / 1e9, sum(waited_ns) / len(waited_ns) / 1e9
        t.near(summary.number(f"{name}.latency.mean"), wall, f"{name}.latency.mean", 0.016, ERROR_S)
        gil, lock = summary.number(f"{name}.wait.gil"), summary.number(f"{name}.wait.lock")
        t.near(gil + lock, waited, f"{name}: waits for any lock", 0.05, ERROR_S)
        if name == "locked":
            t.check(lock >= 0.030, f"locked.wait.lock: {lock}")
            t.between(gil, 0, 0.010, "locked.wait.gil")
        else:
            t.between(lock, 0, ERROR_S, f"{name}.wait.lock")
        if name == "contended":
            t.check(gil >= 0.020, f"contended.wait.gil: {gil} (by the target {waited})")
    t.no_drops(summary)
