# SPDX-License-Identifier: GPL-2.0-only
"""The demo assistant in Python, its functions bound by name, against its own log."""

import re
import signal
import time

from harness import BUILD, ROOT, Failure, Process, Skip, config, own_waits, test, wait_until
from python_programs import (
    EXACT, SYSTEM_PYTHON, at_least_most, latency, require_exact, way
)
from test_assistant import load_truth

HERE = ROOT / "tests" / "assistants" / "python"
STAGES = {
    "stt": "transcribe", "intent": "parse_intent", "response": "respond", "tts": "synthesize"
}
LOOK_NS = 1e9 / 499  # between two looks of the sampled way
LONG_LOOKS = 5
TURN = "turn: { key: thread, idle: 2s }\n"


def stages_of(file):
    return {stage: f"python:{file}:{name}" for stage, name in STAGES.items()}


CONFIG = config(stages_of("stages.py"), more=TURN)


class PythonAlice(Process):
    """The assistant or its server, stopped when it is ready."""

    def __init__(self, case, *args, script="assistant.py", name="alice"):
        if not (BUILD / "corpus").is_dir():
            raise Skip("the corpus is not made")
        self.log_path = case.dir / f"{name}.log"
        command = [
            SYSTEM_PYTHON, "-B", HERE / script, "--audio", BUILD / "corpus", "--log", self.log_path
        ]
        super().__init__(case, name, [*command, *args], cwd=ROOT)
        _, (_, line) = self.lines.wait(
            lambda line: line.startswith("alice: ready"), 30, "alice ready"
        )
        self.port = re.search(r"port (\d+)", line)
        self.signal(signal.SIGSTOP)
        wait_until(self.stopped, 15, "alice is stopped")
        self.stopped_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def stopped(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"

    def go(self):
        self.signal(signal.SIGCONT)

    def truth(self, timeout_s=100):
        status = self.wait(timeout_s)
        if status:
            raise Failure(f"alice ended with {status}: {self.errors()[-300:]}")
        return load_truth().Truth(self.log_path)


def wall_ns(span):
    return span["end_ns"] - span["start_ns"]


def least_ns(span):
    return wall_ns(span) - span["run_delay_ns"]


def check_stages(t, alice, truth, summary, stages):
    for stage in stages:
        spans = truth.spans(stage, alice.stopped_ns)
        t.equal(summary.count(stage), sum(span["ok"] for span in spans), f"{stage}.count")
        good = [span for span in spans if span["ok"]]
        t.percentiles(
            summary, f"{stage}.latency", [wall_ns(s) for s in good], [least_ns(s) for s in good]
        )


def check_turns(t, alice, truth, summary):
    turns = truth.turns(alice.stopped_ns, outcome="complete")
    t.equal(summary.number("turn.outcome.complete"), len(turns), "turn.outcome.complete")
    spans = {(s["stage"], s["user"], s["turn"]): s for s in truth.spans()}
    ends = [
        (spans["stt", turn["user"], turn["turn"]], spans["tts", turn["user"], turn["turn"]])
        for turn in turns
    ]
    most = [last["end_ns"] - first["start_ns"] for first, last in ends]
    waited = [first["run_delay_ns"] + last["run_delay_ns"] for first, last in ends]
    t.percentiles(summary, "turn.latency", most, [a - b for a, b in zip(most, waited)])


@test(100)
def python_assistant_by_name(t):
    """Stages bound as functions of a Python program: every latency, every turn."""
    alice = PythonAlice(t, "--fast", "--turns", 40)
    watch = t.watch(alice.pid, CONFIG)
    require_exact(watch, STAGES)
    alice.go()
    truth = alice.truth()
    t.equal(watch.wait(30), 4, "exit code of cheshire when the target has exited")
    summary = watch.last_summary()
    check_stages(t, alice, truth, summary, STAGES)
    check_turns(t, alice, truth, summary)
    t.no_drops(summary)


@test(100)
def python_assistant_three_users(t):
    """Threads that take turns at the interpreter: each its own spans and turns."""
    alice = PythonAlice(t, "--fast", "--users", 3, "--turns", 12)
    watch = t.watch(alice.pid, CONFIG)
    require_exact(watch, STAGES)
    alice.go()
    truth = alice.truth()
    watch.wait(30)
    summary = watch.last_summary()
    check_stages(t, alice, truth, summary, STAGES)
    t.equal(
        summary.number("turn.outcome.complete"),
        len(truth.turns(alice.stopped_ns, outcome="complete")),
        "turn.outcome.complete",
    )


@test(100)
def python_assistant_server(t):
    """Coroutines of one asyncio loop: from their creation to their return, awaits included."""
    alice = PythonAlice(t, "--users", 3, script="server.py", name="server")
    watch = t.watch(alice.pid, config(stages_of("async_stages.py")))
    alice.go()
    command = [SYSTEM_PYTHON, "-B", HERE / "client.py", "--port", alice.port[1], "--users", 3]
    client = Process(t, "client", [*command, "--turns", 8, "--audio", BUILD / "corpus"])
    t.equal(client.wait(60), 0, f"exit code of the users: {client.errors()[-300:]}")
    alice.signal(signal.SIGTERM)
    truth = alice.truth(20)
    watch.wait(30)
    spans = truth.spans("stt")
    t.check(len(spans) >= 20, "turns of the server")
    if way(watch, "stt") == EXACT:
        check_stages(t, alice, truth, watch.last_summary(), STAGES)
    else:
        check_sampled(t, watch.last_summary(), STAGES, truth)


def check_sampled(t, summary, stages, truth):
    """
    Counts are lower bounds: a coroutine of a few ms may be missed, or one with the next.  Those of
    several users that overlap on the one thread are apart, and each is from its making to its end.
    """
    for stage in stages:
        walls = [wall_ns(span) for span in truth.spans(stage)]
        count = summary.value(f"{stage}.count") or 0
        t.check(count <= len(walls), f"{stage}.count: {count} of {len(walls)}")
        if min(walls) > LONG_LOOKS * LOOK_NS:
            t.equal(summary.entry(f"{stage}.count")["quality"], "sampled", f"{stage}: quality")
            latency(t, summary, stage, walls, at_least_most(t, summary, stage, walls))


@test(60)
def python_assistant_without_configuration(t):
    """The engines in C under the Python are recognised by themselves."""
    alice = PythonAlice(t, "--fast", "--turns", 20, "--log-frames")
    watch = t.watch(alice.pid, "limits: { overhead: 50%, records: 5000/s }\n")
    for engine in ("pocketsphinx", "espeak-ng", "sqlite3"):
        t.check(engine in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    alice.go()
    truth = alice.truth()
    watch.wait(30)
    summary = watch.last_summary()
    for stage in ("stt", "tts"):
        t.equal(summary.count(stage), len(truth.spans(stage, alice.stopped_ns)), f"{stage}.count")
        spans = truth.spans(stage, alice.stopped_ns)
        longest = max(map(wall_ns, spans)) / 1e9
        t.between(summary.number(f"{stage}.latency.max"), 0, longest, f"{stage}.latency.max")
    frames = truth.frames(alice.stopped_ns)
    t.equal(summary.number("wake_word.frames"), len(frames), "wake_word.frames")
    t.equal(summary.count("wake_word"), sum(f["hit"] for f in frames), "wake_word.count")


def fire(t, fault, metric, limits, binding=CONFIG):
    """The firing alert on the metric while the assistant has this fault, and the watch."""
    alice = PythonAlice(t, "--fast", "--duration", "90s", "--pause", "50ms", "--fault", fault)
    more = f"budgets:\n  {metric}: {{ window: 10s, for: 1s, min_count: 3, {limits} }}\n"
    watch = t.watch(alice.pid, binding + more)
    alice.go()
    _, firing = watch.wait_alert(metric, "firing", 60)
    return alice, firing, watch


def in_python(firing):
    """The notes of an alert on where in Python the time went, the most frequent first."""
    return [item["text"] for item in firing["evidence"] if item["kind"] == "note"] or [""]


def place_of(file, qualname, code):
    """As a frame is written: the line of `code` in the function, by the source."""
    lines = (HERE / file).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines)
                 if re.match(rf" *(async )?def {qualname.rpartition('.')[2]}\(", line))
    line = next(i for i, line in enumerate(lines, 1) if i > start + 1 and code in line)
    return f"{qualname} (python/{file}:{line})"


