# SPDX-License-Identifier: GPL-2.0-only
"""A search for leaks and a configuration that is read again meanwhile."""

import json
import os
import signal

from harness import test, wait_until
from leak_programs import start

CONFIG = """limits: { overhead: 20% }
budgets:
  memory.growth: { stat: now, window: 10m, warning: 100GB/h, critical: 200GB/h }
leaks: { hunt: yes, above: 1MB/h, interval: 1s, settle: 3s, watch: 3s, calls: 2000 }
"""
LEAKS = ("probable", "confirmed")
# Growth has to be sure before the search begins, and survivors have to be old.
DEADLINE_S = 90


def descriptors(watch):
    return len(os.listdir(f"/proc/{watch.pid}/fd"))


def report(watch):
    """SIGUSR1, and what it says of leaks; None: no search has begun."""
    with watch.lines.changed:
        begin = len(watch.lines.items)
    watch.signal(signal.SIGUSR1)
    watch.wait_for("summary", 15, None, begin)
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
    watch.wait_for("note", 15, lambda line: line["event"] == "reload", begin)


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
