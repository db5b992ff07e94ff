# SPDX-License-Identifier: GPL-2.0-only
"""What kills or corrupts targets elsewhere: here the target's results are those without cheshire.

More of these are in test_control_flow.py, test_lifecycle.py and test_safety.py, whose targets check
their own results. CHESHIRE_TEST_LONG=1 (`make test-hazards`) asks for the long form.
"""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import disassembly
from harness import (
    CHESHIRE,
    TARGETS,
    Failure,
    Process,
    Skip,
    Target,
    changed_text_bytes,
    config,
    test,
    wait_until,
)

LONG = bool(os.environ.get("CHESHIRE_TEST_LONG"))
ROUNDS = 25 if LONG else 3
PACE = ("--rate", 100, "--us", "200:900")


def built(program, compiler):
    if not (TARGETS / program).exists():
        raise Skip(f"there was no {compiler} to build {program} with (make test-hazards installs it)")
    return program


def tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not path:
        raise Skip(f"{name} is not installed (make test-hazards installs it)")
    return path


class Talker(Target):
    """A target that waits for a line, and prints its results instead of a log."""

    def __init__(self, case, program, name):
        super().__init__(case, program, wait=False, log=False, name=name)

    def results(self):
        status = self.wait(60)
        if status:
            raise Failure(f"{self.name} ended with {status}: {self.errors()[-300:]}")
        return [line for _, line in self.lines.items if line.startswith("result ")]


def alone(t, program, calls):
    """The same program that nobody watches, at the same time."""
    target = Talker(t, program, f"{program}-alone")
    target.send_line(calls)
    return target


# --- other ways to unwind, other stacks ---


@test()
def rust_panics_through_stages(t):
    """Unwinding without C++'s runtime: nothing tells when a panic is caught."""
    built("panic", "rustc")
    expected = alone(t, "panic", "150")
    target = Talker(t, "panic", "panic")
    stages = ("stage_panics", "stage_through", "stage_catches")
    watch = t.watch(target.pid, config({stage: f"panic:{stage}" for stage in stages}))
    target.send_line("150")
    t.equal(target.results(), expected.results(), "results of the target")
    watch.wait(20)
    summary = watch.last_summary()
    for stage, returned, left in (
        ("stage_panics", 400, 200),
        ("stage_through", 400, 200),
        ("stage_catches", 600, 0),
    ):
        t.equal(summary.count(stage), returned, f"{stage}.count")
        t.equal(summary.abnormal(stage), left, f"{stage}.abnormal")


@test()
def go_stacks_grow_and_move(t):
    """A goroutine's stack is copied, and it goes on in another thread: such functions are refused."""
    built("goroutines", "go")
    expected = alone(t, "goroutines", "100")
    target = Talker(t, "goroutines", "goroutines")
    stages = {
        "grows": '{ call: "goroutines:main.stageGrow" }',
        "moves": '{ call: { probe: "goroutines:main.stageMoves", exit: uretprobe } }',
        "c": '{ call: "goroutines:stage_c" }',
    }
    watch = t.watch(target.pid, config(stages))
    t.equal(watch.stage("c")["state"], "armed", "state of the stage in C")
    for stage in ("grows", "moves"):
        t.check(watch.stage(stage)["state"] != "armed", f"stage '{stage}' is armed")
        t.check("Go" in watch.stage(stage)["reason"], f"reason: {watch.stage(stage)['reason']}")
    target.send_line("100")
    t.equal(target.results(), expected.results(), "results of the target")
    watch.wait(20)
    t.equal(watch.last_summary().count("c"), 800, "c.count")
    t.equal(watch.last_summary().abnormal("c"), 0, "c.abnormal")


def storm(t, target, binding):
    """Starts and ends cheshire again and again while the target is in the middle of its calls."""
    for attempt in range(ROUNDS):
        if not target.running():
            # On a busy machine it is done sooner than we are; once was amid its calls.
            t.check(attempt > 0, "the target ended before it was attached to")
            return
        watch = t.watch(target.pid, config(binding), hello=False)
        wait_until(lambda: watch.objects("hello") or not watch.running(), 40, "hello, or its end")
        time.sleep(0.05 * (attempt % 3))  # not a wait: the moment of the end is to vary
        if attempt % 2:
            watch.signal(signal.SIGKILL)
            watch.wait()
        else:
            watch.signal(signal.SIGTERM)
            watch.wait()


