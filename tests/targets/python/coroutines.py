# SPDX-License-Identifier: GPL-2.0-only
"""Coroutines and generators that are on the thread for microseconds, and overlap for long.

Says `ready`, waits for SIGUSR2 with --wait, and logs from when to when each was there, by its own
clock: right before it was made, and right after its last step.  `least` is without those moments.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import time

calls = {}


class Told:
    """Of one coroutine: when it was made, and when it was over."""

    def __init__(self, name):
        self.name = name
        self.before_ns = time.perf_counter_ns()
        self.least_ns = 0

    def made(self, what):
        self.least_ns = time.perf_counter_ns()
        return what

    def over(self):
        """After its last step; `least` is up to the step itself."""
        now_ns = time.perf_counter_ns()
        calls.setdefault(self.name, []).append((now_ns - self.before_ns, now_ns - self.least_ns))


def spare_1():
    """Never called: these four have the watchpoints."""


def spare_2():
    pass


def spare_3():
    pass


def spare_4():
    pass


async def overlapping(seconds):
    await asyncio.sleep(seconds)


async def inner(seconds):
    await asyncio.sleep(seconds)
    await asyncio.sleep(seconds)


async def outer(seconds):
    told = Told("inner")
    await told.made(inner(seconds))
    told.over()
    await asyncio.sleep(seconds)


async def failing(seconds):
    await asyncio.sleep(seconds)
    raise ValueError("on purpose")


async def cancelled(seconds):
    await asyncio.sleep(100 * seconds)


async def never_awaited(seconds):
    await asyncio.sleep(seconds)


def slow_generator(steps):
    for step in range(steps):
        yield step


async def async_generator(steps, seconds):
    for step in range(steps):
        await asyncio.sleep(seconds)
        yield step


async def waited_for(told, coroutine):
    try:
        await told.made(coroutine)
    except (ValueError, asyncio.CancelledError):
        pass
    told.over()
    # The coroutine ends with its reference; what else may hold it is not there.


def many(name, function, seconds):
    """Tasks of one function, one a few ms longer than the other."""
    for i in range(6):
        told = Told(name)
        yield asyncio.ensure_future(waited_for(told, function(seconds + i * 0.007)))


async def consume(steps, seconds):
    told = Told("slow_generator")
    for _ in told.made(slow_generator(steps)):
        await asyncio.sleep(seconds)
    told.over()


async def consume_async(steps, seconds):
    told = Told("async_generator")
    async for _ in told.made(async_generator(steps, seconds)):
        pass
    told.over()


async def cancel_later(seconds):
    told = Told("cancelled")
    task = asyncio.ensure_future(waited_for(told, cancelled(seconds)))
    await asyncio.sleep(seconds)
    task.cancel()
    await task


async def drop_later(seconds):
    told = Told("never_awaited")
    held = told.made(never_awaited(seconds))
    await asyncio.sleep(seconds)
    del held
    told.over()


async def one_round(litter):
    tasks = [
        *many("overlapping", overlapping, 0.020),
        *many("outer", outer, 0.015),
        *many("failing", failing, 0.025),
        *(asyncio.ensure_future(consume(5, 0.006 + i * 0.004)) for i in range(3)),
        *(asyncio.ensure_future(consume_async(5, 0.006 + i * 0.004)) for i in range(3)),
        asyncio.ensure_future(cancel_later(0.040)),
        asyncio.ensure_future(drop_later(0.030)),
    ]
    # Objects that the collector has to look at, so that it runs meanwhile.
    kept = [[i] for i in range(litter)]
    await asyncio.gather(*tasks)
    del kept
    await asyncio.sleep(0.010)


async def run_all(rounds, litter):
    for _ in range(rounds):
        await one_round(litter)


def write_log(path):
    with open(path, "w", encoding="utf-8") as log:
        for name, took in calls.items():
            line = {"type": "function", "name": name, "count": len(took), "abnormal_ns": []}
            line |= {"outermost": len(took), "normal_ns": [most for most, _ in took]}
            line |= {"normal_least_ns": [least for _, least in took]}
            log.write(json.dumps(line) + "\n")
        log.write(json.dumps({"type": "gc", "runs": sum(s["collections"] for s in gc.get_stats())})
                  + "\n")
        log.write(json.dumps({"type": "end", "ok": True, "failed": 0}) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--litter", type=int, default=100)
    parser.add_argument("--log", required=True)
    parser.add_argument("--wait", action="store_true")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # of what is never awaited
    print("ready", flush=True)
    if options.wait:
        signal.sigwait({signal.SIGUSR2})
    asyncio.run(run_all(options.rounds, options.litter))
    write_log(options.log)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
