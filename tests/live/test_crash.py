# SPDX-License-Identifier: GPL-2.0-only
"""cheshire is killed, stopped, starved of memory, of disk and of readers: the target does not notice.

CRASHES=N in the environment: how often it is killed; `make test-crash` does so a hundred times.
"""

import fcntl
import json
import os
import random
import resource
import signal
import socket
import time
from pathlib import Path

from harness import (
    BUILD,
    CHESHIRE,
    TARGETS,
    Process,
    Skip,
    bpf_ids,
    bpf_ids_alive,
    changed_text_bytes,
    config,
    test,
    wait_until,
)

CRASHES = int(os.environ.get("CRASHES", "3"))
BENCH = BUILD / "bench"
DETACHED = 320  # functions
STAGES = {"work": "steady:stage_work"}
LOAD = ("--threads", 2, "--iterations", 0, "--rate", 400, "--us", "50:400", "--duration", 600)
ALWAYS = """groups:
  - name: g
    rules:
      - { alert: Always, expr: alice_memory_usage_mb > 0, labels: { severity: warning } }
"""


def at_work(t):
    target = t.target("steady", *LOAD)
    target.go()
    return target


def check_unharmed(t, target, ids=None):
    if ids:
        wait_until(lambda: not bpf_ids_alive(ids), 10, f"programs and links gone: {ids}")
    wait_until(
        lambda: not target.running() or not changed_text_bytes(target.pid), 20, "code as it was"
    )
    t.check(target.running(), "the target died")


def finish(t, target):
    """The target's own check of every result."""
    target.signal(signal.SIGTERM)
    t.check(target.finish().functions["stage_work"].calls > 0, "the target did nothing")


@test(60 + 6 * CRASHES)
def killed_at_any_moment(t):
    seed = int(os.environ.get("CRASH_SEED", "1"))
    rng = random.Random(seed)
    target = at_work(t)
    for attempt in range(CRASHES):
        watch = t.watch(target.pid, config(STAGES), hello=False)
        time.sleep(rng.uniform(0, 1.2))  # not a wait: the moment of death is to vary
        try:
            ids = bpf_ids(watch.pid)
        except OSError:
            ids = {}
        t.check(watch.running(), f"ended by itself, attempt {attempt} of seed {seed}")
        watch.signal(signal.SIGKILL)
        watch.wait()
        check_unharmed(t, target, ids)
    finish(t, target)


