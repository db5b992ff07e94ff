# SPDX-License-Identifier: GPL-2.0-only
"""The evaluator's shell, and the notation of series that Prometheus and promtool use for tests."""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("OUTPUT", ROOT / "build")).resolve()
# `make deps` puts it there; another version would not do.
PROMTOOL = BUILD / "tools" / "promtool"
MISSING = f"{PROMTOOL} is not there (make deps)"
SHELL = BUILD / "tests" / "promql" / "shell"

UNITS_MS = {"ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000, "w": 604800000,
            "y": 31536000000}
LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`)\s*,?')
UNSIGNED = (r"(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
            r"|[iI][nN][fF]|[nN][aA][nN])")
VALUE = re.compile(rf"([+-]?{UNSIGNED})(?:([+-]{UNSIGNED})?x(\d+))?")
STALE = "stale"


def duration_ms(text):
    if text == "0":
        return 0
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"not a duration: {text}")
    return sum(int(number) * UNITS_MS[unit] for number, unit in parts)


def number(text):
    sign = -1.0 if text.startswith("-") else 1.0
    bare = text.lstrip("+-")
    if re.match(r"0[xX]", bare):
        return sign * int(bare, 16)
    return sign * float(bare)


def unquote(text):
    if text.startswith("`"):
        return text[1:-1]
    return bytes(text[1:-1], "utf-8").decode("unicode_escape").encode("latin-1").decode("utf-8")


def read_labels(text):
    """({label: value}, the rest of the text) of `name{label="value", ...} rest`."""
    labels = {}
    name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", text)
    if name:
        labels["__name__"] = name.group()
        text = text[name.end():]
    text = text.lstrip()
    if not text.startswith("{"):
        return labels, text
    text = text[1:]
    while not text.lstrip().startswith("}"):
        label = LABEL.match(text)
        if not label:
            raise ValueError(f"not a label: {text}")
        if unquote(label.group(2)):
            labels[label.group(1)] = unquote(label.group(2))
        text = text[label.end():]
    return labels, text.lstrip()[1:]


def read_values(text):
    """The values of `1+2x5 _ 3 stale`: numbers, STALE, or None where there is no sample."""
    values = []
    for item in text.split():
        blank = re.fullmatch(r"_(?:x(\d+))?", item)
        if blank:
            values += [None] * int(blank.group(1) or 1)
            continue
        if item == STALE:
            values.append(STALE)
            continue
        series = VALUE.fullmatch(item)
        if not series:
            raise ValueError(f"not a value: {item}")
        value = number(series.group(1))
        values.append(value)
        for _ in range(int(series.group(3) or 0)):
            value += number(series.group(2)) if series.group(2) else 0.0
            values.append(value)
    return values


def selector(labels):
    """The text that names a series."""
    pairs = (f'{name}={json.dumps(value, ensure_ascii=False)}'
             for name, value in sorted(labels.items()))
    return "{" + ", ".join(pairs) + "}"


class Shell:
    """One process of the shell; commands are sent as they come, answers are read one by one."""

    def __init__(self):
        self.process = subprocess.Popen([str(SHELL)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.status = self.process.wait()

    def send(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")

    def clear(self):
        self.send("clear")

    def load(self, labels, values, step_ms):
        self.send("series", selector(labels))
        for i, value in enumerate(values):
            if value is not None:
                self.send("sample", i * step_ms,
                          value if value == STALE else repr(value))

    def evaluate(self, at_ms, expression):
        self.send("eval", at_ms, expression)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the shell ended at: {expression}")
        return json.loads(answer)
