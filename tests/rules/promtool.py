# SPDX-License-Identifier: GPL-2.0-only
"""Running `promtool test rules` and `cheshire rules test`, and reading what they say.

Test files are written as JSON, which is YAML. Neither tool's expectations are ours: promtool is
asked first with nothing expected, and what it got is then expected of both.
"""

import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("OUTPUT", ROOT / "build")).resolve()
CHESHIRE = BUILD / "cheshire"
TIMEOUT_S = 110
# `make deps` puts it there; another version would not do.
PROMTOOL = BUILD / "tools" / "promtool"
MISSING = f"{PROMTOOL} is not there (make deps)"
UNITS_S = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}


def there():
    """Whether promtool is there at all."""
    return os.access(PROMTOOL, os.X_OK)


def run(command):
    """(exit status, output): both streams as one."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout


def seconds(text):
    """1m30s, of both tools (Go writes 1m0s too)."""
    return sum(float(number) * UNITS_S[unit]
               for number, unit in re.findall(r"([0-9.]+)(ms|[ywdhms])", text))


class Failure(tuple):
    """(kind, name, time): what failed; `got` is what promtool got instead, or the error."""

    def __new__(cls, kind, name, time, got=None):
        made = super().__new__(cls, (kind, name, seconds(time)))
        made.got = got
        return made


def read_labels(text, at):
    """({name: value}, end) of {a="b", c="d"} at text[at]."""
    labels = {}
    at += 1
    while text[at] != "}":
        name = re.compile(r"[, ]*([A-Za-z_][A-Za-z0-9_]*)=").match(text, at)
        value, at = json.JSONDecoder(strict=False).raw_decode(text, name.end())
        labels[name.group(1)] = value
    return labels, at + 1


def read_alerts(text):
    """What promtool got for an alert: [(labels, annotations)]."""
    return [(read_labels(text, m.start(1))[0],
             read_labels(text, text.index("Annotations:", m.end()) + 12)[0])
            for m in re.finditer(r"^ +Labels:(\{)", text, re.M)]


def read_samples(text):
    """What promtool got for an expression: [(labels, value)]."""
    samples, at = [], text.index("{") if "{" in text else len(text)
    while at < len(text):
        labels, at = read_labels(text, at)
        value = re.compile(r" ([-+0-9.A-Za-z]+)(?:, )?").match(text, at)
        samples.append((labels, float(value.group(1))))
        at = value.end()
    return samples


HEADER = re.compile(r'^    (?:(alertname): (.*?), time: (\S+?), ?$|(expr): "(.*)", time: (\S+?),(.*)$'
                    r'|(?:name: .*, )?(rule): (.*?), time: (\S+?), err: (.*)$)', re.M)


def failures(output, unquote):
    """The checks that failed, of one file's output; promtool quotes expressions."""
    found = []
    matches = list(HEADER.finditer(output))
    for i, m in enumerate(matches):
        body = output[m.end():matches[i + 1].start() if i + 1 < len(matches) else len(output)]
        got = body[body.index("got:"):] if "got:" in body else ""
        if m.group(1):
            found.append(Failure("alert", m.group(2), m.group(3), read_alerts(got)))
        elif m.group(4):
            name = json.loads(f'"{m.group(5)}"') if unquote else m.group(5)
            error = m.group(7) if "err:" in m.group(7) else None
            found.append(Failure("expr", name, m.group(6), error or read_samples(got.strip())))
        else:
            found.append(Failure("rule", m.group(9), m.group(10), m.group(11)))
    return found


def by_file(output):
    """The output of a run over several files, for each of them."""
    parts = re.split(r"^Unit Testing:  (.*)\n", output, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def write(path, content):
    """A file of JSON; numbers that JSON has not are written as YAML does."""
    text = json.dumps(content, indent=1)
    for name, yaml in (("-Infinity", "-.inf"), ("Infinity", ".inf")):
        text = re.sub(rf"(: ){name}\b", rf"\1{yaml}", text)
    Path(path).write_text(text, encoding="utf-8")


def label_text(labels):
    """Labels as the samples of test files have them."""
    return "{" + ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}"
                           for name, value in labels.items()) + "}"


def expect(test, found):
    """The same test, expecting what promtool got."""
    got = {tuple(failure): failure.got for failure in found}
    filled = dict(test)
    filled["alert_rule_test"] = [
        {**case, "exp_alerts": [
            {"exp_labels": {k: v for k, v in labels.items() if k != "alertname"},
             "exp_annotations": annotations}
            for labels, annotations in
            got.get(("alert", case["alertname"], seconds(case["eval_time"])), [])]}
        for case in test["alert_rule_test"]]
    filled["promql_expr_test"] = [
        {**case, "exp_samples": [
            {"labels": label_text(labels), "value": value}
            for labels, value in got.get(("expr", case["expr"], seconds(case["eval_time"])), [])]}
        for case in test.get("promql_expr_test", [])]
    return filled