def many_stages():
    """Ten functions a stage, each with a probe where it begins and one where it returns."""
    return config({f"many_{i}": f"many:many_{i:02}?" for i in range(DETACHED // 10)})


@test(90 + 16 * CRASHES)
def killed_while_it_detaches(t):
    """At its end, and where a reload takes all stages off."""
    rng = random.Random(int(os.environ.get("CRASH_SEED", "1")))
    target = Process(t, "many", [BENCH / "many", DETACHED])
    target.lines.wait(lambda line: line.startswith("ready"), 20, "ready")
    watch = t.watch(target.pid, many_stages())
    t.check(changed_text_bytes(target.pid) >= 2 * DETACHED, "attached")
    began = time.monotonic()
    watch.stop()
    took_s = time.monotonic() - began
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code after an end in good order")
    in_time = 0
    for attempt in range(4 * CRASHES):
        watch = t.watch(target.pid, many_stages())
        if attempt % 2:
            t.write("config.yaml", config({"one": "many:many_000"}))
        watch.signal(signal.SIGHUP if attempt % 2 else signal.SIGTERM)
        time.sleep(rng.uniform(0, took_s))  # not a wait: the moment of death is to vary
        in_time += watch.running()
        watch.signal(signal.SIGKILL)
        watch.wait()
        check_unharmed(t, target)
    t.check(in_time >= CRASHES, f"alive when it was killed: {in_time} of {4 * CRASHES} times")
    target.end()


class Memory:
    """A memory cgroup, version 1 or 2, with a limit."""

    def __init__(self, t, limit_bytes):
        v1 = Path("/sys/fs/cgroup/memory")
        base, name = (v1, "memory.limit_in_bytes") if v1.is_dir() else (v1.parent, "memory.max")
        self.path = base / f"cheshire-test-{os.getpid()}-{limit_bytes}"
        try:
            self.path.mkdir()
            (self.path / name).write_text(str(limit_bytes), encoding="ascii")
            swap = self.path / "memory.swappiness"
            if swap.exists():
                swap.write_text("0", encoding="ascii")
        except OSError as error:
            raise Skip(f"no memory cgroup can be made here: {error.strerror}") from None
        t.cleanups.append(self.remove)

    def remove(self):
        wait_until(
            lambda: not (self.path / "cgroup.procs").read_text(encoding="ascii"), 10, "empty"
        )
        self.path.rmdir()


@test(90)
def killed_for_memory(t):
    """By the kernel, with ever more memory to begin with: at several points of its start."""
    target = at_work(t)
    ends = []
    for megabytes in (2, 4, 6, 8, 10, 12, 14):
        group = Memory(t, megabytes << 20)
        command = f"echo $$ > {group.path}/cgroup.procs; exec {CHESHIRE} watch --pid {target.pid} "
        path = t.write("config.yaml", config(STAGES))
        watch = Process(
            t, f"oom-{megabytes}", ["sh", "-c", command + f"--config {path} --output json --duration 1s"]
        )
        ends.append(watch.wait(30))
        check_unharmed(t, target)
    t.check(-signal.SIGKILL in ends, f"never killed for memory: {ends}")
    t.check(set(ends) <= {-signal.SIGKILL, 0, 1}, f"ended otherwise: {ends}")
    finish(t, target)


@test(120)
def no_more_memory_to_be_had(t):
    """Every allocation fails from some moment on: it goes on or ends in order, and does not crash."""
    target = at_work(t)
    watch = t.watch(target.pid, config(STAGES))
    ids = bpf_ids(watch.pid)
    resource.prlimit(watch.pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
    for _ in range(10):
        watch.signal(signal.SIGUSR1)
        time.sleep(0.1)  # not a wait: it is to be busy for a while
    if watch.running():
        watch.signal(signal.SIGTERM)
    t.check(watch.wait() in (0, 1), "it crashed")
    check_unharmed(t, target, ids)
    finish(t, target)


@test(120)
def stopped_for_seconds(t):
    """As when the machine is stopped: what the kernel counted is exact, and nothing fires."""
    target = t.target("steady", "--mode", "command", wait=False)
    budgets = """
budgets:
  work.latency: { stat: max, window: 1m, target: 1s, warning: 2s, critical: 3s, for: 0s }
  target.responsive: { target: 1, critical: 0.5 }
  target.up: { target: 1, critical: 0.5 }
"""
    watch = t.watch(target.pid, config(STAGES, more=budgets))
    target.command("run 10 1000")
    watch.signal(signal.SIGSTOP)
    target.command("run 200 5000")
    time.sleep(3)  # not a wait: for so long nobody looks
    watch.signal(signal.SIGCONT)
    target.command("run 10 1000")
    summary = watch.summary_now()
    t.equal(summary.number("work.count"), 220, "calls")
    t.equal(watch.alerts(), [], "alerts")
    watch.stop()
    target.send_line("quit")
    target.finish()


def in_namespace(t, target, mounts, arguments, redirect, **options):
    """cheshire in a mount namespace of its own; what it mounts is gone with it."""
    script = f"{mounts}\nexec {CHESHIRE} watch --pid {target.pid} --output json {arguments} {redirect}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]
    return Process(t, "watch", command, **options)


def whole_lines(text):
    return [json.loads(line) for line in text.splitlines()]


@test(120)
def full_disk(t):
    """stdout and the state file on a disk that is full for a while."""
    target = at_work(t)
    disk = t.dir / "disk"
    disk.mkdir()
    rules = t.write("rules.yml", ALWAYS)
    path = t.write("config.yaml", config(STAGES))
    watch = in_namespace(
        t,
        target,
        f"mount -t tmpfs -o size=1m none {disk}\n"
        f"dd if=/dev/zero of={disk}/filler bs=4k count=252 2>/dev/null",
        f"--config {path} --rules {rules} --state {disk}/state.json",
        f"> {disk}/out",
    )
    seen = Path(f"/proc/{watch.pid}/root{disk}")
    out = seen / "out"
    wait_until(lambda: out.exists() and "hello" in out.read_text(encoding="utf-8"), 15, "hello")

    def full():
        watch.signal(signal.SIGUSR1)
        time.sleep(0.2)  # not a wait: what is queued must find room later
        return "output cannot be written" in watch.errors()

    wait_until(full, 15, "the disk is full, and that is said")
    t.check(watch.running(), "it ended")
    size = out.stat().st_size
    (seen / "filler").unlink()
    wait_until(lambda: out.stat().st_size > size, 15, "output goes on")
    watch.signal(signal.SIGUSR1)
    wait_until(lambda: out.read_text(encoding="utf-8").endswith("}\n"), 10, "a last line")
    lines = whole_lines(out.read_text(encoding="utf-8"))
    loop_s = [line for line in lines if line["type"] == "summary"][-1]["overhead"]["loop_max_ns"]
    t.between(loop_s / 1e9, 0, 0.2, "longest turn of the loop")
    watch.signal(signal.SIGTERM)
    t.equal(watch.wait(), 0, "exit code")
    check_unharmed(t, target)
    finish(t, target)


@test(120)
def nobody_reads(t):
    """stdout, stderr and syslog are full and stay so; later somebody reads stdout after all."""
    target = at_work(t)
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind(str(t.dir / "log"))
    t.cleanups.append(log.close)
    reading, writing = os.pipe()
    stderr_r, stderr_w = os.pipe()
    for fd in (reading, writing, stderr_r, stderr_w):
        t.cleanups.append(lambda fd=fd: os.close(fd))
    fcntl.fcntl(stderr_w, fcntl.F_SETFL, os.O_NONBLOCK)
    try:
        while os.write(stderr_w, b"x" * 4096):
            pass
    except BlockingIOError:
        fcntl.fcntl(stderr_w, fcntl.F_SETFL, 0)
    dev = t.dir / "dev"
    dev.mkdir()
    path = t.write("config.yaml", config(STAGES, more="alerts: { rate: 1000/min }\n"))
    watch = in_namespace(
        t,
        target,
        f"mount -t tmpfs none {dev}\ntouch {dev}/null {dev}/urandom {dev}/log\n"
        f"mount --bind /dev/null {dev}/null\nmount --bind /dev/urandom {dev}/urandom\n"
        f"mount --bind {t.dir}/log {dev}/log\nmount --rbind {dev} /dev",
        f"--config {path} --syslog -v -v",
        f"> /proc/self/fd/{writing} 2> /proc/self/fd/{stderr_w}",
        pass_fds=(writing, stderr_w),
    )
    wait_until(lambda: "SigCgt" in status(watch.pid) and has_bpf(watch.pid), 15, "attached")
    for _ in range(400):
        watch.signal(signal.SIGUSR1)
        time.sleep(0.01)  # not a wait: signals that are pending already would be one
    t.check(watch.running(), "it ended")
    text = b""
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)

    def read_some(wanted):
        nonlocal text
        try:
            while chunk := os.read(reading, 1 << 20):
                text += chunk
        except BlockingIOError:
            pass
        return wanted(text)

    wait_until(lambda: read_some(lambda got: got.count(b"\n") > 5), 10, "what was kept")
    watch.signal(signal.SIGUSR1)
    asked = time.monotonic()
    watch.signal(signal.SIGTERM)
    wait_until(lambda: read_some(lambda got: b'"type":"bye"' in got), 10, "bye")
    t.equal(watch.wait(), 0, "exit code")
    t.between(time.monotonic() - asked, 0, 3, "seconds to end with a syslog that nobody reads")
    lines = whole_lines(text.decode())
    summaries = [line for line in lines if line["type"] == "summary"]
    t.check(summaries[-1]["output_dropped"] > 0, "nothing said to be lost")
    t.between(summaries[-1]["overhead"]["loop_max_ns"] / 1e9, 0, 0.2, "longest turn of the loop")
    check_unharmed(t, target)
    finish(t, target)


def status(pid):
    return Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def has_bpf(pid):
    return bool(bpf_ids(pid)["link"])


@test(120)
def clock_is_set(t):
    """The wall clock goes back an hour, then forward a day; seen by cheshire alone (a preload)."""
    target = t.target("steady", "--mode", "command", wait=False)
    budgets = """
budgets:
  work.latency: { stat: max, window: 1m, target: 1s, warning: 2s, critical: 3s, for: 0s }
  target.up: { target: 1, critical: 0.5 }
"""
    steps = t.write("offset", f"{0:<8}")
    watch = t.watch(
        target.pid,
        config(STAGES, more=budgets),
        *("--rules", t.write("rules.yml", ALWAYS), "--summary-interval", "1s"),
        env={
            **os.environ,
            "LD_PRELOAD": str(TARGETS / "libclockstep.so"),
            "CLOCK_OFFSET_FILE": str(steps),
        },
    )
    began = time.time()
    target.command("run 10 1000")
    for offset_s in (-3600, 86400):
        with open(steps, "r+", encoding="ascii") as file:
            file.write(f"{offset_s:<8}")
        stepped = watch.wait_for(
            "summary",
            10,
            lambda line, want=offset_s: abs(stamp(line["ts"]) - began - want) < 60,
        )[1]
        t.equal(stepped["metrics"]["work.count"]["value"], 10, "count after a step")
    target.command("run 10 1000")
    summary = watch.summary_now()
    t.equal(summary.number("work.count"), 20, "calls")
    states = [line["state"] for _, line in watch.alerts()]
    t.equal(states, ["firing"], "states of the one alert that always holds")
    t.between(summary.line["overhead"]["elapsed_ns"] / 1e9, 0, 60, "elapsed, by a clock not set")
    watch.stop()
    target.send_line("quit")
    target.finish()


def stamp(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
