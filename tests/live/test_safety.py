# SPDX-License-Identifier: GPL-2.0-only
"""The target must not notice."""

import random
import signal
import time
from pathlib import Path

from harness import (
    SLOWNESS,
    TARGETS,
    Failure,
    bpf_ids,
    bpf_ids_alive,
    changed_text_bytes,
    config,
    test,
    wait_until,
)

LOAD = ("--threads", 4, "--iterations", 0, "--rate", 1500, "--us", "50:400")


def check_nothing_left(t, target, ids):
    try:
        wait_until(lambda: not bpf_ids_alive(ids), 40, f"all of {ids} gone")
    except Failure:
        t.equal(bpf_ids_alive(ids), {}, "BPF objects left after 40 s")
    wait_until(
        lambda: not target.running() or not changed_text_bytes(target.pid), 20, "code as it was"
    )
    t.check(target.running(), "the target died")


@test(120)
def sigkill_under_load(t):
    """Three times, each at another moment: while attaching, and at work."""
    target = t.target("steady", "--duration", 110, *LOAD)
    target.go()
    rng = random.Random(20)
    for attempt in range(3):
        watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
        t.check(changed_text_bytes(target.pid) > 0, "attached, but no byte of code differs")
        ids = bpf_ids(watch.pid)
        t.check(ids["prog"] and ids["link"], f"cheshire holds no programs or links: {ids}")
        time.sleep(rng.uniform(0, 0.5))  # not a wait: the moment of death is to vary
        watch.signal(signal.SIGKILL)
        t.equal(watch.wait(), -signal.SIGKILL, f"end of cheshire, attempt {attempt}")
        check_nothing_left(t, target, ids)
    target.signal(signal.SIGTERM)


@test(120)
def sigkill_while_attaching(t):
    target = t.target("steady", "--duration", 110, *LOAD)
    target.go()
    rng = random.Random(7)
    for _ in range(5):
        watch = t.watch(target.pid, config({"work": "steady:stage_work"}), hello=False)
        time.sleep(rng.uniform(0, 0.4))  # not a wait: the moment of death is to vary
        ids = bpf_ids(watch.pid)
        watch.signal(signal.SIGKILL)
        watch.wait()
        check_nothing_left(t, target, ids)
    target.signal(signal.SIGTERM)


@test(120)
def sigkill_leaves_throwing_target_alive(t):
    target = t.target("throw", "--iterations", 0, "--duration", 100, "--us", "500:2000")
    stages = ("stage_throw_through", "stage_rethrow", "stage_c_frame")
    target.go()
    for _ in range(3):
        watch = t.watch(target.pid, config({stage: f"throw:{stage}" for stage in stages}))
        ids = bpf_ids(watch.pid)
        watch.signal(signal.SIGKILL)
        watch.wait()
        check_nothing_left(t, target, ids)
    target.signal(signal.SIGTERM)
    target.finish()


@test(180)
def stop_leaves_nothing(t):
    target = t.target("steady", "--duration", 180 * SLOWNESS, *LOAD)
    t.equal(changed_text_bytes(target.pid), 0, "changed code before")
    target.go()
    detached_s, ended_s = [], []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
        at_once = watch.hello["attach"] == "uprobe_multi"
        # A perf event takes about 0.1 s to be taken off; see docs/kernels.md.
        links = 1 if at_once else sum(watch.stage("work")["probes"].values())
        ids = bpf_ids(watch.pid)
        asked = time.monotonic()
        watch.stop(number)
        ended_s.append(time.monotonic() - asked)
        detached_s.append(watch.bye()["detach_s"])
        check_nothing_left(t, target, ids)
    # It waits for the kernel's grace periods, and these for threads that wait for a CPU: 30 ms at
    # rest, but beside ten busy processes most of a second, and now and then some.
    t.between(min(ended_s), 0, SLOWNESS, "seconds from the signal to the end, the best of three")
    t.between(min(detached_s), 0, 0.3 * links * SLOWNESS, "seconds to detach, the best of three")
    target.signal(signal.SIGTERM)


@test()
def hot_function_refused_in_trial(t):
    target = t.target("steady", "--mode", "hot", "--duration", 6, "--iterations", 0, "--rate", 50)
    target.go()
    watch = t.watch(
        target.pid, config({"hot": "steady:hot_function", "work": "steady:stage_work"}, "1%")
    )
    hot = watch.stage("hot")
    t.equal(hot["state"], "refused", "state of the hot stage in hello")
    t.check("/s" in hot["reason"], f"the reason does not say the rate: {hot['reason']}")
    # Trapped a million times a second it cannot keep its pace, but it is seen to be hot.
    t.between(hot["rate_per_s"], 5000, 2e6, "calls a second that were seen")
    t.equal(watch.stage("work")["state"], "armed", "state of the other stage")
    t.equal(watch.summary_now().value("hot.count"), None, "hot.count is unknown")
    truth = target.finish()
    watch.wait(20)
    # A trial of 100 ms and nothing more: the target loses less than half a second of calls.
    t.between(truth.functions["hot_function"].calls, 5.5e6, 1e8, "calls: it was slowed down")


@test()
def privileges_are_dropped(t):
    target = t.target("steady", "--duration", 20, "--rate", 20, "--iterations", 0)
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    status = Path(f"/proc/{watch.pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    t.equal(fields["NoNewPrivs"].strip(), "1", "NoNewPrivs")
    t.equal(fields["Seccomp"].strip(), "2", "Seccomp")
    effective = int(fields["CapEff"], 16)
    t.equal(effective & 1 << 21, 0, "CAP_SYS_ADMIN still there")
    t.check(effective.bit_count() <= 4, f"too many capabilities: {fields['CapEff'].strip()}")
    watch.stop()


@test()
def unprivileged_user_is_told(t):
    target = t.target("steady", "--duration", 20, "--rate", 20, "--iterations", 0)
    done = t.run(
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"),
        *("--bounding-set=-all", TARGETS.parent / "cheshire", "watch", "--pid", target.pid),
    )
    t.equal(done.returncode, 5, f"exit code of cheshire ({done.stderr[:200]})")
    t.check("CAP_" in done.stderr or "root" in done.stderr, f"says what is lacking: {done.stderr}")
