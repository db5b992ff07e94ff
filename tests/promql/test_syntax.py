#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the parser accept what promtool accepts, and nothing else?

  tests/promql/test_syntax.py [SEED [COUNT]]

Three sets of expressions go through build/tests/promql/parse and `promtool check rules`: every
function with every list of up to three arguments, expressions generated from the grammar, and
damaged ones. What cheshire refuses as unsupported is counted, not compared. What it accepts is
printed from the tree, and promtool must accept the print too. The last line is
`N passed, N failed, N skipped`.
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

ROOT = Path(__file__).resolve().parent.parent.parent
PARSE = Path(os.environ.get("OUTPUT", ROOT / "build")) / "tests" / "promql" / "parse"
COUNT = 4000
TIMEOUT_S = 60

MATRIX_FUNCTIONS = """rate irate increase delta idelta deriv resets changes avg_over_time
min_over_time max_over_time sum_over_time count_over_time last_over_time stddev_over_time
absent_over_time""".split()
VECTOR_FUNCTIONS = "abs absent ceil floor round timestamp".split()
OTHER_FUNCTIONS = """clamp clamp_min clamp_max predict_linear quantile_over_time scalar vector
time""".split()
AGGREGATIONS = "sum avg min max count".split()
METRICS = """up http_requests_total job:latency:p95 sum by offset and or unless avg count min max
without start end group topk :x inf_ nano Sum AND""".split()
LABELS = "job instance le by on bool group_left offset sum and start atan2 __name__ a1".split()
NUMBERS = "0 1 2.5 .5 5. 1e3 1E-3 0x1F 017 08 Inf inf NaN nan 1e400 1e 0x 123456789012345678".split()
DURATIONS = "5m 1h30m 1d 2w 1y 10s 500ms 1h5s 0s 5 1.5h 1m1h 5ms3s 1y2w3d4h5m6s7ms 300y 1hs".split()
STRINGS = ['"a"', "'b'", "`c`", '"\\n\\t\\\\"', "'\\''", '"\\x41\\101\\u00e9"', '"é"', '"\\q"', '"',
           '"\\400"', "`\\`", '""', '".*"', '".+"', '"a|b"', '"a("', '"[a-"', '"\\\\d+"']
REGEXES = ["a", "b", ".", "\\d", "\\s", "\\pL", "\\p{Lu}", "\\PN", "[a-z]", "[^a]", "[[:alpha:]]", "(",
           ")", "|", "*", "+", "?", "{2}", "{2,}", "{,3}", "{3,2}", "{1001}", "^", "$", "(?:", "(?i)",
           "(?P<n>", "(?=", "(?<!", "\\1", "\\b", "\\z", "\\Z", "\\Qa*\\E", "\\x41", "\\x{1F600}", "-",
           "[]a]", "[a-\\d]", "[z-a]", "[[:foo:]]", "é", "\\C", "\\_", "\\-", "*?", "++", "{", "}", "]",
           "(?s-i:", "(?i", "\\07", "\\8", "[\\]]", "[a", "(?#c)", "\\h", "\\v", "[\\b]", "(?>a)"]
DAMAGE = list("()[]{}=!~<>+-*/%^,:@#\"'` \n") + "sum by on bool offset 5m 1 a == =~ and [5m] group_left".split()


def quoted(text):
    """A string for YAML, and for PromQL just so."""
    plain = [c if " " <= c <= "~" and c not in '"\\' else
             f"\\x{ord(c):02x}" if ord(c) < 128 else
             f"\\u{ord(c):04x}" if ord(c) < 65536 else f"\\U{ord(c):08x}" for c in text]
    return '"' + "".join(plain) + '"'


