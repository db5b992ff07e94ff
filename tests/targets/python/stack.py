# SPDX-License-Identifier: GPL-2.0-only
"""Functions inside each other, and the stack as the process itself sees it (faulthandler).

A method, a closure, a generator and plain recursion are on it; `never` is not. Logs each stack as
the list of the functions' names, innermost first.
"""

import faulthandler
import re
import tempfile
import time

import by_rounds

stacks = []


def compute(milliseconds):
    end = time.thread_time_ns() + milliseconds * 1_000_000
    while time.thread_time_ns() < end:
        pass


def note_stack():
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        faulthandler.dump_traceback(file, all_threads=False)
        file.seek(0)
        stacks.append(re.findall(r" in (\S+)$", file.read(), re.M))


def spare_1():
    """Never called: these four have the watchpoints, so that the others are sampled."""


def spare_2():
    pass


def spare_3():
    pass


def spare_4():
    pass


def never():
    compute(10)


def deep(depth):
    if depth:
        deep(depth - 1)
    else:
        compute(10)
        note_stack()


class Thing:
    def method(self):
        for _ in generated():
            pass


def generated():
    deep(30)
    yield 1


def middle():
    Thing().method()


def outer():
    def closure():
        middle()

    closure()


def run_all(rounds):
    for _ in range(rounds):
        outer()
        compute(6)
        time.sleep(0.003)


if __name__ == "__main__":
    by_rounds.main(run_all, lambda: ({"type": "stack", "stack": stack} for stack in stacks))
