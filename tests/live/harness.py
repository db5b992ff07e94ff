# SPDX-License-Identifier: GPL-2.0-only
"""Live tests: a real target, a real kernel, and cheshire between them.

A test is a function marked with @test that takes one Case. The case starts targets and watchers,
and ends every process that it started, by its pid, whatever happens. What cheshire says is compared
with the target's own log or with /proc, never with itself.

A test fails by default: returning without having checked anything is a failure. Skip(reason) skips.
A number outside its tolerance is looked at again, at most twice, where the machine is known to have
been taken from us meanwhile (class Machine); nothing else is: not a count, not a missing alert.
Files of a failed test stay in build/live/NAME/.
"""

import ctypes
import inspect
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("OUTPUT", ROOT / "build")).resolve()
CHESHIRE = BUILD / "cheshire"
TARGETS = BUILD / "targets"
LIVE = BUILD / "live"

# How much slower than this machine the CPU is that the tests run on: who runs them on an emulated
# one says so. Deadlines and what a trap may cost grow by it; counts stay exact.
SLOWNESS = float(os.environ.get("LIVE_SLOWNESS", "1"))

# What the issue asks of percentiles.
RELATIVE_ERROR = 0.016
ABSOLUTE_ERROR_S = 100e-6 * SLOWNESS

# An emulated CPU is taken away at any moment, which no clock of the guest tells: not of the tail.
PERCENTILES = (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))[: None if SLOWNESS == 1 else 1]

# Loading and checking the programs takes seconds of a CPU, and there may be little of one.
START_DEADLINE_S = 80
# No wait is given up sooner, since that is against a hang only: on a busy machine grace periods of
# the kernel alone take seconds. How long a thing may take is asked of the moments, by between().
PATIENCE_S = 30
# Nor is a test: its limit must leave room for a slow start and for a wait that needs its patience.
LEAST_LIMIT_S = START_DEADLINE_S + 3 * PATIENCE_S
TESTS = []
VERDICTS = ("ok", "FAIL", "skip")


class Skip(Exception):
    """The test cannot run here; the reason is printed."""


class Failure(Exception):
    """A check did not hold."""


class Inexact(Failure):
    """A number lay outside its tolerance."""


class Timeout(Exception):
    """The test took longer than its limit."""


class Entry:
    """A test: its name, its function, how long it may take, and whether it mostly waits."""

    def __init__(self, function, timeout_s, waits):
        self.name = function.__name__
        self.function = function
        self.timeout_s = timeout_s
        self.waits = waits


def test(timeout_s=120, waits=False):
    """Marks a function of a test file as a test with a time limit of its own.

    `waits`: it spends its time waiting for windows to pass and needs no quiet machine, so that it
    runs beside the others.
    """

    def mark(function):
        TESTS.append(Entry(function, max(timeout_s, LEAST_LIMIT_S), waits))
        return function

    return mark


def patience(timeout_s):
    return max(timeout_s, PATIENCE_S) * SLOWNESS


def wait_until(condition, timeout_s, what, every_s=0.01):
    """Returns the first true result of condition(); fails when the deadline passes."""
    deadline = time.monotonic() + patience(timeout_s)
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"not within {patience(timeout_s):g} s: {what}")
        time.sleep(every_s)


def rank(count, percent):
    """Where the percentile of so many ascending values is, as the contract defines it; from 0."""
    return max(0, math.ceil(percent / 100 * count) - 1)


def nearest_rank(ordered, percent):
    """The percentile of an ascending list."""
    return ordered[rank(len(ordered), percent)]


