# SPDX-License-Identifier: GPL-2.0-only
"""What the hooks on sockets cost processes that nobody watches: CPU time a round trip."""

import json

from harness import config
from observers import Cheshire, Target

WINDOW_MS = 150
WINDOWS = 4
KINDS = {
    "alone": "unix, one thread: a send and a receive",
    "unix": "unix, two threads",
    "udp": "UDP, two threads",
    "tcp": "TCP, two threads",
    "connect": "a TCP connection, opened and reset",
}
DATAGRAMS = "sockets: { datagrams: yes }\n"


def trip_ns(pair, kind):
    with pair.lines.changed:
        start = len(pair.lines.items)
    pair.send_line(f"{kind} {WINDOW_MS}")
    line = pair.lines.wait(lambda text: text.startswith("{"), 30, kind, start)[1][1]
    answer = json.loads(line)
    return answer["cpu_ns"] / answer["trips"]


def least(pair, windows):
    """The quietest of some windows of each kind: what a busy machine adds is in the others."""
    found = {kind: [] for kind in KINDS}
    for _ in range(windows):
        for kind, times in found.items():
            times.append(trip_ns(pair, kind))
    return {kind: min(times) for kind, times in found.items()}


def measure(bench, report):
    pair = Target(bench, "sockets", 1)
    idle = Target(bench, "spans")
    stage = {"push": "spans:stage_push"}
    cases = [
        ("cheshire", Cheshire(bench, config(stage))),
        ("cheshire, datagrams", Cheshire(bench, config(stage, more=DATAGRAMS))),
    ]
    base = {kind: [] for kind in KINDS}
    slower = {(kind, name): [] for kind in KINDS for name, _ in cases}
    for _ in range(2 if bench.quick else 4):
        for name, observer in cases:
            before = least(pair, WINDOWS)
            with observer.on(idle):
                during = least(pair, 2 * WINDOWS)
            after = least(pair, WINDOWS)
            for kind in KINDS:
                quiet = min(before[kind], after[kind])
                base[kind].append(quiet)
                slower[kind, name].append((during[kind] / quiet - 1) * 100)
    for kind, what in KINDS.items():
        report.row("sockets", f"{what}, nobody watching", base[kind], "ns")
        for name, _ in cases:
            report.row("sockets", f"{what}, slower: {name}", slower[kind, name], "%")
