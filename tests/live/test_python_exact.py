# SPDX-License-Identifier: GPL-2.0-only
"""Python functions that watchpoints see, against the program's own clock and counts.

A span begins and ends within what the program times, so it is never longer; it is shorter by what
the call and the clock take, and by whatever takes the CPU away in between. Every call is counted.
"""

from harness import ROOT, Skip, config, rank, test, wait_until
from python_programs import require_exact

PYTHON = "/usr/bin/python3"
SCRIPTS = ROOT / "tests" / "targets" / "python"
SHORTER_S = 1e-3
BUCKET = 0.016


def start(t, names, script="exact.py", more=""):
    target = t.target(PYTHON, SCRIPTS / script, name="exact", wait=False)
    lines = {
        name: f'{{ call: "python:{file}.py:{qualname}" }}'
        for name, (file, qualname) in names.items()
    }
    watch = t.watch(target.pid, config(lines, overhead="50%", more=more))
    return target, watch


def here(*names):
    return {name: ("exact", {"reply": "Session.reply"}.get(name, name)) for name in names}


def is_exact(t, watch, *names):
    for name in names:
        stage = watch.stage(name)
        t.equal(stage["state"], "armed", f"state of '{name}'")
        t.check(stage["reason"].startswith("exact"), f"'{name}' is exact: {stage['reason']}")


def end(target, watch):
    target.send_line("end")
    truth = target.finish()
    watch.wait(20)
    return truth.functions, watch.last_summary()


def same(t, summary, name, function):
    """Each call, and how long they took."""
    t.equal(summary.count(name), len(function.normal_ns), f"{name}.count")
    t.equal(summary.abnormal(name), len(function.abnormal_ns), f"{name}.abnormal")
    ordered = sorted(function.normal_ns)
    for stat, percent in (("p50", 50), ("p95", 95)):
        if not ordered:
            break
        at = rank(len(ordered), percent)
        low, high = ordered[max(at - 1, 0)] / 1e9, ordered[min(at + 1, len(ordered) - 1)] / 1e9
        t.between(
            summary.number(f"{name}.latency.{stat}"),
            low * (1 - BUCKET) - SHORTER_S,
            high * (1 + BUCKET),
            f"{name}.latency.{stat} (by the target {ordered[at] / 1e9})",
        )


@test(60)
def python_calls_exact(t):
    """Plain calls, in a row, recursive, a decorated method; on threads that come later."""
    names = ("plain", "in_a_row", "recursive", "reply")
    target, watch = start(t, here(*names))
    is_exact(t, watch, *names)
    target.command("gaze plain 5")
    for name in names:
        target.command(f"call {name} 60")
        target.command(f"gaze {name} 5")
    target.command("threads plain 10")
    target.command("threads in_a_row 10")
    target.command("fork in_a_row 20")
    target.command("call in_a_row 300")
    truth, summary = end(target, watch)
    for name in names:
        same(t, summary, name, truth[name])
        t.equal(summary.entry(f"{name}.count")["quality"], "exact", f"quality of {name}.count")
    t.no_drops(summary)


HOT = """
def hot(n):
    return n + 1

print("ready", flush=True)
n = 0
while True:
    n = hot(n)
    for _ in range(200):
        pass
"""


@test(60, waits=True)
def python_hot_from_the_start(t):
    """What the trial costs is seen before it counts, however long it took to find the function."""
    target = t.target(PYTHON, t.write("hot.py", HOT), name="hot", wait=False, log=False)
    said = []
    # The target may have been without a CPU for a whole trial.
    for _ in range(4):
        conf = config({"hot": '{ call: "python:hot.py:hot" }'}, overhead="1%")
        watch = t.watch(target.pid, conf)
        said.append(watch.stage("hot")["reason"])
        watch.stop()
        if "too hot to be exact" in said[-1]:
            break
    t.check("too hot to be exact" in said[-1], f"no trial saw it: {said}")


HOT_LATER = """
import time

def hot(n):
    return n + 1

def count_for(seconds):
    # Of its own CPU time, which has the traps in it, and nothing of other programs.
    n, until = 0, time.thread_time() + seconds
    while time.thread_time() < until:
        for _ in range(50):
            n = hot(n)
    return n

print("ready", flush=True)
input()
made = [count_for(0.05) for _ in range(60)]
# Slow while it was watched: less than half of what it usually makes in that time.
usual = sorted(made)[45]
print(0.05 * sum(n < usual / 2 for n in made), flush=True)
"""