def die_with_parent():
    """In a child: a test run that is killed takes its targets and watchers with it."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Lines:
    """Reads a pipe in a thread; keeps every line with the moment of its arrival."""

    def __init__(self, pipe, copy_path):
        self.items = []
        self.changed = threading.Condition()
        self.closed = False
        self.thread = threading.Thread(target=self._read, args=(pipe, copy_path), daemon=True)
        self.thread.start()

    def _read(self, pipe, copy_path):
        with open(copy_path, "a", encoding="utf-8") as copy:
            for raw in pipe:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                copy.write(line + "\n")
                copy.flush()
                with self.changed:
                    self.items.append((time.monotonic(), line))
                    self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait(self, wanted, timeout_s, what, start=0):
        """The index and item of the first line from `start` for which wanted(line) holds."""
        deadline = time.monotonic() + patience(timeout_s)
        with self.changed:
            while True:
                for index in range(start, len(self.items)):
                    if wanted(self.items[index][1]):
                        return index, self.items[index]
                    start = index + 1
                left = deadline - time.monotonic()
                if self.closed:
                    raise Failure(f"ended without {what}")
                if left <= 0:
                    raise Failure(f"not within {patience(timeout_s):g} s: {what}")
                self.changed.wait(left)


class Function:
    """What the target says of one of its functions."""

    def __init__(self, line):
        self.calls = line["count"]
        self.outermost = line["outermost"]
        self.normal_ns = line["normal_ns"]
        # Shorter by how long the thread was kept from a CPU in and around the span: see truth.h.
        self.least_ns = line["normal_least_ns"]
        self.abnormal_ns = line["abnormal_ns"]


class Truth:
    """The target's own log."""

    def __init__(self, path):
        self.functions = {}
        self.turns = []
        self.waits = {}
        self.others = []
        self.end = None
        for text in Path(path).read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if line["type"] == "function":
                self.functions[line["name"]] = Function(line)
            elif line["type"] == "turn":
                self.turns.append(line)
            elif line["type"] == "wait":
                self.waits[line["name"]] = line
            elif line["type"] == "end":
                self.end = line
            else:
                self.others.append(line)
        if not self.end:
            raise Failure(f"{path}: the target did not write its closing line")

    def require_good(self):
        if not self.end["ok"]:
            raise Failure(f"the target's self-check failed {self.end['failed']} times")
        return self


class Process:
    """A child that ends when the case ends."""

    def __init__(self, case, name, command, **options):
        self.name = name
        self.out_path = case.dir / f"{name}.out"
        self.err_path = case.dir / f"{name}.err"
        with open(self.err_path, "ab") as err:
            self.popen = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                preexec_fn=die_with_parent,
                **options,
            )
        self.pid = self.popen.pid
        self.lines = Lines(self.popen.stdout, self.out_path)
        case.processes.append(self)

    def errors(self):
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def send_line(self, text):
        self.popen.stdin.write((text + "\n").encode())
        self.popen.stdin.flush()

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout_s=START_DEADLINE_S):
        """The exit status; negative: the signal."""
        try:
            status = self.popen.wait(patience(timeout_s))
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {patience(timeout_s):g} s") from None
        self.lines.thread.join(5)
        return status

    def running(self):
        return self.popen.poll() is None

    def end(self):
        if self.running():
            self.popen.kill()
            self.popen.wait(10)
        self.popen.stdin.close()


class Target(Process):
    """One of the programs under build/targets, or any program that says `ready` as they do."""

    def __init__(self, case, program, *args, wait=True, log=True, name=None, **options):
        path = Path(program) if "/" in str(program) else TARGETS / program
        if not path.exists():
            raise Failure(f"{path} is not built")
        self.log_path = case.dir / f"{name or path.name}.log"
        command = [path, *args]
        if log:
            command += ["--log", self.log_path]
        if wait:
            command += ["--wait"]
        super().__init__(case, name or path.name, command, **options)
        self.answered, _ = self.lines.wait(
            lambda line: line == "ready", START_DEADLINE_S, f"{self.name} ready"
        )

    def go(self):
        self.signal(signal.SIGUSR2)

    def command(self, text, timeout_s=START_DEADLINE_S, wanted="done"):
        """Sends a command and returns the answer; commands are answered in order."""
        self.send_line(text)
        self.answered, (_, line) = self.lines.wait(
            lambda line: line.startswith(wanted), timeout_s, f"'{text}' done", self.answered + 1
        )
        return line

    def finish(self, timeout_s=60, status=0):
        """Waits for the end and returns the truth, self-check good."""
        got = self.wait(timeout_s)
        if got != status:
            raise Failure(f"{self.name} ended with {got}, not {status}: {self.errors()[-300:]}")
        return Truth(self.log_path).require_good()


class Summary:
    """One summary object. Everything that knows the shape of the JSON is here and in Watch."""

    def __init__(self, line):
        self.line = line
        self.metrics = line["metrics"]

    def has(self, metric):
        return metric in self.metrics

    def entry(self, metric):
        if metric not in self.metrics:
            raise Failure(f"no metric '{metric}' in the summary")
        return self.metrics[metric]

    def value(self, metric):
        """The value in its base unit; None when unknown."""
        return self.entry(metric)["value"]

    def number(self, metric):
        value = self.value(metric)
        if value is None:
            raise Failure(f"metric '{metric}' is unknown")
        return value

    def count(self, stage):
        """Outermost spans of the stage that returned."""
        return self.number(f"{stage}.count")

    def abnormal(self, stage):
        """Those that ended otherwise."""
        name = f"{stage}.abnormal"
        return self.number(name) if self.has(name) else 0

    def drops(self):
        """What was lost, by reason; reasons with a count of zero left out."""
        drops = self.line["drops"]
        return {reason: count for reason, count in drops.items() if count}

    def overhead(self):
        return self.line["overhead"]


