# SPDX-License-Identifier: GPL-2.0-only
"""The demo assistant on real engines, against its own log: 1 and 8 users, over 200 turns."""

import importlib.util
import os
import signal
import time

from harness import (
    BUILD, RELATIVE_ERROR, ROOT, Failure, Process, Skip, Summary, own_waits, test, wait_until
)

ALICE = BUILD / "assistants" / "alice"
STAGES = ("stt", "intent", "response", "tts")

# As an operator would write it who knows the program and its libraries.
CONFIG = """\
target: { name: alice }
limits: { overhead: 50%, records: 5000/s }
stages:
  stt:
    stream:
      from: "libpocketsphinx.so*:ps_end_utt@entry"
      to: "libpocketsphinx.so*:ps_get_hyp@return"
      key: arg0
      where: 'str *(*(arg0 + 56) + 8) != "kws"'
  intent: { call: "alice:parse_intent" }
  response: { call: "alice:generate_response" }
  tts: { call: "libespeak-ng.so*:espeak_Synth" }
turn: { key: thread, idle: 2s }
"""


def load_truth():
    """tests/assistants/truth.py, the reader of the assistant's log."""
    path = ROOT / "tests" / "assistants" / "truth.py"
    spec = importlib.util.spec_from_file_location("alice_truth", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Alice(Process):
    """The assistant, stopped when it is ready, so that the watcher misses nothing of its turns."""

    def __init__(self, case, *args, name="alice", command=(), **options):
        if not ALICE.exists():
            raise Failure(f"{ALICE} is not built")
        if not (BUILD / "corpus").is_dir():
            raise Skip("the corpus is not made")
        self.log_path = case.dir / f"{name}.log"
        command = [*command, ALICE, "--log", self.log_path, *args]
        super().__init__(case, name, command, cwd=ROOT, **options)
        self.lines.wait(lambda line: line.startswith("alice: ready"), 30, "alice ready")
        self.signal(signal.SIGSTOP)
        wait_until(self.stopped, 15, "alice is stopped")
        self.stopped_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def stopped(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def go(self):
        self.signal(signal.SIGCONT)

    def truth(self, timeout_s=120):
        status = self.wait(timeout_s)
        if status:
            raise Failure(f"alice ended with {status}: {self.errors()[-300:]}")
        return load_truth().Truth(self.log_path)


def watch_alice(t, config, *args):
    """Runs the assistant to its end under watch; returns (alice, truth, summary, watch)."""
    alice = Alice(t, *args)
    watch = t.watch(alice.pid, config)
    alice.go()
    truth = alice.truth()
    t.equal(watch.wait(30), 4, "exit code of cheshire when the target has exited")
    return alice, truth, watch.last_summary(), watch


def limits_ns(span):
    """From where to where what we watch of a stage was: its library's own calls, if it has any."""
    return tuple(span.get(f"engine_{end}_ns", span[f"{end}_ns"]) for end in ("start", "end"))


def wall_ns(span):
    start_ns, end_ns = limits_ns(span)
    return end_ns - start_ns


def check_stages(t, alice, truth, summary: Summary, stages):
    for stage in stages:
        spans = truth.spans(stage, alice.stopped_ns)
        most = [wall_ns(span) for span in spans]
        least = [wall_ns(span) - span["run_delay_ns"] for span in spans]
        t.equal(summary.count(stage), len(spans), f"{stage}.count")
        t.percentiles(summary, f"{stage}.latency", most, least)


def check_turns(t, alice, truth, summary, at_least):
    turns = truth.turns(alice.stopped_ns, outcome="complete")
    t.check(len(turns) >= at_least, f"only {len(turns)} complete turns")
    t.equal(summary.number("turn.outcome.complete"), len(turns), "turn.outcome.complete")
    spans = {
        stage: {(span["user"], span["turn"]): span for span in truth.spans(stage)}
        for stage in STAGES
    }
    keys = [(turn["user"], turn["turn"]) for turn in turns]
    ends = [(spans["stt"][key], spans["tts"][key]) for key in keys]
    most = [limits_ns(last)[1] - limits_ns(first)[0] for first, last in ends]
    waited = [first["run_delay_ns"] + last["run_delay_ns"] for first, last in ends]
    t.percentiles(summary, "turn.latency", most, [a - b for a, b in zip(most, waited)])
    for first, second in zip(STAGES, STAGES[1:]):
        gaps = sorted(
            limits_ns(spans[second][key])[0] - limits_ns(spans[first][key])[1] for key in keys
        )
        name = f"turn.gap.{first}.{second}.p50"
        t.near(summary.number(name), gaps[(len(gaps) - 1) // 2] / 1e9, name)


@test(150)
def assistant_one_user(t):
    alice, truth, summary, _ = watch_alice(t, CONFIG, "--fast", "--turns", 210)
    check_stages(t, alice, truth, summary, STAGES)
    check_turns(t, alice, truth, summary, 200)
    t.no_drops(summary)


@test(150)
def assistant_eight_users(t):
    alice, truth, summary, _ = watch_alice(t, CONFIG, "--fast", "--users", 8, "--turns", 27)
    check_stages(t, alice, truth, summary, STAGES)
    check_turns(t, alice, truth, summary, 200)
    t.no_drops(summary)


@test(120)
def assistant_without_configuration(t):
    """Nothing is configured: the engines in the process are recognised by themselves."""
    limits = "limits: { overhead: 50%, records: 5000/s }\n"
    alice, truth, summary, watch = watch_alice(t, limits, "--fast", "--turns", 60, "--log-frames")
    for engine in ("pocketsphinx", "espeak-ng", "sqlite3"):
        t.check(engine in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    check_stages(t, alice, truth, summary, ("stt", "tts"))
    frames = truth.frames(alice.stopped_ns)
    hits = [frame["end_ns"] - frame["start_ns"] for frame in frames if frame["hit"]]
    t.check(len(hits) >= 59, f"only {len(hits)} wake words")
    t.equal(summary.count("wake_word"), len(hits), "wake_word.count")
    t.equal(summary.number("wake_word.frames"), len(frames), "wake_word.frames")
    t.near(
        summary.number("wake_word.latency.p50"),
        load_truth().percentile(hits, 50) / 1e9,
        "wake_word.latency.p50",
    )


@test(90)
def assistant_with_flite(t):
    config = CONFIG.replace("libespeak-ng.so*:espeak_Synth", "libflite.so*:flite_text_to_wave")
    alice, truth, summary, _ = watch_alice(t, config, "--fast", "--tts", "flite", "--turns", 30)
    check_stages(t, alice, truth, summary, STAGES)


@test(90)
def assistant_cpu_equals_proc(t):
    """CPU-seconds of a real assistant over its run, voice and background together the whole."""
    alice = Alice(t, "--fast", "--turns", 60)
    before = cpu_of(alice.pid)
    watch = t.watch(alice.pid, CONFIG)
    base = watch.summary_now()
    alice.go()
    log = load_truth()
    log.wait_for(alice.log_path, "turn", 60, 50)
    alice.signal(signal.SIGSTOP)
    wait_until(alice.stopped, 15, "alice is stopped")
    used = cpu_of(alice.pid) - before
    summary = watch.summary_now()

    def grown(part):
        name = f"cpu.time.{part}"
        return summary.number(name) - base.number(name)

    t.near(grown("total"), used, "CPU-seconds", 0.02, 0.02)
    t.near(grown("voice") + grown("background"), grown("total"), "voice + background", 1e-3, 1e-3)
    alice.go()
    alice.truth()


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@test(120)
def assistant_slow_intent_fires(t):
    """A fault in its own code, and the alert says which stage was slow and what it waited for."""
    alice = Alice(
        t, "--fast", "--pause", "100ms", "--duration", "40s", "--fault", "slow-intent@3s-12s"
    )
    more = (
        "budgets:\n  intent.latency: { stat: p95, window: 4s, target: 200ms, warning: 400ms, "
        "critical: 800ms, for: 1s, min_count: 3 }\n"
    )
    watch = t.watch(alice.pid, CONFIG + more)
    alice.go()
    _, firing = watch.wait_alert("intent.latency", "firing", 20)
    t.check(firing["value"] >= 0.6 * (1 - RELATIVE_ERROR), f"value: {firing['value']}")
    severity = "critical" if firing["value"] > 0.8 else "warning"
    t.equal(firing["severity"], severity, f"severity of {firing['value']} s")
    slowest = firing["evidence"][0]
    t.equal(slowest["stage"], "intent", "stage of the evidence")
    watch.wait_alert("intent.latency", "resolved", 25)
    truth = load_truth().Truth(alice.log_path)
    t.one_of(slowest["wall_s"], [ns / 1e9 for ns in truth.durations("intent")], "its wall time")
    t.equal(len(truth.faults("slow-intent")), 1, "faults in the assistant's log")
    watch.stop()


ERRORS = CONFIG.replace(
    'call: "alice:parse_intent"', 'call: { probe: "alice:parse_intent", error: "i32 ret < 0" }'
)


@test(60)
def assistant_intent_errors_are_counted(t):
    alice, truth, summary, _ = watch_alice(
        t, ERRORS, "--fast", "--turns", 25, "--pause", "100ms", "--fault", "intent-error@2s"
    )
    spans = truth.spans("intent", alice.stopped_ns)
    failed = sum(not span["ok"] for span in spans)
    t.check(failed > 0, f"none of {len(spans)} failed: the fault came too late")
    t.near(summary.number("intent.error_rate"), failed / len(spans), "intent.error_rate", 1e-9, 0)
    t.equal(summary.count("intent"), len(spans), "intent.count")


def fire(t, fault, metric, limits):
    """The firing alert on the metric while the assistant has this fault."""
    alice = Alice(t, "--fast", "--duration", "30s", "--pause", "50ms", "--fault", fault)
    more = f"budgets:\n  {metric}: {{ window: 3s, for: 1s, min_count: 3, {limits} }}\n"
    watch = t.watch(alice.pid, CONFIG + more)
    alice.go()
    _, firing = watch.wait_alert(metric, "firing", 20)
    watch.stop()
    return firing


@test(60)
def assistant_slow_turns_are_explained(t):
    """The slowest three turns of the window: their stages and gaps are the whole of them."""
    firing = fire(t, "slow-response=400ms", "turn.latency", "stat: p95, warning: 300ms")
    t.equal(len(firing["evidence"]), 3, "turns of the evidence")
    walls = [turn["wall_s"] for turn in firing["evidence"]]
    t.equal(walls, sorted(walls, reverse=True), "slowest first")
    for turn in firing["evidence"]:
        t.equal(turn["kind"], "turn", "kind of evidence")
        t.equal(turn["outcome"], "complete", "outcome")
        t.equal([span["stage"] for span in turn["spans"]], list(STAGES), "its stages")
        gaps = [(gap["from"], gap["to"]) for gap in turn["gaps"]]
        t.equal(gaps, list(zip(STAGES, STAGES[1:])), "its gaps")
        parts = sum(span["wall_s"] for span in turn["spans"]) + sum(
            gap["s"] for gap in turn["gaps"]
        )
        t.near(parts, turn["wall_s"], "stages and gaps together", 1e-6, 2e-6)
        slowest = max(turn["spans"], key=lambda span: span["wall_s"])
        t.equal(slowest["stage"], "response", "the slowest stage")
        t.between(slowest["wait_s"]["sleep"], 0.4, slowest["wall_s"], "its sleep")
        for span in turn["spans"]:
            split = span["cpu_s"] + sum(span["wait_s"].values())
            t.near(split, span["wall_s"], "CPU and waits of a stage together", 1e-3, 1e-5)


@test(60)
def assistant_waiting_for_a_lock_is_explained(t):
    firing = fire(t, "lock=300ms", "intent.latency", "stat: p50, warning: 150ms")
    for span in firing["evidence"]:
        t.equal(span["stage"], "intent", "stage of the evidence")
        waits = own_waits(span)
        lock = waits.pop("lock")
        t.between(lock, 0.9 * 0.3, span["wall_s"], "its wait for a lock")
        t.exact_enough(lock > 10 * max(waits.values()), f"lock {lock} s, others {waits}")


@test(60)
def assistant_reading_from_disk_is_explained(t):
    firing = fire(t, "disk=32MB", "intent.latency", "stat: p50, warning: 3ms")
    for span in firing["evidence"]:
        waits = own_waits(span)
        disk = waits.pop("disk")
        t.exact_enough(disk > max(waits.values()), f"disk {disk} s, others {waits}")
        t.exact_enough(disk > 0.1 * span["wall_s"], f"disk {disk} s of {span['wall_s']} s")