class Generator:
    """Expressions that are mostly right: of the wanted type, from the language that cheshire has."""

    def __init__(self, rng):
        self.rng = rng

    def pick(self, choices):
        return self.rng.choice(choices)

    def chance(self, probability):
        return self.rng.random() < probability

    def space(self):
        return self.pick(["", "", " ", "  ", "\n", "\t", " # c\n"])

    def regex(self):
        text = "".join(self.pick(REGEXES) for _ in range(self.rng.randint(0, 4)))
        return "`" + text + "`"

    def matcher(self):
        op = self.pick(["=", "!=", "=~", "!~"])
        value = self.regex() if "~" in op and self.chance(0.6) else self.pick(STRINGS[:7])
        return f"{self.pick(LABELS)}{self.space()}{op}{self.space()}{value}"

    def selector(self, matrix):
        matchers = ",".join(self.matcher() for _ in range(self.rng.randint(0, 3)))
        if self.chance(0.1):
            matchers += ","
        name = self.pick(METRICS) if self.chance(0.9) else ""
        text = name + (f"{{{matchers}}}" if matchers or not name else "")
        if matrix:
            text += f"{self.space()}[{self.pick(DURATIONS[:8]) if self.chance(.9) else self.pick(DURATIONS)}]"
        if self.chance(0.15):
            text += f" offset {self.pick(['', '-', '- '])}{self.pick(DURATIONS[:8])}"
        return text

    def labels(self):
        labels = [self.pick(LABELS) for _ in range(self.rng.randint(0, 3))]
        return f"({', '.join(labels)}{',' if labels and self.chance(0.1) else ''})"

    def scalar(self, depth):
        kind = self.rng.randint(0, 5) if depth > 0 else 0
        if kind <= 1:
            return self.pick(NUMBERS) if self.chance(0.3) else self.pick(NUMBERS[:9])
        if kind == 2:
            return f"scalar({self.vector(depth - 1)})"
        if kind == 3:
            return f"({self.scalar(depth - 1)})"
        op = self.pick(["+", "-", "*", "/", "%", "^", " atan2 ", "== bool", "> bool", "<="])
        return f"{self.scalar(depth - 1)}{op}{self.space()}{self.scalar(depth - 1)}"

    def call(self, depth):
        if self.chance(0.5):
            return f"{self.pick(MATRIX_FUNCTIONS)}({self.selector(True)})"
        if self.chance(0.7):
            return f"{self.pick(VECTOR_FUNCTIONS)}({self.vector(depth - 1)})"
        return self.pick([
            f"vector({self.scalar(depth - 1)})",
            f"clamp({self.vector(depth - 1)}, {self.scalar(depth - 1)}, {self.scalar(depth - 1)})",
            f"clamp_max({self.vector(depth - 1)}, {self.scalar(depth - 1)})",
            f"predict_linear({self.selector(True)}, {self.scalar(depth - 1)})",
            f"quantile_over_time({self.scalar(depth - 1)}, {self.selector(True)})"])

    def aggregation(self, depth):
        inner = f"({self.vector(depth - 1)})"
        by = f" {self.pick(['by', 'without', 'BY'])}{self.space()}{self.labels()}"
        return self.pick(AGGREGATIONS) + self.pick([inner, by + inner, inner + by])

    def binary(self, depth):
        op = self.pick("+ - * / % ^ atan2 == != < <= > >= and or unless".split())
        bool_ = " bool" if self.chance(0.2 if op[0] in "=!<>" else 0.02) else ""
        on = f" {self.pick(['on', 'ignoring'])} {self.labels()}" if self.chance(0.2) else ""
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        if self.chance(0.3):
            right = self.scalar(depth - 1)
        return f"{left} {op}{bool_}{on} {self.space()}{right}"

    def vector(self, depth):
        kind = self.rng.randint(0, 9) if depth > 0 else 0
        if kind <= 2:
            return self.selector(False)
        if kind <= 4:
            return self.binary(depth)
        if kind <= 6:
            return self.call(depth)
        if kind == 7:
            return self.aggregation(depth)
        if kind == 8:
            return f"({self.vector(depth - 1)})"
        return f"{self.pick('+-')}{self.vector(depth - 1)}"

    def expression(self):
        kind = self.rng.random()
        if kind < 0.05:
            return self.pick(STRINGS)
        if kind < 0.1:
            return self.selector(True)
        return self.scalar(3) if kind < 0.2 else self.vector(4)

    def damaged(self):
        text = self.expression()
        for _ in range(self.rng.randint(1, 2)):
            at = self.rng.randint(0, len(text))
            end = min(len(text), at + self.rng.randint(0, 3))
            text = text[:at] + (self.pick(DAMAGE) if self.chance(0.6) else "") + text[end:]
        return text


