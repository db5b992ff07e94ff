# SPDX-License-Identifier: GPL-2.0-only
"""What evaluating rules once a second costs."""

import json
import subprocess

from observers import BENCH

GOAL_PERCENT = 1.0
SETTINGS = {"one": "200 rules over a series each",
            "all": "200 rules over all 200 series"}


def measure(bench, report):
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
