# SPDX-License-Identifier: GPL-2.0-only
"""Functions inside each other, and the stack as the process itself sees it (faulthandler).

A method, a closure, a generator and plain recursion are on it; `never` is not. Logs each stack as
the list of the functions' names, innermost first.
"""

import argparse
import faulthandler
import json
import os
import re
import signal
import sys
import tempfile
import time

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


def write_log(path):
    with open(path, "w", encoding="utf-8") as log:
        for stack in stacks:
            log.write(json.dumps({"type": "stack", "stack": stack}) + "\n")
        log.write(json.dumps({"type": "end", "ok": bool(stacks), "failed": 0}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--log", required=True)
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    print("ready", flush=True)
    if options.wait:
        signal.sigwait({signal.SIGUSR2})
    run_all(options.rounds)
    write_log(options.log)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
