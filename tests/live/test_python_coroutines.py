# SPDX-License-Identifier: GPL-2.0-only
"""Coroutines and generators of one event loop, from their making to their end, against its clock.

Either end is known within the time from one look to the next: the loop is looked at 499 times a
second of its CPU time, and whenever it goes to sleep.  What runs for microseconds and is suspended
for long is seen as well as anything else.
"""

import os

from harness import Skip, config, test
from python_programs import (
    SYSTEM_PYTHON, PythonTarget, at_least_most, cached, interpreter, latency
)

LONG = os.environ.get("PYTHON_VERSIONS") == "all"
NAMES = (
    "overlapping", "outer", "inner", "failing", "cancelled", "never_awaited", "slow_generator",
    "async_generator"
)


def check_coroutines(t, python, *args):
    if not LONG:
        raise Skip("only in the long form, make test-python")
    target = PythonTarget(t, "coroutines.py", *args, python=python)
    # The four watchpoints are given to functions that are never called.
    stages = {"spare": '{ call: "python:coroutines.py:spare_?" }'}
    stages |= {name: f'{{ call: "python:coroutines.py:{name}" }}' for name in NAMES}
    watch = t.watch(target.pid, config(stages))
    for name in NAMES:
        t.equal(watch.stage(name)["state"], "armed", f"state of '{name}'")
        t.check(watch.stage(name)["reason"].startswith("sampled"), watch.stage(name)["reason"])
    target.go()
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    for name in NAMES:
        took_ns = truth.functions[name].normal_ns
        latency(t, summary, name, took_ns, at_least_most(t, summary, name, took_ns))
        t.equal(summary.entry(f"{name}.count")["quality"], "sampled", f"quality of {name}.count")
    # Nothing of it is CPU time, and all of it is accounted for.
    for name in ("overlapping", "cancelled"):
        mean = summary.number(f"{name}.latency.mean")
        other = summary.number(f"{name}.wait.other")
        t.between(other, 0.8 * mean, 1.001 * mean, f"{name}.wait.other")
    t.no_drops(summary)
    return truth


@test(60)
def python_version_of_the_system_coroutines(t):
    check_coroutines(t, SYSTEM_PYTHON, "--rounds", 12)


@test(60)
def python_version_of_the_system_coroutines_collected(t):
    """It moves the objects from one of its lists to another, all the time."""
    truth = check_coroutines(t, SYSTEM_PYTHON, "--rounds", 12, "--litter", 2000)
    runs = next(line["runs"] for line in truth.others if line["type"] == "gc")
    t.check(runs >= 24, f"{runs} runs of the collector")


def version(number):
    def run(t):
        check_coroutines(t, interpreter(number), "--rounds", 12)

    run.__name__ = f"python_version_{number.replace('.', '_')}_coroutines"
    return run


for each in ("3.9", "3.12", "3.13", "3.14"):
    if cached(each):
        test(60)(version(each))