class Watch(Process):
    """cheshire watch --output json on one pid."""

    serial = 0

    def __init__(
        self, case, pid, config=None, *args, output="json", name=None, hello=True,
        program=(CHESHIRE,), **more,
    ):
        if not CHESHIRE.exists():
            raise Failure(f"{CHESHIRE} is not built")
        Watch.serial += 1
        command = [*program, "watch", "--pid", pid]
        if config is not None:
            command += ["--config", case.write("config.yaml", config)]
        command += ["--output", output, *args]
        super().__init__(case, name or f"watch-{Watch.serial}", command, **more)
        self.hello = self.wait_for("hello")[1] if hello and output == "json" else None

    def objects(self, kind=None):
        """(arrival, object) for every line so far; a line that is no JSON object is a failure."""
        found = []
        with self.lines.changed:
            items = list(self.lines.items)
        for arrival, text in items:
            try:
                line = json.loads(text)
            except ValueError:
                raise Failure(f"stdout line is not JSON: {text[:200]}") from None
            if kind is None or line.get("type") == kind:
                found.append((arrival, line))
        return found

    def wait_for(self, kind, timeout_s=START_DEADLINE_S, match=None, start=0):
        """(arrival, object) of the first object of that type for which match(object) holds."""

        def wanted(text):
            line = json.loads(text)
            return line.get("type") == kind and (match is None or match(line))

        try:
            _, (arrival, text) = self.lines.wait(wanted, timeout_s, f"'{kind}' of cheshire", start)
        except Failure as failure:
            raise Failure(f"{failure}; stderr: {self.errors()[-400:]}") from None
        return arrival, json.loads(text)

    def alerts(self, name=None, state=None):
        return [
            (arrival, line)
            for arrival, line in self.objects("alert")
            if (name is None or name in (line["alert"], line["metric"]))
            and (state is None or line["state"] == state)
        ]

    def wait_alert(self, metric, state, timeout_s=START_DEADLINE_S, start=0):
        return self.wait_for(
            "alert",
            timeout_s,
            lambda line: line["state"] == state and line["metric"].startswith(metric),
            start,
        )

    def stage(self, name):
        """What hello says of one stage."""
        for stage in self.hello["stages"]:
            if stage["name"] == name:
                return stage
        raise Failure(f"hello does not name stage '{name}'")

    def summary_now(self):
        """SIGUSR1, and the summary that it brings."""
        with self.lines.changed:
            start = len(self.lines.items)
        self.signal(signal.SIGUSR1)
        return Summary(self.wait_for("summary", START_DEADLINE_S, None, start)[1])

    def last_summary(self):
        summaries = self.objects("summary")
        if not summaries:
            raise Failure(f"no summary; stderr: {self.errors()[-400:]}")
        return Summary(summaries[-1][1])

    def bye(self):
        byes = self.objects("bye")
        if len(byes) != 1:
            raise Failure(f"{len(byes)} 'bye' objects, not one; stderr: {self.errors()[-400:]}")
        return byes[0][1]

    def stop(self, number=signal.SIGTERM, status=0):
        """Ends it as an operator would and returns the last summary."""
        if self.running():
            self.signal(number)
        got = self.wait()
        if got != status:
            raise Failure(f"cheshire ended with {got}, not {status}: {self.errors()[-400:]}")
        return self.last_summary()


