# SPDX-License-Identifier: GPL-2.0-only
"""The overhead ceiling: what is too dear goes, is said, and comes back when it is not."""

import platform
import signal

from harness import TARGETS, changed_text_bytes, test, wait_until

PLUGIN = TARGETS / "libplugin.so"
BREAKPOINT_BYTES = 1 if platform.machine() == "x86_64" else 4
BUDGET = """
budgets:
  work.latency: { stat: max, window: 1m, target: 1ms, warning: 5ms, critical: 1s, for: 0s }
"""


def config(overhead, probes, budgets=""):
    calls = "".join(f'      - "{probe}"\n' for probe in probes)
    return (
        f"target: {{ name: alice }}\nlimits: {{ overhead: {overhead}, retry: 2s }}\n"
        f"stages:\n  work:\n    call:\n{calls}{budgets}"
    )


def breakpoint_bytes(target):
    """In the library's code."""
    return changed_text_bytes(target.pid, PLUGIN.resolve())


def wait_note(watch, event, start=0):
    return watch.wait_for("note", 15, lambda line: line["event"] == event, start)[1]


@test(120)
def shed_unknown_and_back(t):
    """A stage that floods is taken off, its alert becomes unknown; calm again, it is watched."""
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config("0.5%", ["loader:stage_local"], BUDGET))
    t.equal(watch.stage("work")["state"], "armed", "state in hello")
    target.command("call 5 20000")
    watch.wait_alert("work.latency", "firing")
    target.command("call 30000 0", timeout_s=30)
    note = wait_note(watch, "stage_shed")
    t.equal((note["stage"], note["severity"]), ("work", "warning"), "note")
    watch.wait_alert("work.latency", "unknown")
    wait_note(watch, "stage_rearmed")
    before = watch.summary_now()
    target.command("call 7 1000")
    after = watch.summary_now()
    # Exact again, of what came after; of the whole session calls are missing.
    t.equal(after.number("work.count") - before.number("work.count"), 7, "calls after it came back")
    t.equal(after.entry("work.count")["quality"], "partial", "quality of the session's count")
    t.equal(after.drops().get("unmatched_exit.work", 0), 0, "unmatched exits")
    t.equal(after.value("work.abnormal"), 0, "no call is taken for one that was left")
    target.send_line("quit")
    t.equal(len(target.finish().functions["stage_local"].normal_ns), 30012, "calls by the target")


@test(120)
def shed_again_waits_longer(t):
    """Twice as long before the second try as before the first."""
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config("0.5%", ["loader:stage_local"]))
    waits_s = []
    start = 0
    for _ in range(2):
        target.send_line("call 30000 0")
        shed_at, _ = watch.wait_for(
            "note", 15, lambda line: line["event"] == "stage_shed", start
        )
        back_at, _ = watch.wait_for(
            "note", 15, lambda line: line["event"] == "stage_rearmed", start
        )
        waits_s.append(back_at - shed_at)
        with watch.lines.changed:
            start = len(watch.lines.items)
    # 2 and 4 s, as they come to us: what matters is that neither is shorter.
    t.between(waits_s[0], 1.9, 6, "seconds to the first try")
    t.between(waits_s[1], 3.9, 8, "seconds to the second try")
    target.signal(signal.SIGKILL)


@test(120)
def joining_is_on_trial(t):
    """Functions that a stage gets by a dlopen: idle ones are let in, and not a call is missing."""
    target = t.target("loader", wait=False)
    probes = ["loader:stage_local", "libplugin.so:stage_plugin"]
    watch = t.watch(target.pid, config("5%", probes))
    target.command("call 4 1000")
    target.command(f"open {PLUGIN}")
    # The trial is of entries alone; who is let in gets its exits too.
    wait_until(lambda: breakpoint_bytes(target) > BREAKPOINT_BYTES, 15, "it is let in")
    watch.summary_now()  # its calls count when this turn of the loop is over
    target.command("plugin 9 1000")
    summary = watch.summary_now()
    t.equal(summary.number("work.count"), 13, "calls")
    t.equal(summary.entry("work.count")["quality"], "exact", "quality")
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(120)
def joining_too_hot_is_left_out(t):
    """A hot function that joins is left out by itself; the stage goes on, and says partial."""
    target = t.target("loader", wait=False)
    probes = ["loader:stage_local", "libplugin.so:stage_plugin"]
    watch = t.watch(target.pid, config("0.5%", probes))
    target.command("call 4 1000")
    target.send_line(f"open {PLUGIN}")
    target.command("plugin 30000 0", timeout_s=30, wanted="done 30000")
    note = wait_note(watch, "functions_left_out")
    t.check("calls/s" in note["text"], f"the note tells no rate: {note['text']}")
    wait_note(watch, "stage_rearmed")
    before = watch.summary_now()
    target.command("plugin 6 1000", wanted="done 6")
    target.command("call 3 1000", wanted="done 3")
    after = watch.summary_now()
    t.equal(after.number("work.count") - before.number("work.count"), 9, "calls after the retry")
    t.equal(after.entry("work.count")["quality"], "partial", "quality")
    t.check(after.drops().get("on_trial.work", 0) > 0, "calls on trial are not told")
    watch.stop()
    target.send_line("quit")
    target.finish()
