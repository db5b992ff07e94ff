# SPDX-License-Identifier: GPL-2.0-only
"""A target that makes as much as it can of everything: cheshire stays small, quick and exact.

The longest turn of the event loop is what cheshire says; how long it takes to answer a signal with
a summary is measured from outside.
"""

import json
import os
import struct
import subprocess
import threading
import time
from pathlib import Path

from harness import ROOT, TARGETS, Process, Skip, proc_status_kb, test, wait_until

# docs/safety.md: the most memory of cheshire's own, whatever the target does.
CEILING_KB = 32 * 1024
LOOP_S = 0.2
PLUGIN = TARGETS / "libplugin.so"
SLOW_FS = ROOT / "tests" / "targets" / "slow_fs.py"

STAGES = """
target: { name: alice }
limits: { overhead: 50%, records: 100/s }
stages:
  flood: { call: [ "flood:stage_flood", "libplugin.so:stage_plugin" ] }
  opened: { stream: { from: "flood:stage_open@entry", to: "flood:stage_output@return", key: arg0 } }
"""


class Answers:
    """Asks for a summary again and again; how long each took to come."""

    def __init__(self, watch):
        self.watch = watch
        self.seconds = []
        self.failure = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.ending.wait(0.1):
                asked = time.monotonic()
                self.watch.summary_now()
                self.seconds.append(time.monotonic() - asked)
        except Exception as failure:  # told by the test's own thread
            self.failure = failure

    def stop(self):
        self.ending.set()
        self.thread.join(20)
        if self.failure:
            raise self.failure
        return sorted(self.seconds)


