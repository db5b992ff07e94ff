# SPDX-License-Identifier: GPL-2.0-only
"""Functions of all shapes; says itself which it has, and where its threads are. CPython 3.9 and later.

  shapes.py [--churn]

After "ready" it reads commands: `functions` prints one JSON line, a list of the function objects of
the process but lambdas, as [code, function, file, name, first line]; `stacks` prints a line with what
faulthandler has written of all threads. --churn: a thread makes and drops functions and other
objects all the time.
"""

import asyncio
import faulthandler
import functools
import gc
import json
import sys
import tempfile
import threading
import time
import types


def plain(value):
    return value


def keeps_name(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@keeps_name
def decorated(value):
    def nested(other):
        return [other for _ in range(2)]

    return nested(value)


@functools.lru_cache(maxsize=None)
def cached(value):
    return value


def outer():
    def never_made():
        class Inside:
            def method(self):
                return lambda: self

        return Inside

    return never_made


class Session:
    def reply(self, seconds):
        (lambda: time.sleep(seconds))()

    @staticmethod
    def of_class():
        return 1

    @classmethod
    def made(cls):
        return cls()

    @property
    def prop(self):
        return 2

    class Part:
        def deep(self):
            return 3


async def coroutine():
    await asyncio.sleep(0)


def generator():
    yield 1


async def both():
    yield 1


def übersetzen(text):  # a name that is not ASCII
    return text


closures = [(lambda n: (lambda: n))(n) for n in range(3)]


def in_generator(seconds):
    for _ in sleeping(seconds):
        pass


def sleeping(seconds):
    time.sleep(
        seconds
    )
    yield 1


def in_coroutine(seconds):
    async def run():
        await wait(seconds)

    asyncio.run(run())


async def wait(seconds):
    await asyncio.sleep(seconds)


def recurse(depth, seconds):
    if depth:
        recurse(depth - 1, seconds)
    else:
        time.sleep(seconds)


def churn():
    kept = []
    while True:

        def made(value):
            return value

        kept.append([made, {}, [], lambda: made])
        if len(kept) > 200:
            del kept[:150]


def functions():
    found = []
    for one in gc.get_objects():
        if type(one) is types.FunctionType:
            code = one.__code__
            if code.co_name.startswith("<"):
                continue  # a lambda, whatever its function object is called
            name = getattr(code, "co_qualname", None) or one.__qualname__
            found.append([id(code), id(one), code.co_filename, name, code.co_firstlineno])
    return found


def stacks():
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file, all_threads=True)
        file.seek(0)
        return file.read()


def main():
    hour = 3600
    for target, args in (
        (Session().reply, (hour,)),
        (in_generator, (hour,)),
        (in_coroutine, (hour,)),
        (recurse, (20, hour)),
    ):
        threading.Thread(target=target, args=args, daemon=True).start()
    if "--churn" in sys.argv:
        threading.Thread(target=churn, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        answer = {"functions": functions, "stacks": stacks}[line.strip()]()
        print(json.dumps(answer), flush=True)


main()