@test(240)
def attached_and_detached_amid_unwinding(t):
    for program in ("throw", "longjmp", "fibers"):
        stages = {
            "throw": ("stage_throw_through", "stage_rethrow", "stage_c_frame"),
            "longjmp": ("stage_jumpy", "stage_recurse", "stage_after"),
            "fibers": ("stage_fiber", "stage_helper"),
        }[program]
        target = t.target(program, "--iterations", 0, "--duration", 3 * ROUNDS, "--us", "100:900")
        target.go()
        storm(t, target, {stage: f"{program}:{stage}" for stage in stages})
        t.equal(changed_text_bytes(target.pid, TARGETS.resolve()), 0, f"bytes of {program} changed")
        target.signal(signal.SIGTERM)
        t.check(target.finish().end["checks"] > 0, f"{program} checked nothing")


@test(120)
def attached_and_detached_amid_panics_and_goroutines(t):
    for program, binding, compiler, calls_per_s in (
        ("panic", {"stage_panics": "panic:stage_panics"}, "rustc", 3000),
        ("goroutines", {"c": "goroutines:stage_c"}, "go", 600),
    ):
        calls = str(ROUNDS * calls_per_s)
        expected = alone(t, built(program, compiler), calls)
        target = Talker(t, program, program)
        target.send_line(calls)
        storm(t, target, binding)
        t.equal(target.results(), expected.results(), f"results of {program}")


# --- places ---


@test()
def nop_of_five_bytes_inside(t):
    """On Linux 6.18 a probe there overwrites the red zone; it is not put there."""
    target = t.target("hazard", "--mode", "nop5", "--iterations", 1000, "--rate", 500)
    watch = t.watch(target.pid, config({"nop5": "hazard:stage_nop5"}))
    t.equal(watch.stage("nop5")["state"], "armed", "state of the stage in hello")
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.equal(watch.last_summary().count("nop5"), truth.functions["stage_nop5"].calls, "nop5.count")


# --- circumstances ---


def watched_work(t, program, *args, binding=None, more=None):
    target = t.target(program, *args)
    watch = t.watch(target.pid, config({"work": binding or f"{program}:stage_work"}))
    t.equal(watch.stage("work")["state"], "armed", "state of the stage in hello")
    if more:
        more(target, watch)
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions["stage_work"], latency=False)
    return truth


@test()
def system_calls_filtered(t):
    watched_work(t, "hazard", "--mode", "seccomp", "--iterations", 100, *PACE)


@test()
def system_calls_filtered_and_a_uretprobe_asked_for(t):
    """Used where the self-test has shown that filters do not see it; refused elsewhere."""
    target = t.target("hazard", "--mode", "seccomp", "--iterations", 60, *PACE)
    binding = '{ call: { probe: "hazard:stage_work", exit: uretprobe } }'
    watch = t.watch(target.pid, config({"work": binding}))
    stage = watch.stage("work")
    target.go()
    truth = target.finish()
    watch.wait(20)
    if stage["state"] == "armed":
        t.equal(watch.last_summary().count("work"), truth.functions["stage_work"].calls, "count")
    else:
        t.check("seccomp" in stage["reason"], f"reason: {stage['reason']}")


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


@test()
def target_stopped_and_continued(t):
    target = t.target("steady", "--iterations", 150, "--threads", 2, *PACE)
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    target.go()
    for _ in range(ROUNDS):
        target.signal(signal.SIGSTOP)
        wait_until(lambda: state_of(target.pid) == "T", 5, "the target is stopped")
        watch.summary_now()
        target.signal(signal.SIGCONT)
    target.signal(signal.SIGSTOP)
    wait_until(lambda: state_of(target.pid) == "T", 5, "the target is stopped")
    watch.stop()
    t.equal(changed_text_bytes(target.pid, TARGETS.resolve()), 0, "bytes of code that differ")
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    target.signal(signal.SIGCONT)
    truth = target.finish()
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    t.equal(truth.functions["stage_work"].calls, 300, "calls")


