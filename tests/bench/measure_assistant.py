# SPDX-License-Identifier: GPL-2.0-only
"""What watching costs the demo assistant, everything on; and what cheshire itself takes."""

import contextlib
import json
import re
import signal
import statistics
import subprocess
import time
from pathlib import Path

import truth
from harness import BUILD, proc_status_kb, wait_until
from observers import BPFTOOL, Bpftrace, Cheshire, Nothing, Target, family

ALICE = BUILD / "assistants" / "alice"
GOAL_SLOWDOWN_PERCENT = 0.5
GOAL_OWN_CPU_PERCENT = 0.2
GOAL_RSS_MB = 16


def built_in(overhead):
    """The built-in configuration: every budget, stages by recognition."""
    return f"limits: {{ overhead: {overhead}, records: 200/s }}\n"


def start(bench, log, *args):
    options = ["--audio", BUILD / "corpus", "--log", log, *args]
    return Target(bench, "alice", *options, path=ALICE, ready="ready,")


def object_path(pid, name):
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return re.search(rf"(/\S*/{re.escape(name)})$", maps, re.M).group(1)


def probed_functions(bench):
    """(path, symbol) of everything that cheshire probes of its own accord in the assistant."""
    target = start(bench, bench.dir / "probe.log", "--turns", "0", "--duration", "60s")
    with Cheshire(bench, built_in("50%")).on(target) as watch:
        found = {
            (object_path(target.pid, function["object"]), function["symbol"])
            for stage in watch.hello["stages"]
            for function in stage["functions"]
            if function["symbol"]
        }
    target.end()
    return sorted(found)


def script(functions):
    """An entry and return histogram of each; uretprobes: it has nothing else."""
    lines = []
    for i, (path, symbol) in enumerate(functions):
        lines.append(
            f"uprobe:{path}:{symbol} {{ @s{i}[tid] = nsecs; }}\n"
            f"uretprobe:{path}:{symbol} /@s{i}[tid]/ "
            f"{{ @h{i} = hist(nsecs - @s{i}[tid]); delete(@s{i}[tid]); }}\n"
        )
    return "".join(lines)


