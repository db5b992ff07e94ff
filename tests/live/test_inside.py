# SPDX-License-Identifier: GPL-2.0-only
"""`inside:`: what a library's own threads call belongs to the call that they work for."""

from harness import config, test

INSIDE = 'inside: "stage_parallel_all",'
BINDING = (
    f"{{ {INSIDE} call: ["
    '{ probe: "parallel:stage_parallel_all", handle: arg0 }, '
    '{ probe: "parallel:stage_parallel_one", handle: arg0 } ] }'
)


def run(t, binding, *args):
    target = t.target(
        "parallel", "--iterations", 30, "--us", "2000:8000", "--threads", 4, *args
    )
    watch = t.watch(target.pid, config({"stt": binding}))
    t.equal(watch.stage("stt")["state"], "armed", "state of stage 'stt' in hello")
    target.go()
    truth = target.finish()
    watch.wait(20)
    return truth, watch.last_summary()


@test(120)
def inside_counts_a_call_and_not_its_threads(t):
    truth, summary = run(t, BINDING)
    both = [truth.functions[name] for name in ("all", "one")]
    t.equal(summary.count("stt"), 60, "30 of all, 30 of one")
    t.equal(summary.abnormal("stt"), 0, "abnormal")
    t.percentiles(
        summary,
        "stt.latency",
        [ns for function in both for ns in function.normal_ns],
        [ns for function in both for ns in function.least_ns],
    )
    t.no_drops(summary)


@test(120)
def inside_forgets_a_call_that_was_left_by_longjmp(t):
    truth, summary = run(t, BINDING, "--mode", "abandon")
    t.equal(len(truth.functions["all"].abnormal_ns), 10, "left by longjmp, by the target")
    t.equal(summary.count("stt"), 50, "20 of all, 30 of one")
    t.equal(summary.abnormal("stt"), 10, "abnormal")
    t.no_drops(summary)


@test(120)
def without_inside_every_thread_counts(t):
    """What `inside:` is for: the outermost call of a thread is all that a thread can know."""
    _, summary = run(t, BINDING.replace(INSIDE, ""))
    t.equal(summary.count("stt"), 30 * 4 + 60, "4 threads, all and one")
