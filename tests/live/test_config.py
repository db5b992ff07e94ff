# SPDX-License-Identifier: GPL-2.0-only
"""Ten mistakes are ten messages with their places, exit code 2, and nothing attached."""

import re
from pathlib import Path

from harness import CHESHIRE, changed_text_bytes, config, test

# Every line that is wrong says in a comment which word its message must contain.
TEN_MISTAKES = """\
target: { name: alice }
limits: { overhead: 50% }
stages:
  one:
    call: "steady:stage_work"
    timeot: 3s                          # timeout
  two:
    call:
      probe: "steady:stage_work"
      error: "ret <> 0"                 # integer
  three:
    call: { probe: "steadystage_work" } # OBJECT:SYMBOL
  four:
    call:
      probe: "steady:stage_work"
      key: xmm0                         # floating-point
  five:
    call: "steady:stage_work"
    timeout: 300                        # unit
budgets:
  five.latency:
    stat: p96                           # p95
    window: 5m
    target: 1ms
    warning: 2ms
    critical: 3ms
  six.latency: { stat: p95, window: 5m, target: 1ms, warning: 2ms, critical: 3ms } # stage
  cpu.usage:
    stat: average
    window: 5m
    target: 20MB                        # percentage
    warning: 30%
    critical: 50%
  memory.rss:
    stat: max
    window: 5m
    target: 2GB
    warning: 1GB                        # target
    critical: 3GB
  threads.count:
    stat: max
    window: 5 apples                    # apples
    target: 10
    warning: 20
    critical: 30
"""


def messages(text):
    """[(line, column, message)] of the messages that name config.yaml."""
    found = re.findall(r"^\S*config\.yaml:(\d+):(\d+): (.+)$", text, re.M)
    return [(int(line), int(column), message) for line, column, message in found]


def run_check(t, text, *command):
    path = t.write("config.yaml", text)
    return t.run(CHESHIRE, *command, "--config", path)


@test()
def ten_mistakes_ten_messages(t):
    target = t.target("steady", "--mode", "command", wait=False)
    done = run_check(t, TEN_MISTAKES, "watch", "--pid", target.pid, "--output", "json")
    t.equal(done.returncode, 2, "exit code")
    t.equal(done.stdout, "", "stdout")
    found = messages(done.stderr)
    expected = {
        number: line.rpartition("#")[2].strip()
        for number, line in enumerate(TEN_MISTAKES.splitlines(), 1)
        if "#" in line
    }
    t.equal(len(expected), 10, "mistakes in the file")
    t.equal(sorted(line for line, _, _ in found), sorted(expected), "lines with a message")
    for line, column, message in found:
        t.check(column >= 1, f"column of the message on line {line}")
        t.check(
            expected[line].lower() in message.lower(),
            f"line {line}: '{message}' does not name '{expected[line]}'",
        )
    for number in expected:
        t.check(TEN_MISTAKES.splitlines()[number - 1][:40] in done.stderr, f"line {number} quoted")
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code changed")


@test()
def check_finds_the_same(t):
    done = run_check(t, TEN_MISTAKES, "check")
    t.equal(done.returncode, 2, "exit code")
    t.equal(len(messages(done.stderr)), 10, "messages")


@test()
def misspelt_function_lists_near_matches(t):
    target = t.target("steady", "--mode", "command", wait=False)
    text = config({"work": "steady:stage_wrok", "other": "stedy:stage_work"})
    done = run_check(t, text, "watch", "--pid", target.pid, "--output", "json", "--duration", "2s")
    said = done.stderr + done.stdout
    t.check("stage_work" in said, f"no near match of stage_wrok: {said[:400]}")
    t.check("steady" in said, f"no near match of stedy: {said[:400]}")


@test()
def yaml_that_is_no_yaml(t):
    done = run_check(t, "stages:\n  work: { call: [\n", "check")
    t.equal(done.returncode, 2, "exit code")
    t.check(len(messages(done.stderr)) >= 1, f"no position: {done.stderr[:300]}")


@test()
def file_that_is_not_there(t):
    done = t.run(CHESHIRE, "check", "--config", t.dir / "none.yaml")
    t.equal(done.returncode, 2, "exit code")
    t.check("none.yaml" in done.stderr, f"the file is not named: {done.stderr[:300]}")


@test()
def built_in_configuration_is_valid(t):
    shown = t.run(CHESHIRE, "config")
    t.equal(shown.returncode, 0, "exit code of 'config'")
    for metric in ("stt.latency", "cpu.usage", "memory.growth", "turn.latency", "fds.open"):
        t.check(metric in shown.stdout, f"no budget on {metric}")
    done = run_check(t, shown.stdout, "check")
    t.equal(done.returncode, 0, f"exit code of 'check' on it: {done.stderr[:300]}")


@test()
def check_with_pid_attaches_nothing(t):
    target = t.target("steady", "--mode", "command", wait=False)
    text = config({"work": "steady:stage_work"})
    done = run_check(t, text, "check", "--pid", target.pid)
    t.equal(done.returncode, 0, f"exit code: {done.stderr[:300]}")
    t.check("stage_work" in done.stdout, f"stage_work is not shown: {done.stdout[:300]}")
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code changed")
    target.command("run 5 100")
    target.send_line("quit")
    target.finish()


@test()
def usage_errors(t):
    for command in (
        ("watch",),
        ("watch", "--pid", "12x"),
        ("watch", "--pid", "1", "--output", "xml"),
        ("watch", "--pid", "1", "--duration", "5"),
        ("watch", "--pid", "1", "--fail-on", "notice"),
        ("wacht", "--pid", "1"),
        ("stages",),
        (),
    ):
        done = t.run(CHESHIRE, *command)
        t.equal(done.returncode, 2, f"exit code of 'cheshire {' '.join(command)}'")
        t.check(done.stderr.strip(), f"'cheshire {' '.join(command)}' says nothing")
    t.check("did you mean 'watch'" in t.run(CHESHIRE, "wach").stderr, "the name that is near")


@test()
def no_such_target(t):
    """The same words and codes, whoever looks."""
    for command in ("watch", "leaks", "stages", "check"):
        done = t.run(CHESHIRE, command, "--pid", "4194303")
        t.equal(done.returncode, 1, f"exit code of {command} without a process")
        t.check("no process with PID 4194303" in done.stderr, f"{command}: {done.stderr!r}")
        thread = Path("/proc/2/comm")
        if not thread.exists() or thread.read_text(encoding="ascii") != "kthreadd\n":
            continue
        done = t.run(CHESHIRE, command, "--pid", "2")
        t.equal(done.returncode, 1, f"exit code of {command} on a kernel thread")
        t.check("a kernel thread" in done.stderr, f"{command}: {done.stderr!r}")