class Group:
    """A control group of our own, of either version."""

    def __init__(self, t, controller):
        parents = [Path("/sys/fs/cgroup") / controller, Path("/sys/fs/cgroup")]
        self.v1 = (parents[0] / "cgroup.procs").exists()
        self.path = parents[0 if self.v1 else 1] / f"cheshire-test-{os.getpid()}"
        try:
            self.path.mkdir()
        except OSError as error:
            raise Skip(f"no control group can be made: {error}") from None
        t.cleanups.append(self.remove)

    def remove(self):
        for pid in (self.path / "cgroup.procs").read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGKILL)
        wait_until(self.try_to_remove, 10, f"{self.path} removed")

    def try_to_remove(self):
        try:
            self.path.rmdir()
        except OSError:
            return False
        return True

    def write(self, name, text):
        if not (self.path / name).exists():
            raise Skip(f"control groups here have no {name}")
        (self.path / name).write_text(f"{text}\n", encoding="ascii")

    def read(self, name):
        return (self.path / name).read_text(encoding="ascii")


@test()
def target_frozen(t):
    """It does not run, not even to its end; attaching and detaching do not wait for it."""
    group = Group(t, "freezer")
    freeze = (lambda on: group.write("freezer.state", "FROZEN" if on else "THAWED")) if group.v1 \
        else (lambda on: group.write("cgroup.freeze", int(on)))
    frozen = (lambda: "FROZEN" in group.read("freezer.state")) if group.v1 \
        else (lambda: "frozen 1" in group.read("cgroup.events"))
    target = t.target("steady", "--iterations", 120, *PACE)
    group.write("cgroup.procs", target.pid)
    try:
        freeze(True)
        wait_until(frozen, 5, "the target is frozen")
        watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
        watch.stop()
        t.equal(changed_text_bytes(target.pid, TARGETS.resolve()), 0, "bytes of code that differ")
        watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
        watch.summary_now()
    finally:
        freeze(False)
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions["stage_work"], latency=False)


def major_faults(pid):
    """Pages that had to be read from disk; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[9])
    except (OSError, IndexError):
        return 0


@test()
def target_under_memory_pressure(t):
    """Its code is thrown out of memory and read again, but for the pages with probes in them."""
    group = Group(t, "memory")
    ballast = t.dir / "ballast"
    with open(ballast, "wb") as file:
        for _ in range(64):
            file.write(os.urandom(1 << 16) * 16)
        # Whoever reads it next is charged for it.
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    target = t.target("hazard", "--mode", "pressure", "--extra", ballast, "--iterations", 40,
                      "--us", "200:900", "--rate", 40)
    group.write("memory.limit_in_bytes" if group.v1 else "memory.high", 12 << 20)
    group.write("cgroup.procs", target.pid)
    watch = t.watch(target.pid, config({"work": "hazard:stage_work"}))
    target.go()
    read_again = 0
    while target.running():
        read_again = max(read_again, major_faults(target.pid))
        time.sleep(0.02)
    t.check(read_again > 200, f"{read_again} pages were read again: no pressure")
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions["stage_work"], latency=False)


# --- other users of breakpoints ---


GDB_QUIET = ("-nx", "-q", "-batch", "-ex", "set pagination off", "-ex", "set confirm off")


def gdb(t, target, *commands):
    """gdb on the target, in the background; it says what the commands say."""
    words = [word for command in commands for word in ("-ex", command)]
    return Process(t, "gdb", [tool("gdb"), *GDB_QUIET, "-p", target.pid, *words])


def check_with_gdb(t, breakpoint, attach_first):
    """Ten stops in gdb; then it goes. The target's results are right and cheshire's counts too."""
    target = t.target("steady", "--iterations", 200, *PACE)
    commands = (f"break {breakpoint}", "ignore 1 9", "continue", "info breakpoints", "detach")
    stage = {"work": "steady:stage_work"}
    watch = t.watch(target.pid, config(stage)) if attach_first else None
    debugger = gdb(t, target, *commands)
    debugger.lines.wait(lambda line: line.startswith("Breakpoint 1 at"), 20, "gdb's breakpoint")
    if not watch:
        watch = t.watch(target.pid, config(stage))
    target.go()
    t.equal(debugger.wait(30), 0, "exit status of gdb")
    t.check(
        any("already hit 10 times" in line for _, line in debugger.lines.items),
        "gdb did not stop ten times",
    )
    truth = target.finish()
    t.equal(truth.functions["stage_work"].calls, 200, "calls of the target")
    watch.wait(20)
    return watch


@test()
def gdb_comes_later(t):
    watch = check_with_gdb(t, "*stage_work", True)
    t.equal(watch.last_summary().count("work"), 200, "work.count")


@test()
def gdb_beside_the_probes(t):
    watch = check_with_gdb(t, "truth_sleep_us", True)
    t.equal(watch.last_summary().count("work"), 200, "work.count")


@test()
def gdb_was_there_before(t):
    """Its breakpoint cannot be told from another uprobe's; the target gets over both."""
    target = t.target("steady-O0", "--iterations", 150, *PACE)
    debugger = gdb(t, target, "break *stage_work", "ignore 1 1000000", "continue")
    debugger.lines.wait(lambda line: line.startswith("Breakpoint 1 at"), 20, "gdb's breakpoint")
    wait_until(lambda: state_of(target.pid) != "t", 10, "gdb lets the target go on")
    watch = t.watch(target.pid, config({"work": "steady-O0:stage_work"}))
    target.go()
    truth = target.finish()
    t.equal(truth.functions["stage_work"].calls, 150, "calls of the target")
    debugger.wait(20)
    watch.wait(20)
    if watch.stage("work")["state"] == "armed":
        t.equal(watch.last_summary().count("work"), 150, "work.count")