def every_call():
    arguments = {"s": "1", "v": "a", "m": "a[5m]", "t": '"x"'}
    for name in MATRIX_FUNCTIONS + VECTOR_FUNCTIONS + OTHER_FUNCTIONS + AGGREGATIONS:
        lists = [""]
        for _ in range(3):
            yield from (f"{name}({', '.join(arguments[k] for k in kinds)})" for kinds in lists)
            lists = [kinds + kind for kinds in lists for kind in arguments]
        yield f"{name}(a, 1, 1)"
        yield f"{name}(a, 1, 1, 1)"


def cheshire(texts):
    """[(word, the rest)] for each text."""
    data = b"".join(text.encode() + b"\0" for text in texts)
    done = subprocess.run([PARSE], input=data, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=True)
    lines = done.stdout.decode(errors="replace").split("\n")[:-1]
    if len(lines) != len(texts):
        raise RuntimeError(f"{len(lines)} answers to {len(texts)} expressions")
    return [tuple(line.partition(" ")[::2]) for line in lines]


def promtool(texts, folder):
    """{index: message} of the texts that it refuses."""
    path = Path(folder) / "rules.yml"
    rules = "".join(f"  - record: r{i}\n    expr: {quoted(text)}\n" for i, text in enumerate(texts))
    path.write_text(f"groups:\n- name: g\n  rules:\n{rules}")
    done = subprocess.run([PROMTOOL, "check", "rules", "--lint=none", path], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S)
    refused = {int(index): message for index, message in
               re.findall(r'rule \d+, "r(\d+)": (.*)', done.stdout)}
    found = re.search(r"SUCCESS: (\d+) rules", done.stdout)
    if bool(refused) == (done.returncode == 0) or (not refused and int(found[1]) != len(texts)):
        raise RuntimeError(f"promtool: {done.stdout[:500]}")
    return refused


def column(text, offset):
    """Prometheus's LINE:COLUMN of an offset in bytes."""
    before = text.encode()[:offset]
    return f"{before.count(10) + 1}:{len(before) - before.rfind(10) - 1 + 1}"


def main():
    if not PROMTOOL.exists():
        print(f"{MISSING}\n0 passed, 0 failed, 1 skipped")
        return 77
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    count = int(sys.argv[2]) if len(sys.argv) > 2 else COUNT
    print(f"seed {seed}, {count} expressions of each kind", flush=True)
    generator = Generator(random.Random(seed))
    texts = list(every_call())
    texts += [generator.expression() for _ in range(count)]
    texts += [generator.damaged() for _ in range(count)]
    texts = [text for text in texts if text.strip()]
    ours = cheshire(texts)
    with tempfile.TemporaryDirectory() as folder:
        refused = promtool(texts, folder)
        accepted = [(text, rest) for text, (word, rest) in zip(texts, ours) if word == "ok"]
        prints_refused = promtool([rest for _, rest in accepted], folder)
    failures, counts, places = [], {"unsupported": 0, "accepted": 0, "refused": 0}, [0, 0]
    for i, (text, (word, rest)) in enumerate(zip(texts, ours)):
        if word in ("unsupported", "too-large"):
            counts["unsupported"] += 1
            continue
        counts["refused" if i in refused else "accepted"] += 1
        if (word == "ok") == (i in refused):
            failures.append(f"{text!r}: cheshire: {word} {rest}; promtool: "
                            f"{refused.get(i, 'accepts it')}")
        elif i in refused:
            where = re.search(r"(\d+:\d+): parse error: (.*)", refused[i])
            same = where and where[1] == column(text, int(rest.split()[0]))
            places[bool(same)] += 1
            if not same and os.environ.get("PLACES"):
                print(f"{text!r}: {rest}; promtool: {refused[i]}")
    failures += [f"{accepted[i][0]!r}: its print {accepted[i][1]!r}: {message}"
                 for i, message in prints_refused.items()]
    for failure in failures[:20]:
        print(f"FAIL {failure}")
    print(f"{counts['accepted']} accepted by both, {counts['refused']} refused by both "
          f"({places[1]} at the same place), {counts['unsupported']} outside the subset")
    print(f"{len(texts) - counts['unsupported'] - len(failures)} passed, {len(failures)} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
