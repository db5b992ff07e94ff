# SPDX-License-Identifier: GPL-2.0-only
"""What the bench watches in Python, 3.9 and later: commands on standard input, answers in JSON.

  calls THREADS MS HOW  each thread calls turn_MSms() once, all at the same time: {"took_ns": [...]};
                     HOW: "sleep", or "busy", computing
  row MS N           N calls of turn_MSms() in a row, without a gap: {"calls", "took_ns"}
  fib MS             nothing but calls of functions that nobody watches: {"calls", "cpu_ns"}
  real MS            answers to requests: JSON, text, regular expressions, SQL: {"calls", "cpu_ns"}
  copy MS            copies of 64 KB: {"calls", "cpu_ns"}
  ping MS            two threads that wake each other through pipes: {"calls", "wall_ns"}

calls and cpu_ns or wall_ns are those of one unit of work. turn_1ms() ... turn_500ms() are what is
watched; real calls turn_5ms() once every 50 requests, not counted in its time.
"""

import json
import os
import re
import sqlite3
import sys
import threading
import time


def busy(seconds):
    until = time.perf_counter_ns() + int(seconds * 1e9)
    while time.perf_counter_ns() < until:
        pass


def turn_1ms(work):
    work(0.001)


def turn_5ms(work):
    work(0.005)


def turn_20ms(work):
    work(0.020)


def turn_100ms(work):
    work(0.100)


def turn_500ms(work):
    work(0.500)


WORK = {"busy": busy, "sleep": time.sleep}
TURNS = {1: turn_1ms, 5: turn_5ms, 20: turn_20ms, 100: turn_100ms, 500: turn_500ms}


def timed(function, work, took):
    start_ns = time.perf_counter_ns()
    function(work)
    took.append(time.perf_counter_ns() - start_ns)


class Pool:
    """Threads that stay: what is made for a call is not measured with it."""

    def __init__(self):
        self.threads, self.jobs = [], []
        self.done = threading.Semaphore(0)

    def serve(self, job):
        while True:
            job.acquire()
            timed(*self.job)
            self.done.release()

    def run(self, count, function, work):
        took = []
        self.job = (function, work, took)
        while len(self.jobs) < count:
            self.jobs.append(threading.Semaphore(0))
            threading.Thread(target=self.serve, args=(self.jobs[-1],), daemon=True).start()
        for job in self.jobs[:count]:
            job.release()
        for _ in range(count):
            self.done.acquire()
        return took


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


WORD = re.compile(r"[a-z]+")
BASE = sqlite3.connect(":memory:")
BASE.execute("CREATE TABLE seen (word TEXT PRIMARY KEY, count INTEGER)")


def tokens(text):
    return [match.group() for match in WORD.finditer(text.lower())]


def note(word):
    BASE.execute(
        "INSERT INTO seen VALUES (?, 1) ON CONFLICT(word) DO UPDATE SET count = count + 1", (word,)
    )


def request(number):
    text = json.dumps({"id": number, "text": "Turn on the lights of room %d, please" % number})
    words = tokens(json.loads(text)["text"])
    for word in words[:2]:
        note(word)
    counts = {word: words.count(word) for word in words}
    return " ".join(sorted(counts, key=counts.get))


def window(unit, ms, every=None):
    """How much CPU time so many units take; `every`: between them, not counted."""
    calls, used_ns, until = 0, 0, time.monotonic() + ms / 1e3
    while time.monotonic() < until:
        start_ns = time.thread_time_ns()
        for _ in range(50):
            unit()
        used_ns += time.thread_time_ns() - start_ns
        calls += 50
        if every:
            every()
    return {"calls": calls, "cpu_ns": used_ns}


FROM, TO = bytes(65536), bytearray(65536)


def copy():
    TO[:] = FROM


def pong(read_fd, write_fd):
    while os.read(read_fd, 1) == b"x":
        os.write(write_fd, b"x")


def ping(ms):
    to_pong, from_ping = os.pipe()
    to_ping, from_pong = os.pipe()
    other = threading.Thread(target=pong, args=(to_pong, from_pong))
    other.start()
    calls, start_ns = 0, time.perf_counter_ns()
    while time.perf_counter_ns() - start_ns < ms * 1e6:
        os.write(from_ping, b"x")
        os.read(to_ping, 1)
        calls += 1
    wall_ns = time.perf_counter_ns() - start_ns
    os.write(from_ping, b".")
    other.join()
    for fd in (to_pong, from_ping, to_ping, from_pong):
        os.close(fd)
    return {"calls": calls, "wall_ns": wall_ns}


def row(function, count):
    took = []
    for _ in range(count):
        timed(function, busy, took)
    return {"calls": len(took), "took_ns": took}


def answer(pool, words):
    name, *rest = words
    numbers = [int(word) for word in rest if word.isdecimal()]
    if name == "calls":
        return {"took_ns": pool.run(numbers[0], TURNS[numbers[1]], WORK[rest[2]])}
    if name == "row":
        return row(TURNS[numbers[0]], numbers[1])
    if name == "fib":
        return window(lambda: fib(10), numbers[0])
    if name == "real":
        return window(lambda: request(7), numbers[0], lambda: turn_5ms(time.sleep))
    if name == "copy":
        return window(copy, numbers[0])
    if name == "ping":
        return ping(numbers[0])
    raise ValueError(name)


def main():
    pool = Pool()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(pool, line.split())), flush=True)


if __name__ == "__main__":
    main()