@test()
def gdb_stays_longer_is_warned_of(t):
    """What it keeps as the code of its breakpoint is ours: the operator is told in time."""
    target = t.target("steady-O0", "--iterations", 0, "--duration", 20, *PACE)
    watch = t.watch(target.pid, config({"work": "steady-O0:stage_work"}))
    debugger = gdb(t, target, "break truth_sleep_us", "ignore 1 1000000", "continue", "detach")
    debugger.lines.wait(lambda line: line.startswith("Breakpoint 1 at"), 20, "gdb's breakpoint")
    target.go()
    wait_until(lambda: watch.summary_now().value("work.count"), 10, "some calls")
    watch.stop()
    t.check(f"by {debugger.pid}" in watch.errors(), f"no warning: {watch.errors()}")
    debugger.signal(signal.SIGINT)
    t.equal(debugger.wait(20), 0, "exit status of gdb")
    target.signal(signal.SIGTERM)
    t.check(target.finish().functions["stage_work"].calls > 0, "no calls")


# --- other uprobe users ---


def bpftrace(t, target, program):
    path = TARGETS / target.name
    other = Process(t, "bpftrace", [
        *(tool("bpftrace"), "-p", target.pid, "-e"),
        program.replace("FUNCTION", f"{path}:stage_work") + ' BEGIN { printf("there\\n"); }',
    ])
    other.lines.wait(lambda line: line == "there", 30, "bpftrace attached")
    wait_until(
        lambda: changed_text_bytes(target.pid, TARGETS.resolve()) > 0, 10, "bpftrace's breakpoint"
    )
    return other


def check_with_bpftrace(t, program, first, leaves):
    """Either comes first, and either leaves first; both count every call."""
    target = t.target("steady", "--iterations", 150, *PACE)
    stage = {"work": "steady:stage_work"}
    watch = None if first else t.watch(target.pid, config(stage))
    other = bpftrace(t, target, program) if first else None
    watch = watch or t.watch(target.pid, config(stage))
    t.equal(watch.stage("work")["state"], "armed", "state of the stage in hello")
    if not other:
        probed = changed_text_bytes(target.pid, TARGETS.resolve())
        other = Process(t, "bpftrace", [
            *(tool("bpftrace"), "-p", target.pid, "-e"),
            program.replace("FUNCTION", f"{TARGETS / 'steady'}:stage_work")
            + ' BEGIN { printf("there\\n"); }',
        ])
        other.lines.wait(lambda line: line == "there", 30, "bpftrace attached")
        t.check(probed > 0, "cheshire has no breakpoint")
    target.go()
    if leaves == "bpftrace":
        wait_until(lambda: watch.summary_now().value("work.count"), 10, "some calls")
        other.signal(signal.SIGINT)
        other.wait(20)
    truth = target.finish()
    t.equal(truth.functions["stage_work"].calls, 150, "calls of the target")
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions["stage_work"], latency=False)
    if leaves != "bpftrace":
        other.signal(signal.SIGINT)
        other.wait(20)
        counted = [line for _, line in other.lines.items if line.startswith("@")]
        t.check(any(line.endswith(" 150") for line in counted), f"bpftrace counted {counted}")


