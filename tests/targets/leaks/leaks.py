# SPDX-License-Identifier: GPL-2.0-only
"""What the Python programs have in common, as program.h has it for those in C: same options, same
log, but for the line of the site, which names the type of what is kept:
{"type":"site","python_type":"Session","function":"remember","file":"py_list.py","line":12}.
"""

import argparse
import json
import signal
import time

TICK_S = 0.005
LOG_S = 0.2
USUAL_BLOCKS = 40


def usual_work(number):
    """A piece of work that keeps nothing; about USUAL_BLOCKS objects."""
    words = [str(number + each) * 3 for each in range(16)]
    lengths = {word: len(word) for word in words}
    return sum(lengths.values())


class Program:
    """leak(number) keeps something and returns its bytes; None: a control, whose work() is its own."""

    def __init__(self, leak=None, site=None, work=usual_work, rate=65536, churn=20000):
        parser = argparse.ArgumentParser()
        parser.add_argument("--rate", type=float, default=rate)
        parser.add_argument("--churn", type=float, default=churn)
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--duration", type=float, default=0)
        parser.add_argument("--scale", type=float, default=1)
        parser.add_argument("--log")
        self.options = parser.parse_args()
        self.leak, self.work, self.site = leak, work, site
        self.bytes = self.count = self.blocks = 0
        self.log = open(self.options.log, "w", encoding="utf-8") if self.options.log else None
        self.ending = False
        signal.signal(signal.SIGTERM, self.end)

    def end(self, *_):
        self.ending = True

    def write(self, line):
        if self.log:
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()

    def write_state(self):
        self.write({"type": "leaked", "at_ns": time.monotonic_ns(), "bytes": self.bytes,
                    "count": self.count, "blocks": self.blocks, "live_bytes": 0})

    def run(self):
        print("ready", flush=True)
        if self.leak:
            self.write({"type": "site", **self.site})
        started = logged = time.monotonic()
        while not self.ending:
            now = time.monotonic()
            elapsed = now - started
            if self.options.duration and elapsed >= self.options.duration:
                break
            while self.blocks < self.options.churn * elapsed:
                self.work(self.blocks)
                self.blocks += USUAL_BLOCKS
            while self.leak and self.bytes < self.options.rate * elapsed:
                self.bytes += self.leak(self.count)
                self.count += 1
            if now - logged >= LOG_S:
                logged = now
                self.write_state()
            time.sleep(TICK_S)
        self.write_state()


def line_of(function, word):
    """The line of the function's source that has this word in it."""
    with open(function.__code__.co_filename, encoding="utf-8") as source:
        lines = source.read().splitlines()
    first = function.__code__.co_firstlineno
    return next(at for at in range(first, len(lines) + 1) if word in lines[at - 1] and at > first)
