# SPDX-License-Identifier: GPL-2.0-only
"""What looking for a leak costs the program that is looked at, beside what one would use instead.

The target (tests/targets/leaks/slow_churn) allocates as fast as it can, a million times a second,
or at a rate of everyday. Its own log says how many blocks it has made, the kernel how much CPU time
its threads took: the quotient is compared, observer by observer, each between two rests.

bcc's memleak needs the kernel's headers: BCC_KERNEL_SOURCE names a folder with some.
"""

import contextlib
import json
import shutil
import signal
import time
from pathlib import Path

from harness import TARGETS, Failure, Process, changed_text_bytes, wait_until
from observers import Bpftrace, Target

# blocks a second, threads
LOADS = {
    "tight loop": (0, 1),
    "1,000,000/s": (1000000, 1),
    "20,000/s": (20000, 1),
}
GOAL_PERCENT = 1
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
            bench, "slow_churn", "--churn", churn, "--threads", threads, "--log", self.log_path,
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
            process.lines.wait(lambda line: line.startswith("Attaching"), 60, "memleak at work")
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


def observers_of(bench):
    observers = [AllProbed(bench)]
    if shutil.which("memleak-bpfcc"):
        observers.append(Memleak(bench))
    return observers


def measure(bench, report):
    repetitions, seconds = (1, 1.5) if bench.quick else (3, 3)
    for name, (churn, threads) in LOADS.items():
        target = Churn(bench, churn, threads)
        slower = {}
        for _ in range(repetitions):
            for observer in observers_of(bench):
                try:
                    before = target.measure(seconds)
                    with observer.on(target):
                        during = target.measure(seconds)
                    after = target.measure(seconds)
                except Failure as failure:
                    report.note("leaks", f"{observer.name}: {str(failure)[:200]}")
                    continue
                rest = (before[0] + after[0]) / 2
                slower.setdefault(observer.name, []).append(during[0] / rest)
        for observer, values in slower.items():
            report.row("leaks", f"{name}, CPU a block: {observer}", values, "times")
        target.end()
