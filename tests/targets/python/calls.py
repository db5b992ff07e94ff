# SPDX-License-Identifier: GPL-2.0-only
"""Calls of named functions of known lengths, each timed by perf_counter_ns(); CPython 3.9 and later.

  calls.py [--threads N] [--calls N] [--ms 1,5,20,100,500] [--how sleep|busy] [--gap MS]
           [--log FILE] [--wait]

Each thread calls call_1ms(), call_5ms() ... in turn, N times each, with a gap after each call.
--wait: begins at SIGUSR2, after "ready" was printed. The log has the lines that the tests read of C
programs: one "function" each, and "end".
"""

import argparse
import json
import os
import signal
import threading
import time


def sleep(seconds):
    time.sleep(seconds)


def busy(seconds):
    until = time.perf_counter_ns() + int(seconds * 1e9)
    while time.perf_counter_ns() < until:
        pass


def call_1ms(work):
    work(0.001)


def call_5ms(work):
    work(0.005)


def call_20ms(work):
    work(0.020)


def call_100ms(work):
    work(0.100)


def call_500ms(work):
    work(0.500)


FUNCTIONS = {1: call_1ms, 5: call_5ms, 20: call_20ms, 100: call_100ms, 500: call_500ms}


def run_delay_ns(fd):
    """How long this thread has waited for a CPU."""
    return int(os.pread(fd, 64, 0).split()[1])


class Caller(threading.Thread):
    def __init__(self, options):
        super().__init__()
        self.options = options
        self.most = {ms: [] for ms in options.ms}
        self.least = {ms: [] for ms in options.ms}

    def one_call(self, ms, fd, work):
        function = FUNCTIONS[ms]
        delay_ns = run_delay_ns(fd)
        start_ns = time.perf_counter_ns()
        function(work)
        took_ns = time.perf_counter_ns() - start_ns
        self.most[ms].append(took_ns)
        self.least[ms].append(took_ns - (run_delay_ns(fd) - delay_ns))

    def run(self):
        fd = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        work = {"sleep": sleep, "busy": busy}[self.options.how]
        for _ in range(self.options.calls):
            for ms in self.options.ms:
                self.one_call(ms, fd, work)
                if self.options.gap:
                    time.sleep(self.options.gap / 1e3)
        os.close(fd)


def write_log(path, callers):
    with open(path, "w", encoding="utf-8") as log:
        for ms in callers[0].most:
            most = [ns for caller in callers for ns in caller.most[ms]]
            least = [ns for caller in callers for ns in caller.least[ms]]
            line = {
                "type": "function", "name": f"call_{ms}ms", "count": len(most),
                "outermost": len(most), "normal_ns": most, "normal_least_ns": least,
                "abnormal_ns": [],
            }
            log.write(json.dumps(line) + "\n")
        log.write(json.dumps({"type": "end", "ok": True, "failed": 0}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--ms", default="1,5,20", type=lambda s: [int(w) for w in s.split(",")])
    parser.add_argument("--how", choices=("sleep", "busy"), default="sleep")
    parser.add_argument("--gap", type=float, default=2.0)
    parser.add_argument("--log", default=os.devnull)
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    print("ready", flush=True)
    if options.wait:
        signal.sigwait([signal.SIGUSR2])
    callers = [Caller(options) for _ in range(options.threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    write_log(options.log, callers)


if __name__ == "__main__":
    main()
