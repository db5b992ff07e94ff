# SPDX-License-Identifier: GPL-2.0-only
"""Functions that end in every other way than by the one return at their end."""

import disassembly
from harness import TARGETS, Failure, config, test


def watch_stages(t, program, stages, *args):
    """Stages are bound to functions of the same name; the target runs to its end."""
    target = t.target(program, *args)
    bindings = {stage: f"{program}:{stage}" for stage in stages}
    watch = t.watch(target.pid, config(bindings))
    for stage in stages:
        t.equal(watch.stage(stage)["state"], "armed", f"state of stage '{stage}' in hello")
    target.go()
    truth = target.finish()
    watch.wait(20)
    return truth, watch.last_summary()


TAILS = (
    "stage_tail_local",
    "stage_tail_plt",
    "stage_tail_after_call",
    "stage_tail_chain",
    "stage_tail_cond",
    "stage_tail_recursive",
    "stage_tail_indirect",
)


def check_tails(t, program):
    for stage in TAILS:
        t.check(
            disassembly.tail_jumps(TARGETS / program, stage), f"{stage} has no tail jump: rebuilt?"
        )
    truth, summary = watch_stages(t, program, TAILS, "--iterations", 60, "--us", "1000:12000")
    for stage in TAILS[:-1]:
        t.spans(summary, stage, truth.functions[stage])
    return truth, summary


@test(60)
def tail_jumps(t):
    check_tails(t, "tail")


@test(60)
def tail_jumps_with_cet(t):
    check_tails(t, "tail-cet")


@test(60)
def tail_jumps_at_o3(t):
    check_tails(t, "tail-O3")


