# SPDX-License-Identifier: GPL-2.0-only
"""`cheshire leaks` on programs that leak, and on programs that do not: against their own truth.

CHESHIRE_TEST_LONG=1 (`make test-leaks`) asks for all of them: each is a test of its own, so that
the closing line is the score. What the programs do in seconds, an assistant does in hours: the
times of the search are shortened by as much.
"""

import json
import os
import platform
import re
import signal
from pathlib import Path

from harness import CHESHIRE, START_DEADLINE_S, TARGETS, Failure, Process, Skip, test, wait_until
from leak_programs import LEAKING, QUIET, Leaky, start

LONG = bool(os.environ.get("CHESHIRE_TEST_LONG"))
CONFIG = """limits: { overhead: 20% }
leaks: { interval: 1s, settle: 3s, watch: 3s, calls: 2000 }
"""
DURATION_S = 40
LONGEST_S = 200
ASK_EVERY_S = 0.5
# A control is looked at for about as long as a leak takes to be found.
QUIET_S = 25
# A few must have survived: a block in 20,000 is seen once in ten windows of 2,000 calls, one mapping
# a second once in as many windows of a tenth of a second.
SLOWLY_S = {"slow_churn": 200, "held_mmap": 150}
# One program of the long form, its server's start included.
LONG_S = 400
LIBRARIES = Path(f"/usr/lib/{platform.machine()}-linux-gnu")
PRELOADED = {
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "mimalloc": "libmimalloc.so.2",
}
# Four of them run side by side.
SELDOM = ("--churn", 2000)
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
        if not self.newest():
            raise Failure(f"cheshire leaks said nothing: {self.errors()[-400:]}")
        return self.newest()

    def newest(self):
        """What it said last; None: nothing yet."""
        with self.lines.changed:
            objects = [json.loads(line) for _, line in self.lines.items]
        return next((line for line in reversed(objects) if line["type"] == "leaks"), None)

    def ask(self):
        """What it knows now; None: it has not begun."""
        with self.lines.changed:
            begin = len(self.lines.items)
        self.signal(signal.SIGUSR1)
        self.lines.wait(lambda line: '"type":"leaks"' in line, START_DEADLINE_S, "an answer", begin)
        return self.newest()

    def until(self, wanted):
        """What it says when wanted(that) holds for the first time."""
        self.lines.wait(lambda line: '"type":"hello"' in line, START_DEADLINE_S, "cheshire at work")
        try:
            return wait_until(
                lambda: (result := self.ask()) and wanted(result) and result,
                self.duration_s - 20, "a result as it should be", ASK_EVERY_S,
            )
        except Failure as failure:
            last = self.newest()
            raise Failure(f"{failure}: {told(last) if last else self.errors()[-400:]}") from None


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


def rate_of(sites):
    """Of a place: one that is reached by several ways has a site for each."""
    return {
        end: sum(site["bytes_per_hour"][end] for site in sites) for end in ("value", "low", "high")
    }


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
    whole = rate_of([site for site in leaks if is_site(site, truth)])
    if not rate_fits(whole, target.rate()):
        return f"its rate is {whole}, not {target.rate() * 3600:.4g}"
    return ""


def false_leak(_, result):
    leaks = leaks_of(result)
    return f"{len(leaks)} that are none" if leaks else ""


def check_program(t, name, judge):
    """One program and one search of its own, for as long as that takes."""
    program = start(t, name)
    result = Search(t, program.pid, SLOWLY_S.get(name, DURATION_S)).result()
    wrong = judge(program, result)
    t.check(not wrong, f"{wrong}: {told(result)}")


@test(300, waits=True)
def leaks_are_named_and_a_full_cache_is_not(t):
    """A block that is lost, and a map that grows and is still in use; a control beside them."""
    leaking = [start(t, name) for name in ("lost", "held_map")]
    quiet = start(t, "bounded_cache")
    searches = [Search(t, program.pid, LONGEST_S) for program in (*leaking, quiet)]
    for program, search in zip(leaking, searches):
        search.until(lambda result, program=program: not found_leak(program, result))
        t.check(program.running(), f"{program.name} does not run any more")
    result = searches[-1].until(
        lambda result: result["windows"] > 5 and result["duration_s"] > QUIET_S
    )
    t.check(quiet.running(), "the control does not run any more")
    # Nothing that counts and alerts: on a busy machine its blocks live long, and could be suspected.
    sure = [site["function"] for site in result["sites"] if site["verdict"] == "confirmed"]
    t.equal(sure, [], f"a leak that is none: {told(result)}")


def other_allocators(t):
    """The program that loses blocks, with each of the other allocators that are here."""
    programs = {}
    for name, library in PRELOADED.items():
        path = LIBRARIES / library
        if path.exists():
            env = {**os.environ, "LD_PRELOAD": str(path)}
            programs[name] = Leaky(t, "lost", *SELDOM, name=f"lost-{name}", env=env)
    if (TARGETS / "leaks" / "lost-musl").exists():
        programs["musl"] = Leaky(t, "lost-musl", *SELDOM)
    return programs


@test(400, waits=True)
def leaks_on_other_allocators(t):
    """Named by place; sure only where the allocator lets it be seen that a block is not free."""
    programs = other_allocators(t)
    if not programs:
        raise Skip("neither jemalloc, tcmalloc, mimalloc nor musl is here")
    searches = {name: Search(t, programs[name].pid, LONGEST_S) for name in programs}
    for name, search in searches.items():
        result = search.until(lambda result, name=name: not found_leak(programs[name], result))
        t.check(programs[name].running(), f"{name}: the program does not run any more")
        t.equal(result["allocator"], name, "the allocator that it found")
        if name != "musl":
            t.equal(leaks_of(result)[0]["verdict"], "probable", f"{name}: verdict")


def every(names, kind, judge, waits):
    """A test for each program, so that the closing line is the score; those kept back say so."""
    for name in names:
        def one(t, name=name):
            check_program(t, name, judge)

        one.__name__ = f"{kind}_{name.removesuffix('.py')}"
        test(LONG_S, waits)(one)


if LONG:
    every(LEAKING, "true_site_first_of", found_leak, True)
    every(QUIET, "no_leak_in", false_leak, False)
