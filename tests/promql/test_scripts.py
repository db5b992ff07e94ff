#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs Prometheus's own PromQL test scripts, as far as they lie inside the subset.

  tests/promql/test_scripts.py [FOLDER]

The scripts (promql/testdata/*.test of Prometheus's source, v2.42.0) are not part of this
repository: FOLDER, or the variable PROMQL_SCRIPTS, says where they are; without it the test skips.
What is outside the subset counts as skipped, by the reason that the parser gave.
"""

import math
import os
import re
import sys
from collections import Counter
from pathlib import Path

from promql import Shell, duration_ms, number, read_labels, read_values

EVAL = re.compile(r"^eval(?:_(fail|ordered))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$")
EPSILON = 0.000001
MIN_NORMAL = 2.0 ** -1022
SKIP_STATUS = 77


def almost_equal(a, b):
    """As Prometheus compares."""
    if (math.isnan(a) and math.isnan(b)) or a == b:
        return True
    difference = abs(a - b)
    if a == 0 or b == 0 or difference < MIN_NORMAL:
        return difference < EPSILON * MIN_NORMAL
    return difference / (abs(a) + abs(b)) < EPSILON


class Expected:
    """One `eval` of a script."""

    def __init__(self, place, mode, at_ms, expression):
        self.place, self.mode, self.at_ms, self.expression = place, mode, at_ms, expression
        self.scalar = None
        self.elements = []

    def add(self, line):
        """False: the expectation ends here."""
        try:
            self.scalar = number(line)
            return False
        except ValueError:
            labels, values = read_labels(line)
            self.elements.append((labels, read_values(values)[0]))
            return True

    def mismatch(self, answer):
        """What is wrong with it, or None."""
        if "error" in answer:
            return None if self.mode == "fail" else f"error: {answer['message']}"
        if self.mode == "fail":
            return "an error was expected"
        if answer["type"] == "scalar":
            if self.scalar is not None and almost_equal(self.scalar, float(answer["value"])):
                return None
            return f"expected {self.scalar}, got {answer['value']}"
        return self.vector_mismatch(answer["elements"])

    def vector_mismatch(self, elements):
        if self.scalar is not None:
            return "a scalar was expected"
        left = list(self.elements)
        for element in elements:
            value = float(element["value"])
            same = [e for e in left if e[0] == element["labels"]]
            if not same:
                return f"unexpected {element['labels']} {value}"
            if not almost_equal(same[0][1], value):
                return f"{element['labels']}: expected {same[0][1]}, got {value}"
            left.remove(same[0])
        return f"missing {left}" if left else None


class Script:
    """Executes one file; counts what passed and why others did not."""

    def __init__(self, name, text, shell):
        self.name = name
        lines = [line.strip() for line in text.split("\n")]
        self.lines = ["" if line.startswith("#") else line for line in lines]
        self.at = 0
        self.shell = shell
        self.passed = 0
        self.outside = Counter()
        self.failures = []

    def block(self):
        """The lines up to the next empty one."""
        while self.at < len(self.lines) and self.lines[self.at]:
            self.at += 1
            yield self.lines[self.at - 1]

    def run(self):
        self.shell.clear()
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line == "clear":
                self.shell.clear()
            elif line.startswith("load"):
                self.load(duration_ms(line.split()[1]))
            elif line.startswith("eval"):
                self.evaluate(line)
            elif line:
                raise ValueError(f"{self.name}:{self.at}: not a command: {line}")

    def load(self, step_ms):
        """A series that is given twice has the later values, as in Prometheus."""
        series = {}
        for line in self.block():
            labels, values = read_labels(line)
            series[tuple(sorted(labels.items()))] = read_values(values)
        for labels, values in series.items():
            self.shell.load(dict(labels), values, step_ms)

    def evaluate(self, line):
        mode, at, expression = EVAL.match(line).groups()
        expected = Expected(f"{self.name}:{self.at}", mode, duration_ms(at or "0"), expression)
        for text in self.block():
            if not expected.add(text):
                break
        answer = self.shell.evaluate(expected.at_ms, expression)
        if answer.get("error") == "unsupported":
            self.outside[re.sub(r" is not supported.*| are not supported.*", "",
                                answer["message"])] += 1
            return
        wrong = expected.mismatch(answer)
        if answer.get("error") == "refused":
            wrong = f"refused: {answer['message']}"
        if wrong:
            self.failures.append(f"{expected.place}: {expression}: {wrong}")
        else:
            self.passed += 1


SELF_CHECK = """
load 10s
  m{a="1"} 1 2
  m{a="2"} _ 5

eval instant at 10s m
  m{a="1"} 2
  m{a="2"} 5

eval instant at 10s m
  m{a="1"} 2
  m{a="2"} 5.1

eval instant at 10s m
  m{a="1"} 2

eval instant at 10s m{a="1"}
  m{a="1"} 2
  m{a="3"} 2

eval instant at 10s 1 + 1
  3

eval_fail instant at 10s m

eval instant at 10s m + on() m
"""


def self_check(shell):
    """Of these expectations only the first is right."""
    script = Script("self", SELF_CHECK, shell)
    script.run()
    if script.passed != 1 or len(script.failures) != 6 or script.outside:
        raise RuntimeError(f"this program does not compare: {script.failures}")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PROMQL_SCRIPTS")
    scripts = sorted(Path(folder).glob("*.test")) if folder else []
    if not scripts:
        print("Prometheus's test scripts are not here (PROMQL_SCRIPTS names their folder)")
        return SKIP_STATUS
    passed, failures, outside = 0, [], Counter()
    with Shell() as shell:
        self_check(shell)
        for path in scripts:
            script = Script(path.name, path.read_text(encoding="utf-8"), shell)
            script.run()
            print(f"{script.name}: {script.passed} passed, {len(script.failures)} failed, "
                  f"{sum(script.outside.values())} outside the subset")
            passed += script.passed
            failures += script.failures
            outside += script.outside
    if shell.status:
        failures.append(f"the shell ended with status {shell.status}")
    print("outside the subset: " + ", ".join(f"{n} {why}" for why, n in outside.most_common()))
    for failure in failures:
        print("FAIL " + failure)
    print(f"{passed} passed, {len(failures)} failed, {sum(outside.values())} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
