# SPDX-License-Identifier: GPL-2.0-only
"""What looking for a leak costs the program that is looked at, beside what one would use instead.

The target (tests/targets/leaks/slow_churn) allocates as fast as it can, a million times a second,
or at a rate of everyday. Its own log says how many blocks it has made, the kernel how much CPU time
its threads took: the quotient is compared, observer by observer, each between two rests.

bcc's memleak needs the kernel's headers: BCC_KERNEL_SOURCE names a folder with some.
How long it takes to name a leak, measures measure_verdict.py.
"""

import contextlib
import json
import shutil
import signal
import time
from pathlib import Path

from harness import CHESHIRE, TARGETS, Failure, Process, changed_text_bytes, wait_until
from observers import Bpftrace, Cheshire, Target

# blocks a second, threads
LOADS = {
    "tight loop": (0, 1),
    "1,000,000/s": (1000000, 1),
    "20,000/s": (20000, 1),
}
# Bytes a second that the target loses, so that there is something to be found: 213 blocks, few
# enough for their call to be counted.
LEAK_BYTES = 40 << 10
# What cheshire does: each goes one step farther than the one before, for the next is put off; and
# the step that it has to have come to before it is measured.
LIMIT = "limits: { overhead: 1% }\n"
QUIET = LIMIT + "leaks: { hunt: yes, above: 100GB/h }\n"
STEPS = {
    "windows": (LIMIT + "leaks: { interval: 2s, settle: 24h }\n", None),
    "blocks watched": (LIMIT + "leaks: { interval: 1s, settle: 3s, watch: 1h }\n", "watchpoints"),
    "call counted": (LIMIT + "leaks: { interval: 1s, settle: 3s, watch: 3s }\n", "call_sites"),
}
SEARCH_S = 10
STEP_DEADLINE_S = 90
GOAL_TIMES = 1.01
ROUNDS = 3
# As memleak does it: sizes by address and stack, dropped by free.
MEMLEAK = """uprobe:%(libc)s:malloc, uprobe:%(libc)s:calloc /pid == %(pid)d/ { @size[tid] = arg0; }
uretprobe:%(libc)s:malloc, uretprobe:%(libc)s:calloc /@size[tid]/ {
  @live[retval] = (@size[tid], ustack(8)); delete(@size[tid]); }
uprobe:%(libc)s:free /pid == %(pid)d/ { delete(@live[arg0]); }
END { clear(@size); clear(@live); }
"""


class Churn(Target):
    """Its work so far, and the CPU time of it."""

    def __init__(self, bench, churn, threads):
        self.log_path = bench.dir / f"churn-{len(bench.processes)}.log"
        super().__init__(
            bench, "slow_churn", "--churn", churn, "--threads", threads, "--rate", LEAK_BYTES,
            "--log", self.log_path,
            path=TARGETS / "leaks" / "slow_churn",
        )

    def cpu_ns(self):
        return sum(
            int((task / "schedstat").read_text(encoding="ascii").split()[0])
            for task in Path(f"/proc/{self.pid}/task").iterdir()
        )

    def newest(self):
        """The newest line of the log, which is written five times a second."""
        text = self.log_path.read_text(encoding="utf-8")
        lines = text[: text.rfind("\n") + 1].splitlines()
        return json.loads(lines[-1]) if lines else None

    def point(self):
        """(ns, blocks, CPU time in ns) of the moment at which a line was just written."""
        before = self.newest()
        line = wait_until(
            lambda: (now := self.newest()) and now != before and now, 5, "a line of the log"
        )
        return line["at_ns"], line["blocks"], self.cpu_ns()

    def measure(self, seconds):
        """(CPU ns a block, blocks a second, share of a CPU)"""
        at_ns, blocks, cpu_ns = self.point()
        time.sleep(seconds)
        then = self.point()
        made = then[1] - blocks
        if not made:
            raise Failure(f"{self.name} does not allocate any more")
        elapsed_ns = then[0] - at_ns
        return (then[2] - cpu_ns) / made, made / elapsed_ns * 1e9, (then[2] - cpu_ns) / elapsed_ns


