# SPDX-License-Identifier: GPL-2.0-only
"""What watches a target while it is measured: nothing, two empty probes, cheshire, bpftrace,
libbpf-tools' funclatency.

An observer is made for one bench.Case and attached to a target for the length of a `with` block:

    with Cheshire(case, config_text).on(target) as seen: ...

It is attached when the block begins, and gone from the kernel when the block has ended.
"""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import BUILD, Failure, Process, Watch, changed_text_bytes, wait_until

BENCH = BUILD / "bench"
MOUNT_AND_RUN = """[ -e /sys/kernel/tracing/events ] || mount -t tracefs nodev /sys/kernel/tracing
exec "$@" """
BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"


class Target(Process):
    """A program of the bench that says `ready` and answers commands with JSON."""

    def __init__(self, case, name, *args, ready="ready", path=None, **options):
        self.path = path or BENCH / name
        super().__init__(case, f"{name}-{len(case.processes)}", [self.path, *args], **options)
        self.answered, _ = self.lines.wait(
            lambda line: line.startswith(ready) or f": {ready}" in line, 20, f"{name} ready"
        )


class Nothing:
    name = "nothing"

    @contextlib.contextmanager
    def on(self, _target):
        yield None


class Bare:
    """An empty program on each place: what no observer can be cheaper than."""

    name = "bare probes"

    def __init__(self, case, offsets):
        self.case = case
        self.offsets = offsets

    @contextlib.contextmanager
    def on(self, target):
        process = Process(
            self.case,
            f"bare-{len(self.case.processes)}",
            [BENCH / "bare", target.pid, target.path, *self.offsets],
        )
        process.lines.wait(lambda line: line == "ready", 10, "bare probes attached")
        try:
            yield process
        finally:
            process.popen.stdin.close()
            process.wait(30)
            wait_clean(target)


class Cheshire:
    def __init__(self, case, config=None, *args, name="cheshire"):
        self.name = name
        self.case = case
        self.config = config
        self.args = args

    @contextlib.contextmanager
    def on(self, target):
        watch = Watch(self.case, target.pid, self.config, *self.args)
        try:
            yield watch
        finally:
            if watch.running():
                watch.signal(signal.SIGTERM)
            watch.wait()


class Bpftrace:
    """A script; it is at work when `probes` breakpoints are in the target's code."""

    name = "bpftrace"

    def __init__(self, case, script, probes=0, map_keys=4096):
        self.case = case
        self.script = script
        self.probes = probes
        self.environment = {"BPFTRACE_MAP_KEYS_MAX": str(map_keys), "BPFTRACE_MAX_PROBES": "4096"}

    @contextlib.contextmanager
    def on(self, target):
        path = self.case.write("script.bt", self.script)
        arguments = ["-p", target.pid] if self.probes else []
        process = Process(
            self.case,
            f"bpftrace-{len(self.case.processes)}",
            # Tracepoints need tracefs, which need not be mounted; nobody else sees this mount.
            [
                *("unshare", "--mount", "sh", "-c", MOUNT_AND_RUN, "bpftrace"),
                *("bpftrace", *arguments, path),
            ],
            env={**environment_of_root(), **self.environment},
        )
        process.started = time.monotonic()
        try:
            process.lines.wait(lambda line: "Attaching" in line, 30, "bpftrace's probes")
        except Failure as failure:
            raise Failure(f"{failure}: {process.errors()[-300:]}") from None
        if self.probes:
            wait_until(
                lambda: changed_text_bytes(target.pid) >= self.probes, 30, "bpftrace attached"
            )
        # Tracepoints, and the second probe at a place, cannot be seen in the target's code.
        time.sleep(0.3)
        try:
            yield process
        finally:
            self.interrupt(process, target)
            wait_clean(target)

    def interrupt(self, process, target):
        """It misses a signal that arrives while it is not in epoll_wait(): then once more.

        Not while it detaches: a second SIGINT would kill it there.
        """
        process.signal(signal.SIGINT)
        deadline = time.monotonic() + 300
        while True:
            try:
                process.wait(10)
                return
            except Failure:
                if time.monotonic() > deadline:
                    raise
            if not self.probes or changed_text_bytes(target.pid) >= self.probes:
                process.signal(signal.SIGINT)


