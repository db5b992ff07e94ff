# SPDX-License-Identifier: GPL-2.0-only
"""What watching one Python function costs all code that is not watched: a program beside its twin.

Two processes of the same program do the same work on the same CPU, one after the other, 20 ms each:
whatever the machine does to one it does to the other. One is watched, or none. The ratio of their
times while one is watched, against that just before and just after, is what watching costs; which
of the two is watched changes with each round.
"""

import os
import statistics

from measure_python import Load, text_for
from measure_spans import ask
from observers import Cheshire
from python_programs import EXACT, SAMPLED, SYSTEM_PYTHON

GOAL_PERCENT = 0.5
WINDOW_MS = 20
PAIRS, QUICK_PAIRS = 150, 20
ROUNDS, QUICK_ROUNDS = 8, 2


def unit_ns(target, command):
    found = ask(target, f"{command} {WINDOW_MS}")
    return found["cpu_ns"] / found["calls"]


def ratio(one, other, command, pairs):
    """How many times as long one takes as the other: the median of pairs, each in both orders."""
    ratios = []
    for _ in range(pairs // 2):
        first, second = unit_ns(one, command), unit_ns(other, command)
        ratios.append(first / second)
        second, first = unit_ns(other, command), unit_ns(one, command)
        ratios.append(first / second)
    return statistics.median(ratios)


def beside_its_twin(bench, report, name, observer, command):
    twins = [Load(bench, SYSTEM_PYTHON), Load(bench, SYSTEM_PYTHON)]
    cpu = max(os.sched_getaffinity(0))
    for twin in twins:
        os.sched_setaffinity(twin.pid, {cpu})
    pairs = QUICK_PAIRS if bench.quick else PAIRS
    costs = []
    for _ in range(QUICK_ROUNDS if bench.quick else ROUNDS):
        before = ratio(*twins, command, pairs // 2)
        with observer.on(twins[0]):
            watched = ratio(*twins, command, pairs)
        after = ratio(*twins, command, pairs // 2)
        costs.append((watched / statistics.mean((before, after)) - 1) * 100)
        twins.reverse()
    for twin in twins:
        twin.end()
    what = {"fib": "calls that nobody watches", "real": "requests"}[command]
    report.row("unwatched", f"{what}: {name}", costs, "%", GOAL_PERCENT)
    # Half of the rounds are above the median; how far that may be off, by their own spread.
    spread = statistics.stdev(costs) / len(costs) ** 0.5
    report.row("unwatched", f"{what}: {name}, standard error of the mean", [spread], "%")


def measure(bench, report):
    for name, kind in (("exact", EXACT), ("sampled", SAMPLED)):
        observer = Cheshire(bench, text_for("turn_500ms", kind))
        for command in ("fib", "real"):
            beside_its_twin(bench, report, name, observer, command)
