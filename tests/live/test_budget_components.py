# SPDX-License-Identifier: GPL-2.0-only
"""The document's targets of components, error and time-out rates, and the network's budget, driven
over their limits by planted faults: as in test_budgets.py."""

import os
import time

from budget_rows import MB, MBIT, TABLES, Rig, one_after_the_other, one_limit, run_together
from builtin import STAGES, Planted, prefer, shortened
from harness import TARGETS, Target, test
from test_resources import Inside, Namespace, listen

QUANTIZED = "Use quantized models (INT8, FP16) for reduced memory footprint"
COMPONENTS = {
    **TABLES,
    "Speech-to-Text Speed": one_limit(
        "stt.rtf", 0.3 / 60, "Implement streaming STT for real-time processing"),
    "Text-to-Speech Speed": one_limit(
        "tts.rtf", 0.2 / 10, "Use neural vocoder caching for common phrases"),
    "Speech-to-Text CPU": one_limit("stt.active_cpu", 40, "Use GPU acceleration when available"),
    "Text-to-Speech CPU": one_limit(
        "tts.active_cpu", 30, "Use neural vocoder caching for common phrases"),
    "Speech-to-Text Memory": one_limit("stt.memory", 200 * MB, QUANTIZED),
    "Cached Intent Latency": one_limit(
        "intent.cached.latency.p95", 0.1, "Implement intent caching for frequent queries"),
    "Speech Sample Rate": one_limit("tts.sample_rate", 16000, below=True),
    "Speech-to-Text Model Size": one_limit("stt.model_size", 100 * MB, QUANTIZED),
    "Voice Model Size": one_limit(
        "tts.model_max", 150 * MB, "Reduce model sizes, optimize caching"),
    "Language Model Size": one_limit(
        "intent.model_size", 100 * MB,
        "Use lightweight transformer models (DistilBERT, TinyBERT)"),
}
for stage, name in (("stt", "Speech-to-Text"), ("intent", "Intent"), ("response", "Response"),
                    ("tts", "Text-to-Speech")):
    for kind, rate in (("Errors", "error_rate"), ("Timeouts", "timeout_rate")):
        COMPONENTS[f"{name} {kind}"] = one_limit(f"{stage}.{rate}", 0.05, floor="P1")

ANY_CPU = {"Average CPU Usage", "Peak CPU Usage", "Voice Processing CPU", "Background Tasks CPU",
           "CPU Budget of 1-5 users"}
ANY_MEMORY = {"Baseline Memory", "Peak Memory Usage", "Memory Budget of 1-5 users"}
SLOW_TURN = {"Response Time SLA of 1-5 users"}


# --- error and time-out rates ---

# Limits of time that are well inside of those of the latencies.
STRICT = STAGES
for old, new in (("timeout: 4s", "timeout: 200ms"), ("timeout: 2s", "timeout: 200ms")):
    STRICT = STRICT.replace(old, new)


RATES = (
    (["stt-error", "response-error", "tts-error"],
     ("Speech-to-Text Errors", "Response Errors", "Text-to-Speech Errors")),
    (["intent-error"], ("Intent Errors",)),
    (["slow-stt=260ms", "slow-intent=260ms"], ("Speech-to-Text Timeouts", "Intent Timeouts")),
    (["slow-response=260ms", "slow-tts=260ms"],
     ("Response Timeouts", "Text-to-Speech Timeouts")),
)


@test(240)
def error_rows(t):
    """20 spans in the window make a rate: one failure of them is not yet over 5 %."""
    scripts = []
    for number, (faults, names) in enumerate(RATES):
        # Stages that take a moment, as in test_budgets.py.
        alice = Planted(t, "--fast", "--push-to-talk", "--pause", "300ms",
                        "--fault", "slow-stt=100ms", "--fault", "slow-tts=50ms",
                        name=f"alice-{number}", preferred=True)
        rig = Rig(t, alice, t.watch(alice.pid, shortened(STRICT, "25s")), COMPONENTS)
        alice.go()
        scripts.append(rig.phase(faults, {name: ("warning", "P1") for name in names},
                                 SLOW_TURN, timeout_s=50))
    run_together(*scripts)


# --- components ---


class Parts(Target):
    """tests/targets/components: what is planted is a list of commands, and ends by itself."""

    def __init__(self, t, name, cpu):
        super().__init__(t, "components", wait=False, name=name, start_new_session=True)
        prefer(self.pid, cpu)

    def plant(self, fault):
        with self.lines.changed:
            self.due = len(self.lines.items) + fault.count(",") + 1
        for command in fault.split(","):
            self.send_line(command)

    def lift(self, _fault):
        self.lines.wait(lambda _: len(self.lines.items) >= self.due, 60, "the commands done")


def part(t, stages, phases, windows=None, cpu=None):
    """A target of its own with these stages, and the script of its phases."""
    name = f"components-{len(t.processes)}"
    target = Parts(t, name, cpu)
    rig = Rig(t, target, t.watch(target.pid, shortened(stages, "5s", windows=windows)), COMPONENTS)

    def script():
        for phase in phases:
            yield from rig.phase(*phase)
    return script()


