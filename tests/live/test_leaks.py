# SPDX-License-Identifier: GPL-2.0-only
"""`cheshire leaks` on programs that leak, and on programs that do not: against their own truth.

All of them take half an hour, with the score at the end: CHESHIRE_TEST_LONG=1 (`make test-leaks`)
asks for that. What the programs do in seconds, an assistant does in hours: the times of the search
are shortened by as much.
"""

import json
import os
import re

from harness import CHESHIRE, Failure, Process, test
from leak_programs import LEAKING, QUIET, held_back, start

LONG = bool(os.environ.get("CHESHIRE_TEST_LONG"))
CONFIG = """limits: { overhead: 20% }
leaks: { interval: 1s, settle: 3s, watch: 3s, calls: 2000 }
"""
DURATION_S = 40
LEAKS = ("probable", "confirmed")
# What a rate may be off by where its interval does not hold it: blocks are rounded up, and texts
# are allocated longer than they get.
RATE_FACTOR = 2


class Search(Process):
    """`cheshire leaks` on one process, and what it said last."""

    serial = 0

    def __init__(self, case, pid, duration_s=DURATION_S, config=CONFIG):
        Search.serial += 1
        self.duration_s = duration_s
        super().__init__(
            case, f"leaks-{Search.serial}",
            [CHESHIRE, "leaks", "--pid", pid, "--duration", f"{duration_s}s", "--output", "json",
             "--config", case.write(f"leaks-{Search.serial}.yaml", config)],
        )

    def result(self):
        """The last of its objects, when it has ended by itself."""
        status = self.wait(self.duration_s + 30)
        if status not in (0, 3):
            raise Failure(f"cheshire leaks ended with {status}: {self.errors()[-400:]}")
        objects = [json.loads(line) for _, line in self.lines.items]
        found = [line for line in objects if line["type"] == "leaks"]
        if not found:
            raise Failure(f"cheshire leaks said nothing: {self.errors()[-400:]}")
        return found[-1]


def is_site(found, truth):
    """Is the function that it names the one that leaks, in its file and line?"""
    return (
        re.search(rf"\b{re.escape(truth['function'])}\b", found["function"] or "")
        and (found["file"] or "").endswith(truth["file"])
        and abs((found["line"] or 0) - truth["line"]) <= 2
    )


def is_type(found, truth):
    return found["name"].rpartition(".")[2] == truth["python_type"]


def leaks_of(result):
    return [site for site in result["sites"] if site["verdict"] in LEAKS]


def told(result):
    """What it says, short enough for a failure's line."""
    sites = [
        f"{site['verdict']} {site['function']} {site['file']}:{site['line']}"
        f" {site['bytes_per_hour']['value']:.3g} B/h: {site['reason']}"
        for site in result["sites"][:3]
    ]
    types = [f"{one['name']} {one['objects_per_hour']:.3g}/h" for one in result["types"][:3]]
    return f"growth {result['growth']}, sites {sites}, types {types}, limits {result['limits']}"


def rate_fits(measured, rate):
    """The truth in bytes a second is in the interval, or at least near."""
    low, high = measured["low"] / 3600, measured["high"] / 3600
    return low / RATE_FACTOR <= rate <= high * RATE_FACTOR


def found_leak(target, result):
    """What is wrong with it, in words; empty where the true site is named first, and no other."""
    truth = target.site()
    if "python_type" in truth:
        if not result["types"] or not is_type(result["types"][0], truth):
            return "the type that becomes more is not first"
        return ""
    leaks = leaks_of(result)
    if not leaks:
        return "no leak was found"
    if not is_site(leaks[0], truth):
        return f"the first is not {truth}"
    if not rate_fits(leaks[0]["bytes_per_hour"], target.rate()):
        return f"its rate is {leaks[0]['bytes_per_hour']}, not {target.rate() * 3600:.4g}"
    return ""


def search(t, names):
    """{name: (program, what was said of it)}, all at the same time."""
    programs = {name: start(t, name) for name in names}
    searches = {name: Search(t, program.pid) for name, program in programs.items()}
    return {name: (programs[name], one.result()) for name, one in searches.items()}


def score(t, names, judge):
    """(of those known to the method, of those kept back): how many are right, of how many."""
    right = {False: 0, True: 0}
    total = {False: 0, True: 0}
    for name in names:
        program, result = search(t, (name,))[name]
        wrong = judge(program, result)
        held = held_back(name)
        total[held] += 1
        right[held] += not wrong
        print(f"  {'right' if not wrong else 'WRONG'} {name}: {wrong or ''} {told(result)}", flush=True)
    return right, total


def false_leak(_, result):
    leaks = leaks_of(result)
    return f"{len(leaks)} that are none" if leaks else ""


if LONG:

    @test(1800)
    def every_program_that_leaks(t):
        right, total = score(t, LEAKING, found_leak)
        print(f"  true site first: {right[False]} of {total[False]}, of those kept back"
              f" {right[True]} of {total[True]}", flush=True)
        t.equal(sum(right.values()), len(LEAKING), "true sites that are named first")

    @test(1800)
    def every_program_that_does_not(t):
        right, total = score(t, QUIET, false_leak)
        print(f"  without a false leak: {right[False]} of {total[False]}, of those kept back"
              f" {right[True]} of {total[True]}", flush=True)
        t.equal(sum(right.values()), len(QUIET), "programs without a false leak")
