# SPDX-License-Identifier: GPL-2.0-only
"""The built-in configuration with nothing but its times shortened, and the assistant under it.

`cheshire config` has windows of minutes and hours, which no test can wait for. shortened() takes
its text as it is printed, with all limits, statistics, names and texts, and rewrites `window`,
`for` and `hold` only; and what probing may cost, since the machine of a test is busy.
"""

import os
import re
import subprocess
from pathlib import Path

from harness import CHESHIRE, Failure, wait_until
from test_assistant import Alice, load_truth

TIME = r"\d+(?:\.\d+)?(?:ms|s|min|m|h|d)"
KEY = re.compile(r"^\s+([a-z][a-z_]*(?:\.[a-z_]+)+):")
OF_TIME = re.compile(rf"\b(window|for|hold): {TIME}\b")

# What an operator binds who knows the demo assistant: its own functions, so that a planted fault
# lies inside of the stage that it is planted in. Without audio lengths nothing has a real-time
# factor but the wake word.
STAGES = """\
stages:
  wake_word:
    frame:
      probe: "alice:detect_wake_word"
      work: { value: arg2, per_second: 16000 }
      hit: { when: "i32 ret > 0" }
  stt: { call: { probe: "alice:transcribe", error: "i32 ret < 0" }, timeout: 2s }
  intent: { call: { probe: "alice:parse_intent", error: "i32 ret < 0" }, timeout: 2s }
  response: { call: { probe: "alice:generate_response", error: "i32 ret < 0" }, timeout: 4s }
  tts: { call: { probe: "alice:synthesize", error: "i32 ret < 0" }, timeout: 2s }
"""


USUAL = ("wake_word", "stt", "intent", "response", "tts")


def builtin_text():
    if not CHESHIRE.exists():
        raise Failure(f"{CHESHIRE} is not built")
    shown = subprocess.run(
        [CHESHIRE, "config"], capture_output=True, text=True, timeout=20, check=True
    )
    return shown.stdout


def shortened(stages, window="3s", lasting="1s", windows=None, turn=()):
    """The built-in budgets over other times.

    windows: {metric: window} for those that are to differ. turn: lines for the section of turns.
    """
    bound = set(re.findall(r"^  ([a-z_]+):", stages, re.M))
    # Stages of the catalogue are there unless the file has stages of its own.
    absent = set(USUAL) | ({"db_connect"} if stages else set())
    lines, metric, without = [], None, False
    for line in builtin_text().splitlines():
        found = KEY.match(line)
        if found or re.match(r"[a-z]", line):
            metric = found and found.group(1)
            # A budget of a stage that the target does not have is a mistake in a file.
            without = metric and metric.partition(".")[0] in absent - bound
        if without:
            continue
        if line.startswith("turn:"):
            lines += [*stages.splitlines(), line, *turn]
            continue
        # A slope over seconds is that of a single answer: it stays the built-in one.
        usual = "1h" if metric == "memory.growth" else window
        times = {"window": (windows or {}).get(metric, usual), "for": lasting, "hold": lasting}
        lines.append(OF_TIME.sub(lambda part, times=times: new_time(part, times), line))
    text = "\n".join(lines) + "\n"
    text = text.replace("overhead: 1% ", "overhead: 50% ")
    return text.replace("records: 200/s", "records: 5000/s")


def new_time(part, times):
    """What is at once stays so."""
    key = part.group(1)
    return part.group(0) if part.group(0).endswith(" 0s") else f"{key}: {times[key]}"


def prefer(pid, cpu=None):
    """What else the machine does is no fault of the target: it gets a CPU before all others.

    On one CPU only, if it is named. Threads that start later do as the one that starts them.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.setpriority(os.PRIO_PROCESS, int(task.name), -20)
        if cpu is not None:
            os.sched_setaffinity(int(task.name), {cpu})
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists():
        group.write_text("-20", encoding="ascii")


class Planted(Alice):
    """The demo assistant whose faults begin and end when the test says so, and which goes on."""

    def __init__(self, case, *args, preferred=False, cpu=None, **options):
        turns = () if "--turns" in args else ("--turns", 1000000)
        super().__init__(case, "--control", *turns, *args, start_new_session=True, **options)
        if preferred:
            prefer(self.pid, cpu)

    def plant(self, fault):
        self.tell(f"begin {fault}")

    def lift(self, fault):
        self.tell(f"end {fault.partition('=')[0]}")

    def tell(self, command):
        with self.lines.changed:
            start = len(self.lines.items)
        self.send_line(command)
        _, (_, answer) = self.lines.wait(lambda line: line, 10, f"an answer to '{command}'", start)
        if answer != "done":
            raise Failure(f"alice: {command}: {answer}")

    def turns(self, count):
        """Waits for so many more turns than there are in its log."""
        log = load_truth()
        before = len(log.Truth(self.log_path).turns())
        wait_until(
            lambda: len(log.Truth(self.log_path).turns()) >= before + count, 60, f"{count} turns"
        )

    def so_far(self):
        return load_truth().Truth(self.log_path)
