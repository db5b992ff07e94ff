#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the tests: what must fail is given to the runners, and they must say that it failed."""

import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True


def load(name, path):
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def require(good, what):
    if not good:
        sys.exit(f"selftest: {what}")


def program(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)


def check_runner(scratch):
    """Programs that fail, hang, skip, lie and pass, given to tests/run."""
    run = load("run", HERE / "run")
    run.BUILD = scratch
    unit = scratch / "tests" / "unit"
    program(unit, "test_good", "echo '[  PASSED  ] 3 test(s).'\n")
    failed = "echo '[  FAILED  ] 1 test(s)'\n"
    program(unit, "test_bad", f"echo '[  PASSED  ] 2 test(s).'\n{failed}exit 1\n")
    program(unit, "test_crash", "kill -SEGV $$\n")
    program(unit, "test_hang", "sleep 60\n")
    program(unit, "test_silent", "exit 0\n")
    program(unit, "test_liar", "echo '[  PASSED  ] 3 test(s).'\nexit 1\n")
    program(unit, "test_skip", "echo no kernel here\nexit 77\n")
    run.LIMITS = {name: (20, 3) for name in run.LIMITS}
    tally = run.Tally()
    with redirect_stdout(io.StringIO()):
        run.run_tier(tally, "unit")
        run.run_tier(tally, "bpf")
    counts = (tally.passed, tally.failed, tally.skipped)
    # bad 1, crash 1, hang 1, silent 1, liar 1, and the empty bpf tier.
    require(counts == (5, 6, 1), f"tests/run counted {counts}, not (5, 6, 1)")
    sys.argv = ["run", "unit"]
    with redirect_stdout(io.StringIO()) as out:
        status = run.main()
    require(status == 1, f"tests/run exits with {status} when tests fail")
    require(out.getvalue().splitlines()[-1] == "5 passed, 5 failed, 1 skipped", "closing line")


def check_harness(scratch):
    """Live tests that fail, check nothing, hang and skip, given to the harness."""
    sys.path.insert(0, str(HERE / "live"))
    harness = load("harness", HERE / "live" / "harness.py")
    harness.LIVE = scratch / "live"
    harness.require_root = lambda: None
    sleeper_pid = scratch / "sleeper"

    def passes(t):
        t.check(True, "")

    def fails(t):
        t.equal(1, 2, "one")

    def checks_nothing(_t):
        pass

    def raises(_t):
        raise KeyError("x")

    def yields(t):
        t.check(True, "")
        yield

    def hangs(t):
        process = harness.Process(t, "sleeper", ["sleep", "60"])
        sleeper_pid.write_text(str(process.pid), encoding="ascii")
        process.wait(50)

    def skips(_t):
        raise harness.Skip("not here")

    def ends_the_run(_t):
        os._exit(0)

    def never_reached(t):
        t.check(True, "")

    functions = (passes, fails, checks_nothing, raises, yields, hangs, skips)
    tests = [harness.Entry(function, 2, False) for function in functions]
    tests += [harness.Entry(function, 2, True) for function in (ends_the_run, never_reached)]
    with redirect_stdout(io.StringIO()) as out:
        good = harness.run_all(tests)
    lines = out.getvalue().splitlines()
    require(not good, "the harness is content with failing tests")
    require(lines[-1] == "1 passed, 7 failed, 1 skipped", f"harness: {lines}")
    require("skip skips: not here" in lines, f"harness: {lines}")
    for name in ("ends_the_run", "never_reached"):
        require(f"FAIL {name}: the test run ended before it did" in lines, f"harness: {lines}")
    pid = sleeper_pid.read_text(encoding="ascii")
    require(not Path(f"/proc/{pid}").exists(), "a process outlived its test")


def check_tolerance():
    """The comparison that all live tests rest on, at its very edge."""
    harness = sys.modules.get("harness") or load("harness", HERE / "live" / "harness.py")
    case = object.__new__(harness.Case)
    case.checks = 0

    def refused(got, expected):
        try:
            case.near(got, expected, "value")
        except harness.Failure:
            return True
        return False

    require(not refused(1.0159, 1.0) and refused(1.0161, 1.0), "1.6 % of a second")
    require(not refused(0.001099, 0.001) and refused(0.001101, 0.001), "100 µs of a millisecond")
    require(refused(None, 1.0), "an unknown value passes")
    require(harness.nearest_rank([1, 2, 3, 4], 50) == 2, "nearest rank of four")
    require(harness.nearest_rank(list(range(1, 101)), 95) == 95, "nearest rank of a hundred")
    require(harness.nearest_rank([7], 99) == 7, "nearest rank of one")


def main():
    with tempfile.TemporaryDirectory(prefix="cheshire-selftest-") as folder:
        check_runner(Path(folder))
        check_harness(Path(folder))
        check_tolerance()
    print("a failing test fails")
    return 0


if __name__ == "__main__":
    os.chdir(HERE.parent)
    sys.exit(main())