class Case:
    """One run of one test."""

    def __init__(self, name):
        self.name = name
        self.dir = LIVE / name
        self.checks = 0
        self.processes = []
        self.cleanups = []
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def close(self):
        for process in reversed(self.processes):
            process.end()
        for cleanup in reversed(self.cleanups):
            cleanup()

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path

    def target(self, program, *args, **options):
        return Target(self, program, *args, **options)

    def watch(self, pid, config=None, *args, **options):
        return Watch(self, pid, config, *args, **options)

    def run(self, *command, timeout_s=20, **options):
        """Runs a command to its end; returns the CompletedProcess with text output."""
        return subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=patience(timeout_s),
            check=False,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
            **options,
        )

    # --- checks ---

    def check(self, good, what):
        self.checks += 1
        if not good:
            raise Failure(what)

    def equal(self, got, expected, what):
        self.check(got == expected, f"{what}: {got!r}, not {expected!r}")

    def one_of(self, got, expected, what):
        """Near one of the values that the target logged, each of which it may be."""
        self.check(bool(expected), f"{what}: the target recorded nothing")
        self.near(got, min(expected, key=lambda value: abs(value - got)), what)

    def exact_enough(self, good, what):
        self.checks += 1
        if not good:
            raise Inexact(what)

    def near(self, got, expected, what, relative=RELATIVE_ERROR, absolute=ABSOLUTE_ERROR_S):
        allowed = max(abs(expected) * relative, absolute)
        self.exact_enough(
            got is not None and abs(got - expected) <= allowed,
            f"{what}: {got}, not {expected} ± {allowed:.3g}",
        )

    def between(self, got, low, high, what):
        self.exact_enough(
            got is not None and low <= got <= high, f"{what}: {got}, not in {low} .. {high}"
        )

    def percentiles(self, summary, metric, durations_ns, least_ns=None):
        """p50, p95, p99 and max of a latency against the target's own clock.

        Between the target's reading of its clock and the probe the thread may be kept from its CPU:
        then the span was shorter than the readings say. By how much at most is known where the
        scheduler did it (least_ns); where a hypervisor or an interrupt did, it is not, but that is
        rare: one such span moves a value by at most one rank. So the value must lie between the
        rank below of what the spans lasted at least, and the rank above of what they lasted at
        most, within the error that is allowed. On a quiet machine these are all but the same.
        """
        most = sorted(durations_ns)
        least = sorted(durations_ns if least_ns is None else least_ns)
        self.check(bool(most), f"{metric}: the target recorded nothing")
        for stat, percent in PERCENTILES:
            at = rank(len(most), percent)
            low = least[max(at - 1, 0)] / 1e9
            high = most[min(at + 1, len(most) - 1)] / 1e9
            self.between(
                summary.number(f"{metric}.{stat}"),
                low - max(low * RELATIVE_ERROR, ABSOLUTE_ERROR_S),
                high + max(high * RELATIVE_ERROR, ABSOLUTE_ERROR_S),
                f"{metric}.{stat} (by the target {most[at] / 1e9})",
            )

    def spans(self, summary, stage, function, latency=True):
        """Counts of a stage equal to the target's, and its latencies within the error."""
        self.equal(summary.count(stage), len(function.normal_ns), f"{stage}.count")
        self.equal(summary.abnormal(stage), len(function.abnormal_ns), f"{stage}.abnormal")
        if latency:
            self.percentiles(
                summary, f"{stage}.latency", function.normal_ns, function.least_ns
            )

    def no_drops(self, summary):
        """A stack that cannot be looked up just then is told by its distance: nothing is lost."""
        lost = {why: n for why, n in summary.drops().items() if why != "stack_unknown"}
        self.equal(lost, {}, "drops")


def config(stages, overhead="50%", more=""):
    """A configuration whose stages are `call`s; a dict value is written as it stands."""
    lines = [
        "target: { name: alice }",
        f"limits: {{ overhead: {overhead}, records: 5000/s }}",
        "stages:",
    ]
    for name, binding in stages.items():
        if isinstance(binding, str) and not binding.startswith("{"):
            lines.append(f'  {name}: {{ call: "{binding}" }}')
        else:
            lines.append(f"  {name}: {binding}")
    return "\n".join(lines) + "\n" + more


# --- independent views of the target and of the kernel ---


def text_segments(pid):
    """(start, end, file offset, path) of every executable file mapping of a process."""
    segments = []
    for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and "x" in words[1] and words[5].startswith("/"):
            start, end = (int(word, 16) for word in words[0].split("-"))
            segments.append((start, end, int(words[2], 16), words[5]))
    return segments


def changed_text_bytes(pid, folder="/"):
    """How many bytes of code differ from the files, in the folder, that they were mapped from."""
    changed = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for start, end, offset, path in text_segments(pid):
            if not path.startswith(str(folder)):
                continue
            with open(path, "rb") as file:
                file.seek(offset)
                on_disk = file.read(end - start)
            memory.seek(start)
            mapped = memory.read(len(on_disk))
            if mapped != on_disk:
                changed += sum(a != b for a, b in zip(mapped, on_disk))
    return changed


