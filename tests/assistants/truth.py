#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reads the demo assistant's own log: the truth that measurements of it are compared with.

    from truth import Truth
    log = Truth("alice.log")
    log.latency("stt", since_ns=t0)["p95"]

As a program it prints a summary: truth.py LOG. Times are CLOCK_MONOTONIC nanoseconds, the clock of
bpf_ktime_get_ns(). The log may still be growing: an unfinished last line is left out, and what the
assistant has not flushed yet (up to a second) is not there.
"""
import json
import math
import sys
import time

STAGES = ("wake_word", "stt", "intent", "response", "tts")
VOICE_STAGES = ("stt", "intent", "response", "tts")


def percentile(values, p):
    """Nearest rank: the smallest value that at least p percent of all values do not exceed."""
    if not values:
        raise ValueError("percentile of nothing")
    ordered = sorted(values)
    return ordered[max(1, math.ceil(len(ordered) * p / 100)) - 1]


def statistics(values):
    """count, p50, p95, p99, max and mean; all but count are None without values."""
    if not values:
        return dict.fromkeys(("p50", "p95", "p99", "max", "mean")) | {"count": 0}
    return {
        "count": len(values),
        "p50": percentile(values, 50),
        "p95": percentile(values, 95),
        "p99": percentile(values, 99),
        "max": max(values),
        "mean": sum(values) / len(values),
    }


def read_lines(path):
    """The log's complete lines, parsed. A line that is not JSON is an error."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    whole = text[:text.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]


def wait_for(path, kind, timeout_s=20.0, count=1):
    """Waits until the log has `count` lines of this type; returns them or raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            found = [r for r in read_lines(path) if r["type"] == kind]
        except FileNotFoundError:
            found = []
        if len(found) >= count:
            return found
        time.sleep(0.05)
    raise TimeoutError("%s: no %d line(s) of type '%s' within %g s" % (path, count, kind, timeout_s))


def union_ns(intervals, since_ns=0, until_ns=math.inf):
    """Length of the union of (start, end) intervals, inside since..until."""
    total, reached = 0, since_ns
    for start, end in sorted(intervals):
        start, end = max(start, reached), min(end, until_ns)
        if end > start:
            total += end - start
            reached = end
    return total


class Truth:
    """One log, read once."""

    def __init__(self, path):
        self.records = read_lines(path)

    def of_type(self, kind):
        return [r for r in self.records if r["type"] == kind]

    def one(self, kind):
        """The only line of a type (start, ready, end); None if it is not there."""
        found = self.of_type(kind)
        return found[0] if found else None

    def spans(self, stage=None, since_ns=0, until_ns=math.inf, user=None):
        """Spans that both started and ended inside since..until, in order of their end."""
        found = [r for r in self.of_type("span")
                 if stage in (None, r["stage"]) and user in (None, r["user"])
                 and r["start_ns"] >= since_ns and r["end_ns"] <= until_ns]
        return sorted(found, key=lambda r: r["end_ns"])

    def turns(self, since_ns=0, until_ns=math.inf, user=None, outcome=None):
        """Turns whose end of speech and end lie inside since..until.

        Without speech, missed or cut short by the end of the assistant, it is not a turn.
        """
        return [r for r in self.of_type("turn")
                if user in (None, r["user"]) and outcome in (None, r["outcome"])
                and r["start_ns"] and r["start_ns"] >= since_ns and r["end_ns"] <= until_ns]

    def frames(self, since_ns=0, until_ns=math.inf, user=None):
        """Wake word frames, if the log has them (--log-frames)."""
        return [r for r in self.of_type("frame") if user in (None, r["user"])
                and r["start_ns"] >= since_ns and r["end_ns"] <= until_ns]

    def faults(self, name=None):
        """[(name, start_ns, end_ns or None)] of the faults that have begun."""
        out, open_at = [], {}
        for r in self.of_type("fault"):
            if name not in (None, r["fault"]):
                continue
            if r["state"] == "start":
                open_at[r["fault"]] = len(out)
                out.append((r["fault"], r["at_ns"], None))
            elif r["fault"] in open_at:
                at = open_at.pop(r["fault"])
                out[at] = (out[at][0], out[at][1], r["at_ns"])
        return out

    def durations(self, stage, since_ns=0, until_ns=math.inf, user=None, engine=False):
        """Wall times of a stage, ns; with engine=True those of the library's own calls."""
        start, end = ("engine_start_ns", "engine_end_ns") if engine else ("start_ns", "end_ns")
        return [r[end] - r[start] for r in self.spans(stage, since_ns, until_ns, user)
                if not engine or start in r]

    def latency(self, stage, since_ns=0, until_ns=math.inf, user=None, engine=False):
        return statistics(self.durations(stage, since_ns, until_ns, user, engine))

    def turn_latency(self, since_ns=0, until_ns=math.inf, user=None):
        """End of speech to first audio, of the complete turns."""
        return statistics([r["end_ns"] - r["start_ns"]
                           for r in self.turns(since_ns, until_ns, user, "complete")])

    def gaps(self, first, second, since_ns=0, until_ns=math.inf):
        """Time from the end of one stage to the start of another of the same turn, ns."""
        ends = {(r["user"], r["turn"]): r["end_ns"] for r in self.spans(first, since_ns, until_ns)}
        return [r["start_ns"] - ends[r["user"], r["turn"]]
                for r in self.spans(second, since_ns, until_ns) if (r["user"], r["turn"]) in ends]

    def voice_ns(self, since_ns=0, until_ns=math.inf):
        """How long at least one stage of a turn (not the wake word) was in flight."""
        return union_ns([(r["start_ns"], r["end_ns"]) for r in self.of_type("span")
                         if r["stage"] in VOICE_STAGES], since_ns, until_ns)

    def users_active(self, since_ns=0, until_ns=math.inf):
        """Highest number of turns between end of speech and first audio at the same time."""
        edges = []
        for r in self.turns(since_ns, until_ns):
            edges += [(r["start_ns"], 1), (r["end_ns"], -1)]
        open_now = highest = 0
        for _, step in sorted(edges):
            open_now += step
            highest = max(highest, open_now)
        return highest

    def matched(self):
        """(turns understood word by word, turns)"""
        turns = self.turns()
        return sum(r["matched"] for r in turns), len(turns)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: truth.py LOG")
    log = Truth(sys.argv[1])
    rows = [(stage, log.latency(stage)) for stage in STAGES] + [("turn", log.turn_latency())]
    print("%-10s %6s %10s %10s %10s %10s" % ("stage", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"))
    for name, st in rows:
        if st["count"]:
            print("%-10s %6d %10.3f %10.3f %10.3f %10.3f" % (
                name, st["count"], *(st[k] / 1e6 for k in ("p50", "p95", "p99", "max"))))
    print("understood %d of %d turns" % log.matched())


if __name__ == "__main__":
    main()
