# SPDX-License-Identifier: GPL-2.0-only
"""Python functions that are sampled, against the clock of the program itself.

The sampling looks 499 times a second of a thread's CPU time, and whenever a thread leaves its CPU:
either end of a span is known within 2 ms, and put into the middle. So the duration of a call is
wrong by less than 2 ms, and what is counted is every call that is longer than that and apart from
the next.
"""

from harness import ROOT, config, test
from python_programs import SAMPLED_ERROR_S as ERROR_S
from python_programs import at_least_most, latency

PYTHON = "/usr/bin/python3"
SCRIPTS = ROOT / "tests" / "targets" / "python"

PLAIN = ("five", "twenty", "hundred", "asleep", "recursive", "raising", "reply")
PROBES = {name: name for name in (*PLAIN, "tiny", "generating", "threaded", "handle")}
PROBES["reply"] = "Session.reply"
STACK = {name: name for name in ("outer", "middle", "deep", "generated", "never")}
STACK |= {"method": "Thing.method", "closure": "outer.<locals>.closure"}


def start(t, script, names, *args, sampled=True):
    target = t.target(PYTHON, SCRIPTS / script, *args, name=script.removesuffix(".py"))
    # Stages are given watchpoints in the order of the configuration: none are left for the others.
    stages = {"spare": f'{{ call: "python:{script}:spare_?" }}'} if sampled else {}
    for name, qualname in names.items():
        stages[name] = f'{{ call: "python:{script}:{qualname}" }}'
    watch = t.watch(target.pid, config(stages))
    for name in names:
        t.equal(watch.stage(name)["state"], "armed", f"state of '{name}'")
        way = watch.stage(name)["reason"]
        t.check(way.startswith("sampled" if sampled else "exact"), f"way of '{name}': {way}")
    return target, watch


@test(120)
def python_functions_sampled(t):
    target, watch = start(t, "sampled.py", PROBES, "--rounds", 10)
    target.go()
    truth = target.finish(90).functions
    watch.wait(20)
    summary = watch.last_summary()
    for name in (*PLAIN, "generating", "threaded", "handle"):
        took_ns = truth[name].normal_ns
        latency(t, summary, name, took_ns, at_least_most(t, summary, name, took_ns))
        for metric in (f"{name}.count", f"{name}.latency.max"):
            t.equal(summary.entry(metric)["quality"], "sampled", f"quality of {metric}")
    # In a row: fewer than there were, and said to be a lower bound; never more.
    row = summary.count("tiny")
    t.check(1 <= row < len(truth["tiny"].normal_ns), f"{row} calls in a row")
    split(t, summary)
    t.no_drops(summary)


def split(t, summary):
    """Where the time goes: a sleeping function sleeps, a computing one computes."""
    asleep, computing = summary.number("asleep.wait.sleep"), summary.number("hundred.cpu")
    t.exact_enough(asleep >= 0.020, f"asleep.wait.sleep: {asleep}")
    t.exact_enough(computing >= 0.080, f"hundred.cpu: {computing}")
    for name in PLAIN:
        parts = [m for m in summary.metrics if m == f"{name}.cpu" or m.startswith(f"{name}.wait.")]
        whole = sum(summary.number(m) for m in parts if not m.endswith(".sum"))
        t.near(whole, summary.number(f"{name}.latency.mean"), f"{name}: CPU and waits", 0.15, 1e-3)


@test(60)
def python_frames_are_those_of_faulthandler(t):
    """Every function that the process itself says is on its stack was seen there, no other."""
    target, watch = start(t, "stack.py", STACK, "--rounds", 5)
    target.go()
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    told = [line["stack"] for line in truth.others if line["type"] == "stack"]
    t.equal(len(told), 5, "stacks that the process wrote")
    for name in STACK:
        times = sum(name in stack for stack in told)
        count = summary.count(name)
        # A generator that was made before the first look is not counted.
        least = times - 1 if name == "generated" else times
        t.exact_enough(
            least <= count <= times, f"{name}.count: {count}, in {times} stacks of the process"
        )
    t.equal(summary.count("never"), 0, "never.count: in no stack")
    t.no_drops(summary)


@test(60)
def python_waits_for_the_gil(t):
    waits_for_the_gil(t, True)


@test(60)
def python_waits_for_the_gil_of_exact_spans(t):
    waits_for_the_gil(t, False)


def waits_for_the_gil(t, sampled):
    names = {name: name for name in ("contended", "alone", "locked")}
    target, watch = start(t, "gil.py", names, "--rounds", 10, sampled=sampled)
    target.go()
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    for name in names:
        took_ns, waits = truth.functions[name].normal_ns, truth.waits[name]
        missed = at_least_most(t, summary, name, took_ns)
        t.check(sampled or not missed, f"{name}.count: {missed} missed")
        of_target = (took_ns, waits["off_ns"], waits["least_blocked_ns"])
        wall, off, least = (mean_s(ns) for ns in of_target)
        t.near(summary.number(f"{name}.latency.mean"), wall, f"{name}.latency.mean", 0.1, ERROR_S)
        gil, lock, ready = (
            summary.number(f"{name}.wait.{reason}") for reason in ("gil", "lock", "runqueue")
        )
        t.near(gil + lock + ready, off, f"{name}: off the CPU", 0.15, 2 * ERROR_S)
        t.exact_enough(
            gil + lock >= least * 0.8 - ERROR_S, f"{name}: blocked {gil + lock}, at least {least}"
        )
        if name == "locked":
            t.exact_enough(lock >= 0.030, f"locked.wait.lock: {lock}")
            t.between(gil, 0, 0.010, "locked.wait.gil")
        else:
            t.between(lock, 0, ERROR_S, f"{name}.wait.lock")
        if name == "contended":
            t.exact_enough(
                gil >= 0.020, f"contended.wait.gil: {gil} (by the target at least {least})"
            )
        if name == "alone":
            t.between(gil, 0, ERROR_S, "alone.wait.gil")
    t.no_drops(summary)


def mean_s(values_ns):
    return sum(values_ns) / len(values_ns) / 1e9