def memory_of(pid):
    """All that a process can write to: what a core file of it would hold, and more."""
    found = []
    lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in lines:
            words = line.split(None, 5)
            if "w" not in words[1]:
                continue
            start, end = (int(word, 16) for word in words[0].split("-"))
            try:
                memory.seek(start)
                found.append(memory.read(end - start))
            except OSError:
                continue
    return b"".join(found)


def bpf_ids(pid):
    """{"prog": {...}, "link": {...}, "map": {...}}: the kernel objects that a process holds."""
    ids = {"prog": set(), "link": set(), "map": set()}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            text = entry.read_text(encoding="utf-8")
        except OSError:
            continue
        for kind, found in ids.items():
            found.update(int(number) for number in re.findall(rf"^{kind}_id:\s*(\d+)", text, re.M))
    return ids


def bpf_ids_alive(ids):
    """Those of them that the kernel still has. Ids are never given twice."""
    alive = {}
    for kind, wanted in ids.items():
        shown = subprocess.run(
            [shutil.which("bpftool") or "/usr/sbin/bpftool", "-j", kind, "show"],
            capture_output=True,
            text=True,
            timeout=patience(20),
            check=False,
        )
        if shown.returncode:
            raise Failure(f"bpftool {kind} show: {shown.stderr.strip()[:200]}")
        listed = json.loads(shown.stdout or "[]")
        alive[kind] = wanted & {item["id"] for item in listed}
    return {kind: found for kind, found in alive.items() if found}


def proc_status_kb(pid, field):
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(rf"^{field}:\s*(\d+)", text, re.M).group(1))


def cpu_seconds(pid):
    """User and system time of all threads, by /proc/PID/stat."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def require_root():
    if os.geteuid():
        raise Skip("needs root")
    if not Path("/sys/kernel/btf/vmlinux").exists():
        raise Skip("this kernel has no BTF")


# --- running ---

ATTEMPTS = 3
STOLEN_SHARE = 0.005
FOREIGN_SHARE = 0.1
DISK_SHARE = 0.1
LATE_S = 0.1


def own_waits(span):
    """What the program made a span wait for. How long for a CPU, the machine decides."""
    return {reason: s for reason, s in span["wait_s"].items() if reason != "runqueue"}


class Pulse:
    """A thread that sleeps, and how much later than it should it woke: a machine that stands still."""

    SLEEP_S, FINE_S = 0.05, 0.02

    def __init__(self):
        self.pid, self.late_s = os.getpid(), 0.0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            before = time.monotonic()
            time.sleep(self.SLEEP_S)
            late_s = time.monotonic() - before - self.SLEEP_S
            self.late_s += late_s if late_s > self.FINE_S else 0


class Machine:
    """How much of all CPUs was not ours since this was made, by /proc/stat and our own children."""

    pulse = None  # one a process

    def __init__(self):
        if not Machine.pulse or Machine.pulse.pid != os.getpid():
            Machine.pulse = Pulse()
        self.before = self.read()

    @staticmethod
    def read():
        """CPU-seconds of the machine and of us; and how late the pulse was."""
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        own = os.times()
        hz = os.sysconf("SC_CLK_TCK")
        _user, _nice, _system, idle, iowait, irq, softirq, steal = ticks
        return {
            "elapsed": sum(ticks) / hz,
            "stolen": steal / hz,
            "interrupts": (irq + softirq) / hz,
            "disk": iowait / hz,
            "used": (sum(ticks) - idle - iowait - steal) / hz,
            "own": own.user + own.system + own.children_user + own.children_system,
            "late": Machine.pulse.late_s,
        }

    def since(self):
        return {what: now - self.before[what] for what, now in self.read().items()}

    def stolen_s(self):
        """CPU time that all threads together lost while they were on a CPU."""
        since = self.since()
        lost_s = since["stolen"] + since["interrupts"]
        # Both are told in whole ticks.
        return lost_s + 2 / os.sysconf("SC_CLK_TCK") if lost_s else 0

    def taken(self):
        """What was taken from us in words; empty where it was too little to matter."""
        if SLOWNESS != 1:
            return "an emulated CPU is taken away unseen"
        since = self.since()
        elapsed = since["elapsed"]
        if elapsed <= 0:
            return ""
        foreign = max(0, since["used"] - since["own"]) / elapsed
        stolen, disk, late_s = since["stolen"] / elapsed, since["disk"] / elapsed, since["late"]
        if (stolen < STOLEN_SHARE and foreign < FOREIGN_SHARE and disk < DISK_SHARE
                and late_s < LATE_S):
            return ""
        return (f"{100 * stolen:.1f} % of the CPUs stolen, {100 * foreign:.0f} % used by others, "
                f"{100 * disk:.0f} % idle for the disk, a sleeper woke {late_s:.2f} s late")


def on_alarm(_number, _frame):
    raise Timeout


def places(error):
    """Where an exception came from: the lines of tests/, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return "at " + " > ".join(
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in frames
        if frame.filename.startswith(str(ROOT / "tests"))
    )


