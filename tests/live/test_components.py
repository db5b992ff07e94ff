# SPDX-License-Identifier: GPL-2.0-only
"""Targets of components: CPU while a stage is in flight, memory per stream, cached answers, sample
rate, audio length, errors and time-outs, against the target's own log."""

import os

from harness import config, nearest_rank, test

MIB = 1 << 20


def component(stages, more=""):
    return config(stages, more="budgets: {}\n" + more)


@test(60)
def active_cpu_of_all_threads(t):
    target = t.target("components", wait=False)
    watch = t.watch(
        target.pid, component({"stt": '{ call: "components:stage_active", active_cpu: yes }'})
    )
    cpus = len(os.sched_getaffinity(target.pid))
    target.command("active 6 300 20")
    # Alone, and without anything that burns: the CPU of the process outside of it is not its.
    target.command("idle 1200")
    summary = watch.stop()
    target.send_line("quit")
    truth = target.finish()
    spans = [line for line in truth.others if line["type"] == "active"]
    wall, cpu = (sum(span[key] for span in spans) for key in ("wall_ns", "cpu_ns"))
    t.equal(len(spans), 6, "spans by the target")
    got = summary.entry("stt.active_cpu")
    t.equal((got["unit"], got["quality"]), ("percent", "exact"), "unit and quality")
    t.near(got["value"], 100 * cpu / wall / cpus, "stt.active_cpu", 0.02, 0.5)
    t.no_drops(summary)


@test(60)
def active_cpu_for_a_rule(t):
    """Only a rule asks for it, after the stages were set up."""
    rules = t.write(
        "active.rules.yml",
        "groups: [{name: g, rules: [{alert: Busy, expr: alice_stage_active_cpu_percent > 0}]}]\n",
    )
    target = t.target("components", wait=False)
    watch = t.watch(
        target.pid,
        component({"stt": '{ call: "components:stage_active" }'}),
        "--rules",
        rules,
    )
    cpus = len(os.sched_getaffinity(target.pid))
    target.command("idle 1200")
    target.command("active 6 300 20")
    target.command("idle 1200")
    summary = watch.stop()
    target.send_line("quit")
    spans = [line for line in target.finish().others if line["type"] == "active"]
    wall, cpu = (sum(span[key] for span in spans) for key in ("wall_ns", "cpu_ns"))
    got = summary.entry("stt.active_cpu")
    t.equal(got["quality"], "exact", "quality")
    t.near(got["value"], 100 * cpu / wall / cpus, "stt.active_cpu", 0.02, 0.5)


@test(60)
def active_cpu_beside_another_stage(t):
    """Another voice stage that comes and goes while the stage is in flight makes it partial."""
    stages = {
        "stt": '{ call: "components:stage_active", active_cpu: yes }',
        "tts": '{ call: "components:stage_other" }',
    }
    target = t.target("components", wait=False)
    watch = t.watch(target.pid, component(stages))
    target.command("active 1 300 50")
    target.command("idle 1200")
    t.equal(watch.summary_now().entry("stt.active_cpu")["quality"], "exact", "alone")
    target.command("beside 500")
    target.command("idle 1200")
    summary = watch.stop()
    t.equal(summary.entry("stt.active_cpu")["quality"], "partial", "beside another")
    t.check(not summary.has("tts.active_cpu"), "nobody asked for tts.active_cpu")


@test(60)
def cached_answers_apart(t):
    stage = '{ call: { probe: "components:stage_lookup", cached: "i32 ret == 1" } }'
    target = t.target("components", wait=False)
    watch = t.watch(target.pid, component({"intent": stage}))
    target.command("cached 300 500", 30)
    summary = watch.stop()
    target.send_line("quit")
    truth = target.finish()
    lookups = [line for line in truth.others if line["type"] == "lookup"]
    for metric, wanted in (
        ("cached.latency", [l["wall_ns"] for l in lookups if l["cached"]]),
        ("uncached.latency", [l["wall_ns"] for l in lookups if not l["cached"]]),
        ("latency", [l["wall_ns"] for l in lookups]),
        ("total", [l["wall_ns"] for l in lookups]),
    ):
        wanted.sort()
        t.equal(summary.entry(f"intent.{metric}.p95")["n"], len(wanted), f"number in {metric}")
        t.percentiles(summary, f"intent.{metric}", wanted)
        t.check(nearest_rank(wanted, 50) > 0, "the target timed them")
    t.equal(summary.number("intent.cached_ratio"), 100 / 300, "intent.cached_ratio")


