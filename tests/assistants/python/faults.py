# SPDX-License-Identifier: GPL-2.0-only
"""Misbehaviour on a schedule: NAME[=VALUE][@FROM[-TO]], times from `ready`."""

import re
import threading
import time

UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "KB": 1024, "MB": 1 << 20, "%": 1}
MS = 1_000_000

# The value that is taken when none is given; None: it takes none.
KINDS = {
    "slow-wake": 30 * MS,
    "slow-stt": 600 * MS,
    "slow-intent": 600 * MS,
    "slow-response": 600 * MS,
    "slow-tts": 600 * MS,
    "hang-stt": 10_000 * MS,
    "hang-intent": 10_000 * MS,
    "hang-response": 10_000 * MS,
    "hang-tts": 10_000 * MS,
    "cpu-intent": 300 * MS,
    "lock": 300 * MS,
    "hold-gil": None,
    "stt-error": 100,
    "intent-error": 100,
    "response-error": 100,
    "tts-error": 100,
    "gap": 300 * MS,
    "no-tts": None,
    "barge-in": None,
    "keep-audio": 100,
}


def parse_amount(text):
    """A number with its unit: nanoseconds, bytes or percent."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z%]*)", text)
    if not match or (match[2] and match[2] not in UNITS):
        raise ValueError(f"'{text}' is no amount")
    return int(float(match[1]) * UNITS.get(match[2], 1))


class Fault:
    """One fault and when it holds, in nanoseconds from `ready`."""

    def __init__(self, text):
        head, _, schedule = text.partition("@")
        self.name, _, value = head.partition("=")
        if self.name not in KINDS:
            raise ValueError(f"no such fault: '{self.name}'")
        self.value = parse_amount(value) if value else KINDS[self.name]
        from_text, _, to_text = schedule.partition("-")
        self.from_ns = parse_amount(from_text) if from_text else 0
        self.to_ns = parse_amount(to_text) if to_text else None
        self.state, self.used = "waiting", False

    def holds(self, since_ns):
        return since_ns >= self.from_ns and (self.to_ns is None or since_ns < self.to_ns)


class Faults:
    """All faults of one run. Until begin() none holds."""

    def __init__(self, texts, journal):
        self.all = [Fault(text) for text in texts]
        self.journal = journal
        self.ready_ns = None
        self.lock = threading.Lock()

    def begin(self, now_ns):
        self.ready_ns = now_ns

    def find(self, name):
        if self.ready_ns is None or not self.all:
            return None
        since_ns = time.perf_counter_ns() - self.ready_ns
        return next((f for f in self.all[::-1] if f.name == name and f.holds(since_ns)), None)

    def active(self, name):
        return self.find(name) is not None

    def value(self, name):
        """The value of a fault that holds now; 0 if it does not."""
        fault = self.find(name)
        return fault.value if fault else 0

    def share(self, name, number):
        """True for the value's percentage of the turns, evenly; from 1."""
        percent = self.value(name)
        return (number * percent) // 100 != ((number - 1) * percent) // 100

    def once(self, name):
        """As value(), but one thread gets it, and once for each scheduled fault."""
        with self.lock:
            fault = self.find(name)
            if not fault or fault.used:
                return 0
            fault.used = True
            return fault.value

    def tick(self):
        """Logs what has begun or ended; called now and then."""
        now_ns = time.perf_counter_ns()
        for fault in self.all:
            holds = fault.holds(now_ns - self.ready_ns)
            state = {("waiting", True): "start", ("start", False): "end"}.get((fault.state, holds))
            if state:
                fault.state = state
                self.journal.line(
                    "fault", fault=fault.name, state=state, value=fault.value, at_ns=now_ns
                )