def spans_of(firing):
    return [item for item in firing["evidence"] if item["kind"] == "span"]


@test(150, waits=True)
def python_assistant_slow_stage_is_named(t):
    """A stage that sleeps: the turn's alert names it, with what it waited for; and it resolves."""
    # The assistant's clock goes on while it is stopped for the watch to begin.
    alice, firing, watch = fire(t, "slow-response=1s@0s-20s", "turn.latency",
                                "stat: p50, warning: 700ms")
    turn = firing["evidence"][0]
    slowest = max(turn["spans"], key=lambda span: span["wall_s"])
    t.equal(slowest["stage"], "response", "the slowest stage")
    t.between(slowest["wait_s"]["sleep"], 0.98, slowest["wall_s"], "its sleep")
    watch.wait_alert("turn.latency", "resolved", 60)
    alice.signal(signal.SIGTERM)
    truth = alice.truth(20)
    walls = [wall_ns(span) / 1e9 for span in truth.spans("response")]
    t.one_of(slowest["wall_s"], walls, "wall time of the slowest stage")


@test(180, waits=True)
def python_assistant_slow_function_is_named(t):
    """The function below a stage in which its time goes: file, qualified name and line."""
    alice = PythonAlice(t, "--fast", "--pause", "50ms", "--duration", "100s", "--fault",
                        "slow-response=1s")
    budget = "response.latency: { stat: p50, window: 20s, for: 0s, min_count: 2, warning: 800ms }"
    watch = t.watch(alice.pid, f"{CONFIG}budgets:\n  {budget}\n")
    alice.go()
    _, firing = watch.wait_alert("response.latency", "firing", 90)
    where = (f" looks: {place_of('session.py', 'Session.delay', 'sleep(slow')} < "
             f"{place_of('stages.py', 'respond', 'delay(')}")
    first = in_python(firing)[0]
    t.check(first.startswith("Python, ") and first.endswith(where), f"where in Python: {first}")
    watch.stop()


