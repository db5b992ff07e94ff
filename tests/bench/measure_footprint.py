# SPDX-License-Identifier: GPL-2.0-only
"""What a watch itself takes as time goes by: CPU and memory of each of its processes."""

import contextlib
import re
import time
from pathlib import Path

from measure_assistant import GOAL_OWN_CPU_PERCENT, GOAL_RSS_MB, probed_functions, run_cpu_s
from measure_assistant import script, start
from observers import Bpftrace, Cheshire, family

SLICES = 6
SLICE_S = 15


def memory_mb(pid):
    """(resident, proportional, of its own) of a process, MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    fields = {name: int(kb) / 1024 for name, kb in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}
    return fields["Rss"], fields["Pss"], fields["Private_Clean"] + fields["Private_Dirty"]


def samples(processes, slices, slice_s):
    """{process: [(percent of a CPU in the slice, (memory at its end))]}"""
    found = {name: [] for name in processes}
    before = {name: run_cpu_s(pid) for name, pid in processes.items()}
    due = time.monotonic()
    for _ in range(slices):
        began, due = time.monotonic(), due + slice_s
        time.sleep(max(0, due - time.monotonic()))
        took_s = time.monotonic() - began
        for name, pid in processes.items():
            cpu_s = run_cpu_s(pid)
            found[name].append(((cpu_s - before[name]) / took_s * 100, memory_mb(pid)))
            before[name] = cpu_s
    return found


def rows(report, found):
    for name, taken in found.items():
        report.row("footprint", f"{name}: CPU", [cpu for cpu, _ in taken], "% of CPU")
        for i, word in enumerate(("resident", "proportional share", "its own")):
            report.row("footprint", f"{name}: memory, {word}", [mem[i] for _, mem in taken], "MB")
        grown = taken[-1][1][0] - taken[0][1][0]
        report.row("footprint", f"{name}: grown since the first", [grown], "MB")


def measure(bench, report):
    functions = probed_functions(bench)
    slices, slice_s = (2, 2) if bench.quick else (SLICES, SLICE_S)
    with contextlib.ExitStack() as stack:
        processes = {}
        for observer in (Cheshire(bench), Bpftrace(bench, script(functions), len(functions))):
            log = bench.dir / f"{observer.name}.log"
            target = start(bench, log, "--duration", "600s", "--pause", "1s")
            stack.callback(target.end)
            seen = stack.enter_context(observer.on(target))
            processes.update(family(seen.pid))
        time.sleep(2)  # not a wait for anything: past the attaching
        found = samples(processes, slices, slice_s)
    mine = [taken for name, taken in found.items() if name != "bpftrace"]
    together = [[sum(column) for column in zip(*(cpu_and_rss(s) for s in slice))]
                for slice in zip(*mine)]
    report.note("footprint", f"{slices} slices of {slice_s} s; the assistant in real time")
    report.row("footprint", "cheshire, both processes: CPU", [cpu for cpu, _ in together],
               "% of CPU", GOAL_OWN_CPU_PERCENT)
    report.row("footprint", "cheshire, both processes: resident", [mb for _, mb in together], "MB",
               GOAL_RSS_MB)
    rows(report, found)


def cpu_and_rss(sample):
    cpu, memory = sample
    return cpu, memory[0]
