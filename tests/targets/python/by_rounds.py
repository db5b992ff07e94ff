# SPDX-License-Identifier: GPL-2.0-only
"""What scripts have in common that work for some rounds and then write down the truth.

SCRIPT --log FILE [--rounds N] [--wait]: with --wait SIGUSR2 says when to begin.
"""

import argparse
import json
import os
import signal
import sys


def calls_lines(calls):
    """{function: nanoseconds of each call} as lines of a log."""
    for name, took_ns in calls.items():
        line = {"type": "function", "name": name, "count": len(took_ns), "abnormal_ns": []}
        yield line | {
            "outermost": len(took_ns), "normal_ns": took_ns, "normal_least_ns": took_ns,
        }


def main(run_all, lines):
    """run_all(rounds), then lines() of the log; a log without any is no good one."""
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
    with open(options.log, "w", encoding="utf-8") as log:
        written = [log.write(json.dumps(line) + "\n") for line in lines()]
        log.write(json.dumps({"type": "end", "ok": bool(written), "failed": 0}) + "\n")
    sys.stdout.flush()
    os._exit(0)
