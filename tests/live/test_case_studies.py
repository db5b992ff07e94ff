# SPDX-License-Identifier: GPL-2.0-only
"""Case studies 1 to 3 of the document, on the demo assistant."""

import re
import time

from builtin import STAGES, Planted, shortened
from harness import RELATIVE_ERROR, test, wait_until

# The first sound is what the user waits for; all of it is what the engine needs.
SPOKEN = STAGES.replace(
    'tts: { call: { probe: "alice:synthesize", error: "i32 ret < 0" }, timeout: 2s }',
    """tts:
    stream: { from: "alice:synthesize@entry", to: "alice:play_audio@return", key: arg0, gap: 1s }
    latency: first""",
)
WINDOW = "8s"
# Recognition that takes a moment: all of a CPU for all of a very short stage is over its budget.
CALM = ("--fault", "slow-stt=100ms", "--fault", "slow-tts=50ms")


def check_improvement(t, resolved, slow, fast):
    """What the resolved alert tells, against the log; `slow` and `fast` in ns, by the log."""
    t.one_of(resolved["worst"], [ns / 1e9 for ns in slow], "worst value")
    t.one_of(resolved["value"], [ns / 1e9 for ns in fast], "value when it resolves")
    least = 100 * (1 - max(fast) / max(slow))
    most = 100 * (1 - min(fast) / max(slow))
    t.between(
        resolved["improvement_percent"],
        least - 100 * RELATIVE_ERROR,
        most + 100 * RELATIVE_ERROR,
        "improvement in percent",
    )


def until_lifted(alice, found):
    """Those that began before the end of the first fault that ended, and those after."""
    until_ns = min(end for _, _, end in alice.so_far().faults() if end)
    return (
        [span for span in found if span["start_ns"] < until_ns],
        [span for span in found if span["start_ns"] >= until_ns],
    )


def walls(found):
    return [span["end_ns"] - span["start_ns"] for span in found]


@test(120)
def case_study_1_wake_word_model_too_large(t):
    """Frames of 200 ms that take 300 ms, and fall behind; then 80 ms with a smaller model."""
    large, small = "slow-wake=300ms", "slow-wake=75ms"
    alice = Planted(
        t, "--users", 2, "--frame", "200ms", "--pause", "100ms", "--log-frames", "--fault", large,
        *CALM,
    )
    watch = t.watch(alice.pid, shortened(STAGES, window=WINDOW))
    alice.go()
    _, firing = watch.wait_alert("wake_word.latency", "firing", 40)
    t.equal(firing["severity"], "critical", f"severity at {firing['value']} s")
    t.equal(firing["priority"], "P1", "priority at three times the target")
    t.equal(firing["impact"], "Delayed responsiveness", "impact")
    t.equal(firing["limit"], 0.25, "limit")
    _, slow = watch.wait_alert("wake_word.rtf", "firing", 10)
    t.equal(slow["severity"], "critical", f"severity of falling behind at {slow['value']}")
    behind = watch.summary_now().number("wake_word.rtf")
    t.check(behind > 1, f"wake_word.rtf {behind}: it does not fall behind")
    alice.lift(large)
    alice.plant(small)
    _, resolved = watch.wait_alert("wake_word.latency", "resolved", 40)
    watch.wait_alert("wake_word.rtf", "resolved", 20)
    alice.turns(4)
    alerts = [(line["metric"], line["state"]) for _, line in watch.alerts("wake_word.latency.p95")]
    t.equal(
        alerts,
        [("wake_word.latency.p95", "firing"), ("wake_word.latency.p95", "resolved")],
        "alerts on the latency",
    )
    others = {line["metric"] for _, line in watch.alerts()} - {"wake_word.latency.p95"}
    t.equal(others, {"wake_word.rtf"}, "alerts on anything else")
    before, after = until_lifted(alice, alice.so_far().spans("wake_word"))
    t.one_of(firing["value"], [ns / 1e9 for ns in walls(before)], "value of the alert")
    check_improvement(t, resolved, walls(before), walls(after))
    frames = [wall / 2e8 for wall in walls(until_lifted(alice, alice.so_far().frames())[0])]
    t.between(behind, min(frames), max(frames) * (1 + RELATIVE_ERROR), "wake_word.rtf")
    watch.stop()