@test(180, waits=True)
def python_assistant_turns_of_a_loop(t):
    """
    Turns that overlap on one thread, by their own coroutine; and of a stage that waits, which is on
    no thread's stack, the line at which it does.
    """
    alice = PythonAlice(t, "--users", 3, "--fault", "slow-response=1500ms", script="server.py",
                        name="server")
    budget = "response.latency: { stat: p50, window: 20s, for: 0s, min_count: 1, warning: 1s }"
    stages = {
        "response": "python:async_stages.py:respond",
        "conversation": "python:server.py:Server.one_turn",
    }
    watch = t.watch(alice.pid, config(stages, more=f"budgets:\n  {budget}\n"))
    alice.go()
    command = [SYSTEM_PYTHON, "-B", HERE / "client.py", "--port", alice.port[1], "--users", 3]
    client = Process(t, "client", [*command, "--turns", 3, "--audio", BUILD / "corpus"])
    _, firing = watch.wait_alert("response.latency", "firing", 90)
    where = f" looks: {place_of('async_stages.py', 'respond', 'delay(')}, suspended there"
    first = in_python(firing)[0]
    t.check(first.startswith("Python, ") and first.endswith(where), f"where in Python: {first}")
    t.equal(client.wait(90), 0, f"exit code of the users: {client.errors()[-300:]}")
    alice.signal(signal.SIGTERM)
    truth = alice.truth(30)
    watch.wait(30)
    turns = whole_turns_s(truth)
    summary = watch.last_summary()
    count = summary.count("conversation")
    t.check(1 <= count <= len(turns), f"{count} of {len(turns)} turns")
    # What comes between the log's times and the coroutine's; and the time until it has a CPU.
    t.between(summary.number("conversation.latency.p50"), min(turns) * 0.984 - 0.01,
              max(turns) * 1.016 + 0.3, "conversation.latency.p50")