class Memleak:
    """bcc's; it is at work when it says so."""

    name = "memleak (bcc)"

    def __init__(self, case):
        self.case = case

    @contextlib.contextmanager
    def on(self, target):
        process = Process(
            self.case, f"memleak-{len(self.case.processes)}",
            ["memleak-bpfcc", "-p", target.pid, 3600],
        )
        try:
            process.lines.wait(lambda line: line.startswith("Attaching"), 120, "memleak at work")
            wait_until(lambda: probed(target), 60, "memleak attached")
            yield process
        finally:
            process.signal(signal.SIGINT)
            with contextlib.suppress(Failure):
                process.wait(60)
            process.end()
            wait_until(lambda: not probed(target), 60, "memleak gone")


def libc_of(pid):
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return next(line.split()[-1] for line in maps.splitlines() if "/libc.so" in line)


def probed(target):
    """Is there a breakpoint in the C library, as it is in the target?"""
    return changed_text_bytes(target.pid, Path(libc_of(target.pid)).parent) > 0


class AllProbed(Bpftrace):
    name = "bpftrace, every malloc and free"

    def __init__(self, case):
        super().__init__(case, "", probes=2, map_keys=1000000)

    @contextlib.contextmanager
    def on(self, target):
        self.script = MEMLEAK % {"libc": libc_of(target.pid), "pid": target.pid}
        with super().on(target) as process:
            yield process


class Searching:
    """`cheshire leaks`, from its beginning or from when it has come to a step."""

    def __init__(self, case, name, config, step=None):
        self.case, self.name, self.config = case, f"cheshire leaks, {name}", config
        self.step = step

    @contextlib.contextmanager
    def on(self, target):
        serial = len(self.case.processes)
        process = Process(
            self.case, f"leaks-{serial}",
            [CHESHIRE, "leaks", "--pid", target.pid, "--duration", "1h", "--output", "json",
             "--config", self.case.write(f"leaks-{serial}.yaml", self.config)],
        )
        try:
            process.lines.wait(lambda line: '"type":"hello"' in line, 20, "cheshire at work")
            if self.step:
                wait_until(lambda: self.has_come(process), STEP_DEADLINE_S, self.step, 0.5)
            yield process
        finally:
            process.signal(signal.SIGTERM)
            process.wait(30)

    def has_come(self, process):
        with process.lines.changed:
            begin = len(process.lines.items)
        process.signal(signal.SIGUSR1)
        _, (_, line) = process.lines.wait(
            lambda text: '"type":"leaks"' in text, 20, "an answer", begin
        )
        return json.loads(line)["step"] == self.step


def observers_of(bench):
    """(observer, how long it is measured for: what comes seldom needs longer)"""
    observers = [(AllProbed(bench), 2)]
    if shutil.which("memleak-bpfcc"):
        observers.append((Memleak(bench), 2))
    observers.append((Cheshire(bench, QUIET, name="cheshire watch, no growth"), SEARCH_S))
    observers += [
        (Searching(bench, name, text, step), SEARCH_S) for name, (text, step) in STEPS.items()
    ]
    return observers


def measure_one(target, observer, seconds, found):
    before = target.measure(2)
    with observer.on(target) as process:
        during = target.measure(seconds)
    after = target.measure(2)
    found.setdefault(observer.name, []).append(during[0] / ((before[0] + after[0]) / 2))
    return process


def measure_load(bench, report, name):
    """All observers in turn, some times; what was measured is told, whatever comes."""
    target, slower = Churn(bench, *LOADS[name]), {}
    try:
        for _ in range(1 if bench.quick else ROUNDS):
            for observer, seconds in observers_of(bench):
                try:
                    measure_one(target, observer, 2 if bench.quick else seconds, slower)
                except Failure as failure:
                    text = " ".join(str(failure).split())[:200]
                    report.note("leaks", f"{name}: {observer.name}: {text}")
    finally:
        for observer, values in slower.items():
            goal = GOAL_TIMES if observer.startswith("cheshire") else None
            report.row("leaks", f"{name}: {observer}", values, "times", goal)
        target.end()


def measure(bench, report):
    report.note("leaks", "CPU time of one block, times that at rest")
    for name in ("1,000,000/s",) if bench.quick else LOADS:
        measure_load(bench, report, name)
