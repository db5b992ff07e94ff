# SPDX-License-Identifier: GPL-2.0-only
"""What a span costs the thread that runs it: single calls at a rate, and tight loops."""

import json
import statistics

from harness import Watch, config
from observers import (
    Bare,
    Bpftrace,
    Cheshire,
    Funclatency,
    Nothing,
    Target,
    bpf_stats,
    program_runs,
)

FUNCTIONS = ("push", "endbr64", "branch", "stepped")
RATES = ((50, 1000), (500, 500), (5000, 300))  # calls a second, for so many ms
HOT_RATE = (50000, 300)
BURST_CALLS, BURSTS = 300, 15
WITH_URETPROBES = "cheshire, exit: uretprobe"
GOAL_NS = 500  # above the bare traps


def ask(target, command):
    return json.loads(target.command_json(command))


class Spans(Target):
    def command_json(self, text, timeout_s=30):
        with self.lines.changed:
            start = len(self.lines.items)
        self.send_line(text)
        found = self.lines.wait(lambda line: line.startswith("{"), timeout_s, f"'{text}'", start)
        return found[1][1]


def stages(more=""):
    """The functions as stages; more: what stands beside each probe."""
    calls = {name: f'{{ call: {{ probe: "spans:stage_{name}"{more} }} }}' for name in FUNCTIONS}
    return config(calls).replace("records: 5000/s", "records: 200/s")


def active_stages():
    """The same with the clocks of each stage."""
    calls = {
        name: f'{{ call: "spans:stage_{name}", active_cpu: yes }}' for name in FUNCTIONS
    }
    return config(calls).replace("records: 5000/s", "records: 200/s")


def script(path, functions=FUNCTIONS):
    lines = []
    for i, name in enumerate(functions):
        lines.append(
            f"uprobe:{path}:stage_{name} {{ @s{i}[tid] = nsecs; }}\n"
            f"uretprobe:{path}:stage_{name} /@s{i}[tid]/ "
            f"{{ @h{i} = hist(nsecs - @s{i}[tid]); delete(@s{i}[tid]); }}\n"
        )
    return "".join(lines)


def one_visit(target, watch, found, name):
    """All rates of all functions under one observer. The hottest is last: it may be shed."""
    for function in FUNCTIONS:
        for rate, ms in RATES:
            before = watch.summary_now().overhead()["probe_ns"] if watch else 0
            answer = ask(target, f"pace {function} {rate} {ms}")
            found.setdefault((function, rate, name), []).append(answer)
            if watch:
                answer["accounted_ns"] = watch.summary_now().overhead()["probe_ns"] - before
        answer = ask(target, f"burst {function} {BURST_CALLS} {BURSTS}")
        answer["median_ns"] /= 1000
        found.setdefault((function, "tight", name), []).append(answer)
    for function in FUNCTIONS:
        answer = ask(target, f"pace {function} {HOT_RATE[0]} {HOT_RATE[1]}")
        found.setdefault((function, HOT_RATE[0], name), []).append(answer)
    if name == "nothing":
        answer = ask(target, f"timer {BURST_CALLS} {BURSTS}")
        answer["median_ns"] /= 1000
        found.setdefault(("push", "tight", "in-process timer"), []).append(answer)


def median(answers):
    return statistics.median(answer["median_ns"] for answer in answers)


def rows_of_costs(report, found, observers):
    for function in FUNCTIONS:
        for rate in (*(rate for rate, _ in RATES), HOT_RATE[0], "tight"):
            base = median(found[(function, rate, "nothing")])
            where = "tight loop" if rate == "tight" else f"{rate:,}/s"
            for name in (*observers, "in-process timer"):
                answers = found.get((function, rate, name))
                if not answers or name == "nothing":
                    continue
                note = ""
                if name == "cheshire" and rate == HOT_RATE[0] and shed_in(answers):
                    note = "taken off during this"
                values = [answer["median_ns"] - base for answer in answers]
                report.row("spans", f"{function}, {where}: {name}", values, "ns", note=note)


def shed_in(answers):
    """Calls that cost much at first and nothing at the end."""
    return any(answer["p10_ns"] * 5 < answer["p90_ns"] for answer in answers)


def rows_of_share(report, found):
    """
    What the programs add to the two bare traps, repetition by repetition. No verdict: the traps
    alone differ by more from one moment to the next; the kernel's own statistics decide.
    """
    for function in FUNCTIONS:
        for rate in (5000, "tight"):
            pairs = zip(
                found[(function, rate, "cheshire")], found[(function, rate, "bare probes")]
            )
            values = [mine["median_ns"] - bare["median_ns"] for mine, bare in pairs]
            where = "tight loop" if rate == "tight" else f"{rate:,}/s"
            report.row("spans", f"{function}, {where}: cheshire less bare probes", values, "ns")