WAVE = 'work: { value: "*(ret + 12)", type: i32, per_second: "*(ret + 8)" }'
# Much longer than it takes to touch: the interval of the estimate has to be over the limit.
HOLDS = ",".join(f"hold {n} 250 2000,idle 300" for n in (1, 2, 1, 2))


@test(240)
def component_rows(t):
    """The work of each is in the names of the commands: see tests/targets/components.c."""
    call = "stages:\n  {}: {{ call: {{ probe: \"components:{}\", {} }} }}\n"
    busy = ["active 10 300 0"]  # a second thread burns all the while, here of one CPU
    run_together(
        one_after_the_other(
            part(t, 'stages:\n  stt: { call: "components:stage_active" }\n',
                 [(busy, {"Speech-to-Text CPU": ("warning", "P1")}, ANY_CPU)], cpu=1),
            part(t, 'stages:\n  tts: { call: "components:stage_active" }\n',
                 [(busy, {"Text-to-Speech CPU": ("warning", "P1")}, ANY_CPU)], cpu=1)),
        part(t, call.format("stt", "stage_speak", WAVE),
             [(["speak 400 22050 5000"], {"Speech-to-Text Speed": ("warning", "P1")})]),
        part(t, call.format("tts", "stage_speak", WAVE),
             [(["speak 400 22050 5000"], {"Text-to-Speech Speed": ("warning", "P1")}),
              (["speak 400 8000 200"], {"Speech Sample Rate": ("warning", "P2")})]),
        part(t, call.format("intent", "stage_lookup", 'cached: "i32 ret == 1"'),
             [(["cached 6 130000"], {"Cached Intent Latency": "warning"},
               {"Intent Processing"} | SLOW_TURN)]),
        part(t, 'stages:\n  stt: { call: "components:stage_hold" }\n',
             [([HOLDS], {"Speech-to-Text Memory": ("warning", "P2")},
               ANY_CPU | ANY_MEMORY | {"Speech-to-Text Latency"} | SLOW_TURN)],
             {"stt.memory": "30s"}),
    )


class Models(Planted):
    """The assistant with a model file of each stage open, whose sizes the test chooses."""

    SMALL = 1 * MB

    def __init__(self, t):
        self.paths = {stage: t.dir / f"{stage}.gguf" for stage in ("stt", "intent", "tts")}
        files = [os.open(path, os.O_RDWR | os.O_CREAT) for path in self.paths.values()]
        for stage in self.paths:
            self.lift(stage)
        super().__init__(t, "--turns", 0, pass_fds=files)
        for file in files:
            os.close(file)

    def plant(self, fault):
        stage, _, megabytes = fault.partition("=")
        os.truncate(self.paths[stage], int(megabytes) * MB)

    def lift(self, fault):
        os.truncate(self.paths[fault.partition("=")[0]], self.SMALL)


def models(rig):
    yield from rig.phase(
        ["stt=115", "intent=145", "tts=170"],
        {"Speech-to-Text Model Size": ("warning", "P3"),
         "Language Model Size": ("warning", "P2"), "Voice Model Size": ("warning", "P3")},
        timeout_s=40)


@test(120, waits=True)
def model_rows(t):
    stages = STAGES
    for stage in ("stt", "intent", "tts"):
        stages = stages.replace(f"  {stage}: {{", f'  {stage}: {{ models: [ "*/{stage}.gguf" ],')
    alice = Models(t)
    rig = Rig(t, alice, t.watch(alice.pid, shortened(stages, "5s")), COMPONENTS)
    alice.go()
    run_together(models(rig))
    rig.watch.stop()


# --- network ---


class Sender(Target):
    """tests/targets/traffic, which sends so many bits a second to another host."""

    bit_per_s = 0
    over = False

    def plant(self, fault):
        self.bit_per_s = fault

    def lift(self, _fault):
        self.bit_per_s = 0

    def pump(self):
        last = time.monotonic()
        while not self.over:
            now = time.monotonic()
            due_bytes = int((now - last) * self.bit_per_s / 8)
            last = now
            if due_bytes:
                self.command(f"talk 0 {due_bytes} 0", 30)
            yield


def send(rig):
    """What is sent costs CPU time."""
    yield from rig.phase([32 * MBIT], {"Network Bandwidth": ("warning", "P1")}, ANY_CPU)
    yield from rig.phase([80 * MBIT], {"Network Bandwidth": ("critical", "P1")}, ANY_CPU)
    rig.target.over = True


@test(90, waits=True)
def network_rows(t):
    namespace = Namespace(t)
    peer = t.target(Inside(t, namespace.name, TARGETS / "traffic").path, wait=False, name="peer")
    port = listen(peer, 4, 0)
    sender = Sender(t, "traffic", wait=False)
    sender.command(f"open 0 4 198.18.250.2 {port} 0")
    watch = t.watch(sender.pid, shortened("", "5s"))
    rig = Rig(t, sender, watch, COMPONENTS)
    run_together(send(rig), sender.pump())
    watch.stop()
