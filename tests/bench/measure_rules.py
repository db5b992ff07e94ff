# SPDX-License-Identifier: GPL-2.0-only
"""What evaluating rules once a second costs: the evaluator alone, and a running watch."""

import json
import os
import subprocess
import time

from harness import CHESHIRE, Failure, config
from observers import BENCH

GOAL_PERCENT = 1.0
GOAL_RSS_MB = 16
SETTINGS = {"one": "200 rules over a series each",
            "all": "200 rules over all 200 series"}
RULES = 200
# Series of one metric: %s is what makes them different.
FORMS = (
    "{} > 1e12",
    "avg_over_time({}[20s]) > 1e12",
    "max_over_time({}[10s]) - min_over_time({}[10s]) > 1e12",
    "quantile_over_time(0.95, {}[10s]) > 1e12",
    "deriv({}[20s]) > 1e12",
)
WARM_S = 22
MEASURE_S = 15


def evaluator(bench, report):
    for setting, what in SETTINGS.items():
        percents, results = [], []
        for _ in range(2 if bench.quick else 5):
            done = subprocess.run([BENCH / "rule_tick", setting], capture_output=True, text=True,
                                  check=True, timeout=60)
            results.append(json.loads(done.stdout))
            ticks = sorted(results[-1]["tick_s"])
            percents.append(100 * ticks[len(ticks) // 2])
        last = results[-1]
        report.row("rules", f"{what}: of one CPU", percents, "%", GOAL_PERCENT)
        report.row("rules", f"{what}: the store", [last["store_bytes"] / 1024], "KiB")
        report.note("rules", f"{what}: {last['samples']} samples, {last['allocations']} calls of "
                             f"the allocator in {len(last['tick_s'])} ticks")


def series(bench):
    """200 selectors of one series each: gauges and counters of the process, over several windows."""
    done = bench.run(CHESHIRE, "export", "names")
    names = [line.split() for line in done.stdout.splitlines()]
    names = [words for words in names if len(words) == 4 and words[3].split(".")[0] in
             ("cpu", "memory", "threads", "fds", "io", "host", "users", "turn")]
    found = [words[0] for words in names if words[2] == "-"]
    for window in ("5m", "1m", "30s"):
        found += [f'{words[0]}{{window="{window}"}}' for words in names if words[2] == "window"]
    if len(found) < RULES:
        raise Failure(f"only {len(found)} series")
    return found[:RULES]


def rules(bench):
    lines = ["groups:", "- name: bench", "  interval: 1s", "  rules:"]
    for i, selector in enumerate(series(bench)):
        lines += [f"  - alert: R{i}", f"    expr: {FORMS[i % len(FORMS)].format(selector, selector)}"]
    return bench.write("rules.yml", "\n".join(lines) + "\n")


def cpu_s(pid):
    """Of a process of one thread, to the nanosecond."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as file:
        return int(file.read().split()[0]) / 1e9


def rss_mb(pid):
    with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def running(bench, *settings):
    """(percent of a CPU, RSS in MB) of watches of idle processes at once, with these arguments."""
    targets = [bench.target("memory", wait=False) for _ in settings]
    text = config({"voice": "memory:stage_voice"})
    watches = [bench.watch(target.pid, text, *args) for target, args in zip(targets, settings)]
    time.sleep(WARM_S)
    began = [(cpu_s(watch.pid), time.monotonic()) for watch in watches]
    time.sleep(MEASURE_S)
    found = [
        (100 * (cpu_s(watch.pid) - spent_s) / (time.monotonic() - at), rss_mb(watch.pid))
        for watch, (spent_s, at) in zip(watches, began)
    ]
    for process in (*watches, *targets):
        process.end()
    return found


def measure(bench, report):
    evaluator(bench, report)
    path = rules(bench)
    pairs = [running(bench, (), ("--rules", path))
             for _ in range(1 if bench.quick else 2)]
    report.row("rules", "watch without rules: of one CPU", [p[0][0] for p in pairs], "%")
    report.row("rules", "watch, 200 rules over 200 series: more", [p[1][0] - p[0][0] for p in pairs],
               "%", GOAL_PERCENT, "reading the series included")
    report.row("rules", "watch without rules: RSS", [p[0][1] for p in pairs], "MB", GOAL_RSS_MB)
    report.row("rules", "watch, 200 rules over 200 series: RSS", [p[1][1] for p in pairs], "MB",
               GOAL_RSS_MB)
