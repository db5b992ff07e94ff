# SPDX-License-Identifier: GPL-2.0-only
"""The assistant's own log: JSON lines, kept in memory until flush(), so that no timed interval
contains the writing. Times are perf_counter_ns(), which is CLOCK_MONOTONIC here."""

import json
import os
import threading
import time


class Journal:
    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8") if path else None
        self.lines = []
        self.lock = threading.Lock()

    def line(self, kind, **fields):
        with self.lock:
            self.lines.append({"type": kind, **fields})

    def flush(self):
        with self.lock:
            lines, self.lines = self.lines, []
        if self.file:
            self.file.writelines(json.dumps(line) + "\n" for line in lines)
            self.file.flush()


class Delays(threading.local):
    """How long the calling thread has waited for a CPU, by the kernel."""

    def __init__(self):
        self.fd = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self):
        os.close(self.fd)

    def read_ns(self):
        return int(os.pread(self.fd, 64, 0).split()[1])


delays = Delays()


class Span:
    """One call of a stage: with Span(...) as span: ...; an exception makes it not ok."""

    def __init__(self, stage, user, turn):
        self.fields = {
            "stage": stage, "user": user, "turn": turn, "tid": threading.get_native_id()
        }

    def __enter__(self):
        self.delay_ns = delays.read_ns()
        self.process_ns = time.process_time_ns()
        self.cpu_ns = time.thread_time_ns()
        self.fields["start_ns"] = time.perf_counter_ns()
        return self

    def __exit__(self, kind, _error, _traceback):
        end_ns = time.perf_counter_ns()
        self.fields.update(
            end_ns=end_ns,
            cpu_ns=time.thread_time_ns() - self.cpu_ns,
            process_cpu_ns=time.process_time_ns() - self.process_ns,
            run_delay_ns=delays.read_ns() - self.delay_ns,
            ok=kind is None,
        )
        return False