@test(120)
def python_becomes_hot(t):
    """Taken off within three looks at what it costs, each 100 ms, by the program's own clock."""
    target = t.target(PYTHON, t.write("hot.py", HOT_LATER), name="hot", wait=False, log=False)
    conf = config({"hot": '{ call: "python:hot.py:hot" }'}, overhead="1%")
    watch = t.watch(target.pid, conf)
    require_exact(watch, ["hot"])
    target.send_line("go")
    note = watch.wait_for("note", 40, lambda line: "the ceiling of" in line["text"])[1]
    t.equal(note["stage"], "hot", "stage that was taken off")
    line = target.lines.wait(lambda line: line[0].isdigit(), 40, "the program's clock")[1][1]
    t.between(float(line), 0, 1, "how long the program was slow, in s")


COPIES = """
import sys, time

def step(n):
    return n + 1

FROM, TO = bytes(1 << 16), bytearray(1 << 16)

def copy_us():
    start = time.perf_counter()
    for _ in range(20):
        TO[:] = FROM
    return (time.perf_counter() - start) / 20 * 1e6

print("ready", flush=True)
alone = sorted(copy_us() for _ in range(200))[100]
n = 0
for line in sys.stdin:
    until = time.monotonic() + 0.5
    took = []
    while time.monotonic() < until:
        n = step(n)
        took.append(copy_us())
        time.sleep(0.002)
    print(sorted(took)[len(took) // 2] / alone, flush=True)
"""


def copies(target):
    """How many times as long they take as without anybody who watches, by the program's clock."""
    start = len(target.lines.items)
    target.send_line("go")
    _, (_, line) = target.lines.wait(
        lambda line: line[0].isdigit(), 40, "the program's clock", start
    )
    return float(line)


@test(240, waits=True)
def python_copies_are_not_slowed_for_long(t):
    """A watchpoint slows large copies in all of the program, which the ceiling is for, too."""
    target = t.target(PYTHON, t.write("copies.py", COPIES), name="copies", wait=False, log=False)
    conf = config({"step": '{ call: "python:copies.py:step" }'}, overhead="1%")
    watch = t.watch(target.pid, conf)
    require_exact(watch, ["step"])
    slower = [copies(target)]
    while slower[-1] > 2 and len(slower) < 40:
        slower.append(copies(target))
    t.between(slower[-1], 0.5, 2, "how slow copies are in the end")
    quality = watch.summary_now().entry("step.count")["quality"]
    if quality == "exact":
        raise Skip("watchpoints do not make copies slower on this CPU")
    note = watch.wait_for("note", 30, lambda line: line["event"] == "watchpoints_shed")[1]
    t.equal(note["severity"], "warning", "severity of the note")
    t.equal(quality, "sampled", "quality of step.count")


@test(60)
def python_exceptions_exact(t):
    """Left by an exception, whose traceback keeps the frame; caught inside; out of a recursion."""
    names = ("raising", "catching", "deep", "closures")
    stages = here(*names) | {"closures": ("exact", "closures.<locals>.inner")}
    target, watch = start(t, stages)
    is_exact(t, watch, *names)
    for _ in range(3):
        for name in names:
            target.command(f"call {name} 10")
        target.command("forget")
        target.command("threads raising 5")
    truth, summary = end(target, watch)
    # Those of catching() as well: they are not in the log as such.
    inside = len(truth["catching"].normal_ns)
    t.equal(
        summary.abnormal("raising"), len(truth["raising"].abnormal_ns) + inside, "raising.abnormal"
    )
    for name in ("catching", "deep", "closures"):
        same(t, summary, name, truth[name])
    t.equal(summary.count("raising"), 0, "raising.count")
    t.no_drops(summary)


def wait_armed(watch, name, number):
    def armed():
        notes = [n for _, n in watch.objects("note") if n["event"] == "stage_armed"]
        return len([n for n in notes if n["stage"] == name]) >= number

    wait_until(armed, 60, f"'{name}' is watched, for the {number}. time")


@test(180, waits=True)
def python_module_imported_and_reloaded(t):
    """A function that is defined after we came, and another one in its place."""
    target, watch = start(t, {"later": ("exact_later", "arrived"), **here("plain")})
    is_exact(t, watch, "plain")
    t.equal(watch.stage("later")["state"], "unresolved", "state of 'later' before the import")
    target.command("import")
    wait_armed(watch, "later", 1)
    target.command("call later.arrived 20")
    target.command("reload")
    wait_armed(watch, "later", 2)
    target.command("call later.arrived 30")
    target.command("call plain 20")
    truth, summary = end(target, watch)
    same(t, summary, "later", truth["later.arrived"])
    same(t, summary, "plain", truth["plain"])