def run_cpu_s(pid):
    """CPU seconds of all threads so far, in nanoseconds' resolution."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def family_cpu_s(pid):
    """The same of a process and its children."""
    return sum(run_cpu_s(each) for each in family(pid).values())


def family_mb(pid, field):
    return sum(proc_status_kb(each, field) for each in family(pid).values()) / 1024


def turn_latencies(log):
    """{number of the turn: its latency, ns}: the same utterances in every run."""
    turns = truth.Truth(log).turns(outcome="complete")
    return {turn["turn"]: turn["end_ns"] - turn["start_ns"] for turn in turns}


def slower_percent(latencies, base):
    """Median over the turns that both had."""
    both = latencies.keys() & base.keys()
    return (statistics.median(latencies[turn] / base[turn] for turn in both) - 1) * 100


def fast_run(bench, observer, turns):
    """(CPU seconds a turn, latencies, what the observer is) of one fast run."""
    log = bench.dir / f"fast-{len(bench.processes)}.log"
    target = start(bench, log, "--fast", "--turns", str(turns))
    target.signal(signal.SIGSTOP)  # the observer comes before the first turn
    begun_s = run_cpu_s(target.pid)
    with observer.on(target) as seen:
        target.signal(signal.SIGCONT)
        wait_until(lambda: not target.running(), 120, "the assistant's end")
        if observer.name == "cheshire":
            seen.wait(20)
    cpu_s = truth.Truth(log).one("end")["cpu_ns"] / 1e9 - begun_s
    return cpu_s / turns, turn_latencies(log), seen


def measure_fast(bench, report, functions):
    turns, reps = (20, 2) if bench.quick else (40, 3)
    observers = [
        Nothing(),
        Cheshire(bench, built_in("50%")),
        Bpftrace(bench, script(functions), len(functions)),
    ]
    cpu = {observer.name: [] for observer in observers}
    latency = {observer.name: [] for observer in observers}
    for _ in range(reps):
        for observer in observers:
            cpu_s, latencies, seen = fast_run(bench, observer, turns)
            cpu[observer.name].append(cpu_s)
            latency[observer.name].append(latencies)
            if observer.name == "cheshire":
                states = [stage["state"] for stage in seen.hello["stages"]]
    report.note("assistant", f"as fast as it can, {turns} turns; stages at the start: {states}")
    report.row("assistant", "fast, CPU time of a turn: nothing", cpu["nothing"], "s")
    for name in ("cheshire", "bpftrace"):
        goal = GOAL_SLOWDOWN_PERCENT if name == "cheshire" else None
        slower = [(a / b - 1) * 100 for a, b in zip(cpu[name], cpu["nothing"])]
        report.row("assistant", f"fast, more CPU time: {name}", slower, "%", goal)
        slower = [slower_percent(a, b) for a, b in zip(latency[name], latency["nothing"])]
        report.row("assistant", f"fast, longer median turn: {name}", slower, "%", goal)


def map_bytes(watch):
    """Locked memory of the BPF maps that the process and its children hold."""
    shown = subprocess.run([BPFTOOL, "-j", "map", "show"], capture_output=True, check=True)
    held = set()
    for pid in family(watch.pid).values():
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            with contextlib.suppress(OSError):
                text = entry.read_text(encoding="ascii")
                held.update(int(i) for i in re.findall(r"^map_id:\s*(\d+)", text, re.M))
    return sum(
        int(item.get("bytes_memlock", 0)) for item in json.loads(shown.stdout) if item["id"] in held
    )


def real_run(bench, functions, seconds):
    """Three assistants at once, in real time: one alone, one under each observer."""
    observers = [Nothing(), Cheshire(bench), Bpftrace(bench, script(functions), len(functions))]
    found = {}
    with contextlib.ExitStack() as stack:
        targets = {}
        for observer in observers:
            log = bench.dir / f"real-{observer.name}-{len(bench.processes)}.log"
            target = start(bench, log, "--duration", "600s", "--pause", "1s")
            seen = stack.enter_context(observer.on(target))
            targets[observer.name] = (target, seen, log)
        time.sleep(1)  # not a wait for anything: past the attaching
        begun = {name: run_cpu_s(target.pid) for name, (target, _, _) in targets.items()}
        own = {name: family_cpu_s(seen.pid) for name, (_, seen, _) in targets.items() if seen}
        time.sleep(seconds)
        for name, (target, seen, _log) in targets.items():
            found[name] = {"cpu": (run_cpu_s(target.pid) - begun[name]) / seconds * 100}
            if seen:
                found[name]["own"] = (family_cpu_s(seen.pid) - own[name]) / seconds * 100
                found[name]["rss"] = family_mb(seen.pid, "VmRSS")
                found[name]["hwm"] = family_mb(seen.pid, "VmHWM")
                found[name]["maps"] = map_bytes(seen) / 2**20
        watch = targets["cheshire"][1]
        overhead = watch.summary_now().overhead()
        found["cheshire"]["booked"] = (
            (overhead["probe_ns"] + overhead["tracepoint_ns"]) / overhead["elapsed_ns"] * 100
        )
        found["cheshire"]["states"] = [stage["state"] for stage in watch.hello["stages"]]
        for target, _, _ in targets.values():
            target.signal(signal.SIGTERM)
            target.wait(20)
        watch.wait(20)
    for name, (_, _, log) in targets.items():
        found[name]["latency"] = turn_latencies(log)
    return found


def measure_real(bench, report, functions):
    runs = [real_run(bench, functions, s) for s in ((10,) if bench.quick else (35, 25))]

    def values(name, key):
        return [run[name][key] for run in runs]

    report.note(
        "assistant", f"real time, default ceiling; stages: {runs[0]['cheshire']['states']}"
    )
    report.row("assistant", "real time, CPU: nothing", values("nothing", "cpu"), "% of CPU")
    for name in ("cheshire", "bpftrace"):
        more = [run[name]["cpu"] - run["nothing"]["cpu"] for run in runs]
        report.row("assistant", f"real time, more CPU: {name}", more, "% of CPU")
        goal = GOAL_SLOWDOWN_PERCENT if name == "cheshire" else None
        relative = [(run[name]["cpu"] / run["nothing"]["cpu"] - 1) * 100 for run in runs]
        report.row("assistant", f"real time, more CPU time: {name}", relative, "%", goal)
        slower = [slower_percent(run[name]["latency"], run["nothing"]["latency"]) for run in runs]
        report.row("assistant", f"real time, longer median turn: {name}", slower, "%", goal)
    report.row("assistant", "real time, booked: cheshire", values("cheshire", "booked"), "% of CPU")
    goals = {"own": GOAL_OWN_CPU_PERCENT, "rss": GOAL_RSS_MB, "hwm": None, "maps": None}
    words = {
        "own": ("own CPU", "% of CPU"),
        "rss": ("own RSS", "MB"),
        "hwm": ("own RSS, highest", "MB"),
        "maps": ("own BPF maps", "MB"),
    }
    for key, (text, unit) in words.items():
        for name in ("cheshire", "bpftrace"):
            goal = goals[key] if name == "cheshire" else None
            report.row("assistant", f"{text}: {name}", values(name, key), unit, goal)


def measure(bench, report):
    functions = probed_functions(bench)
    names = ", ".join(symbol for _, symbol in functions)
    report.note("assistant", f"{len(functions)} functions: {names}")
    measure_fast(bench, report, functions)
    measure_real(bench, report, functions)
