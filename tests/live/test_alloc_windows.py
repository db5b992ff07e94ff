# SPDX-License-Identifier: GPL-2.0-only
"""Windows on the allocator, against what the target itself logs of its calls; what looks is
tests/windows/windows.c, which does as the session and its keeper do."""

import json
import random
import signal
import time
from collections import Counter
from pathlib import Path

from disassembly import tool
from harness import (
    BUILD,
    TARGETS,
    Failure,
    Process,
    Skip,
    bpf_ids,
    bpf_ids_alive,
    changed_text_bytes,
    test,
    wait_until,
)

WINDOWS = BUILD / "tests" / "windows" / "windows"
JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"
MALLOC, OTHER = 0, 9  # enum wire_alloc_function
MEAN_FLAT_BYTES = sum(32 + i * 16 for i in range(16)) / 16


class Look(Process):
    """A run of the program that makes windows."""

    def __init__(self, t, pid, *args):
        super().__init__(t, "windows", [WINDOWS, pid, "--wait", *args])
        try:
            self.lines.wait(lambda line: '"planned","places"' in line, 30, "planned")
        except Failure as failure:
            raise Failure(f"{failure}: {self.errors()[-300:]}") from None
        self.seen = 0

    def next(self, kind, timeout_s=30):
        self.seen, (_, line) = self.lines.wait(
            lambda line: f'"type":"{kind}"' in line, timeout_s, f"a {kind}", self.seen + 1
        )
        return json.loads(line)

    def all(self, kind):
        lines = [json.loads(line) for _, line in list(self.lines.items)]
        return [line for line in lines if line["type"] == kind]


def text_differs(target):
    return changed_text_bytes(target.pid) > 0


def few_calls_at_a_time(t, target, look, commands):
    """The target makes its calls while a window is open, fewer than the ring buffer holds; some may
    come before it is."""
    look.send_line("")
    for command in commands:
        wait_until(lambda: text_differs(target), 20, "probes in the target")
        target.command(command)
        look.next("window")
    wait_until(lambda: not text_differs(target), 20, "code as it was")
    t.equal(look.wait(30), 0, "end of the windows")


def compare(t, target, look, functions=None, least=100):
    """Every call of the log that fell into a window is a record, and the other way round."""
    target.send_line("quit")
    calls = [line for line in target.finish().others if line["type"] == "call"]
    windows = look.all("window")
    blocks = [b for b in look.all("block") if b["caller"] == "allocations"]
    wanted = [
        call
        for call in calls
        if (not functions or call["function"] in functions)
        and any(w["opened_ns"] <= call["before_ns"] <= call["after_ns"] <= w["ended_ns"]
                for w in windows)
    ]
    t.check(len(wanted) > least, f"calls in windows: {len(wanted)} of {len(calls)}")

    def key(item):
        return item["tid"], item["pointer"], item["old"], item["size"]

    left = Counter(map(key, blocks))
    for call in wanted:
        t.check(left[key(call)] > 0, f"not seen: {call}")
        left[key(call)] -= 1
    at_the_edge = [call for call in calls if call not in wanted]
    edge = Counter(map(key, at_the_edge))
    t.equal(list((left - edge).elements()), [], "records without a call")
    t.check(all(block["weight"] == 1 for block in blocks), "each was to be seen")
    lost = [(w["lost"], w["left"], w["unreadable"]) for w in windows]
    t.equal(lost, [(0, 0, 0)] * len(windows), "what was lost")
    return wanted, blocks


def callers_agree(t, wanted, blocks):
    """The return address lies in the function that called; the stack at the entry holds it."""
    functions = []
    for line in tool("nm", "-S", "--defined-only", TARGETS / "allocations").splitlines():
        words = line.split()
        if len(words) == 4 and words[3].startswith("call_"):
            functions.append((int(words[0], 16), int(words[1], 16), words[3]))
    by_call = {}
    for call in wanted:
        by_call.setdefault((call["tid"], call["pointer"], call["size"]), set()).add(call["caller"])
    known = 0
    for block in blocks:
        # Code is mapped so that file offsets and addresses differ by what nm does not know; the
        # linker puts .text at the same offset and address in this program.
        name = next((n for start, size, n in functions
                     if start < block["caller_offset"] <= start + size), None)
        callers = by_call.get((block["tid"], block["pointer"], block["size"]))
        if callers:
            known += 1
            t.check(name in callers, f"called by {name}, not {callers}: {block}")
        t.equal(block["stack_agrees"], 1, f"the stack of {block}")
    t.check(known > 100, f"known callers: {known}")


@test(90, waits=True)
def windows_see_every_call(t):
    target = t.target("allocations", wait=False)
    look = Look(t, target.pid, "--mappings", "--rounds", 6, "--ms", 800)
    few_calls_at_a_time(t, target, look, ["calls 7 20000 1", "calls 2 50000 4"] * 3)
    wanted, blocks = compare(t, target, look)
    callers_agree(t, wanted, blocks)
    kinds = Counter(call["function"] for call in wanted)
    t.check(len(kinds) == 8 and min(kinds.values()) > 8, f"kinds of calls: {kinds}")


