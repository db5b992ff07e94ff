#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Do regular expressions match what Prometheus's match?

  tests/promql/test_regex.py [SEED [COUNT]]

Patterns and texts are generated; what build/tests/promql/regex says of them becomes the expected
samples of a promtool unit test, which must pass. The last line is `N passed, N failed, N skipped`.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from promql import MISSING, PROMTOOL

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_syntax import ROOT, TIMEOUT_S, quoted  # noqa: E402

REGEX = Path(os.environ.get("OUTPUT", ROOT / "build")) / "tests" / "promql" / "regex"
COUNT = 1000
ATOMS = ["a", "b", "c", "B", "1", "-", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "[a-c]", "[^a]",
         "[^\\s]", "[\\Sa]", "[[:upper:]]", "[[:^alpha:]_]", "[b\\d]", "\\pL", "\\p{Lu}", "[\\PN]", "é",
         "\\x{e9}", "\\n", "$\\n", "\\n^", "\\v", "\\x0b", "\\Qa.b\\E", "^", "$", "\\b", "\\B", "\\A", "\\z", "[]a]",
         "[a-]", "\\.", "{", "\\07", "[^\\n]", "ſ", "k"]
QUANTIFIERS = ["", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}", "*?", "??"]
FLAGS = ["(?i)", "(?s)", "(?m)", "(?m)", "(?i:", "(?s:", "(?m:", "(?-i:", "(?is-m:", "(?U)"]
TEXT = list("abcAB1-._ kK{]") + ["é", "É", "\n", "\v", "\t", "\a", "a.b", "\u017f", "\u212a", "x"]


class Generator:
    """Patterns that compile, and texts that some of them match."""

    def __init__(self, rng):
        self.rng = rng

    def pattern(self, depth=2):
        parts = []
        for _ in range(self.rng.randint(0 if depth < 2 else 1, 3)):
            kind = self.rng.random()
            if kind < 0.1:
                flags = self.rng.choice(FLAGS)
                parts.append(flags + (self.pattern(depth - 1) + ")" if flags.endswith(":") else ""))
                continue
            atom = self.rng.choice(ATOMS)
            if kind < 0.4 and depth:
                atom = self.rng.choice(["(", "(?:"]) + self.pattern(depth - 1) + ")"
            parts.append(atom + self.rng.choice(QUANTIFIERS))
        text = "".join(parts)
        return text + "|" + self.pattern(depth - 1) if depth and self.rng.random() < 0.3 else text

    def text(self):
        return "".join(self.rng.choice(TEXT) for _ in range(self.rng.randint(1, 4)))


def cheshire(pairs):
    data = b"".join(part.encode() + b"\0" for pair in pairs for part in pair)
    done = subprocess.run([REGEX], input=data, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True)
    answers = done.stdout.decode().split("\n")[:-1]
    if len(answers) != len(pairs):
        raise RuntimeError(f"{len(answers)} answers to {len(pairs)} pairs")
    return answers


def unit_test(pairs, answers):
    """The series m{id="N",v=TEXT}; its pattern finds it or not."""
    text = "evaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n"
    for i, (_, value) in enumerate(pairs):
        series = f'm{{id="{i}",v={quoted(value)}}}'
        text += f"  - series: {quoted(series)}\n    values: '1'\n"
    text += "  promql_expr_test:\n"
    for i, (pattern, _) in enumerate(pairs):
        expr = f'count(m{{id="{i}",v=~{quoted(pattern)}}}) or vector(0)'
        text += (f"  - expr: {quoted(expr)}\n    eval_time: 0m\n    exp_samples:\n"
                 f"    - labels: '{{}}'\n      value: {1 if answers[i] == 'yes' else 0}\n")
    return text


def main():
    if not PROMTOOL.exists():
        print(f"{MISSING}\n0 passed, 0 failed, 1 skipped")
        return 77
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    print(f"seed {seed}, {count} patterns", flush=True)
    generator = Generator(random.Random(seed))
    pairs = [(generator.pattern(), generator.text()) for _ in range(count)]
    answers = cheshire(pairs)
    refused = [i for i in range(count) if answers[i] not in ("yes", "no")]
    wrongly = [i for i in refused if "not supported" not in answers[i]]
    for i in wrongly:
        print(f"FAIL {pairs[i][0]!r}: cheshire: {answers[i]}")
    pairs = [pairs[i] for i in range(count) if i not in set(refused)]
    answers = [answer for answer in answers if answer in ("yes", "no")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.yml"
        path.write_text(unit_test(pairs, answers))
        done = subprocess.run([PROMTOOL, "test", "rules", path], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
    failed = sorted({int(i) for i in re.findall(r'expr: "count\(m\{id=\\"(\d+)\\"', done.stdout)})
    if (done.returncode != 0) != bool(failed):
        print(f"FAIL promtool: {done.stdout[:2000]}\n0 passed, 1 failed, 0 skipped")
        return 1
    for i in failed[:20]:
        print(f"FAIL {pairs[i][0]!r} on {pairs[i][1]!r}: cheshire: {answers[i]}")
    print(f"{answers.count('yes')} match, {answers.count('no')} do not, {len(refused)} were refused")
    bad = len(failed) + len(wrongly)
    print(f"{len(pairs) - len(failed)} passed, {bad} failed, 0 skipped")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