def whole_turns_s(truth):
    """Of each turn of the server the seconds from its first stage to the end of its last."""
    spans = {}
    for span in truth.spans():
        spans.setdefault((span["user"], span["turn"]), []).append(span)
    return [
        (max(s["end_ns"] for s in turn) - min(s["start_ns"] for s in turn)) / 1e9
        for turn in spans.values()
    ]


@test(180, waits=True)
def python_assistant_hang_is_explained(t):
    """A stage that waits for what does not come: where it stands, as JSON and as text."""
    alice = PythonAlice(t, "--fast", "--pause", "50ms", "--duration", "100s", "--fault",
                        "hang-intent=9s@3s")
    watch = t.watch(alice.pid, CONFIG)
    text = t.watch(alice.pid, CONFIG, output="text")
    text.lines.wait(lambda line: "intent" in line, 40, "the stage in the text")
    alice.go()
    _, firing = watch.wait_alert("target.responsive", "firing", 90)
    t.equal(firing["cause"], "stage:intent", "cause")
    where = (f"{place_of('session.py', 'Session.delay', 'wait(hang')} < "
             f"{place_of('stages.py', 'parse_intent', 'delay(')}")
    first = in_python(firing)[0]
    t.check(first.startswith("Python, ") and first.endswith(where), f"where in Python: {first}")
    told = re.match(r"Python, (\d+) of (\d+) looks: Condition.wait .*< Event.wait ", first)
    t.check(told and int(told[1]) > int(told[2]) / 2, f"of all looks: {first}")
    text.lines.wait(lambda line: where in line, 20, "where in Python, in the text")
    watch.stop()


@test(120)
def python_assistant_lock_is_explained(t):
    """Waiting for a lock of the program is not waiting for the interpreter."""
    _, firing, watch = fire(t, "lock=300ms", "intent.latency", "stat: p50, warning: 150ms")
    for span in spans_of(firing):
        waits = own_waits(span)
        lock = waits.pop("lock")
        t.between(lock, 0.25, span["wall_s"], "its wait for a lock")
        t.exact_enough(lock > 5 * max(waits.values()), f"lock {lock} s, others {waits}")
    watch.stop()


@test(120, waits=True)
def python_assistant_interpreter_is_explained(t):
    """A thread in pure Python: what the stage waits for is the interpreter."""
    _, firing, watch = fire(t, "hold-gil", "tts.latency", "stat: p50, warning: 8ms")
    longest = max(spans_of(firing), key=lambda span: span["wall_s"])
    waits = own_waits(longest)
    gil = waits.pop("gil")
    t.exact_enough(gil > waits["lock"] and gil > waits["sleep"], f"gil {gil} s, others {waits}")
    watch.stop()


@test(60)
def python_assistant_errors_are_abnormal(t):
    """An exception that leaves the stage."""
    alice = PythonAlice(t, "--fast", "--turns", 24, "--fault", "intent-error=50%")
    watch = t.watch(alice.pid, CONFIG)
    require_exact(watch, STAGES)
    alice.go()
    truth = alice.truth()
    watch.wait(30)
    spans = truth.spans("intent", alice.stopped_ns)
    failed = sum(not span["ok"] for span in spans)
    t.check(0 < failed < len(spans), f"{failed} of {len(spans)} failed")
    summary = watch.last_summary()
    t.equal(summary.abnormal("intent"), failed, "intent.abnormal")
    t.equal(summary.count("intent"), len(spans) - failed, "intent.count")


@test(30, waits=True)
def python_assistant_lists_functions(t):
    """`stages` shows what the file itself defines, with its line."""
    alice = PythonAlice(t, "--turns", 0, "--duration", "30s")
    alice.go()
    source = (HERE / "stages.py").read_text(encoding="utf-8").splitlines()
    defined = {
        re.match(r"def (\w+)", line)[1]: number
        for number, line in enumerate(source, 1) if line.startswith("def ")
    }
    shown = t.run(BUILD / "cheshire", "stages", "--pid", alice.pid, "python:stages.py:*")
    t.equal(shown.returncode, 0, shown.stderr)
    listed = {
        name: int(line)
        for name, line in re.findall(r"python:stages\.py:(\S+)\s.*stages\.py:(\d+)", shown.stdout)
    }
    t.equal(listed, defined, "functions of stages.py")
