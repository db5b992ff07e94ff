# SPDX-License-Identifier: GPL-2.0-only
"""From `ready` to the end: signals, the schedule of faults, the journal once a second."""

import os
import resource
import signal
import threading
import time

from session import Shared
from speech import Voice

TICK_S = 0.05


class Runner:
    def __init__(self, faults, journal):
        self.pid = os.getpid()
        self.faults, self.journal = faults, journal
        self.stop = threading.Event()
        self.shared = Shared(faults, journal, Voice())
        self.holder = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())

    def ready(self, more=""):
        now_ns = time.perf_counter_ns()
        self.faults.begin(now_ns)
        self.journal.line("ready", at_ns=now_ns)
        self.journal.flush()
        print(f"alice: ready, pid {self.pid}{more}", flush=True)

    def hold_gil(self):
        """A thread in pure Python: what the others wait for is the interpreter."""
        while not self.stop.is_set() and self.faults.active("hold-gil"):
            sum(range(1000))

    def tick(self):
        """Logs faults, starts those that are threads, writes the journal."""
        self.faults.tick()
        if self.faults.active("hold-gil") and not (self.holder and self.holder.is_alive()):
            self.holder = threading.Thread(target=self.hold_gil, name="holder")
            self.holder.start()

    def until(self, over, duration_ns):
        """Waits until over(), a signal, or the end of the duration."""
        begun_s = flushed_s = time.monotonic()
        while not over() and not self.stop.wait(TICK_S):
            now_s = time.monotonic()
            self.tick()
            if now_s - flushed_s >= 1:
                self.journal.flush()
                flushed_s = now_s
            if duration_ns is not None and now_s - begun_s >= duration_ns / 1e9:
                break
        self.stop.set()

    def end(self, turns):
        if self.holder:
            self.holder.join()
        self.faults.tick()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.journal.line(
            "end",
            turns=turns,
            clean=True,
            cpu_ns=time.process_time_ns(),
            maxrss_bytes=usage.ru_maxrss * 1024,
            at_ns=time.perf_counter_ns(),
        )
        self.journal.flush()
