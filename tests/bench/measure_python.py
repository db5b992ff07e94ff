# SPDX-License-Identifier: GPL-2.0-only
"""Named Python functions: how right their durations and counts are, and what watching them costs."""

import os

from harness import Failure, Skip, config, nearest_rank
from measure_spans import Spans, ask
from observers import Bpftrace, Cheshire
from python_programs import EXACT, SAMPLED, SYSTEM_PYTHON, cached, interpreter, way

# Beside the system's; PYTHON_VERSIONS="3.9 3.14" in the environment takes fewer, or none.
VERSIONS = os.environ.get("PYTHON_VERSIONS", "3.9 3.12 3.13 3.14").split()
LENGTHS_MS = (1, 5, 20, 100, 500)
SOME_LENGTHS_MS = (1, 20, 100)  # of the other versions, in the quick form
# One thread computes, so that nothing but the clock shows where a call ends; eight sleep.
THREADS = ((1, "busy"), (8, "sleep"))
GOAL_US = 50
ROW_CALLS = 100
WINDOW_MS = 250
DECOYS = ("ping", "pong", "answer", "main")  # seldom called; these take all watchpoints
# One call of one function of many: what USDT of the interpreter itself gives.
USDT = """usdt:%(path)s:python:function__entry /str(arg1) == "turn_5ms"/ { @s[tid] = nsecs; }
usdt:%(path)s:python:function__return /@s[tid]/ { @ = hist(nsecs - @s[tid]); delete(@s[tid]); }
"""


class Load(Spans):
    """python_load.py under one interpreter."""

    def __init__(self, bench, python):
        script = __file__.replace("measure_python.py", "python_load.py")
        super().__init__(bench, "python", "-B", script, path=python)


def stage(name):
    return {name: f"python:python_load.py:{name}"}


def text_for(name, kind):
    """The configuration that measures a function this way: sampled where others come first."""
    if kind == EXACT:
        return config(stage(name))
    decoys = {decoy: f"python:python_load.py:{decoy}" for decoy in DECOYS}
    return config({**decoys, **stage(name)})


def elapsed_ns(summary, name):
    """(calls, their durations together) so far; mean and count are both exact."""
    count = summary.count(name) if summary.has(f"{name}.count") else 0
    if not count:
        return 0, 0.0
    return count, summary.number(f"{name}.latency.mean") * 1e9 * count


