# SPDX-License-Identifier: GPL-2.0-only
"""Every row of the document's budget tables, driven over its limits by a planted fault.

The limits are the built-in ones; only windows and `for` are shorter. Each fault must raise exactly
the alerts that it explains, each once, with severity, priority, response time and text as the
document has them, and each must resolve when the fault is over.
"""

from budget_rows import MB, TABLES, Rig, one_after_the_other, run_together
from builtin import STAGES, Planted, prefer, shortened
from harness import Target, test

# Stages that take a moment: a CPU that is busy for all of a very short stage is over the budgets
# of CPU during a stage, wherever there are few CPUs.
CALM = ("--fault", "slow-stt=100ms", "--fault", "slow-tts=50ms")


def check_spans(t, rig, stages):
    """Values of the alerts, against the target's own log."""
    truth = rig.target.so_far()
    for _, line in rig.watch.alerts(state="firing"):
        stage = stages.get(line["alert"])
        if stage == "turn":
            walls = [turn["end_ns"] - turn["start_ns"] for turn in truth.turns()]
        elif stage:
            walls = truth.durations(stage)
        else:
            continue
        t.one_of(line["value"], [ns / 1e9 for ns in walls], f"value of {line['alert']}")


STAGE_OF = {
    "Wake Word Detection": "wake_word",
    "Speech-to-Text Latency": "stt",
    "Intent Processing": "intent",
    "Response Generation": "response",
    "Text-to-Speech": "tts",
    "End-to-End Latency": "turn",
}


def wake(rig):
    """Frames of 320 ms that take nearly as long: it all but falls behind."""
    rig.also = {"Wake Word Speed"}
    yield from rig.phase(["slow-wake=165ms"], {"Wake Word Detection": ("warning", "P1")})
    yield from rig.phase(["slow-wake=290ms"], {"Wake Word Detection": ("critical", "P1")})


SLOW_TURN = {"Response Time SLA of 1-5 users"}


def stages(rig):
    rig.also = SLOW_TURN
    yield from rig.phase(
        ["slow-stt=600ms", "slow-intent=500ms", "slow-tts=450ms"],
        {"Speech-to-Text Latency": ("warning", "P1"), "Intent Processing": "warning",
         "Text-to-Speech": "warning"})
    yield from rig.phase(
        ["slow-stt=1100ms", "slow-tts=700ms"],
        {"Speech-to-Text Latency": "critical", "Text-to-Speech": "critical"})


def answers(rig):
    rig.also = SLOW_TURN
    yield from rig.phase(["slow-response=1300ms"], {"Response Generation": "warning"})
    yield from rig.phase(
        ["slow-intent=900ms", "slow-response=2100ms"],
        {"Intent Processing": "critical", "Response Generation": "critical",
         "End-to-End Latency": "warning"})


def gaps(rig):
    """In no stage: the turn as a whole is too slow."""
    rig.also = SLOW_TURN
    yield from rig.phase(["gap=2700ms"], {"End-to-End Latency": ("warning", "P1")})
    yield from rig.phase(["gap=4200ms"], {"End-to-End Latency": ("critical", "P0")})


@test(200, waits=True)
def voice_rows(t):
    talking = ("--fast", "--push-to-talk", "--pause", "300ms", *CALM)
    first = {"preferred": True}
    rigs = [
        start(t, wake, "--users", 2, "--frame", "320ms", "--pause", "100ms", *CALM, **first),
        start(t, stages, *talking, **first),
        start(t, answers, *talking, **first),
        start(t, gaps, *talking, **first),
    ]
    run_together(*(script(rig) for script, rig in rigs))
    for _, rig in rigs:
        check_spans(t, rig, STAGE_OF)
        t.no_drops(rig.watch.stop())


def start(t, script, *args, windows=None, **options):
    """(the script, its assistant under watch)"""
    alice = Planted(t, *args, name=script.__name__, **options)
    windows = {"turn.latency": "7s", **(windows or {})}
    config = shortened(STAGES, "5s", windows=windows)
    watch = t.watch(alice.pid, config, name=f"watch-{script.__name__}")
    alice.go()
    return script, Rig(t, alice, watch, TABLES)


def cpu(rig):
    """On one CPU that it has to itself all but wholly, so that percents are percents."""
    rig.also = {"CPU Budget of 1-5 users"}
    yield from rig.phase(["burn-thread=25%"], {"Background Tasks CPU": ("warning", "P1")})
    yield from rig.phase(
        ["burn-thread=40%"],
        {"Average CPU Usage": ("warning", "P1"), "Background Tasks CPU": ("critical", "P1")})
    yield from rig.phase(
        ["burn-thread=85%"],
        {"Peak CPU Usage": ("warning", "P2"), "Average CPU Usage": "critical",
         "Background Tasks CPU": "critical"})
    yield from rig.phase(
        ["burn-thread=99%"],
        {"Peak CPU Usage": ("critical", "P1"), "Average CPU Usage": "critical",
         "Background Tasks CPU": "critical"})


def voice_cpu(rig):
    """Stages that need hardly any time but CPU time are over the budgets of their own CPU."""
    rig.also = {"Speech-to-Text CPU", "Text-to-Speech CPU"}
    yield from rig.phase(["cpu-intent=250ms"], {"Voice Processing CPU": ("warning", "P1")})
    yield from rig.phase(
        ["cpu-intent=250ms", "slow-stt=10ms", "slow-tts=10ms"],
        {"Voice Processing CPU": ("critical", "P1")})


