# SPDX-License-Identifier: GPL-2.0-only
"""How long it takes until a leak of 10 and of 20 MB an hour has a name, at the usual settings.

All of it happens at once, for all of it mostly waits: a search on demand and a watch that begins
one by itself, each on a program of its own. The programs:

- `lost` (tests/targets/leaks): blocks of 256 bytes, beside 20,000 others a second that are freed;
- the demo assistant: the sound of some turns, 32 KB for each second of it, is not given back.

A time counts from when cheshire was at work; the leak was there before. It is not part of
`make bench`, for it takes a quarter of an hour: tests/bench/run verdict.
"""

import contextlib
import json
import signal
import time

from builtin import Planted
from harness import CHESHIRE, TARGETS, Failure, Process
from observers import Target

RATES_MB_PER_H = (10, 20)
ROUNDS = 3
LIMIT_S = 900
POLL_S = 2
# The default of an hour says nothing before its first quarter is over.
WATCHING = """budgets:
  memory.growth: { window: 10m, for: 0s, target: 4MB/h, warning: 5MB/h, critical: 50MB/h }
  memory.leaks: { window: 1h, for: 0s, target: 0, warning: 0, critical: 1 }
"""
# A turn every two seconds. How much it loses when all turns keep their sound is measured first.
ASSISTANT = ("--push-to-talk", "--fast", "--pause", "2s")


class Lost:
    """`lost`, at a rate."""

    name, function = "small blocks", "session_new"

    def __init__(self, bench, megabytes):
        self.log_path = bench.dir / f"lost-{len(bench.processes)}.log"
        self.process = Target(
            bench, "lost", "--rate", megabytes * (1 << 20) / 3600, "--log", self.log_path,
            path=TARGETS / "leaks" / "lost",
        )
        self.pid = self.process.pid

    def point(self):
        """(seconds, bytes that are lost by now)"""
        text = self.log_path.read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        newest = [line for line in lines if line["type"] == "leaked"][-1]
        return newest["at_ns"] / 1e9, newest["bytes"]


class Assistant:
    """The demo assistant that keeps the sound of so many of its turns."""

    name, function = "recordings", "audio_block_new"
    # MB an hour with the sound of all turns.
    all_mb_per_h = None

    def __init__(self, bench, megabytes):
        percent = round(100 * megabytes / self.all_mb_per_h)
        self.process = Planted(
            bench, *ASSISTANT, "--fault", f"keep-audio={percent}%",
            name=f"alice-{len(bench.processes)}",
        )
        self.process.go()
        self.pid = self.process.pid

    def point(self):
        turns = self.process.so_far().turns()
        return turns[-1]["end_ns"] / 1e9, sum(turn["kept_bytes"] for turn in turns)


class Asked:
    """`cheshire leaks`: it searches from its beginning on."""

    name = "asked for"

    def __init__(self, bench, pid):
        self.process = Process(
            bench, f"leaks-{len(bench.processes)}",
            [CHESHIRE, "leaks", "--pid", pid, "--duration", "1h", "--output", "json"],
        )
        self.process.lines.wait(lambda line: '"type":"hello"' in line, 20, "cheshire at work")

    def sites(self):
        """Asks for the next answer, and gives what the last one said."""
        with self.process.lines.changed:
            lines = [text for _, text in self.process.lines.items if '"type":"leaks"' in text]
        self.process.signal(signal.SIGUSR1)
        return json.loads(lines[-1])["sites"] if lines else []

    def verdicts(self, function):
        """{what is known by now}"""
        return {
            site["verdict"]
            for site in self.sites()
            if function in (site["function"] or "") and site["line"]
        } & {"probable", "confirmed"}


class Watched:
    """`cheshire watch`: it searches when memory grows for sure."""

    name = "watched"

    def __init__(self, bench, pid):
        config = bench.write(f"watch-{pid}.yaml", WATCHING)
        self.process = Process(
            bench, f"watch-{len(bench.processes)}",
            [CHESHIRE, "watch", "--pid", pid, "--config", config, "--output", "json"],
        )
        self.process.lines.wait(lambda line: '"type":"hello"' in line, 20, "cheshire at work")

    def verdicts(self, function):
        known = set()
        with self.process.lines.changed:
            lines = [text for _, text in self.process.lines.items if '"type":"alert"' in text]
        for alert in map(json.loads, lines):
            if alert["state"] != "firing":
                continue
            if alert["metric"].startswith("memory.growth"):
                known.add("growth")
            elif any(function in one["text"] for one in alert["evidence"]):
                known.add("confirmed")
        return known


class Trial:
    """One program under one observer, until the last of what is to be known is known."""

    def __init__(self, bench, program, megabytes, observer):
        self.program = program(bench, megabytes)
        self.megabytes = megabytes
        self.observer = observer(bench, self.program.pid)
        self.started, self.times = time.monotonic(), {}
        self.first = self.last = None

    def look(self):
        """Is it over?"""
        for verdict in self.observer.verdicts(self.program.function) - set(self.times):
            self.times[verdict] = time.monotonic() - self.started
        with contextlib.suppress(IndexError):
            self.last = self.program.point()
            self.first = self.first or self.last
        return "confirmed" in self.times

    def end(self):
        for process in (self.observer.process, self.program.process):
            if process.running():
                process.signal(signal.SIGTERM)
                process.end()

    def mb_per_h(self):
        """By the program's own log."""
        if not self.first or self.first == self.last:
            return 0
        (from_s, before), (to_s, after) = self.first, self.last
        return (after - before) / (1 << 20) / (to_s - from_s) * 3600


def find_all_mb_per_h(bench):
    """What the assistant loses when all turns keep their sound."""
    Assistant.all_mb_per_h = 1
    program = Assistant(bench, 1)
    time.sleep(30)
    first = program.process.so_far().turns()[0]["end_ns"] / 1e9
    end_s, kept = program.point()
    program.process.end()
    Assistant.all_mb_per_h = kept / (1 << 20) / (end_s - first) * 3600


def report_trials(report, trials):
    groups = {}
    for trial in trials:
        key = (trial.program.name, trial.megabytes, trial.observer.name)
        groups.setdefault(key, []).append(trial)
    for (program, megabytes, observer), group in groups.items():
        rates = ", ".join(f"{trial.mb_per_h():.0f}" for trial in group)
        for verdict in ("growth", "probable", "confirmed"):
            times = [trial.times[verdict] for trial in group if verdict in trial.times]
            if times or verdict == "confirmed":
                report.row(
                    "verdict", f"{megabytes} MB/h, {program}: {observer}, {verdict}", times, "s",
                    note=f"{len(times)} of {len(group)}; in truth {rates} MB/h",
                )


def measure(bench, report):
    find_all_mb_per_h(bench)
    trials = []
    for _ in range(1 if bench.quick else ROUNDS):
        for megabytes in RATES_MB_PER_H:
            for program in (Lost, Assistant):
                trials += [
                    Trial(bench, program, megabytes, observer) for observer in (Asked, Watched)
                ]
    try:
        watch_trials(trials)
    finally:
        report_trials(report, trials)


def watch_trials(trials):
    going, deadline = list(trials), time.monotonic() + LIMIT_S
    while going and time.monotonic() < deadline:
        for trial in [trial for trial in going if trial.look()]:
            trial.end()
            going.remove(trial)
        time.sleep(POLL_S)
    for trial in going:
        if not trial.observer.process.running():
            raise Failure(f"{trial.observer.name} ended: {trial.observer.process.errors()[-300:]}")
        trial.end()
