# SPDX-License-Identifier: GPL-2.0-only
"""One program under every CPython that is to be had: its functions found, its calls timed.

The system's interpreter always; others where `make deps` has fetched them, or with
PYTHON_VERSIONS=all (`make test-python`), which fetches what is missing and takes longer.
"""

import ast
import os
import re

from harness import CHESHIRE, Skip, config, test
from python_programs import EXACT, SCRIPTS, SYSTEM_PYTHON, PythonTarget, cached, interpreter, way

LONG = os.environ.get("PYTHON_VERSIONS") == "all"
STAGES = {f"call_{ms}ms": f"python:calls.py:call_{ms}ms" for ms in (1, 5, 20)}
CALLS, THREADS = (40, 3) if LONG else (12, 2)
LOOK_NS = 1e9 / 499  # between two looks of the sampled way
LEAST_SHARE = 0.8  # of long calls that are apart: where the looks between two are lost, they merge


def names_of(path):
    """{qualified name: line} of the functions that a file defines."""
    found = {}

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found[prefix + child.name] = child.lineno
                walk(child, f"{prefix}{child.name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                walk(child, f"{prefix}{child.name}.")
            else:
                walk(child, prefix)

    walk(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


def check_listing(t, target):
    shown = t.run(CHESHIRE, "stages", "--pid", target.pid, "python:calls.py:*")
    t.equal(shown.returncode, 0, shown.stderr)
    lines = re.findall(r"python:calls\.py:(\S+)\s.*calls\.py:(\d+)", shown.stdout)
    listed = {name: int(line) for name, line in lines}
    t.equal(listed, names_of(SCRIPTS / "calls.py"), "functions of calls.py")


def check_sampled(t, summary, stage, function):
    """Never more than there were; and none of them longer than the looks allow."""
    if not function.normal_ns:
        return
    count = summary.count(stage)
    t.check(count <= function.calls, f"{stage}.count: {count} of {function.calls} calls")
    if min(function.normal_ns) > 5 * LOOK_NS:
        least = LEAST_SHARE * function.calls
        t.between(count, least, function.calls, f"{stage}.count: its calls are long, and apart")
        low, high = min(function.least_ns) - 2 * LOOK_NS, max(function.normal_ns) + 2 * LOOK_NS
        p50 = summary.number(f"{stage}.latency.p50")
        t.between(p50, low / 1e9, high / 1e9, f"{stage}.latency.p50")


def check_version(t, python):
    target = PythonTarget(
        t, "calls.py", "--calls", CALLS, "--threads", THREADS, "--gap", 8, python=python
    )
    check_listing(t, target)
    watch = t.watch(target.pid, config(STAGES))
    target.go()
    truth = target.finish()
    t.equal(watch.wait(30), 4, "exit code of cheshire when the target has exited")
    summary = watch.last_summary()
    for stage in STAGES:
        function = truth.functions[stage]
        t.equal(watch.stage(stage)["state"], "armed", f"state of {stage}")
        if way(watch, stage) == EXACT:
            t.spans(summary, stage, function)
        else:
            check_sampled(t, summary, stage, function)
    t.no_drops(summary)


def fetched(version, shared=False):
    if not LONG and not cached(version):
        raise Skip(f"Python {version} is not here; make test-python fetches it")
    return interpreter(version, shared)


@test(60)
def python_version_of_the_system(t):
    check_version(t, SYSTEM_PYTHON)


@test(60)
def python_version_3_9(t):
    check_version(t, fetched("3.9"))


@test(60)
def python_version_3_11_shared(t):
    check_version(t, fetched("3.11", shared=True))


@test(60)
def python_version_3_12(t):
    check_version(t, fetched("3.12"))


@test(60)
def python_version_3_13(t):
    check_version(t, fetched("3.13"))


@test(60)
def python_version_3_14(t):
    check_version(t, fetched("3.14"))


@test(60)
def python_version_3_9_shared(t):
    if not LONG:
        raise Skip("only in the long form, make test-python")
    check_version(t, fetched("3.9", shared=True))


@test(60)
def python_version_3_13_shared(t):
    if not LONG:
        raise Skip("only in the long form, make test-python")
    check_version(t, fetched("3.13", shared=True))


@test(60)
def python_version_3_14_shared(t):
    if not LONG:
        raise Skip("only in the long form, make test-python")
    check_version(t, fetched("3.14", shared=True))
