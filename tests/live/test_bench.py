# SPDX-License-Identifier: GPL-2.0-only
"""`make bench` still starts: its programs answer, and each kind of observer sees and leaves."""

import json
import sys
from pathlib import Path

from harness import BUILD, changed_text_bytes, config, test

BENCH = Path(__file__).resolve().parent.parent / "bench"
PROGRAMS = BUILD / "bench"
sys.path.insert(0, str(BENCH))

import observers  # noqa: E402  (found through the path above)

COMMANDS = {
    "spans": ("sites push", "pace branch 500 50", "burst endbr64 10 2", "timer 10 2",
              "load branch 20 5000 100"),
    "pingpong": ("run 20", "stage 20"),
    "syscalls": ("getppid 5", "file 5", "mmap 5", "fork 5", "thread 5", "yield 5"),
    "sockets": ("alone 20", "unix 20", "udp 20", "tcp 20", "connect 20"),
    "statements": ("load 2 500 100",),
}


@test(20)
def bench_lists_its_measurements(t):
    done = t.run(BENCH / "run", "--list")
    named = {path.stem.removeprefix("measure_") for path in BENCH.glob("measure_*.py")}
    t.equal(done.returncode, 0, "exit status")
    t.equal(set(done.stdout.split()), named, "every file of measurements is reached")


@test(40)
def bench_programs_answer(t):
    for name, commands in COMMANDS.items():
        arguments = ("1",) if name in ("pingpong", "sockets") else ()
        program = observers.Target(t, name, *arguments)
        for command in commands:
            with program.lines.changed:
                start = len(program.lines.items)
            program.send_line(command)
            answer = program.lines.wait(
                lambda line: line.startswith("{"), 10, f"{name}: {command}", start
            )[1][1]
            t.check(all(value > 0 for value in json.loads(answer).values()), f"{command}: {answer}")
        program.end()
    many = observers.Target(t, "many", 10)
    many.end()
    mapper = observers.Target(t, "mapper", PROGRAMS / "libobject.so")
    mapper.end()


@test(30)
def bench_evaluates_rules(t):
    done = t.run(PROGRAMS / "rule_tick", "one")
    t.equal(done.returncode, 0, "exit status")
    t.check(len(json.loads(done.stdout)["tick_s"]) > 0, "ticks")


@test(240)
def bench_observers_come_and_go(t):
    target = observers.Target(t, "spans")
    target.send_line("sites branch")
    sites = json.loads(target.lines.wait(lambda line: line.startswith("{"), 10, "sites")[1][1])
    script = f"uprobe:{target.path}:stage_branch {{ @ = count(); }}\n"
    for observer in (
        observers.Bare(t, [sites["entry"], sites["exit"]]),
        observers.Cheshire(t, config({"branch": "spans:stage_branch"})),
        observers.Bpftrace(t, script, 1),
        observers.Funclatency(t, ["stage_branch"]),
        observers.Program(t, "syscount", ["syscount", "-p", target.pid, "-L"]),
    ):
        with observer.on(target):
            if observer.name != "syscount":
                t.check(changed_text_bytes(target.pid) > 0, f"{observer.name} is attached")
        t.equal(changed_text_bytes(target.pid), 0, f"breakpoints after {observer.name}")
    t.check(target.running(), "the target lives")
