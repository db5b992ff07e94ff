# SPDX-License-Identifier: GPL-2.0-only
"""What timing every statement costs a client of SQLite, in memory: nothing is dearer to watch."""

from harness import Failure
from measure_spans import Spans, ask
from observers import Bpftrace, Cheshire, Nothing

LOADS = ((1, 500), (1, 5000), (8, 5000))  # threads, statements a second
WINDOW_MS = 1500
LIBRARY = "libsqlite3.so.0"
# The time of the steps of each statement, by its handle.
SCRIPT = """uprobe:%(path)s:sqlite3_step { @s[tid] = nsecs; @h[tid] = arg0; }
uretprobe:%(path)s:sqlite3_step /@s[tid]/ {
  @sum[@h[tid]] += nsecs - @s[tid];
  if (retval != 100) { @ns = hist(@sum[@h[tid]]); delete(@sum[@h[tid]]); }
  delete(@s[tid]); delete(@h[tid]); }
"""


def real_path(pid):
    """bpftrace wants the file, as the target maps it: with the version behind its name."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            if f"/{LIBRARY}" in line:
                return line.split()[-1]
    raise Failure(f"{LIBRARY} is not mapped")


def one_visit(bench, target, observer, reach):
    """{load: (CPU time, median)} of a statement, and how many were not counted."""
    found, made = {}, 0
    with observer.on(target) as seen:
        for threads, rate in LOADS:
            answer = ask(target, f"load {threads} {rate} {WINDOW_MS // (4 if bench.quick else 1)}")
            made += answer["calls"]
            found[(threads, rate)] = (answer["cpu_ns"] / answer["calls"], answer["median_ns"])
        if observer.name == "cheshire":
            state = seen.stage("sqlite")["state"]
            if state != "armed":
                raise Failure(f"sqlite is {state}: {seen.stage('sqlite')['reason']}")
            reach.append(abs(seen.summary_now().number("db.simple.count") - made))
    return found


def measure(bench, report):
    target = Spans(bench, "statements")
    observers = [
        Nothing(),
        Cheshire(bench, "limits: { overhead: 50%, records: 200/s }\n"),
        Bpftrace(bench, SCRIPT % {"path": real_path(target.pid)}, 1),
    ]
    visits, miscounted = {observer.name: [] for observer in observers}, []
    for _ in range(1 if bench.quick else 4):
        for observer in observers:
            visits[observer.name].append(one_visit(bench, target, observer, miscounted))
    for load in LOADS:
        where = f"{load[1]:,}/s, {load[0]} thread{'s' if load[0] > 1 else ''}"
        base = [visit[load] for visit in visits["nothing"]]
        report.row("statements", f"{where}, CPU of one: nothing", [b[0] for b in base], "ns")
        for name in ("cheshire", "bpftrace"):
            pairs = list(zip((visit[load] for visit in visits[name]), base))
            more = [(mine[0] - alone[0]) for mine, alone in pairs]
            report.row("statements", f"{where}, more CPU: {name}", more, "ns")
            slower = [(mine[0] / alone[0] - 1) * 100 for mine, alone in pairs]
            report.row("statements", f"{where}, more CPU time: {name}", slower, "%")
            longer = [mine[1] - alone[1] for mine, alone in pairs]
            report.row("statements", f"{where}, longer median: {name}", longer, "ns")
    report.row("statements", "statements miscounted: cheshire", miscounted, "count", 0)