@test()
def bpftrace_uprobe_was_there_before(t):
    check_with_bpftrace(t, "uprobe:FUNCTION { @ = count(); }", True, "cheshire")


@test()
def bpftrace_uprobe_comes_later_and_goes_first(t):
    check_with_bpftrace(t, "uprobe:FUNCTION { @ = count(); }", False, "bpftrace")


@test()
def bpftrace_uretprobe_was_there_before(t):
    check_with_bpftrace(t, "uretprobe:FUNCTION { @ = count(); }", True, "bpftrace")


@test()
def bpftrace_uretprobe_comes_later(t):
    check_with_bpftrace(t, "uretprobe:FUNCTION { @ = count(); }", False, "cheshire")


TRACING = "/sys/kernel/tracing"
EVENT = "cheshire_test/work"


def in_tracefs(command):
    """A shell command where tracefs is mounted, for it alone where nobody has done so."""
    mounted = f"{{ [ -e {TRACING}/uprobe_events ] || mount -t tracefs none {TRACING}; }}"
    return ("unshare", "--mount", "sh", "-c", f"{mounted} && {command}")


def perf_counts(path):
    """Of every tenth of a second."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    counts = re.findall(r"^ *[\d.]+,(\d+|<not counted>),,cheshire_test:work", text, re.M)
    return [int(count) if count.isdigit() else 0 for count in counts]


@test()
def perf_counts_the_same_function(t):
    """perf's kind of uprobe, which anybody's processes have; made for all of the host."""
    perf = tool("perf")
    target = t.target("steady", "--iterations", 150, *PACE)
    offset = disassembly.file_offset(TARGETS / "steady", "stage_work")
    event = f"p:{EVENT} {TARGETS / 'steady'}:{offset:#x}"
    made = t.run(*in_tracefs(f"echo '{event}' >> {TRACING}/uprobe_events"))
    if made.returncode:
        raise Skip(f"tracefs takes no uprobe: {made.stderr.strip()[:200]}")
    t.cleanups.append(lambda: t.run(*in_tracefs(f"echo '-:{EVENT}' >> {TRACING}/uprobe_events")))
    out = t.dir / "perf.csv"
    counting = f"exec {perf} stat -x, -I 100 -o {out} -e {EVENT.replace('/', ':')} -p {target.pid}"
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    other = Process(t, "perf", in_tracefs(counting))
    wait_until(lambda: not other.running() or perf_counts(out), 20, "perf counts")
    target.go()
    truth = target.finish()
    t.equal(other.wait(20), 0, f"exit status of perf ({other.errors()[-200:]})")
    watch.wait(20)
    t.spans(watch.last_summary(), "work", truth.functions["stage_work"], latency=False)
    t.equal(sum(perf_counts(out)), 150, "hits that perf counted")


# --- identity ---


def recycled(t, pid):
    last = Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(300):
        last.write_text(str(pid - 1), encoding="ascii")
        target = t.target("steady", "--iterations", 60, *PACE, name="recycled")
        if target.pid == pid:
            return target
        target.signal(signal.SIGKILL)
        target.wait()
    raise Skip(f"PID {pid} was not given again")


@test()
def pid_given_to_another_process(t):
    """cheshire ends with its target; the process that gets the PID has no probe and is not counted."""
    if not Path("/proc/sys/kernel/ns_last_pid").exists():
        raise Skip("this kernel does not let the next PID be chosen")
    first = t.target("steady", "--iterations", 0, "--duration", 30, *PACE)
    watch = t.watch(first.pid, config({"work": "steady:stage_work"}))
    first.go()
    wait_until(lambda: watch.summary_now().value("work.count"), 10, "some calls")
    watch.signal(signal.SIGSTOP)  # it has not seen the end when the PID is given again
    first.signal(signal.SIGKILL)
    first.wait()
    second = recycled(t, first.pid)
    watch.signal(signal.SIGCONT)
    second.go()
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    t.equal(watch.bye()["target"]["state"], "killed", "state of the target in bye")
    t.equal(changed_text_bytes(second.pid, TARGETS.resolve()), 0, "bytes of the other's code")
    truth = second.finish()
    t.equal(truth.functions["stage_work"].calls, 60, "calls of the other")


@test()
def library_replaced_while_watched(t):
    """The new file has the old one's name; its code lies elsewhere, and is looked up anew."""
    plugin = t.dir / "libplugin.so"
    shutil.copy(TARGETS / "libplugin.so", plugin)
    target = t.target("loader", wait=False)
    target.command(f"open {plugin}")
    watch = t.watch(target.pid, config({"plugin": "libplugin.so*:stage_plugin"}))
    target.command("plugin 30 500")
    t.equal(watch.summary_now().count("plugin"), 30, "plugin.count of the old library")
    shutil.copy(TARGETS / "libplugin-moved.so", t.dir / "new")
    os.replace(t.dir / "new", plugin)
    target.command("plugin 20 500")
    t.equal(watch.summary_now().count("plugin"), 50, "plugin.count, the file has another name")
    target.command("close")
    target.command(f"open {plugin}")

    def counted():
        target.command("plugin 1 200")
        return watch.summary_now().count("plugin") > 50

    wait_until(counted, 15, "calls of the new library count")
    before = watch.summary_now().count("plugin")
    target.command("plugin 40 500")
    t.equal(watch.summary_now().count("plugin"), before + 40, "plugin.count of the new library")
    target.send_line("quit")
    target.finish()


