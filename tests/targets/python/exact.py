# SPDX-License-Identifier: GPL-2.0-only
"""Functions whose calls are all to be seen, and what looks like calls of them and is none.

Commands on stdin, one a line, each answered with `done`:
  call NAME N     calls it N times, each timed by perf_counter_ns(), which is CLOCK_MONOTONIC
  threads NAME N  the same on 8 threads that are made for it
  gaze NAME N     takes references on its code object and drops them, N times
  import, reload  the module exact_later
  forget          what exceptions were kept for, and code objects
  fork NAME N     calls it in a child process
  end             writes the log and ends
"""

import argparse
import copy
import functools
import importlib
import inspect
import json
import os
import sys
import threading
import time

calls = {}
kept = []
lock = threading.Lock()
later = None


def plain():
    time.sleep(0.002)


def in_a_row():
    return sum(range(50))


def recursive(depth=5):
    return recursive(depth - 1) + 1 if depth else 0


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


class Session:
    @logged
    def reply(self):
        time.sleep(0.001)


def raising():
    time.sleep(0.001)
    raise ValueError("on purpose")


def catching():
    try:
        raising()
    except ValueError:
        pass
    time.sleep(0.001)


def deep(depth=5):
    time.sleep(0.0005)
    if not depth:
        raise ValueError("on purpose")
    deep(depth - 1)


def closures():
    def inner():
        time.sleep(0.001)

    inner()


def find(name):
    if name.startswith("later."):
        return getattr(later, name.removeprefix("later."))
    return Session().reply if name == "reply" else globals()[name]


def timed(name, function):
    failed = False
    start_ns = time.perf_counter_ns()
    try:
        function()
    except ValueError as error:
        failed = True
        kept.append(error)
    took = time.perf_counter_ns() - start_ns
    with lock:
        calls.setdefault(name, ([], []))[failed].append(took)


def call(name, number):
    function = find(name)
    for index in range(number):
        timed(name, function)
        # Ten at once, and a rest: the average is what the ceiling is about.
        if index % 10 == 9:
            time.sleep(0.02)


def threads(name, number):
    all_threads = [threading.Thread(target=call, args=(name, number)) for _ in range(8)]
    for thread in all_threads:
        thread.start()
    for thread in all_threads:
        thread.join()


def gaze(name, number):
    function = inspect.unwrap(find(name))
    for _ in range(number):
        inspect.iscoroutinefunction(function)
        inspect.signature(function)
        code = function.__code__
        kept.append(code)
        copy.copy(function)
        type(function)(code, globals())
        kept.pop()


def fork(name, number):
    child = os.fork()
    if not child:
        call(name, number)
        os._exit(0)
    os.waitpid(child, 0)


def write_log(path):
    with open(path, "w", encoding="utf-8") as log:
        for name, (normal, failed) in calls.items():
            count = len(normal) + len(failed)
            line = {"type": "function", "name": name, "count": count, "outermost": len(normal)}
            line |= {"normal_ns": normal, "normal_least_ns": normal, "abnormal_ns": failed}
            log.write(json.dumps(line) + "\n")
        log.write(json.dumps({"type": "end", "ok": True, "failed": 0}) + "\n")


def obey(words):
    global later
    if words[0] in ("call", "threads", "gaze", "fork"):
        globals()[words[0]](words[1], int(words[2]))
    elif words[0] == "import":
        later = importlib.import_module("exact_later")
    elif words[0] == "reload":
        importlib.reload(later)
    elif words[0] == "forget":
        kept.clear()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    options = parser.parse_args()
    sys.setswitchinterval(0.001)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        obey(line.split())
        print("done", flush=True)
    write_log(options.log)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
