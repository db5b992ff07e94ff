# SPDX-License-Identifier: GPL-2.0-only
"""One stage, right: counts and latencies equal to the target's own, whatever the build."""

import platform
from pathlib import Path

import disassembly
from harness import CHESHIRE, TARGETS, config, test

WORK = "stage_work"


def watch_steady(t, program, binding, *args, options=()):
    """Runs a steady target to its end under watch; returns (truth, summary, watch)."""
    target = t.target(program, *args)
    watch = t.watch(target.pid, config({"work": binding}), *options)
    t.equal(watch.stage("work")["state"], "armed", "state of stage 'work' in hello")
    target.go()
    truth = target.finish()
    watch.wait(20)
    return truth, watch.last_summary(), watch


@test()
def stage_counts_and_percentiles(t):
    truth, summary, _ = watch_steady(
        t, "steady", "steady:stage_work", "--iterations", 250, "--us", "800:40000"
    )
    t.spans(summary, "work", truth.functions[WORK])
    t.no_drops(summary)


@test()
def stage_on_eight_threads(t):
    truth, summary, _ = watch_steady(
        t, "steady", "steady:stage_work", "--threads", 8, "--iterations", 60, "--us", "500:20000"
    )
    t.equal(truth.functions[WORK].outermost, 480, "calls of the target")
    t.spans(summary, "work", truth.functions[WORK])


@test()
def two_stages_on_one_function(t):
    """Each sees every call; the other's frame at the same stack pointer is left alone."""
    target = t.target("steady", "--iterations", 200, "--us", "200:4000")
    both = {"work": "steady:stage_work", "again": "steady:stage_work"}
    watch = t.watch(target.pid, config(both))
    target.go()
    truth = target.finish()
    watch.wait(20)
    for stage in both:
        t.spans(watch.last_summary(), stage, truth.functions[WORK])
        t.equal(watch.last_summary().value(f"{stage}.abnormal"), 0, f"{stage}: abnormal ends")


@test()
def stage_that_computes(t):
    truth, summary, _ = watch_steady(
        t, "steady", "steady:stage_work", "--mode", "burn", "--iterations", 120, "--us", "500:9000"
    )
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_at_5000_calls_a_second(t):
    truth, summary, _ = watch_steady(
        t,
        "steady",
        "steady:stage_work",
        *("--iterations", 10000, "--rate", 5000, "--us", "20:120"),
    )
    t.spans(summary, "work", truth.functions[WORK])
    t.between(truth.end["elapsed_ns"] / 1e9, 1.9, 4, "the target kept its pace, s")


@test()
def stage_name_by_glob(t):
    truth, summary, _ = watch_steady(t, "steady", "stead*:stage_w?rk", "--iterations", 20)
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_endbr64_entry(t):
    first = disassembly.instructions(TARGETS / "steady-cet", WORK)[0][0]
    marks = {"x86_64": "endbr64", "aarch64": "paciasp"}
    t.equal(first, marks[platform.machine()], "first instruction of the stage")
    truth, summary, _ = watch_steady(t, "steady-cet", "steady-cet:stage_work", "--iterations", 60)
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_of_python_where_none_runs(t):
    """The programs that look at Python are loaded with the others, and do no harm."""
    target = t.target("steady", "--iterations", 60)
    watch = t.watch(target.pid, config({"work": "steady:stage_work", "say": "python:app.py:say"}))
    t.equal(watch.stage("work")["state"], "armed", "state of 'work'")
    t.check(watch.stage("say")["state"] != "armed", f"state of 'say': {watch.stage('say')}")
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions[WORK])