def run_once(name, function, timeout_s):
    """Returns (verdict, reason, whether it is only a number outside its tolerance)."""
    case = Case(name)
    verdict, reason, inexact = "FAIL", "did not end", False
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(int(timeout_s * SLOWNESS))
    try:
        if inspect.isgeneratorfunction(function):
            raise Failure("is a generator: its body never ran")
        require_root()
        function(case)
        if case.checks:
            verdict, reason = "ok", ""
        else:
            reason = "checked nothing"
    except Skip as skip:
        verdict, reason = "skip", str(skip)
    except Timeout as timeout:
        reason = f"over its limit of {timeout_s} s, {places(timeout)}"
    except Inexact as failure:
        reason, inexact = str(failure), True
    except Failure as failure:
        reason = str(failure)
    except Exception as error:  # whatever it is, it is this test's failure
        reason = f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    try:
        case.close()
    except Exception as error:
        verdict, reason = "FAIL", f"cleaning up: {type(error).__name__}: {error}"
        inexact = False
    if verdict != "FAIL":
        shutil.rmtree(case.dir, ignore_errors=True)
    return verdict, reason, inexact


def run_one(name, function, timeout_s):
    """Returns (verdict, reason), after another attempt where the machine was not all ours."""
    for attempt in range(1, ATTEMPTS + 1):
        machine = Machine()
        verdict, reason, inexact = run_once(name, function, timeout_s)
        taken = machine.taken()
        if not inexact or not taken or attempt == ATTEMPTS:
            return verdict, reason
        print(f"again {name}: {' '.join(reason.split())}; {taken}", flush=True)
    raise AssertionError("the last attempt returns")


def run_in_turn(entries):
    """Runs one after the other; prints a line each."""
    for entry in entries:
        started = time.monotonic()
        verdict, reason = run_one(entry.name, entry.function, entry.timeout_s)
        reason = " ".join(reason.split())
        if verdict == "ok":
            print(f"ok {entry.name} ({time.monotonic() - started:.1f})", flush=True)
        else:
            print(f"{verdict} {entry.name}: {reason}", flush=True)


class Lane:
    """A process of its own that runs tests one after the other; its lines are handed on."""

    def __init__(self, entries, show):
        read_fd, write_fd = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            self.run(entries, write_fd)
        os.close(write_fd)
        self.expected = {entry.name for entry in entries}
        self.verdicts = {}
        self.thread = threading.Thread(target=self.read, args=(read_fd, show), daemon=True)
        self.thread.start()

    @staticmethod
    def run(entries, write_fd):
        status = 1
        try:
            die_with_parent()
            os.dup2(write_fd, 1)
            os.close(write_fd)
            sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
            run_in_turn(entries)
            sys.stdout.flush()
            status = 0
        finally:
            os._exit(status)

    def read(self, read_fd, show):
        with open(read_fd, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                show(line)
                verdict, _, rest = line.partition(" ")
                name = re.split(r"[\s:]", rest, maxsplit=1)[0]
                if verdict in VERDICTS and name in self.expected:
                    self.verdicts[name] = verdict

    def join(self):
        """How many tests had which verdict; one without a verdict has failed, and is named."""
        os.waitpid(self.pid, 0)
        self.thread.join()
        for name in sorted(self.expected - set(self.verdicts)):
            print(f"FAIL {name}: the test run ended before it did", flush=True)
            self.verdicts[name] = "FAIL"
        return [list(self.verdicts.values()).count(verdict) for verdict in VERDICTS]


def run_all(entries):
    """Runs all tests, in two lanes; prints a line each and the closing line; True: none failed."""
    printing = threading.Lock()

    def show(line):
        with printing:
            print(line, end="", flush=True)

    lanes = [[entry for entry in entries if entry.waits is waits] for waits in (True, False)]
    counts = [lane.join() for lane in [Lane(chosen, show) for chosen in lanes if chosen]]
    ok, failed, skipped = (sum(column) for column in zip(*counts))
    print(f"{ok} passed, {failed} failed, {skipped} skipped", flush=True)
    return not failed