# --- the self-test ---


def check_five_byte_nop(t, nop5):
    t.check(nop5["forbidden"], "a 5-byte nop inside a function may be probed")
    release = [int(word) for word in re.findall(r"\d+", os.uname().release)[:2]]
    if release == [6, 18]:
        t.equal(nop5["verdict"], "corrupts", "verdict on a 5-byte nop inside a function")


@test()
def self_test_of_this_kernel(t):
    """All that is used passes here; the defect of 5-byte nops is noticed where the kernel has it."""
    done = t.run(CHESHIRE, "check", "--output", "json", timeout_s=30)
    t.equal(done.returncode, 0, f"exit code ({done.stderr[-200:]})")
    report = json.loads(done.stdout)
    kinds = {row["kind"]: row for row in report["probe_kinds"]}
    # With perf events the short form is all there is.
    passing = ("good",) if report["attach"] == "uprobe_multi" else ("good", "untested")
    t.check(sum(row["verdict"] == "good" for row in kinds.values()) >= 4, "hardly anything tested")
    for name, row in kinds.items():
        if not row["forbidden"]:
            t.check(row["verdict"] in passing, f"{name}: {row['verdict']} ({row['reason']})")
    if os.uname().machine == "x86_64":
        check_five_byte_nop(t, kinds["inside, at a 5-byte nop"])
    t.equal(report["threads"]["verdict"], "good", "a second thread is seen")
    t.equal(report["kernel"], os.uname().release, "kernel")
    watchpoints = report["watchpoints"]
    t.equal(watchpoints["there"], watchpoints["hit_ns"] > 0, "a watchpoint has a cost")
    if watchpoints["there"]:
        t.check(watchpoints["copies_times"] >= 1, f"copies are faster: {watchpoints}")
    t.equal([row["feature"] for row in report["features"] if row["needed"] and not row["there"]],
            [], "needed features that are not there")


@test()
def privileges_that_are_missing_are_named(t):
    done = t.run(
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"),
        *("--bounding-set=-all", CHESHIRE, "check", "--output", "json"),
    )
    t.equal(done.returncode, 5, f"exit code of cheshire ({done.stderr[:200]})")
    report = json.loads(done.stdout)
    missing = {row["capability"] for row in report["privileges"] if not row["there"]}
    t.check({"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"} <= missing, f"missing: {missing}")
    verdicts = {row["verdict"] for row in report["probe_kinds"]}
    t.equal(verdicts, {"untested"}, "verdicts where nothing can be tested")
