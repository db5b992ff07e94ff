# SPDX-License-Identifier: GPL-2.0-only
"""How right the percentiles are: against the durations that the target kept itself."""

import harness
from harness import config, nearest_rank
from observers import Bpftrace, Cheshire, histogram_percentile

PERCENTS = (50, 95, 99)
GOAL_PERCENT = 1.6
LOAD = ("--threads", "4", "--rate", "60", "--us", "500:20000", "--iterations", "0")
SCRIPT = """uprobe:%(path)s:stage_work { @s[tid] = nsecs; }
uretprobe:%(path)s:stage_work /@s[tid]/ {
  $us = (nsecs - @s[tid]) / 1000; delete(@s[tid]);
  @log2 = hist($us); @linear = lhist($us, 0, 25000, 250); }
"""


def start(bench, seconds, seed):
    name = f"steady-{len(bench.processes)}"
    return harness.Target(
        bench, "steady", *LOAD, "--duration", seconds, "--seed", seed, name=name
    )


def errors(measured_s, durations_ns):
    ordered = sorted(durations_ns)
    true = {p: nearest_rank(ordered, p) / 1e9 for p in PERCENTS}
    return {p: abs(measured_s[p] / true[p] - 1) * 100 for p in PERCENTS}


def with_cheshire(bench, seconds, seed):
    target = start(bench, seconds, seed)
    with Cheshire(bench, config({"work": "steady:stage_work"})).on(target) as watch:
        target.go()
        durations = target.finish().functions["stage_work"].normal_ns
        watch.wait(20)
        summary = watch.last_summary()
    measured = {p: summary.number(f"work.latency.p{p}") for p in PERCENTS}
    return errors(measured, durations), summary.count("work") - len(durations)


def with_bpftrace(bench, seconds, seed):
    target = start(bench, seconds, seed)
    target.path = harness.TARGETS / "steady"
    observer = Bpftrace(bench, SCRIPT % {"path": target.path}, probes=1)
    with observer.on(target) as process:
        target.go()
        durations = target.finish().functions["stage_work"].normal_ns
    text = process.out_path.read_text(encoding="utf-8")
    return {
        name: errors(
            {p: histogram_percentile(text, name, p) / 1e6 for p in PERCENTS}, durations
        )
        for name in ("log2", "linear")
    }


def measure(bench, report):
    seconds, reps = (3, 1) if bench.quick else (6, 4)
    found = {name: [] for name in ("cheshire", "log2", "linear")}
    miscounted = []
    for seed in range(1, reps + 1):
        mine, off = with_cheshire(bench, seconds, seed)
        found["cheshire"].append(mine)
        miscounted.append(abs(off))
        for name, error in with_bpftrace(bench, seconds, seed).items():
            found[name].append(error)
    words = {
        "cheshire": "cheshire",
        "log2": "bpftrace hist(), interpolated",
        "linear": "bpftrace lhist() of 250 us",
    }
    for name, text in words.items():
        for percent in PERCENTS:
            values = [error[percent] for error in found[name]]
            goal = GOAL_PERCENT if name == "cheshire" else None
            report.row("accuracy", f"error of p{percent}: {text}", values, "%", goal)
    report.row("accuracy", "spans miscounted: cheshire", miscounted, "count", 0)
