# SPDX-License-Identifier: GPL-2.0-only
"""What the hooks of a watch cost a program that only calls the kernel, and that nobody watches."""

import shutil

from harness import config
from measure_spans import Spans, ask
from observers import Bpftrace, Cheshire, Program, Target

WINDOW_MS = 60
WINDOWS = 3
KINDS = {
    "getppid": "getppid",
    "file": "open, read, close",
    "mmap": "map, touch and unmap a page",
    "fork": "fork and wait",
    "thread": "create a thread and join it",
    "yield": "sched_yield between two threads",
}
GOAL_PERCENT = 5
# What one would write for the system calls of one process.
COUNT = """tracepoint:raw_syscalls:sys_enter /pid == %d/ { @s[tid] = nsecs; }
tracepoint:raw_syscalls:sys_exit /@s[tid]/ { @[args->id] = sum(nsecs - @s[tid]); delete(@s[tid]); }
"""


class Syscalls(Spans):
    """The quietest of some windows of each kind: what a busy machine adds is in the others."""

    def call_ns(self, windows, window_ms):
        found = {kind: [] for kind in KINDS}
        for _ in range(windows):
            for kind, times in found.items():
                answer = ask(self, f"{kind} {window_ms}")
                times.append(answer["cpu_ns"] / answer["calls"])
        return {kind: min(times) for kind, times in found.items()}


def observers_of(bench, idle):
    observers = [
        ("cheshire", Cheshire(bench, config({"push": "spans:stage_push"}))),
        ("bpftrace, times of system calls", Bpftrace(bench, COUNT % idle.pid)),
    ]
    for name, text in (("syscount", "syscount -L"), ("offcputime", "offcputime")):
        if shutil.which(name):
            command = [name, "-p", idle.pid, "-L"] if name == "syscount" else [name, "-p", idle.pid]
            observers.append((text, Program(bench, name, command)))
    return observers


def measure(bench, report):
    busy = Syscalls(bench, "syscalls")
    idle = Target(bench, "spans")
    cases = observers_of(bench, idle)
    base = {kind: [] for kind in KINDS}
    slower = {(kind, name): [] for kind in KINDS for name, _ in cases}
    for _ in range(2 if bench.quick else 5):
        for name, observer in cases:
            before = busy.call_ns(WINDOWS, WINDOW_MS)
            with observer.on(idle):
                during = busy.call_ns(2 * WINDOWS, WINDOW_MS)
            after = busy.call_ns(WINDOWS, WINDOW_MS)
            for kind in KINDS:
                quiet = min(before[kind], after[kind])
                base[kind].append(quiet)
                slower[kind, name].append((during[kind] / quiet - 1) * 100)
    for kind, what in KINDS.items():
        report.row("syscalls", f"{what}, nobody watching", base[kind], "ns")
        for name, _ in cases:
            goal = GOAL_PERCENT if name == "cheshire" else None
            report.row("syscalls", f"{what}, slower: {name}", slower[kind, name], "%", goal)
