#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""docs/coverage.md: is all of the document on it, and is nothing on it invented?

Every row of ROWS, copied from the document, must stand in the first column of a table there, with
an answer, and with a test unless the answer is "later" or names no metric and no command. Tests
must exist under tests/ (file and function), commands and options in the program's own help. The
metric ids are checked by tests/unit/test_coverage.c against the tables of the program.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("OUTPUT", ROOT / "build")).resolve()
PAGE = ROOT / "docs" / "coverage.md"

# Every table row, component target, rule, widget, measure, level, case study and tool.
ROWS = """
Average CPU Usage; Peak CPU Usage; Voice Processing CPU; Background Tasks CPU
Baseline Memory; Peak Memory Usage; Memory Growth Rate; Memory Leak Detection
Wake Word Detection; Speech-to-Text Latency; Intent Processing; Response Generation
Text-to-Speech; End-to-End Latency
Disk I/O Rate; Network Bandwidth; File Descriptors; Thread Count; Database Connections
1-5 users; 5-15 users; 15-30 users; 30+ users
STT Target: 1-minute audio in < 300ms; STT Memory: < 200MB per concurrent stream
STT CPU: < 40% during active processing; STT Model Size: < 100MB for on-device models
TTS Target: 10 seconds of audio in < 200ms; TTS Memory: < 150MB per voice model
TTS CPU: < 30% during synthesis; TTS Audio Quality: 16kHz+ sample rate, < 3% WER
NLU Target: Process intent in < 200ms; NLU Memory: < 100MB for language models
NLU Accuracy: > 95% for common intents; NLU Latency: < 100ms for cached responses
Simple queries; Complex queries; Full-text search; Analytics queries
Pool size; Connection timeout; Query timeout; Connection recycling
TTS Audio Cache; Intent Recognition; API Response Cache; Database Query Cache
TTS Cache; Intent Cache; API Cache; Database Cache
CPUUsageHigh; MemoryUsageHigh; VoiceLatencyHigh; MemoryLeakDetected
CPU Usage Timeline; Memory Usage & Growth; Voice Latency Percentiles; Concurrent Users
Error Rates; Resource Utilization; Cache Performance
Monitoring Alert; Analyze Metrics; Identify Root Cause; Apply Optimization; Measure Impact
Update Budgets; Optimization Priority Matrix
Baseline Performance Test; Load Testing; Soak Testing; Stress Testing; Performance Regression
Continuous Profiling; Anomaly Detection; Capacity Planning; Performance Reports
Local Testing; CI/CD Integration; Code Review; Staging Environment
Circuit Breakers; Rate Limiting; Auto-Scaling; Performance Alerts
Case Study 1: Wake Word Detection Latency; Case Study 2: Memory Growth During Long Sessions
Case Study 3: TTS Response Time Optimization
Monthly Performance Reviews; Quarterly Budget Updates
Prometheus; Grafana; Jaeger; cProfile; psutil; memory_profiler; py-spy; locust
pytest-benchmark; Built-in Profiler; Soak Test Runner; Health Monitoring; Metrics Collection
P0 - Critical; P1 - High; P2 - Medium; P3 - Low
"""

problems = []


def require(good, what):
    if not good:
        problems.append(what)


def table_rows(text):
    """(document, answer, shown by) of every row of every table."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and not set(cells[0]) <= set("-: "):
            yield tuple(cells)


def is_defined(name, path):
    """A test of that name in the file: a marked function, or one that cmocka is given."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return re.search(rf"^@test\(.*\)\ndef {name}\(", text, re.M) is not None
    return f"cmocka_unit_test({name})" in text or f"cmocka_unit_test_setup_teardown({name}" in text


def check_test(word):
    """`test_x.py:name` is a live test, `test_x.c:name` a unit test."""
    file, _, name = word.partition(":")
    folder = "live" if file.endswith(".py") else "unit"
    path = ROOT / "tests" / folder / file
    require(path.is_file(), f"no such file: tests/{folder}/{file}")
    if path.is_file():
        require(is_defined(name, path), f"no test {name} in tests/{folder}/{file}")


def help_of(*command):
    shown = subprocess.run([BUILD / "cheshire", *command, "--help"], capture_output=True,
                           text=True, timeout=10, check=False, stdin=subprocess.DEVNULL)
    return shown.stdout + shown.stderr


def check_command(word):
    """`cheshire COMMAND --option VALUE`: both are in the help."""
    _, command, *rest = word.split()
    require(re.search(rf"^  {command}\s", help_of(), re.M), f"no such command: {word}")
    check_options(word, rest, help_of(command))


def check_options(word, options, text):
    for option in options:
        if option.startswith("--"):
            require(re.search(rf"(^|[\s,\[]){option}\b", text, re.M), f"no such option: {word}")


def check_words(cell):
    for word in re.findall(r"`([^`]+)`", cell):
        if re.fullmatch(r"test_\w+\.(py|c):\w+", word):
            check_test(word)
        elif word.startswith("tests/"):
            require((ROOT / word).is_file(), f"no such file: {word}")
        elif word.startswith("cheshire "):
            check_command(word)
        elif word.startswith("--"):
            check_options(word, word.split(), help_of("watch"))


def main():
    text = PAGE.read_text(encoding="utf-8")
    rows = list(table_rows(text))
    first = [row[0] for row in rows]
    for wanted in (row.strip() for row in re.split(r"[;\n]", ROWS)):
        if wanted:
            require(first.count(wanted) == 1, f"{first.count(wanted)} times on the page: {wanted}")
    for name, answer, shown in rows:
        require(answer, f"no answer: {name}")
        promised = re.search(r"`\w+\.[\w.]+`|`cheshire |`--", answer)
        require(shown or "later" in answer or not promised, f"no test: {name}")
        check_words(answer + shown)
    check_words(" ".join(line for line in text.splitlines() if not line.startswith("|")))
    for name in re.findall(r"\b([a-z]+\.md)\b", text):
        require((ROOT / "docs" / name).is_file(), f"no such page: docs/{name}")
    for problem in problems:
        print(f"coverage: {problem}")
    if not problems:
        print(f"{len(rows)} rows of the document are answered")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