@test()
def tail_jump_through_pointer(t):
    """The return site is learnt: a few first calls may be passed over, and are said to be."""
    truth, summary = watch_stages(
        t, "tail", ("stage_tail_indirect",), "--iterations", 100, "--us", "3000:9000"
    )
    function = truth.functions["stage_tail_indirect"]
    passed_over = function.outermost - summary.count("stage_tail_indirect")
    t.between(passed_over, 0, 5, "calls passed over while the return site was learnt")
    expected = sorted(function.normal_ns)[len(function.normal_ns) // 2] / 1e9
    t.near(summary.number("stage_tail_indirect.latency.p50"), expected, "p50", 0.15)
    t.check(
        summary.number("stage_tail_indirect.latency.max") >= 0.003, "durations without the jump"
    )


SPLITS = ("stage_split", "stage_split_tail", "stage_split_throw")


@test()
def split_functions(t):
    text = disassembly.tool("nm", TARGETS / "split")
    for stage in SPLITS:
        t.check(f"{stage}.cold" in text, f"{stage} was not split by this compiler")
    t.check(
        disassembly.count(TARGETS / "split", "stage_split_tail.cold", "ret") > 0,
        "no ret in the cold part",
    )
    truth, summary = watch_stages(t, "split", SPLITS, "--iterations", 90, "--us", "800:6000")
    for stage in SPLITS:
        t.spans(summary, stage, truth.functions[stage])


@test()
def split_functions_stripped(t):
    target = t.target("split-stripped", "--iterations", 90, "--us", "800:6000")
    offsets = {name: disassembly.file_offset(TARGETS / "split", name) for name in SPLITS}
    bindings = {name: f"split-stripped+{offset:#x}" for name, offset in offsets.items()}
    watch = t.watch(target.pid, config(bindings))
    target.go()
    truth = target.finish()
    watch.wait(20)
    for stage in SPLITS:
        t.spans(watch.last_summary(), stage, truth.functions[stage])


THROWS = (
    "stage_catch_inside",
    "stage_rethrow",
    "stage_long_destructor",
    "stage_c_frame",
    "stage_throw_through",
)


def check_throws(t, program):
    truth, summary = watch_stages(t, program, THROWS, "--iterations", 90, "--us", "800:6000")
    t.check(len(truth.functions["stage_throw_through"].abnormal_ns) == 30, "30 exceptions")
    for stage in THROWS:
        t.spans(summary, stage, truth.functions[stage])


@test()
def throw_out_of_stages(t):
    check_throws(t, "throw")


@test()
def throw_with_cet(t):
    check_throws(t, "throw-cet")


@test()
def throw_without_optimisation(t):
    check_throws(t, "throw-O0")


@test()
def throw_inside_another_stage(t):
    stages = ("stage_nested", "stage_throw_through")
    truth, summary = watch_stages(
        t, "throw", stages, "--mode", "nested", "--iterations", 90, "--us", "800:6000"
    )
    t.spans(summary, "stage_nested", truth.functions["stage_nested"])
    # The inner stage is not logged, but known: every third of its 90 calls throws.
    t.equal(summary.count("stage_throw_through"), 60, "stage_throw_through.count")
    t.equal(summary.abnormal("stage_throw_through"), 30, "stage_throw_through.abnormal")


JUMPS = ("stage_jumpy", "stage_after", "stage_recurse", "stage_mutual_a", "stage_mutual_b")


def check_jumps(t, program):
    truth, summary = watch_stages(
        t, program, JUMPS, "--iterations", 70, "--rate", 30, "--us", "800:5000"
    )
    # A recursion of depth 100 is 200 probe hits, some of them within the outermost span.
    t.check(truth.functions["stage_recurse"].calls > 3000, "recursion of depth 100")
    for stage in JUMPS:
        t.spans(summary, stage, truth.functions[stage], latency=stage != "stage_recurse")
    ordered = truth.functions["stage_recurse"].normal_ns
    t.near(
        summary.number("stage_recurse.latency.p50"),
        ordered[(len(ordered) - 1) // 2] / 1e9,
        "stage_recurse.latency.p50",
        0.1,
        3e-3,
    )


@test()
def longjmp_and_recursion(t):
    check_jumps(t, "longjmp")


@test()
def longjmp_and_recursion_without_optimisation(t):
    check_jumps(t, "longjmp-O0")


@test()
def twelve_return_sites(t):
    sites = disassembly.count(TARGETS / "rets", "stage_many_rets", "ret")
    t.equal(sites, 12, "return sites of stage_many_rets")
    truth, summary = watch_stages(
        t, "rets", ("stage_many_rets",), "--iterations", 120, "--us", "800:4000"
    )
    t.spans(summary, "stage_many_rets", truth.functions["stage_many_rets"])


@test()
def many_exits_by_perf_events_are_refused(t):
    """Detaching them one by one would take seconds: that is the reason given, and nothing is lost."""
    target = t.target("rets", "--iterations", 5)
    watch = t.watch(
        target.pid, config({"many": "rets:stage_many_rets"}), *("--attach", "perf")
    )
    t.equal(watch.stage("many")["state"], "refused", "state of the stage in hello")
    t.check("no uprobe_multi" in watch.stage("many")["reason"], watch.stage("many")["reason"])
    target.go()
    target.finish()
    watch.wait(20)
    t.equal(watch.last_summary().value("many.count"), None, "many.count is unknown")


@test()
def thread_ends_inside_stage(t):
    truth, summary = watch_stages(
        t,
        "rets",
        ("stage_thread_end",),
        *("--mode", "thread", "--iterations", 60, "--us", "2000:6000"),
    )
    function = truth.functions["stage_thread_end"]
    t.equal(len(function.abnormal_ns), 60, "threads that ended inside the stage")
    t.spans(summary, "stage_thread_end", function, latency=False)


@test()
def stage_that_never_returns(t):
    """It ends with the process, from inside; nothing waits for it and nothing is invented."""
    target = t.target("rets", "--mode", "exit", "--iterations", 30, "--rate", 20)
    watch = t.watch(target.pid, config({"never": "rets:stage_never"}))
    target.go()
    truth = target.finish(status=7)
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    summary = watch.last_summary()
    t.check(truth.functions["stage_never"].outermost == 1, "one call")
    t.equal(summary.count("never"), 0, "returns of stage_never")


@test()
def fibers_switch_inside_stages(t):
    stages = ("stage_fiber", "stage_helper")
    truth, summary = watch_stages(
        t, "fibers", stages, "--iterations", 40, "--us", "600:4000"
    )
    for stage in stages:
        t.spans(summary, stage, truth.functions[stage])
    t.equal(summary.abnormal("stage_fiber"), 0, "stage_fiber.abnormal")


@test()
def fibers_with_cet(t):
    stages = ("stage_fiber", "stage_helper")
    truth, summary = watch_stages(
        t, "fibers-cet", stages, "--iterations", 25, "--us", "600:4000"
    )
    for stage in stages:
        t.spans(summary, stage, truth.functions[stage])


@test()
def signal_stack_inside_stage(t):
    stages = ("stage_main", "stage_signal")
    truth, summary = watch_stages(
        t, "fibers", stages, "--mode", "signal", "--iterations", 80, "--us", "10000:20000"
    )
    if len(truth.functions["stage_signal"].normal_ns) < 200:
        raise Failure("the timer hardly fired")
    for stage in stages:
        t.spans(summary, stage, truth.functions[stage])