def rows_of_ledger(report, found):
    """What cheshire books against its ceiling, of what its probes really cost the caller."""
    for rate, _ in RATES:
        values = []
        for function in FUNCTIONS:
            base = statistics.median(a["mean_ns"] for a in found[(function, rate, "nothing")])
            for answer in found[(function, rate, "cheshire")]:
                real_ns = (answer["mean_ns"] - base) * answer["calls"]
                values.append(answer["accounted_ns"] / real_ns)
        report.row("spans", f"booked of what was spent, {rate:,}/s", values, "ratio")


def rows_of_programs(bench, report, target):
    """The kernel's own measure of each program, in tight loops; an empty one beside it."""
    sites = [ask(target, f"sites {name}") for name in FUNCTIONS]
    offsets = [offset for site in sites for offset in (site["entry"], site["exit"])]
    reps = 2 if bench.quick else 3
    found = {}
    for _ in range(reps):
        for observer, more in (
            (Bare(bench, offsets), ""),
            (Cheshire(bench, stages()), ""),
            (Cheshire(bench, active_stages()), ", active_cpu"),
        ):
            with observer.on(target), bpf_stats():
                before = program_runs()
                for function in ("push", "endbr64"):
                    ask(target, f"burst {function} {BURST_CALLS} {BURSTS}")
                for key, (runs, ns) in program_runs().items():
                    old = before.get(key, (0, 0))
                    if runs - old[0] >= BURST_CALLS * BURSTS:
                        name = (key[1] or "empty") + more
                        found.setdefault(name, []).append((ns - old[1]) / (runs - old[0]))
    empty = statistics.median(found.get("empty", [0]))
    report.row("spans", "BPF statistics: an empty program", found.get("empty", []), "ns")
    for name in ("probe_enter", "probe_exit"):
        report.row("spans", f"BPF statistics: {name}", found.get(name, []), "ns")
        with_clocks = found.get(f"{name}, active_cpu", [])
        report.row("spans", f"BPF statistics: {name}, active_cpu", with_clocks, "ns")
    both = [a + b - 2 * empty for a, b in zip(found["probe_enter"], found["probe_exit"])]
    report.row("spans", "BPF statistics: enter + exit less two empty", both, "ns", GOAL_NS)


def notes_of_ceiling(bench, report, target):
    """What happens under the default ceiling of 1 % when the function is already busy."""
    text = stages().replace("overhead: 50%", "overhead: 1%")
    for function in ("push", "stepped"):
        for rate in (50, 500, 5000, 50000):
            with target.lines.changed:
                start = len(target.lines.items)
            target.send_line(f"pace {function} {rate} 1500")
            with Cheshire(bench, text).on(target) as watch:
                stage = watch.stage(function)
                state = stage["state"]
                reason = stage["reason"] or f"projected {stage['projected_cost_percent']:.2f} %"
            target.lines.wait(lambda line: line.startswith("{"), 20, "pace", start)
            report.note("spans", f"ceiling 1 %, {function} at {rate:,}/s: {state}: {reason}")


def measure(bench, report):
    target = Spans(bench, "spans")
    sites = [ask(target, f"sites {name}") for name in FUNCTIONS]
    offsets = [offset for site in sites for offset in (site["entry"], site["exit"])]
    observers = [
        Nothing(),
        Bare(bench, offsets),
        Cheshire(bench, stages()),
        Cheshire(bench, stages(", exit: uretprobe"), name=WITH_URETPROBES),
        Bpftrace(bench, script(target.path), len(FUNCTIONS)),
    ]
    if Funclatency.available():
        observers.append(Funclatency(bench, [f"stage_{name}" for name in FUNCTIONS]))
    else:
        report.note("spans", "funclatency of libbpf-tools is not installed")
    report.note("spans", "bcc's own funclatency compiles at start and needs kernel headers")
    found = {}
    for _ in range(1 if bench.quick else 2):
        for observer in observers:
            with observer.on(target) as seen:
                watch = seen if isinstance(seen, Watch) else None
                one_visit(target, watch, found, observer.name)
    rows_of_costs(report, found, [observer.name for observer in observers])
    rows_of_share(report, found)
    rows_of_ledger(report, found)
    rows_of_programs(bench, report, target)
    notes_of_ceiling(bench, report, target)
