#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints which share of the lines of src/ the unit tests ran, by folder.

  tests/tools/line_coverage.py BUILD

The objects under BUILD/san are built with --coverage; gcov reads what the tests left beside them.
What only a live test can run (src/kernel, most of src/watch) is low here and covered there.
"""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path


def lines_run(build):
    """{source: {line: times run}}, over all objects that were run."""
    counts = defaultdict(lambda: defaultdict(int))
    for data in sorted((build / "san").rglob("*.gcda")):
        shown = subprocess.run(
            ["gcov", "--json-format", "--stdout", data],
            capture_output=True, text=True, timeout=60, check=True)
        for file in json.loads(shown.stdout)["files"]:
            for line in file["lines"]:
                counts[file["file"]][line["line_number"]] += line["count"]
    return counts


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    folders = defaultdict(lambda: [0, 0])
    for source, lines in lines_run(build).items():
        parts = Path(source).parts
        if parts[0] != "src" or not source.endswith(".c"):
            continue
        for name in (parts[1], "in all"):
            folders[name][0] += sum(1 for count in lines.values() if count)
            folders[name][1] += len(lines)
    if not folders:
        print("nothing was run with --coverage", file=sys.stderr)
        return 1
    for name, (run, there) in sorted(folders.items(), key=lambda item: item[0] == "in all"):
        print(f"unit tests ran {100 * run / there:5.1f} % of {there} lines of {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