def one_length(bench, python, kind, ms, threads, how):
    """(errors of the mean of each round in us, calls made, calls counted), or why not."""
    name = f"turn_{ms}ms"
    target = Load(bench, python)
    rounds = max(4, min(30, (1000 if bench.quick else 2500) // (ms + 15)))
    errors, made = [], 0
    ask(target, f"calls {threads} {ms} {how}")  # the threads are there before the watch
    with Cheshire(bench, text_for(name, kind)).on(target) as watch:
        if way(watch, name) != kind:
            raise Skip(f"{name}: {watch.stage(name)['reason']}")
        first, before_ns = elapsed_ns(watch.summary_now(), name)
        count = first
        for _ in range(rounds):
            took = ask(target, f"calls {threads} {ms} {how}")["took_ns"]
            made += len(took)
            now, now_ns = elapsed_ns(watch.summary_now(), name)
            if now - count == len(took):
                errors.append(((now_ns - before_ns) - sum(took)) / len(took) / 1e3)
            count, before_ns = now, now_ns
    target.end()
    return errors, made, count - first


def accuracy(bench, report, label, python, lengths):
    for kind in (EXACT, SAMPLED):
        for threads, how in THREADS:
            for ms in lengths:
                what = f"{label}, {kind}, {ms} ms, {threads} {how}"
                try:
                    errors, made, counted = one_length(bench, python, kind, ms, threads, how)
                except Skip as skip:
                    report.note("python", f"{what}: {skip}")
                    continue
                sizes = sorted(abs(error) for error in errors)
                goal = GOAL_US if kind == EXACT else None
                if sizes:
                    report.row("python", f"{what}: median", [nearest_rank(sizes, 50)], "us")
                    report.row("python", f"{what}: p95", [nearest_rank(sizes, 95)], "us", goal)
                goal = 0 if kind == EXACT else None
                off = [abs(made - counted)]
                report.row("python", f"{what}: miscounted of {made}", off, "calls", goal)


def in_a_row(bench, report, label, python):
    """Calls without a gap between them, which merge where one only looks now and then."""
    for kind in (EXACT, SAMPLED):
        target = Load(bench, python)
        with Cheshire(bench, text_for("turn_5ms", kind)).on(target) as watch:
            if way(watch, "turn_5ms") == kind:
                ask(target, f"row 5 {ROW_CALLS}")
                count, _ = elapsed_ns(watch.summary_now(), "turn_5ms")
                name = f"{label}, {kind}, 5 ms in a row: miscounted of {ROW_CALLS}"
                report.row("python", name, [abs(ROW_CALLS - count)], "calls")
        target.end()


def unit_ns(target, command):
    """The quietest of some windows."""
    times = []
    for _ in range(3):
        found = ask(target, f"{command} {WINDOW_MS}")
        times.append((found.get("cpu_ns") or found["wall_ns"]) / found["calls"])
    return min(times)


def slowdown(bench, report, label, python, observers):
    """Percent that the same work takes longer, each observer next to nothing (finer: unwatched).

    Copies suffer from registers that watch data, which the stages beside a sampled one have, too.
    """
    target = Load(bench, python)
    for name, observer in observers.items():
        found = {command: [] for command in ("fib", "real", "ping", "copy")}
        for _ in range(2 if bench.quick else 4):
            base = {command: unit_ns(target, command) for command in found}
            with observer.on(target):
                for command, values in found.items():
                    values.append((unit_ns(target, command) / base[command] - 1) * 100)
        for command, values in found.items():
            report.row("python", f"{label}, {command}: {name}", values, "%")
    target.end()


def beside_usdt(bench, report, label, python):
    """The interpreter's own probes, where it has them: they cost every call of every function."""
    program = python.parent / "root-amd64/usr/bin/python3.9"
    target = Load(bench, python)
    observer = Bpftrace(bench, USDT % {"path": program}, probes=2)
    slower = {command: [] for command in ("fib", "real")}
    base = {command: unit_ns(target, command) for command in slower}
    try:
        with observer.on(target) as process:
            for command, values in slower.items():
                values.append((unit_ns(target, command) / base[command] - 1) * 100)
            row = ask(target, "row 5 100")
    except Failure as failure:
        report.note("python", f"{label}: bpftrace's usdt probes: {failure}")
        return
    seen = process.out_path.read_text(encoding="utf-8")
    report.note("python", f"{label}: bpftrace saw {'something' if '@' in seen else 'nothing'}"
                f" of {row['calls']} calls")
    for command, values in slower.items():
        report.row("python", f"{label}, {command}: bpftrace, function__entry/return", values, "%")


def measure(bench, report):
    pythons = {"system": SYSTEM_PYTHON}
    for version in VERSIONS:
        if cached(version):
            pythons[version] = interpreter(version)
        else:
            report.note("python", f"Python {version} is not here: make test-python fetches it")
    for label, python in pythons.items():
        lengths = SOME_LENGTHS_MS if bench.quick and label != "system" else LENGTHS_MS
        accuracy(bench, report, label, python, lengths)
        in_a_row(bench, report, label, python)
    observers = {
        "exact": Cheshire(bench, text_for("turn_5ms", EXACT)),
        "sampled": Cheshire(bench, text_for("turn_5ms", SAMPLED)),
    }
    slowdown(bench, report, "system", SYSTEM_PYTHON, observers)
    if "3.9" in pythons:
        beside_usdt(bench, report, "3.9", pythons["3.9"])