def flood(t, target, watch, *commands):
    """Gives the commands, one after the other, while the loop is asked; returns their counts."""
    answers = Answers(watch)
    done = [int(target.command(text, timeout_s=40).split()[1]) for text in commands]
    wait_until(lambda: answers.seconds or answers.failure, 10, "a first answer")
    seconds = answers.stop()
    t.check(bool(seconds), "never answered")
    t.between(seconds[len(seconds) * 9 // 10], 0, LOOP_S, "seconds to a summary, nine of ten")
    return done


def check_bounds(t, watch):
    """Memory by the kernel's high-water mark, the loop by its own word, every line whole."""
    hwm_kb = proc_status_kb(watch.pid, "VmHWM")
    t.check(hwm_kb <= CEILING_KB, f"cheshire took {hwm_kb} KB, more than {CEILING_KB} KB")
    loop_s = watch.summary_now().line["overhead"]["loop_max_ns"] / 1e9
    t.between(loop_s, 0, LOOP_S, "longest turn of the loop")
    for _, text in list(watch.lines.items):
        json.loads(text)
        bad = [char for char in text if ord(char) < 32 or 127 <= ord(char) < 160 or char == "\ufffd"]
        t.check(not bad, f"control characters in the output: {bad}")


@test(120)
def every_span_is_counted_or_said(t):
    """Spans far over what may be told one by one: all of them counted, the others by reason."""
    target = t.target("flood", "--threads", 2, wait=False)
    watch = t.watch(target.pid, STAGES)
    started = time.monotonic()
    made = flood(t, target, watch, *["spans 500"] * 10)
    elapsed_s = time.monotonic() - started
    summary = watch.summary_now()
    state = [line["event"] for _, line in watch.objects("note")]
    t.check("stage_shed" not in state, "taken off: the test makes more than the ceiling allows")
    t.equal(summary.number("flood.count"), sum(made), "spans counted")
    limited = summary.drops().get("records_limited.flood", 0)
    lost = summary.drops().get("ring_full", 0)
    told = sum(made) - limited - lost
    t.check(0 < told <= 100 * (elapsed_s + 2), f"{told} records of {sum(made)} in {elapsed_s} s")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    truth = target.finish()
    t.equal(truth.functions["stage_flood"].calls, sum(made), "spans by the target's log")


@test(120)
def streams_without_end(t):
    """More streams than there is room for: those that opened and those that could not, all told."""
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    (made,) = flood(t, target, watch, "streams 5000")
    summary = watch.summary_now()
    drops = summary.drops()
    refused = drops.get("streams_full", 0)
    t.check(made - refused <= 1024, f"{made - refused} streams are kept")
    t.check(refused >= made - 1024, f"{refused} of {made} said to have had no room")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(90)
def forks_threads_and_programs(t):
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    made = flood(t, target, watch, "forks 2", "threads 2", "execs 2", "spans 100")
    t.check(min(made) >= 100, f"a flood of {made}")
    summary = watch.summary_now()
    t.equal(summary.number("flood.count"), made[3], "spans counted")
    t.equal(summary.value("flood.abnormal"), 0, "abnormal ends")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(90)
def maps_and_loads(t):
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    made = flood(t, target, watch, "maps 3", f"loads 3 {PLUGIN}", "spans 100")
    t.check(min(made) >= 100, f"a flood of {made}")
    t.equal(watch.summary_now().number("flood.count"), made[2], "spans counted")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(90)
def sixty_thousand_mappings(t):
    """As many as the kernel gives a process by default: each look at them takes its time."""
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    made = flood(t, target, watch, "hold 30000", f"loads 3 {PLUGIN}", "spans 100")
    t.equal(made[0], 30000, "mappings")
    t.equal(watch.summary_now().number("flood.count"), made[2], "spans counted")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


SECTION = struct.Struct("<IIQQQQIIQQ")  # name, type, flags, addr, offset, size, link, ...
SYMTAB = 2


def sections(data):
    """(offset in the file, fields) of each section header."""
    start = struct.unpack_from("<Q", data, 0x28)[0]
    count = struct.unpack_from("<H", data, 0x3C)[0]
    return [
        (at, list(SECTION.unpack_from(data, at)))
        for at in range(start, start + count * SECTION.size, SECTION.size)
    ]


def with_sections(data, change):
    """The same library, which the loader takes as before: it does not look at sections."""
    data = bytearray(data)
    for index, (at, fields) in enumerate(sections(data)):
        change(index, fields)
        SECTION.pack_into(data, at, *fields)
    return data


def million_symbols(data):
    """Each with a name of its own, all at the same place."""
    names = b"".join(b"x%06x" % i for i in range(10000)) + b"\0"
    entry = struct.Struct("<IBBHQQ")
    table = b"".join(entry.pack(i % 70000, 0x12, 0, 1, 0x1100, 8) for i in range(1000000))
    link = next(fields[6] for _, fields in sections(data) if fields[1] == SYMTAB)

    def change(index, fields):
        if fields[1] == SYMTAB:
            fields[4:6] = [len(data) + len(names), len(table)]
        elif index == link:
            fields[4:6] = [len(data), len(names)]

    return with_sections(data, change) + names + table


def crafted(t):
    """Libraries that load, and whose section headers are not what they should be."""

    def endless(index, fields):
        fields[5], fields[6] = 1 << 62, index

    def overlapping(_, fields):
        fields[4], fields[5] = 0, 1 << 20

    def of_zeros(_, fields):
        if fields[1] == SYMTAB:
            fields[4:6] = [1 << 20, (8 << 30) // 24 * 24]

    data = PLUGIN.read_bytes()
    beyond = bytearray(data)
    struct.pack_into("<Q", beyond, 0x28, (1 << 63) + 7)
    many = bytearray(data)
    struct.pack_into("<QH", many, 0x28, 1 << 20, 0)
    struct.pack_into("<H", many, 0x3C, 0xFFFF)
    variants = {
        "symbols": million_symbols(data),
        "endless": with_sections(data, endless),
        "overlapping": with_sections(data, overlapping),
        "zeros": with_sections(data, of_zeros),
        "beyond": beyond,
        "many": many,
    }
    folder = t.dir / "crafted"
    for name, content in variants.items():
        path = folder / name / "libplugin.so"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        if name in ("zeros", "many"):
            os.truncate(path, 9 << 30)
        yield path


@test(90)
def crafted_libraries(t):
    """A million symbols, sections without end, a file of 9 GB of holes: loaded while watched."""
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    commands = [f"loads 1 {path}" for path in crafted(t)]
    made = flood(t, target, watch, *commands, "spans 100")
    t.check(min(made) >= 1, f"libraries that were not loaded: {made}")
    t.equal(watch.summary_now().number("flood.count"), made[-1], "spans counted")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


def far_sections(path):
    """The library with its section headers a megabyte behind the rest; where they are now."""
    data = path.read_bytes()
    table = struct.unpack_from("<Q", data, 0x28)[0]
    count = struct.unpack_from("<H", data, 0x3C)[0]
    far = len(data) + (1 << 20)
    moved = bytearray(data + bytes(1 << 20) + data[table : table + count * SECTION.size])
    struct.pack_into("<Q", moved, 0x28, far)
    return moved, far


def slow_mount(t, path, offset, seconds):
    """A mounted file system with that file, slow from there on; skips where there is no FUSE."""
    if not Path("/dev/fuse").exists():
        raise Skip("no /dev/fuse")
    if not Path("/usr/lib/python3/dist-packages/fusepy.py").exists():
        raise Skip("python3-fusepy is not installed")
    mountpoint = t.dir / "slow"
    mountpoint.mkdir()
    t.cleanups.append(lambda: subprocess.run(["umount", "-l", mountpoint], check=False))
    server = Process(t, "slow_fs", [SLOW_FS, path, mountpoint, offset, seconds])
    server.lines.wait(lambda line: line == "ready", 10, "the slow file system mounted")
    return server, mountpoint / "library.so"


@test(120)
def slow_file_system(t):
    """Reading the symbols of a library takes seconds: the loop does not wait for them."""
    data, far = far_sections(PLUGIN)
    path = t.dir / "far.so"
    path.write_bytes(data)
    server, library = slow_mount(t, path, far, 3)
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES.replace("libplugin.so", "library.so"))
    made = flood(t, target, watch, f"loads 1 {library}")
    server.lines.wait(lambda line: line == "slow", 20, "a slow reading by cheshire")
    made += flood(t, target, watch, "spans 100", "hold 2000", "spans 100")
    t.equal(watch.summary_now().number("flood.count"), made[1] + made[3], "spans counted")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(120)
def names_of_terminal_codes(t):
    target = t.target("flood", wait=False)
    budget = "budgets:\n  flood.latency: { stat: max, window: 1m, target: 1ns, warning: 2ns, critical: 3ns, for: 0s }\n"
    watch = t.watch(target.pid, STAGES + budget)
    (made,) = flood(t, target, watch, "names 200")
    alert = watch.wait_alert("flood.latency", "firing")[1]
    t.check(alert["evidence"], "no evidence, so no name of a thread")
    t.equal(watch.summary_now().number("flood.count"), made, "spans counted")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()


@test(120)
def code_that_changes_while_it_is_read(t):
    """A function that changes is refused or measured, and the target computes what it should."""
    target = t.target("flood", wait=False)
    watch = t.watch(target.pid, STAGES)
    made = flood(t, target, watch, f"mutate 3 {PLUGIN}", "spans 100")
    t.check(made[0] > 1000, f"changed {made[0]} times only")
    t.equal(watch.summary_now().number("flood.count"), made[1], "spans of the other function")
    check_bounds(t, watch)
    watch.stop()
    target.send_line("quit")
    target.finish()
