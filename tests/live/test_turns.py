# SPDX-License-Identifier: GPL-2.0-only
"""Turns told apart by key: latencies, gaps and outcomes, for 1 and for 8 users at once."""

from harness import config, nearest_rank, test

STAGES = ("stt", "intent", "response", "tts")
GAPS = ("stt.intent", "intent.response", "response.tts")


def bindings(key):
    return {
        name: f'{{ call: {{ probe: "turns:turn_{name}"{key} }} }}' for name in STAGES
    }


def watch_turns(t, key, turn, *args):
    target = t.target("turns", "--us", "1500:9000", *args)
    watch = t.watch(target.pid, config(bindings(key), more=f"turn: {turn}\n"))
    for name in STAGES:
        t.equal(watch.stage(name)["state"], "armed", f"state of stage '{name}' in hello")
    target.go()
    truth = target.finish()
    watch.wait(30)
    return truth, watch.last_summary()


def check_turns(t, truth, summary, wanted):
    t.equal(len(truth.turns), wanted, "turns of the target")
    for name in STAGES:
        t.spans(summary, name, truth.functions[name])
    by_outcome = {
        outcome: [turn for turn in truth.turns if turn["outcome"] == outcome]
        for outcome in ("complete", "interrupted", "abandoned")
    }
    for outcome, turns in by_outcome.items():
        t.equal(summary.number(f"turn.outcome.{outcome}"), len(turns), f"turn.outcome.{outcome}")
    complete = by_outcome["complete"]
    t.percentiles(
        summary,
        "turn.latency",
        *([turn[key] for turn in complete] for key in ("latency_ns", "latency_least_ns")),
    )
    for gap in GAPS:
        ordered = sorted(
            turn["gaps_ns"][gap] for turn in truth.turns if gap in turn["gaps_ns"]
        )
        t.near(
            summary.number(f"turn.gap.{gap}.p50"),
            nearest_rank(ordered, 50) / 1e9,
            f"turn.gap.{gap}.p50",
        )
    t.no_drops(summary)


@test(150)
def one_user_on_pooled_threads(t):
    truth, summary = watch_turns(
        t, ", key: arg0", "{ key: value, idle: 400ms }", "--iterations", 200
    )
    check_turns(t, truth, summary, 200)


@test(90)
def eight_users_on_pooled_threads(t):
    truth, summary = watch_turns(
        t, ", key: arg0", "{ key: value, idle: 400ms }", "--users", 8, "--iterations", 30
    )
    check_turns(t, truth, summary, 240)


@test(90)
def eight_users_on_threads_of_their_own(t):
    truth, summary = watch_turns(
        t,
        "",
        "{ key: thread, idle: 400ms }",
        *("--mode", "thread", "--users", 8, "--iterations", 30),
    )
    check_turns(t, truth, summary, 240)


@test(120)
def overlapping_turns_without_key_are_unknown(t):
    """What cannot be told apart is not guessed."""
    truth, summary = watch_turns(
        t, "", "{ key: none, idle: 400ms }", "--users", 4, "--iterations", 15
    )
    t.equal(len(truth.turns), 60, "turns of the target")
    entry = summary.entry("turn.latency.p95")
    t.check(
        entry["value"] is None or entry["quality"] in ("unknown", "partial"),
        f"turn.latency.p95 is {entry}",
    )


@test(120)
def one_user_without_key_is_joined_in_time_order(t):
    """Three turns, one after the other: the fourth would be a barge-in, which without a key
    cannot be told from a second user."""
    truth, summary = watch_turns(
        t, "", "{ key: none, idle: 400ms }", "--iterations", 3
    )
    check_turns(t, truth, summary, 3)
