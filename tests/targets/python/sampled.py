# SPDX-License-Identifier: GPL-2.0-only
"""Functions to be sampled: of known CPU time, asleep, in a row, recursive, in threads, coroutines.

Says `ready`, waits for SIGUSR2 with --wait, and logs what it did by its own clock, as truth.c does:
perf_counter is CLOCK_MONOTONIC. Between two calls of one function there is other work, which takes
longer than an interval of the sampling, but for those that are in a row on purpose.
"""

import asyncio
import threading
import time

import by_rounds

NS = 1_000_000_000
calls = {}
lock = threading.Lock()


def note(name, start_ns):
    """A call is over that began then."""
    took = time.perf_counter_ns() - start_ns
    with lock:
        calls.setdefault(name, []).append(took)


def burn(seconds):
    """Of the thread's CPU time, so that it is a few ticks long however busy the machine is."""
    end = time.thread_time_ns() + int(seconds * NS)
    while time.thread_time_ns() < end:
        pass


def apart():
    """Neither sampled nor short."""
    burn(0.004)
    time.sleep(0.002)


def spare_1():
    """Never called: these four have the watchpoints, so that the others are sampled."""


def spare_2():
    pass


def spare_3():
    pass


def spare_4():
    pass


def five():
    burn(0.005)


def twenty():
    burn(0.020)


def hundred():
    burn(0.100)


def asleep():
    time.sleep(0.030)


def recursive(depth):
    if depth:
        recursive(depth - 1)
    else:
        burn(0.010)


def raising():
    burn(0.010)
    raise ValueError("on purpose")


def tiny():
    burn(0.0002)


def generating():
    for _ in range(4):
        burn(0.004)
        yield
    burn(0.004)


def threaded():
    burn(0.006)
    time.sleep(0.010)


class Session:
    def reply(self):
        def inner():
            burn(0.006)

        inner()


async def handle(pause):
    burn(0.006)
    await asyncio.sleep(pause)
    burn(0.006)


def timed(function, *args):
    start_ns = time.perf_counter_ns()
    try:
        function(*args)
    except ValueError:
        pass
    note(function.__name__, start_ns)
    apart()


def plain(rounds):
    session = Session()
    for _ in range(rounds):
        for function in (five, twenty, hundred, asleep, raising):
            timed(function)
        timed(recursive, 40)
        timed(session.reply)


def in_a_row(rounds):
    for _ in range(rounds):
        start_ns = time.perf_counter_ns()
        tiny()
        note("tiny", start_ns)


def generators(rounds):
    for _ in range(rounds):
        start_ns = time.perf_counter_ns()
        for _ in generating():
            apart()
        note("generating", start_ns)
        apart()


def threads(number, rounds):
    def run():
        for _ in range(rounds):
            timed(threaded)

    all_threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()


async def timed_handle(pause):
    start_ns = time.perf_counter_ns()
    await handle(pause)
    note("handle", start_ns)
    burn(0.004)


async def coroutines(rounds):
    for _ in range(rounds):
        await asyncio.gather(timed_handle(0.02), timed_handle(0.05), timed_handle(0.08))
        await asyncio.sleep(0.01)


def run_all(rounds):
    plain(rounds)
    in_a_row(20 * rounds)
    apart()
    generators(max(1, rounds // 2))
    threads(8, max(1, rounds // 2))
    asyncio.run(coroutines(max(1, rounds // 2)))


if __name__ == "__main__":
    by_rounds.main(run_all, lambda: by_rounds.calls_lines(calls))