@test(60)
def audio_of_speech(t):
    """Its sample rate and real-time factor, by what the function returns; values per architecture."""
    work = (
        'work: { value: { x86_64: "*(ret + 12)", aarch64: "*(ret + 12)" }, type: i32, '
        'per_second: "*(ret + 8)" }'
    )
    alone = 'work: { type: i32, per_second: "*(ret + 8)" }'
    target = t.target("components", wait=False)
    watch = t.watch(
        target.pid, component({"tts": f'{{ call: {{ probe: "components:stage_speak", {work} }} }}'})
    )
    target.command("speak 40 22050")
    target.command("speak 1 8000")
    target.command("speak 40 22050")
    summary = watch.stop()
    # The rate without the amount.
    watch = t.watch(
        target.pid,
        component({"tts": f'{{ call: {{ probe: "components:stage_speak", {alone} }} }}'}),
    )
    target.command("speak 5 16000")
    by_rate = watch.stop()
    target.send_line("quit")
    truth = target.finish()
    t.equal(summary.number("tts.sample_rate"), 8000, "tts.sample_rate, the lowest")
    t.equal(summary.entry("tts.sample_rate")["unit"], "1/s", "its unit")
    t.equal(summary.entry("tts.sample_rate")["quality"], "exact", "its quality")
    t.equal(summary.entry("tts.sample_rate")["n"], 81, "its samples")
    t.equal(by_rate.number("tts.sample_rate"), 16000, "tts.sample_rate by itself")
    t.check(not by_rate.has("tts.rtf"), "no audio length, no real-time factor")
    spoken = truth.functions["stage_speak"].normal_ns
    t.equal(len(spoken), 86, "spans by the target")
    # All spans are alike: 86 of them stand for the 81 that were watched first.
    t.near(summary.number("tts.rtf"), sum(spoken) / 1e9 / (86 * 0.1), "tts.rtf", 0.05, 0.003)


@test(60)
def errors_and_timeouts(t):
    stages = {
        "intent": '{ call: { probe: "components:stage_fail", error: "i32 ret < 0" } }',
        "tts": '{ call: "components:stage_slow", timeout: 15ms }',
    }
    target = t.target("components", wait=False)
    watch = t.watch(target.pid, component(stages))
    target.command("fail 100")
    target.command("slow 40 10")
    summary = watch.stop()
    target.send_line("quit")
    truth = target.finish()
    fail = truth.functions["stage_fail"]
    bad = truth.functions["failed"].calls + len(fail.abnormal_ns)
    t.check(len(fail.abnormal_ns) == 20 and bad > 30, "the target failed as it should")
    t.near(summary.number("intent.error_rate"), bad / 100, "intent.error_rate", 1e-9, 1e-9)
    t.equal(summary.entry("intent.error_rate")["n"], 100, "spans in it")
    late = sum(ns > 15e6 for ns in truth.functions["stage_slow"].normal_ns)
    t.near(summary.number("tts.timeout_rate"), late / 40, "tts.timeout_rate", 1e-9, 1e-9)
    t.check(not summary.has("intent.timeout_rate"), "no timeout, no rate of it")


@test(90)
def memory_per_stream(t):
    target = t.target("components", wait=False)
    watch = t.watch(
        target.pid, component({"stt": '{ call: "components:stage_hold", memory: yes }'})
    )
    target.command("hold 1 64 700")
    t.equal(watch.summary_now().entry("stt.memory")["unit"], "bytes", "its unit")
    for n in (2, 3, 4, 1, 2, 4):
        target.command(f"hold {n} 64 900", 30)
        target.command("idle 300")
    summary = watch.stop()
    got = summary.entry("stt.memory")
    t.equal(got["quality"], "sampled", "quality")
    t.near(got["value"], 64 * MIB, "stt.memory", 0.03)
    t.check(got["n"] > 30, f"{got['n']} samples")
