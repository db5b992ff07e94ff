# SPDX-License-Identifier: GPL-2.0-only
"""What the scheduler hook costs: two threads that do nothing but wake each other."""

import json

from harness import config
from observers import Bpftrace, Cheshire, Target

WINDOW_MS = 700
# What one would write for the off-CPU times of one process.
OFF_CPU = """tracepoint:sched:sched_switch /pid == %d/ { @s[tid] = nsecs; }
tracepoint:sched:sched_switch /@s[args->next_pid]/ {
  @off = hist(nsecs - @s[args->next_pid]); delete(@s[args->next_pid]); }
"""


def round_trip_ns(target, command="run"):
    with target.lines.changed:
        start = len(target.lines.items)
    target.send_line(f"{command} {WINDOW_MS}")
    line = target.lines.wait(lambda text: text.startswith("{"), 30, command, start)[1][1]
    answer = json.loads(line)
    return answer["ns"] / answer["trips"]


def measure(bench, report):
    pair = Target(bench, "pingpong", 1)
    idle = Target(bench, "spans")
    stage = config({"exchange": "pingpong:exchange"})
    other = config({"push": "spans:stage_push"})
    cases = [
        ("not watched: cheshire", Cheshire(bench, other), idle, "run", 5),
        ("not watched: bpftrace off-CPU", Bpftrace(bench, OFF_CPU % idle.pid), idle, "run", None),
        ("watched, no stage open: cheshire", Cheshire(bench, stage), pair, "run", 15),
        ("watched, inside a stage: cheshire", Cheshire(bench, stage), pair, "stage", 15),
        ("watched: bpftrace off-CPU", Bpftrace(bench, OFF_CPU % pair.pid), pair, "run", None),
    ]
    found = {name: [] for name, *_ in cases}
    base = []
    for _ in range(2 if bench.quick else 6):
        for name, observer, watched, command, _goal in cases:
            before = round_trip_ns(pair, command)
            with observer.on(watched):
                during = round_trip_ns(pair, command)
            after = round_trip_ns(pair, command)
            base += [before, after]
            found[name].append((during / ((before + after) / 2) - 1) * 100)
    report.row("bystanders", "a round trip, nobody watching", base, "ns")
    for name, _observer, _watched, _command, goal in cases:
        report.row("bystanders", f"slower, {name}", found[name], "%", goal)
