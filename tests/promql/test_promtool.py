#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The same expressions over the same series by cheshire's evaluator and by Prometheus.

  tests/promql/test_promtool.py [SEED [GROUPS]]     a fixed seed and a new one without arguments

Each group has random series and random expressions. What our evaluator makes of an expression is
written as the expected samples of a promtool unit test; promtool compares exactly, so every bit
counts. promtool cannot expect NaN: then `E >= -Inf` (the values that are numbers) and
`E >= bool -Inf` (which they are) are compared instead. Where ours is an error, promtool's must be
one too.
"""

import json
import math
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from generate import STEPS_MS, Generator
from promql import MISSING, PROMTOOL, Shell, selector

SEED = 20230131
GROUPS = 60
NEW_GROUPS = 30
PER_GROUP = 24
UNTIL_MS = 30 * 60 * 1000
SKIP_STATUS = 77


def sample_text(value):
    if value is None:
        return "_"
    if isinstance(value, str):
        return value
    return {"inf": "Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))


def yaml_number(value):
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


class Case:
    """An expression at a time, and what our evaluator makes of it."""

    def __init__(self, expression, at_ms, answer):
        self.expression, self.at_ms = expression, at_ms
        self.error = answer.get("message") if "error" in answer else None
        self.scalar = answer.get("type") == "scalar"
        if self.scalar:
            self.samples = [({}, float(answer["value"]))]
        else:
            self.samples = [(e["labels"], float(e["value"])) for e in answer.get("elements", [])]

    def has_nan(self):
        return any(math.isnan(value) for _, value in self.samples)

    def yaml(self):
        samples = [f"{{labels: {json.dumps(selector(labels))}, value: {yaml_number(value)}}}"
                   for labels, value in self.samples]
        return (f"  - expr: {json.dumps(self.expression)}\n    eval_time: {self.at_ms}ms\n"
                f"    exp_samples: [{', '.join(samples)}]\n")


class Group:
    """Series and the cases over them."""

    def __init__(self, generator, shell):
        self.step_ms = generator.pick(STEPS_MS)
        self.series = generator.series(UNTIL_MS, self.step_ms)
        self.shell = shell
        self.cases, self.errors = [], []
        self.pairs = self.nonempty = 0
        shell.clear()
        for labels, values in self.series:
            shell.load(labels, values, self.step_ms)
        for _ in range(PER_GROUP):
            self.add(generator.expression(), self.time(generator))

    def time(self, generator):
        end_ms = max(len(values) for _, values in self.series or [((), [0])]) * self.step_ms
        end_ms = min(UNTIL_MS, end_ms + 360000)
        at_ms = generator.random.randint(0, end_ms)
        return at_ms if generator.chance(0.3) else at_ms // self.step_ms * self.step_ms

    def evaluate(self, expression, at_ms):
        answer = self.shell.evaluate(at_ms, expression)
        if answer.get("error") in ("refused", "unsupported"):
            raise RuntimeError(f"{expression}: {answer['message']}")
        return Case(expression, at_ms, answer)

    def add(self, expression, at_ms):
        case = self.evaluate(expression, at_ms)
        self.pairs += 1
        self.nonempty += bool(case.samples)
        if not case.has_nan():
            (self.errors if case.error else self.cases).append(case)
            return
        if case.scalar:
            expression = f"vector({expression})"
        for comparison in (">= -Inf", ">= bool -Inf"):
            case = self.evaluate(f"({expression}) {comparison}", at_ms)
            (self.errors if case.error else self.cases).append(case)

    def yaml(self, cases):
        """A test of these cases; the last one makes promtool load all samples."""
        text = f"- interval: {self.step_ms}ms\n  input_series:\n"
        for labels, values in self.series:
            text += (f"  - series: {json.dumps(selector(labels))}\n"
                     f"    values: {json.dumps(' '.join(sample_text(v) for v in values))}\n")
        if not self.series:
            text += "    []\n"
        text += "  promql_expr_test:\n" + "".join(case.yaml() for case in cases)
        return text + Case("1", UNTIL_MS, {"type": "scalar", "value": "1"}).yaml()


def promtool(folder, name, text):
    path = Path(folder) / name
    path.write_text("evaluation_interval: 1m\ntests:\n" + text, encoding="utf-8")
    done = subprocess.run([PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True,
                          timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def check_values(groups, folder):
    """Failures of the cases with values; promtool must accept the file as a whole."""
    cases = sum(len(group.cases) for group in groups)
    status, output = promtool(folder, "values.yml", "".join(g.yaml(g.cases) for g in groups))
    failures = re.findall(r"^    expr: .*?(?=^    expr: |\Z)", output, re.M | re.S)
    if status == 0 and not failures and "SUCCESS" in output:
        return cases, []
    return cases - len(failures), failures or [output]


def check_errors(groups, folder):
    """Failures of the cases that are errors: promtool must say so of each of them."""
    wanted = sorted(json.dumps(case.expression) for group in groups for case in group.errors)
    if not wanted:
        return 0, []
    _, output = promtool(folder, "errors.yml",
                         "".join(g.yaml(g.errors) for g in groups if g.errors))
    said = sorted(re.findall(r'^    expr: (".*"), time: \S+, err: ', output, re.M))
    missing = list(wanted)
    for expression in said:
        if expression in missing:
            missing.remove(expression)
    return len(wanted) - len(missing), [f"    no error: {expression}\n" for expression in missing]


def self_check(generator, shell, folder):
    """One bit more in one value: promtool must refuse it, or nothing is compared."""
    group = Group(generator, shell)
    group.cases = [group.evaluate("vector(0.1)", 0)]
    group.cases[0].samples[0] = ({}, math.nextafter(0.1, 1))
    status, output = promtool(folder, "self.yml", group.yaml(group.cases))
    if status == 0 or "vector(0.1)" not in output:
        raise RuntimeError("promtool accepts a wrong value")


def compare(seed, count):
    """(passed, failures) of so many groups."""
    generator = Generator(random.Random(seed))
    with Shell() as shell, tempfile.TemporaryDirectory() as folder:
        self_check(generator, shell, folder)
        groups = [Group(generator, shell) for _ in range(count)]
        passed, failures = check_values(groups, folder)
        errors, more = check_errors(groups, folder)
    failures += more
    if shell.status:
        failures.append(f"    the shell ended with status {shell.status}\n")
    for failure in failures[:20]:
        print("FAIL" + failure, end="")
    print(f"seed {seed}: {sum(group.pairs for group in groups)} pairs of series and expression, "
          f"{sum(group.nonempty for group in groups)} with a result, {errors} errors in both, "
          f"{len(failures)} different")
    return passed + errors, failures


def main():
    if not PROMTOOL.exists():
        print(MISSING)
        return SKIP_STATUS
    if len(sys.argv) > 1:
        runs = [(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else GROUPS)]
    else:
        runs = [(SEED, GROUPS), (random.SystemRandom().randrange(1 << 32), NEW_GROUPS)]
    results = [compare(seed, count) for seed, count in runs]
    failed = sum(len(failures) for _, failures in results)
    print(f"{sum(passed for passed, _ in results)} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
