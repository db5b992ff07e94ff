# SPDX-License-Identifier: GPL-2.0-only
"""A thread that computes while another one does, and one that waits for a lock: who waits for what.

Logs as sampled.py does; besides, for each function, the time off the CPU (wall time less CPU time),
and how much of that it was blocked at least: less the time that it was ready without a CPU
(schedstat).
"""

import argparse
import json
import os
import signal
import sys
import threading
import time

calls = {}
off_cpu = {}
blocked = {}
stopped = False


def delay_ns():
    with open(f"/proc/self/task/{threading.get_native_id()}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1])


def compute(milliseconds):
    end = time.thread_time_ns() + milliseconds * 1_000_000
    while time.thread_time_ns() < end:
        pass


def spare_1():
    """Never called: these four have the watchpoints, so that the others are sampled."""


def spare_2():
    pass


def spare_3():
    pass


def spare_4():
    pass


def contended():
    compute(40)


def alone():
    compute(40)


lock = threading.Lock()


def locked():
    with lock:
        pass


def spin():
    while not stopped:
        pass


def hold():
    with lock:
        held.set()
        time.sleep(0.040)


held = threading.Event()


def timed(function):
    ready_ns, start_ns = delay_ns(), time.perf_counter_ns()
    cpu_ns = time.thread_time_ns()
    function()
    off_ns = cpu_ns - time.thread_time_ns()
    took_ns = time.perf_counter_ns() - start_ns
    off_ns += took_ns
    calls.setdefault(function.__name__, []).append(took_ns)
    off_cpu.setdefault(function.__name__, []).append(off_ns)
    # Reading it waits as well: what was waited for within the call is no more than this.
    blocked.setdefault(function.__name__, []).append(off_ns - (delay_ns() - ready_ns))
    compute(4)
    time.sleep(0.002)


def run_all(rounds):
    global stopped
    for _ in range(rounds):
        timed(alone)
        held.clear()
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait()
        timed(locked)
        holder.join()
    other = threading.Thread(target=spin)
    other.start()
    for _ in range(rounds):
        timed(contended)
    stopped = True
    other.join()


def write_log(path):
    with open(path, "w", encoding="utf-8") as log:
        for name, took_ns in calls.items():
            line = {"type": "function", "name": name, "count": len(took_ns), "abnormal_ns": []}
            line |= {"outermost": len(took_ns), "normal_ns": took_ns, "normal_least_ns": took_ns}
            log.write(json.dumps(line) + "\n")
            line = {"type": "wait", "name": name, "off_ns": off_cpu[name]}
            line |= {"least_blocked_ns": blocked[name]}
            log.write(json.dumps(line) + "\n")
        log.write(json.dumps({"type": "end", "ok": True, "failed": 0}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--log", required=True)
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    print("ready", flush=True)
    if options.wait:
        signal.sigwait({signal.SIGUSR2})
    run_all(options.rounds)
    write_log(options.log)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