class Funclatency:
    """libbpf-tools' funclatency knows one function, so there is one process for each."""

    name = "funclatency"

    def __init__(self, case, symbols):
        self.case = case
        self.symbols = symbols

    @contextlib.contextmanager
    def on(self, target):
        processes = [
            Process(
                self.case,
                f"funclatency-{len(self.case.processes)}",
                ["funclatency", "-p", target.pid, f":{symbol}"],
            )
            for symbol in self.symbols
        ]
        try:
            wait_until(
                lambda: changed_text_bytes(target.pid) >= len(self.symbols), 10, "funclatency"
            )
            yield processes
        finally:
            for process in processes:
                process.signal(signal.SIGINT)
            for process in processes:
                process.wait(30)
            wait_clean(target)

    @staticmethod
    def available():
        return shutil.which("funclatency") is not None


class Program:
    """Any tool of libbpf-tools; it is at work when it holds BPF programs."""

    def __init__(self, case, name, command):
        self.name = name
        self.case = case
        self.command = command

    @contextlib.contextmanager
    def on(self, _target):
        process = Process(
            self.case,
            f"{self.name}-{len(self.case.processes)}",
            ["unshare", "--mount", "sh", "-c", MOUNT_AND_RUN, self.name, *self.command],
        )
        wait_until(lambda: holds_programs(process), 10, f"{self.name} at work")
        time.sleep(0.3)  # loaded programs are seen, attached ones are not
        try:
            yield process
        finally:
            process.signal(signal.SIGINT)
            process.wait(30)


def holds_programs(process):
    if not process.running():
        raise Failure(f"{process.name} ended: {process.errors()[-300:]}")
    for entry in Path(f"/proc/{process.pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            if "prog_id:" in entry.read_text(encoding="ascii"):
                return True
    return False


def family(pid):
    """{comm: pid} of a process and its children: a session has a keeper."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {
        Path(f"/proc/{each}/comm").read_text(encoding="utf-8").strip(): each
        for each in (pid, *map(int, children))
    }


def environment_of_root():
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


def wait_clean(target):
    """The next observer must not find breakpoints of the last one."""
    if target.running():
        wait_until(lambda: changed_text_bytes(target.pid) == 0, 300, "all probes gone")


def histogram_percentile(text, map_name, percent, key=None):
    """A percentile of a bpftrace histogram: its bucket, interpolated; in the histogram's unit."""
    wanted = f"@{map_name}" + (f"[{key}]" if key is not None else "")
    buckets, inside = [], False
    for line in text.splitlines():
        if line.startswith("@"):
            inside = line.split(":")[0].strip() == wanted
        match = re.match(r"[\[(]([^,]+), ([^)\]]+)[)\]]\s+(\d+) \|", line)
        if inside and match:
            low, high, count = (number(match.group(i)) for i in (1, 2, 3))
            buckets.append((low, high, count))
    total = sum(count for _, _, count in buckets)
    if not total:
        raise Failure(f"bpftrace has no histogram {wanted}")
    rank, seen = total * percent / 100, 0
    for low, high, count in buckets:
        if count and seen + count >= rank:
            return low + (high - low) * (rank - seen) / count
        seen += count
    return buckets[-1][1]


def number(text):
    text = text.strip()
    scale = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1], 1)
    if text == "...":
        return float("inf")
    return int(text.rstrip("KMG")) * scale


def program_runs():
    """{name: (runs, ns)} of every BPF program, as the kernel counts them."""
    shown = subprocess.run(
        [BPFTOOL, "-j", "prog", "show"], capture_output=True, text=True, timeout=20, check=True
    )
    runs = {}
    for prog in json.loads(shown.stdout or "[]"):
        key = (prog["id"], prog.get("name", ""))
        runs[key] = (prog.get("run_cnt", 0), prog.get("run_time_ns", 0))
    return runs


@contextlib.contextmanager
def bpf_stats():
    """The kernel times every run of every BPF program meanwhile (and makes it a little dearer)."""
    path = "/proc/sys/kernel/bpf_stats_enabled"
    with open(path, encoding="ascii") as file:
        before = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write("1")
    try:
        yield
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(before)
