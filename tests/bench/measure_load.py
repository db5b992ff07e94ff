# SPDX-License-Identifier: GPL-2.0-only
"""What a program pays that runs so many spans a second: its CPU time, by rate and threads."""

import statistics

from harness import config
from measure_spans import Spans, ask, script
from observers import Bare, Bpftrace, Cheshire, Nothing

FUNCTIONS = ("branch", "endbr64")
RATES = (50, 500, 5000, 100000)
THREADS = (1, 200)
GOAL_PERCENT = 1  # at 5,000 spans a second, both ends emulated


def cases():
    """A stepped trap takes longer than 100,000 of them have time for: not with endbr64."""
    return [
        (function, threads, rate)
        for function in FUNCTIONS
        for threads in THREADS
        for rate in RATES
        if function == "branch" or rate < 100000
    ]


def window_ms(bench, rate):
    """Long enough that what a few calls cost shows beside the rest."""
    if bench.quick:
        return 150
    return 1000 if rate <= 50 else 600 if rate <= 500 else 400


def one_visit(bench, target):
    found = {}
    for case in cases():
        function, threads, rate = case
        answer = ask(target, f"load {function} {threads} {rate} {window_ms(bench, rate)}")
        found[case] = (answer["cpu_ns"] / answer["wall_ns"] * 100, answer["calls"])
    return found


def observers_of(bench, target):
    sites = [ask(target, f"sites {name}") for name in FUNCTIONS]
    stages = {name: f"spans:stage_{name}" for name in FUNCTIONS}
    # The highest ceiling there is: nothing is taken off.
    text = config(stages, overhead="50%").replace("records: 5000/s", "records: 200/s")
    return [
        Nothing(),
        Bare(bench, [offset for site in sites for offset in (site["entry"], site["exit"])]),
        Cheshire(bench, text),
        Bpftrace(bench, script(target.path, FUNCTIONS), len(FUNCTIONS)),
    ]


def rows(report, case, visits, names):
    """More CPU time than with nobody watching, in the same turn."""
    function, threads, rate = case
    where = f"{function}, {rate:,}/s, {threads} thread{'s' if threads > 1 else ''}"
    base = [visit[case][0] for visit in visits["nothing"]]
    report.row("load", f"{where}: nothing", base, "% of CPU")
    for name in names:
        more = [visit[case][0] - alone for visit, alone in zip(visits[name], base)]
        wanted = statistics.median(visit[case][1] for visit in visits["nothing"])
        done = statistics.median(visit[case][1] for visit in visits[name]) / wanted
        note = f"{done * 100:.0f} % of the calls" if done < 0.95 else ""
        goal = GOAL_PERCENT if (name, function, rate) == ("cheshire", "branch", 5000) else None
        report.row("load", f"{where}, more: {name}", more, "% of CPU", goal, note)


def measure(bench, report):
    target = Spans(bench, "spans")
    observers = observers_of(bench, target)
    visits = {observer.name: [] for observer in observers}
    for _ in range(1 if bench.quick else 3):
        for observer in observers:
            with observer.on(target):
                visits[observer.name].append(one_visit(bench, target))
    for case in cases():
        rows(report, case, visits, [name for name in visits if name != "nothing"])
