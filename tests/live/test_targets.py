# SPDX-License-Identifier: GPL-2.0-only
"""The targets alone, unwatched: what the other tests take for granted."""

from harness import TARGETS, changed_text_bytes, test

PLAIN = {
    "steady": (),
    "steady-stripped": (),
    "steady-static-pie": (),
    "steady-minidebug": (),
    "steady-cet": (),
    "steady-O0": (),
    "steady-fp": (),
    "tail": (),
    "tail-cet": (),
    "tail-O3": (),
    "split": (),
    "split-stripped": (),
    "throw": (),
    "throw-cet": (),
    "throw-O0": ("--mode", "nested"),
    "longjmp": (),
    "longjmp-O0": (),
    "rets": (),
    "fibers": (),
    "fibers-cet": ("--mode", "signal"),
    "turns": ("--users", 4),
    "waits": (),
    "flite": (),
}


@test(60)
def targets_are_right_by_themselves(t):
    for program, args in PLAIN.items():
        target = t.target(program, "--iterations", 7, "--us", "300:1500", *args)
        # Of the system's libraries anybody may be watching a function.
        changed = changed_text_bytes(target.pid, TARGETS.resolve())
        t.equal(changed, 0, f"bytes of {program}'s code that differ")
        target.go()
        truth = target.finish()
        t.check(truth.end["checks"] > 0, f"{program} checked nothing")


@test()
def targets_start_on_signal_only(t):
    target = t.target("steady", "--iterations", 3)
    t.check(target.running(), "it began without the signal")
    target.go()
    t.equal(target.finish().functions["stage_work"].calls, 3, "calls")
