# SPDX-License-Identifier: GPL-2.0-only
"""A thread that computes while another one does, and one that waits for a lock: who waits for what.

Logs as sampled.py does; besides, for each function, the time off the CPU (wall time less CPU time),
and how much of that it was blocked at least: less the time that it was ready without a CPU
(schedstat).
"""

import threading
import time

import by_rounds

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


def lines():
    yield from by_rounds.calls_lines(calls)
    for name, off_ns in off_cpu.items():
        yield {"type": "wait", "name": name, "off_ns": off_ns, "least_blocked_ns": blocked[name]}


if __name__ == "__main__":
    by_rounds.main(run_all, lines)