@test(90, waits=True)
def windows_by_perf_events(t):
    """Without uprobe_multi: the same, but the probes take seconds to come off."""
    target = t.target("allocations", wait=False)
    look = Look(t, target.pid, "--perf", "--ms", 3000)
    few_calls_at_a_time(t, target, look, ["calls 30 40000 1"])
    compare(t, target, look, {"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc",
                              "posix_memalign"}, least=40)


@test(90, waits=True)
def windows_see_every_call_of_jemalloc(t):
    if not Path(JEMALLOC).exists():
        raise Skip("libjemalloc2 is not installed")
    target = t.target("allocations", wait=False, env={"LD_PRELOAD": JEMALLOC})
    look = Look(t, target.pid, "--object", "libjemalloc.so*", "--rounds", 2, "--ms", 800)
    few_calls_at_a_time(t, target, look, ["calls 7 20000 1", "calls 2 50000 4"])
    compare(t, target, look, {"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc",
                              "posix_memalign"})


@test(90)
def window_ends_by_itself(t):
    """Millions of calls a second: it sees as many as it was told to, and goes."""
    target = t.target("allocations", wait=False)
    look = Look(t, target.pid, "--rounds", 8, "--pause", 50, "--calls", 2000, "--sample", 8192,
                "--ms", 20000)
    target.send_line("flat 60000 2")
    look.send_line("")
    t.equal(look.wait(60), 0, "end of the windows")
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code that differ from the file")
    windows, blocks = look.all("window"), look.all("block")
    t.equal([(w["ended"], w["calls"], w["lost"]) for w in windows], [(1, 2000, 0)] * 8, "windows")
    for w in windows:
        # Calls of the other thread may be under way when the probes go.
        t.check(w["sampled"] - 2 <= w["blocks"] <= w["sampled"], f"blocks of {w}")
    # 8 * 37 of them are expected: 6 standard deviations of what they stand for.
    asked = sum(b["size"] * b["weight"] for b in blocks)
    expected = 8 * 2000 * MEAN_FLAT_BYTES
    t.check(abs(asked / expected - 1) < 0.35, f"bytes by the samples: {asked}, not {expected}")
    t.check(target.running(), "the target died")


@test(60)
def windows_end_with_their_process(t):
    """SIGKILL at any moment leaves the target as it was."""
    target = t.target("allocations", wait=False)
    target.send_line("flat 60000 2")
    rng = random.Random(11)
    for _ in range(3):
        look = Look(t, target.pid, "--rounds", 100, "--calls", 100000, "--sample", 100000)
        ids = bpf_ids(look.pid)
        look.send_line("")
        time.sleep(rng.uniform(0, 0.4))  # not a wait: the moment of death is to vary
        look.signal(signal.SIGKILL)
        t.equal(look.wait(), -signal.SIGKILL, "end of it")
        wait_until(lambda ids=ids: not bpf_ids_alive(ids), 20, f"programs and maps gone: {ids}")
        wait_until(lambda: not text_differs(target), 20, "code as it was")
        t.check(target.running(), "the target died")


def return_offset(function, callee):
    """File offset of the instruction behind the call, which is its address in this program."""
    text = tool("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}",
                TARGETS / "allocations")
    lines = [line for line in text.splitlines() if line.startswith(" ") and ":\t" in line]
    for line, behind in zip(lines, lines[1:]):
        if "call" in line and (f"<{callee}@plt>" in line or f"<{callee}>" in line):
            return int(behind.split(":")[0], 16)
    raise Skip(f"{function} has no direct call of {callee}")


@test(60, waits=True)
def calls_of_what_is_no_allocator(t):
    """Whatever was believed: arguments of another function are no sizes."""
    target = t.target("allocations", wait=False)
    look = Look(t, target.pid, "--site", f"{return_offset('call_site', 'note')}:{MALLOC}")
    look.send_line("")
    t.equal(look.next("counting")["function"], "other", "what is called")
    target.command("site 40")
    look.send_line("")
    site = look.next("site")
    t.equal(look.wait(20), 0, "end of it")
    t.equal((site["calls"], site["bytes"]), (40, 0), "calls and bytes")


@test(60, waits=True)
def calls_of_one_site_are_counted(t):
    target = t.target("allocations", wait=False)
    offset = return_offset("call_site", "malloc")
    look = Look(t, target.pid, "--site", f"{offset}:{OTHER}")
    look.send_line("")
    counting = look.next("counting")
    t.equal((counting["stepped"], counting["function"], counting["reason"]), (0, "malloc", ""),
            "the call is a cheap place, and tells by itself what it calls")
    target.command("site 700")
    look.send_line("")
    site = look.next("site")
    t.equal(look.wait(20), 0, "end of it")
    sizes = list(range(1000, 1700))
    t.equal((site["calls"], site["returned"], site["failed"], site["lost"]), (700, 700, 0, 0),
            "calls")
    t.equal(site["bytes"], sum(sizes), "bytes asked for")
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code that differ from the file")
    target.send_line("quit")
    calls = [line for line in target.finish().others
             if line["type"] == "call" and line["caller"] == "call_site"]
    got = [(b["pointer"], b["size"], b["tid"]) for b in look.all("site_block")]
    t.equal(got, [(c["pointer"], c["size"], c["tid"]) for c in calls], "blocks of the site")