def memory(rig):
    """To touch so much memory costs CPU time, too, and where that is scarce it takes seconds."""
    cost = {"Average CPU Usage", "Background Tasks CPU", "Peak CPU Usage", "Baseline Memory"}
    rig.also = cost | {"CPU Budget of 1-5 users", "Memory Budget of 1-5 users"}
    for fault, name, severity, priority in (
        ("hold=800MB", "Baseline Memory", "warning", "P1"),
        ("hold=1050MB", "Baseline Memory", "critical", "P1"),
        ("spike=1600MB", "Peak Memory Usage", "warning", "P1"),
        ("spike=2100MB", "Peak Memory Usage", "critical", "P0"),
    ):
        yield from rig.phase([fault], {name: (severity, priority)})


def resources(rig):
    yield from rig.phase(["threads=110"], {"Thread Count": ("warning", "P1")})
    yield from rig.phase(["threads=220"], {"Thread Count": ("critical", "P1")})
    yield from rig.phase(["fds=250"], {"File Descriptors": ("warning", "P1")})
    yield from rig.phase(["fds=600"], {"File Descriptors": ("critical", "P1")})
    yield from rig.phase(["disk-write=120MB"], {"Disk I/O Rate": ("warning", "P1")})
    yield from rig.phase(["disk-write=220MB"], {"Disk I/O Rate": ("critical", "P1")})


def leak_slow(rig):
    yield from rig.phase(["leak=4KB"], {"Memory Growth Rate": ("warning", "P1")}, timeout_s=100)


def leak_fast(rig):
    yield from rig.phase(["leak=12KB"], {"Memory Growth Rate": ("critical", "P1")}, timeout_s=100)


class Crowd(Target):
    """tests/targets/crowd: what is planted is a command, what is lifted is back to little."""

    LITTLE = {"users": 0, "turn": 200000, "burn": 0, "hold": 0}

    def plant(self, fault):
        self.command(fault.replace("=", " "), 30)

    def lift(self, fault):
        word = fault.partition("=")[0]
        self.command(f"{word} {self.LITTLE[word]}")


# No stage with a budget of its own: it is the turn that has one for each tier.
CROWD = """\
stages:
  hear: { call: "crowd:crowd_stt" }
  speak: { call: "crowd:crowd_tts" }
"""


def tiers(rig):
    """Up the tiers, users stay; each has budgets of its own beside those of the other tables."""
    main = {"Average CPU Usage", "Peak CPU Usage", "Voice Processing CPU", "Background Tasks CPU",
            "Peak Memory Usage", "Baseline Memory"}
    for name, users, turn_ms, burn, hold in (
        ("1-5 users", 4, 1100, 33, 800),
        ("5-15 users", 12, 1900, 56, 1300),
        ("15-30 users", 20, 2300, 76, 1900),
    ):
        rig.target.command(f"users {users}")
        yield from rig.phase(
            [f"turn={turn_ms * 1000}", f"burn={burn}"],
            {f"CPU Budget of {name}": ("warning", "P3"),
             f"Response Time SLA of {name}": ("warning", "P2" if turn_ms == 1900 else "P3")},
            main)
        # To touch it costs CPU time.
        yield from rig.phase([f"hold={hold * MB}"],
                             {f"Memory Budget of {name}": ("warning", "P3")},
                             main | {f"CPU Budget of {name}"})
    yield from rig.phase(
        ["users=34", "turn=2300000"],
        {"Response Time SLA of 30+ users": ("warning", "P3"), "Scale Out": ("warning", "P3")})


def start_crowd(t):
    crowd = Crowd(t, "crowd", wait=False, start_new_session=True)
    prefer(crowd.pid, 0)
    config = shortened(CROWD, "5s", turn=("  start: hear", "  end: speak"))
    return Rig(t, crowd, t.watch(crowd.pid, config, name="watch-tiers"), TABLES)


def end_crowd(t, rig):
    """How many users were told of, against the most turns at once by the target's log."""
    # More calls of a stage at the same time than there is room to look for hangs in.
    t.equal(set(rig.watch.stop().drops()) - {"no_slot"}, set(), "drops")
    rig.target.send_line("quit")
    open_now = most = 0
    for _, step in sorted(edge for turn in rig.target.finish().turns
                          for edge in ((turn["start_ns"], 1), (turn["end_ns"], -1))):
        open_now += step
        most = max(most, open_now)
    told = [line["value"] for _, line in rig.watch.alerts("Scale Out", "firing")]
    t.equal(told, [most], "users of the alert, and most turns at once")


def on_cpu(number):
    return {"cpu": number, "preferred": True}


@test(500)
def process_rows(t):
    """All at once: growth takes a minute and a half to be known. CPU rows have a CPU each."""
    idle = ("--turns", 0)
    growth = {"memory.growth": "60s"}
    _, talking = rig = start(
        t, voice_cpu, "--push-to-talk", "--fast", "--pause", "2s", *CALM, **on_cpu(0),
        windows={"cpu.voice.average": "9s"})
    rigs = [
        rig,
        start(t, cpu, *idle, **on_cpu(1)),
        start(t, memory, *idle),
        start(t, resources, *idle),
        start(t, leak_slow, *idle, windows=growth),
        start(t, leak_fast, *idle, windows=growth),
    ]
    crowd = start_crowd(t)
    run_together(
        one_after_the_other(voice_cpu(talking), tiers(crowd)),
        *(script(rig) for script, rig in rigs[1:]))
    for _, rig in rigs:
        t.no_drops(rig.watch.stop())
    end_crowd(t, crowd)
