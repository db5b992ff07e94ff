# SPDX-License-Identifier: GPL-2.0-only
"""From the command to the first number, and from the signal to nothing left."""

import shutil
import signal
import subprocess
import time

from harness import Failure, Watch, changed_text_bytes, config
from observers import BENCH, Bpftrace, Funclatency, Target

OBJECTS = 200
GOAL_METRIC_S = 1.0
GOAL_DETACH_S = 0.1


def first_metric(bench, target, text, stage, *args):
    """(seconds to hello, to the first span counted, from SIGTERM to the end, hello)."""
    started = time.monotonic()
    watch = Watch(bench, target.pid, text, *args, hello=False)
    hello_at, hello = watch.wait_for("hello", 60)
    watch.hello = hello
    if watch.stage(stage)["state"] != "armed":
        reason = watch.stage(stage)["reason"]
        watch.stop()
        raise Failure(f"{watch.stage(stage)['state']}: {reason}")
    while not watch.summary_now().count(stage):
        if time.monotonic() - started > 10:
            raise Failure("no span within 30 s")
    metric_s = time.monotonic() - started
    asked = time.monotonic()
    watch.signal(signal.SIGTERM)
    watch.wait(120)
    ended_s = time.monotonic() - asked
    if changed_text_bytes(target.pid):
        raise Failure("breakpoints are left after the end")
    return hello_at - started, metric_s, watch.bye()["detach_s"], ended_s


def rows(bench, report, what, target, text, reps, *args, detach_goal=GOAL_DETACH_S):
    results = []
    for _ in range(reps):
        try:
            results.append(first_metric(bench, target, text, "many", *args))
        except Failure as failure:
            report.note("attach", f"{what}: {' '.join(str(failure).split())[:240]}")
            return
    hello, metric, detach, ended = zip(*results)
    report.row("attach", f"{what}: all attached (hello)", hello, "s")
    report.row("attach", f"{what}: first metric", metric, "s", GOAL_METRIC_S)
    report.row("attach", f"{what}: detached", detach, "s", detach_goal)
    report.row("attach", f"{what}: from SIGTERM to the end", ended, "s")


def globs(count):
    """Globs of the generated target, ten functions each, for so many of its functions."""
    return [f"many_{i:02}?" for i in range(count // 10)]


def stage_of(count):
    return config({"many": "{ call: [" + ", ".join(f'"many:{g}"' for g in globs(count)) + "] }"})


def bpftrace_probes(kind, count):
    return ",".join(f"{kind}:{BENCH / 'many'}:{glob[:-1]}*" for glob in globs(count))


def script_of(count):
    script = f"{bpftrace_probes('uprobe', count)} {{ @s[tid] = nsecs; }}\n"
    script += f"{bpftrace_probes('uretprobe', count)} /@s[tid]/ {{ @h = hist(nsecs - @s[tid]); }}\n"
    return script + "interval:ms:50 { print(@h); }\n"


def script_of_library(path):
    return (
        f"uprobe:{path}:object_work {{ @s[tid] = nsecs; }}\n"
        f"uretprobe:{path}:object_work /@s[tid]/ {{ @h = hist(nsecs - @s[tid]); }}\n"
        "interval:ms:50 { print(@h); }\n"
    )


def funclatency_times(bench, report, target, reps):
    """It prints when it ends, so the probes in the target's code are what there is to wait for."""
    attached, ended = [], []
    for _ in range(reps):
        started = time.monotonic()
        with Funclatency(bench, ["many_000"]).on(target):
            attached.append(time.monotonic() - started)
            asked = time.monotonic()
        ended.append(time.monotonic() - asked)
    report.row("attach", "1 function, funclatency: attached", attached, "s")
    report.row("attach", "1 function, funclatency: from SIGINT to the end", ended, "s")


def bpftrace_times(bench, report, what, target, script, count):
    started = time.monotonic()
    observer = Bpftrace(bench, script, count)
    with observer.on(target) as process:
        process.lines.wait(lambda line: "|@" in line, 60, "a histogram of bpftrace")
        metric_s = time.monotonic() - started
        asked = time.monotonic()
        process.signal(signal.SIGINT)
        process.wait(600)
        report.row("attach", f"{what}, bpftrace: first metric", [metric_s], "s")
        detach_s = time.monotonic() - asked
        report.row("attach", f"{what}, bpftrace: detached", [detach_s], "s")


def big_process(bench):
    """200 libraries of 5 MB each, nearly all of it holes."""
    folder = BENCH / "objects"
    folder.mkdir(exist_ok=True)
    source = BENCH / "libobject.so"
    paths = [folder / f"libobject{i:03}.so" for i in range(OBJECTS)]
    for path in paths:
        if not path.exists() or path.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cp", "--sparse=always", source, path], check=True)
    return Target(bench, "mapper", *paths)


def measure(bench, report):
    reps = 2 if bench.quick else 5
    report.note("attach", "a configuration holds 512 functions; 500 are 1,000 probes")
    for count in (10, 100, 500):
        many = Target(bench, "many", count)
        rows(bench, report, f"{count} functions", many, stage_of(count), reps)
        if count == 10 or (count == 100 and not bench.quick):
            bpftrace_times(bench, report, f"{count} functions", many, script_of(count), count)
        many.end()
    many = Target(bench, "many", 3)
    if Funclatency.available():
        funclatency_times(bench, report, many, reps)
    text = config({"many": '{ call: ["many:many_000", "many:many_001", "many:many_002"] }'})
    # One at a time is what the kernel does with perf events: about 0.1 s each.
    rows(
        *(bench, report, "3 functions, --attach perf", many, text, 1 if bench.quick else 3),
        *("--attach", "perf"),
        detach_goal=None,
    )
    many.end()
    big = big_process(bench)
    last = f"libobject{OBJECTS - 1:03}.so:object_work"
    rows(bench, report, f"{OBJECTS} objects of 5 MB", big, config({"many": last}), reps)
    script = script_of_library(BENCH / "objects" / last.split(":")[0])
    bpftrace_times(bench, report, f"{OBJECTS} objects of 5 MB", big, script, 1)
    shutil.rmtree(BENCH / "objects", ignore_errors=True)
