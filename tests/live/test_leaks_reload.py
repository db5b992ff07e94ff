# SPDX-License-Identifier: GPL-2.0-only
"""A search for leaks, and what comes between: a configuration that is read again, a lost keeper."""

import json
import os
import signal
from pathlib import Path

from harness import CHESHIRE, Process, test, wait_until
from leak_programs import start

CONFIG = """limits: { overhead: 20% }
budgets:
  memory.growth: { stat: now, window: 10m, warning: 100GB/h, critical: 200GB/h }
leaks: { hunt: yes, above: 1MB/h, interval: 1s, settle: 3s, watch: 3s, calls: 2000 }
"""
LEAKS = ("probable", "confirmed")
# Growth has to be sure before the search begins, and survivors have to be old.
DEADLINE_S = 150


def descriptors(watch):
    return len(os.listdir(f"/proc/{watch.pid}/fd"))


def keeper_of(process):
    """The session's only child."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    return int(children)


def report(watch):
    """SIGUSR1, and what it says of leaks; None: no search has begun."""
    with watch.lines.changed:
        begin = len(watch.lines.items)
    watch.signal(signal.SIGUSR1)
    watch.wait_for("summary", match=None, start=begin)
    said = [json.loads(text) for _, text in watch.lines.items[begin:]]
    found = [line for line in said if line["type"] == "leaks"]
    return found[-1] if found else None


def wait_hunting(watch):
    def hunts():
        said = report(watch)
        return said and said["windows"]

    wait_until(hunts, DEADLINE_S, "windows on the allocator")


def wait_leak(watch, program):
    def named():
        said = report(watch)
        return said and [
            site for site in said["sites"]
            if site["verdict"] in LEAKS and program.site()["function"] in (site["function"] or "")
        ]

    wait_until(named, DEADLINE_S, "the leak")


def reload(watch):
    with watch.lines.changed:
        begin = len(watch.lines.items)
    watch.signal(signal.SIGHUP)
    watch.wait_for("note", match=lambda line: line["event"] == "reload", start=begin)


@test(400, waits=True)
def reload_goes_on_with_the_search(t):
    """What has no news changes nothing; what has begins anew and leaves nothing behind."""
    program = start(t, "lost")
    watch = t.watch(program.pid, CONFIG)
    wait_hunting(watch)
    reload(watch)
    wait_leak(watch, program)
    hunting = descriptors(watch)
    t.write("config.yaml", CONFIG.replace("200GB", "300GB"))
    reload(watch)
    wait_until(lambda: descriptors(watch) < hunting, 15, "the search's descriptors are closed")
    t.check(not report(watch), "what was found before the reload is told as of after it")
    watch.stop()


def lines(process):
    with process.lines.changed:
        return [json.loads(text) for _, text in process.lines.items]


@test(200, waits=True)
def search_without_its_keeper_says_so(t):
    """What nobody looks for any more is not said to be none."""
    program = start(t, "lost")
    search = Process(
        t, "leaks", [CHESHIRE, "leaks", "--pid", program.pid, "--duration", "3m", "--output",
                     "json", "--config", t.write("leaks.yaml", CONFIG)],
    )

    def last():
        search.signal(signal.SIGUSR1)
        found = [line for line in lines(search) if line["type"] == "leaks"]
        return found[-1] if found else None

    wait_until(lambda: any(line["type"] == "hello" for line in lines(search)), 30, "hello")
    wait_until(lambda: (last() or {"windows": 0})["windows"], 30, "a window")
    t.check(not any("searched" in limit for limit in last()["limits"]), "nothing fails yet")
    os.kill(keeper_of(search), signal.SIGKILL)
    wait_until(
        lambda: any("cannot be searched" in limit for limit in last()["limits"]), 30,
        "that nothing is searched any more is said",
    )
    search.signal(signal.SIGTERM)
    t.equal(search.wait(30), 0, "exit code")