@test()
def stage_without_optimisation(t):
    truth, summary, _ = watch_steady(t, "steady-O0", "steady-O0:stage_work", "--iterations", 60)
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_with_frame_pointer(t):
    truth, summary, _ = watch_steady(t, "steady-fp", "steady-fp:stage_work", "--iterations", 60)
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_in_static_pie(t):
    truth, summary, _ = watch_steady(
        t, "steady-static-pie", "steady-static-pie:stage_work", "--iterations", 60
    )
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_by_minidebuginfo(t):
    path = TARGETS / "steady-minidebug"
    t.check(".gnu_debugdata" in disassembly.tool("readelf", "-SW", path), "no .gnu_debugdata")
    t.check(".symtab" not in disassembly.tool("readelf", "-SW", path), "there is a .symtab")
    truth, summary, _ = watch_steady(
        t, "steady-minidebug", "steady-minidebug:stage_work", "--iterations", 60
    )
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_stripped_by_offset(t):
    offset = disassembly.file_offset(TARGETS / "steady", WORK)
    truth, summary, _ = watch_steady(
        t, "steady-stripped", f"steady-stripped+{offset:#x}", "--iterations", 60
    )
    t.spans(summary, "work", truth.functions[WORK])


@test()
def stage_span_in_flight_at_attach(t):
    """A call that began before we came has no start: it is not counted, and hurts no other."""
    target = t.target("steady", "--mode", "command", wait=False)
    target.send_line("run 1 3000000")
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    target.answered, _ = target.lines.wait(lambda line: line == "done 1", 15, "first call")
    target.command("run 20 1000")
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    t.equal(truth.functions[WORK].outermost, 21, "calls of the target")
    t.equal(summary.count("work"), 20, "work.count")
    function = truth.functions[WORK]
    t.percentiles(summary, "work.latency", function.normal_ns[:-1], function.least_ns[:-1])


@test()
def stage_by_perf_events(t):
    """As on kernels before 6.6, which have no uprobe_multi links."""
    truth, summary, watch = watch_steady(
        t,
        "steady",
        "steady:stage_work",
        *("--iterations", 200, "--us", "500:9000"),
        options=("--attach", "perf"),
    )
    t.equal(watch.hello["attach"], "perf_event", "attach")
    t.spans(summary, "work", truth.functions[WORK])
    t.no_drops(summary)


@test()
def stage_by_uretprobe_asked_for_by_name(t):
    truth, summary, watch = watch_steady(
        t,
        "steady",
        '{ call: { probe: "steady:stage_work", exit: uretprobe } }',
        *("--iterations", 200, "--us", "500:9000"),
    )
    t.equal(watch.stage("work")["functions"][0]["exits"], "uretprobe", "exits")
    t.spans(summary, "work", truth.functions[WORK])
    t.no_drops(summary)


# A mount namespace of its own, in which the kernel shows no types.
HIDDEN_BTF = (
    "unshare", "-m", "sh", "-c",
    'mount -t tmpfs tmpfs /sys/kernel/btf && exec "$0" "$@"', CHESHIRE,
)


def watch_without_btf(t, *options):
    target = t.target("steady", "--iterations", 60)
    stages = config({"work": "steady:stage_work"})
    watch = t.watch(target.pid, stages, *options, program=HIDDEN_BTF)
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions[WORK])


@test()
def types_of_the_kernel_from_a_file(t):
    types = t.dir / "vmlinux.btf"
    types.write_bytes(Path("/sys/kernel/btf/vmlinux").read_bytes())
    watch_without_btf(t, "--btf", types)


@test()
def types_of_the_kernel_by_asking_it(t):
    watch_without_btf(t)


@test()
def types_from_a_file_that_is_none(t):
    target = t.target("steady", "--iterations", 5)
    for content in (None, b"", b"no types at all"):
        types = t.dir / "wrong.btf"
        if content is not None:
            types.write_bytes(content)
        watch = t.watch(
            target.pid, config({"work": "steady:stage_work"}), "--btf", types, hello=False
        )
        t.equal(watch.wait(), 5, f"exit status with {content!r} for types")
        t.check("btf" in watch.errors().lower(), f"what is wrong is not said: {watch.errors()}")
