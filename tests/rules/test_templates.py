#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every function of templates.rules.yml over many values: the texts are promtool's, exactly.

  tests/rules/test_templates.py [SEED]
"""

import random
import sys
import tempfile
from pathlib import Path

import promtool

HERE = Path(__file__).resolve().parent
SEED = 20230131
SKIP_STATUS = 77
FIXED = ("0 1 -1 0.5 -0.5 999.95 1000 1023.9 1024 1048575.9 59.99 60 3599.5 3600 86399 90061 -90061.5 "
         "100000 999999.5 1e6 1234567.891 123456789 1700000000.123 9.2e9 1e-4 1e-5 1e-7 "
         "0.000123456 1e-300 3e-320 2.5 0.1 1.005 Inf -Inf NaN").split()


def values(seed):
    generator = random.Random(seed)
    some = [generator.uniform(-1, 1) * 10 ** generator.randint(-12, 9) for _ in range(80)]
    return FIXED + [repr(value) for value in some]


def test_of(value, label):
    return {"interval": "1m",
            "external_labels": {"site": "lab"},
            "external_url": "http://localhost/x",
            "input_series": [{"series": f'v{{i="{label}"}}', "values": value}],
            "alert_rule_test": [{"eval_time": "0s", "alertname": "T", "exp_alerts": []}]}


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else SEED
    if not promtool.there():
        print(promtool.MISSING)
        return SKIP_STATUS
    passed, failed = 0, []
    with tempfile.TemporaryDirectory() as name:
        rules = {"rule_files": [str(HERE / "templates.rules.yml")]}
        tests = {}
        for i, value in enumerate(values(seed)):
            path = f"{name}/{i}.yml"
            tests[path] = test_of(value, "aBc d"[i % 4:] + "x" * (i % 3))
            promtool.write(path, {**rules, "tests": [tests[path]]})
        _, output = promtool.run([promtool.PROMTOOL, "test", "rules", *tests])
        for path, text in promtool.by_file(output).items():
            promtool.write(path, {**rules, "tests": [promtool.expect(
                tests[path], promtool.failures(text, True))]})
        status, theirs = promtool.run([promtool.PROMTOOL, "test", "rules", *tests])
        if status:
            failed.append(f"promtool does not agree with itself\n{theirs}")
        _, output = promtool.run([promtool.CHESHIRE, "rules", "test", *tests])
        theirs = promtool.by_file(theirs)
        for path, text in promtool.by_file(output).items():
            if "SUCCESS" in text:
                passed += 1
            else:
                failed.append(f"{tests[path]['input_series']}\n{text}")
    for failure in failed[:5]:
        print("FAIL", failure)
    print(f"seed {seed}: {len(tests)} values")
    print(f"{passed} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed or passed != len(tests) else 0


if __name__ == "__main__":
    sys.exit(main())
