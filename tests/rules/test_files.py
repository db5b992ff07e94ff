#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Rule files and unit tests written by hand, through both tools.

  good/*.test.yml      both accept them
  failing/*.test.yml   both refuse them; where checks fail, the same ones do
  check/*.yml          both give the same verdict on them as rule files; those named bad_* fail
"""

import re
import sys
from pathlib import Path

import promtool

HERE = Path(__file__).resolve().parent
SKIP_STATUS = 77


def both(verb, path):
    theirs = promtool.run([promtool.PROMTOOL, *verb, path])
    ours = promtool.run([promtool.CHESHIRE, "rules", verb[0], path])
    return theirs, ours


def check_good(path):
    (their_status, theirs), (our_status, ours) = both(("test", "rules"), path)
    if their_status == our_status == 0:
        return None
    return f"promtool {their_status}, cheshire {our_status}\n{theirs}{ours}"


def check_failing(path):
    (their_status, theirs), (our_status, ours) = both(("test", "rules"), path)
    if their_status != 1 or our_status != 1:
        return f"promtool {their_status}, cheshire {our_status}\n{theirs}{ours}"
    if re.search(r"^\S*:\d+:\d+: ", ours, re.M):
        return None  # refused as a whole, at its place
    expected = sorted(promtool.failures(theirs, True))
    got = sorted(promtool.failures(ours, False))
    if expected != got or "FAILED" not in ours:
        return f"different checks failed\n{theirs}{ours}"
    return None


def check_rules(path):
    (their_status, theirs), (our_status, ours) = both(("check", "rules"), path)
    wanted = 1 if path.name.startswith("bad_") else 0
    if their_status == our_status == wanted and (f"{path.name}:" in ours or not wanted):
        return None
    return f"promtool {their_status}, cheshire {our_status}\n{theirs}{ours}"


def main():
    if not promtool.there():
        print(promtool.MISSING)
        return SKIP_STATUS
    passed = failed = 0
    for folder, check, pattern in (("good", check_good, "*.test.yml"),
                                   ("failing", check_failing, "*.test.yml"),
                                   ("check", check_rules, "*.yml")):
        for path in sorted((HERE / folder).glob(pattern)):
            why = check(path)
            print(f"{'FAIL' if why else 'ok'} {folder}/{path.name}" + (f": {why}" if why else ""))
            passed += not why
            failed += bool(why)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