@test(120)
def case_study_3_speech_made_as_a_whole(t):
    """Nothing is played before all is made; then every piece is played when it is made."""
    alice = Planted(
        t, "--fast", "--pause", "300ms", "--tts-mode", "stream",
        "--fault", "slow-chunk=110ms", "--fault", "tts-whole", *CALM[:2],
    )
    watch = t.watch(alice.pid, shortened(SPOKEN, window=WINDOW))
    alice.go()
    _, firing = watch.wait_alert("tts.latency", "firing", 40)
    t.equal(firing["severity"], "critical", f"severity at {firing['value']} s")
    t.equal(firing["impact"], "Robotic interaction", "impact")
    whole = watch.summary_now()
    alice.lift("tts-whole")
    _, resolved = watch.wait_alert("tts.latency", "resolved", 40)
    alice.turns(4)
    streamed = watch.summary_now()
    # The turn as a whole waits for its first sound: that is over the budget of few users, too.
    others = {line["alert"] for _, line in watch.alerts()} - {"Text-to-Speech"}
    t.check(others <= {"Response Time SLA of 1-5 users"}, f"other alerts: {others}")
    before, after = until_lifted(alice, alice.so_far().spans("tts"))
    t.one_of(firing["value"], [ns / 1e9 for ns in first_audio(before)], "value of the alert")
    check_improvement(t, resolved, first_audio(before), first_audio(after))
    # As a whole the first sound is there when all is made; streamed it is there long before.
    t.near(whole.number("tts.latency.p50"), whole.number("tts.total.p50"), "first sound and all")
    t.between(streamed.number("tts.latency.p50"), 0, 0.2, "streamed, the first sound")
    t.one_of(streamed.number("tts.total.max"), [ns / 1e9 for ns in walls(before + after)], "all")
    t.check(streamed.number("tts.total.p50") > 0.5, "streamed, all of it takes as long")
    watch.stop()


def first_audio(found):
    return [span["first_audio_ns"] - span["start_ns"] for span in found]


# The hour of the document is five minutes: what is lost in it, and its budgets, are twelve times as
# much. An assistant that hears a turn every 0.4 s and keeps its sound loses some 600 MB an hour.
HOURS_OF_CASE_2 = 12
TARGET_OF_CASE_2 = 5 * HOURS_OF_CASE_2 * (1 << 20)
LEAKING = f"""limits: {{ overhead: 20% }}
leaks: {{ interval: 1s, settle: 3s, watch: 3s }}
budgets:
  memory.growth:
    window: 24s
    for: 1s
    target: {5 * HOURS_OF_CASE_2}MB/h
    warning: {10 * HOURS_OF_CASE_2}MB/h
    critical: {20 * HOURS_OF_CASE_2}MB/h
    alert: Memory Growth Rate
    action: Fix memory leaks, optimize data structures
  memory.leaks:
    window: 1h
    for: 0s
    target: 0
    warning: 0
    critical: 1
    priority_floor: P1
    alert: Memory Leak Detection
    action: Immediate debugging and fixes
"""


@test(420, waits=True)
def case_study_2_audio_buffer_that_is_not_released(t):
    """Growth is noticed and the function is named; then it is mended, and both are compared."""
    alice = Planted(t, "--fast", "--push-to-talk", "--pause", "300ms", "--fault", "keep-audio=100%")
    watch = t.watch(alice.pid, LEAKING)
    alice.go()
    _, growing = watch.wait_alert("memory.growth", "firing", 120)
    before = kept_per_hour(alice.so_far().turns())
    t.check(growing["severity"] in ("warning", "critical"), f"severity at {growing['value']}")
    t.equal(growing["unit"], "bytes/h", "unit of growth")
    t.between(growing["value"], before / 2, before * 2, "growth in bytes/h")
    _, leaking = watch.wait_alert("memory.leaks", "firing", 150)
    t.equal(leaking["priority"], "P1", "priority of a leak")
    t.equal(leaking["value"], 1, "places that leak")
    named = leaking["evidence"][0]["text"]
    t.check("confirmed leak: audio_block_new at " in named, f"the function is not named: {named}")
    t.check("recording.c:" in named, f"nor its line: {named}")
    alice.lift("keep-audio")
    alice.plant("keep-audio=4%")
    mended_ns = time.monotonic_ns()
    mended = t.watch(alice.pid, LEAKING)
    at, resolved = watch.wait_alert("memory.growth", "resolved", 90)
    least = 100 * (1 - resolved["limit"] / resolved["worst"])
    t.check(resolved["improvement_percent"] >= least, f"improvement by less than {least} %")
    compared = [one["text"] for one in resolved["evidence"] if one["kind"] == "comparison"]
    t.check(
        len(compared) == 1 and re.fullmatch(r"before .+, after .+", compared[0]),
        f"before and after are not compared: {resolved['evidence']}",
    )
    wait_until(lambda: len(since(alice, mended_ns)) > 60, 120, "60 turns that are mended")
    after = kept_per_hour(since(alice, mended_ns))
    t.check(0 < after < TARGET_OF_CASE_2, f"mended, it still keeps {after} bytes/h")
    growth = mended.summary_now().number("memory.growth")
    t.between(growth, -TARGET_OF_CASE_2, TARGET_OF_CASE_2, f"growth, mended ({after} bytes/h)")
    t.equal(mended.alerts(), [], "alerts of who watches what was mended")
    again = [arrival for arrival, _ in watch.alerts("memory.growth", "firing") if arrival > at]
    t.equal(again, [], "alerts on growth when it was resolved")
    mended.stop()
    watch.stop()


def kept_per_hour(turns):
    """Bytes an hour of sound that was not given back, by the log."""
    span_ns = turns[-1]["end_ns"] - turns[0]["end_ns"]
    return sum(turn["kept_bytes"] for turn in turns[1:]) / span_ns * 3.6e12


def since(alice, at_ns):
    return [turn for turn in alice.so_far().turns() if turn["start_ns"] >= at_ns]
