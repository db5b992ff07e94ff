#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Random rules over random series: the alerts and series are those of promtool, at every time.

  tests/rules/test_generated.py [SEED [FILES]]

promtool runs each test with nothing expected; what it got is expected of both tools then. In some
files one expectation is made wrong: both must fail on just that one. Where a rule fails (two alerts
with the same labels, a limit), it must fail in both, at the same time.
"""

import random
import sys
import tempfile

import promtool

SEED = 20230131
FILES = 70
SKIP_STATUS = 77
JOBS, ZONES = ("api", "db", "web"), ("1", "2")
DURATIONS = ("0s", "30s", "1m", "1m30s", "2m", "3m", "5m", "10m")
LABELS = ({}, {}, {"severity": "page"}, {"severity": "{{ $labels.job }}-x"}, {"zone": ""},
          {"load": "{{ $value | humanize }}"}, {"team": "{{ $labels.none }}", "site": "s"},
          {"zone": "both"}, {"at": "{{ if gt $value 50.0 }}high{{ else }}low{{ end }}"})
ANNOTATIONS = ({}, {"summary": "{{ $labels.job }} of {{ $labels.zone }} is at {{ $value }}"},
               {"a": "{{ printf \"%.3f\" $value }}", "b": "{{ $value | humanizePercentage }}"},
               {"all": "{{ $labels }}"}, {"d": "{{ humanizeDuration $value }}", "empty": ""})


class Generator:
    """All choices come from one random.Random."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    # --- series ---------------------------------------------------------------------------------

    def gauge(self):
        """Stretches of one value, gaps and ends among them, in the notation of test files."""
        parts = []
        for _ in range(self.random.randint(2, 7)):
            n = self.random.randint(0, 9)
            value = self.random.randint(-40, 400) / 4
            step = self.random.randint(-8, 8) / 4
            parts.append(self.pick((f"{value}x{n}", f"{value}{step:+}x{n}", f"{value}", f"_x{n + 1}",
                                    "_", "stale", f"{value}x{n}")))
        return " ".join(parts)

    def flag(self):
        return " ".join(self.pick(("1", "0")) + f"x{self.random.randint(0, 6)}"
                        for _ in range(self.random.randint(2, 8)))

    def counter(self):
        parts = [f"{self.random.randint(0, 50)}+{self.random.randint(0, 12)}x"
                 f"{self.random.randint(3, 25)}" for _ in range(self.random.randint(1, 2))]
        return " ".join(parts)

    def series(self):
        made = []
        for metric, values in (("load", self.gauge), ("flag", self.flag), ("steps_total", self.counter)):
            pairs = [(job, zone) for job in JOBS for zone in ZONES]
            for job, zone in self.random.sample(pairs, self.random.randint(1, 4)):
                made.append({"series": f'{metric}{{job="{job}",zone="{zone}"}}', "values": values()})
        return made

    # --- rules ----------------------------------------------------------------------------------

    def expression(self, names):
        n, window = self.random.randint(-5, 95), self.pick(("1m", "3m", "5m"))
        choices = [f"load > {n}", f"load < {n}", "flag == 1", "flag != 0", f"load > {n} < {n + 20}",
                   f"increase(steps_total[{window}]) > {abs(n) / 4}",
                   f"sum by (job) (load) > {n}", f"max without (zone) (load) > {n}",
                   f"avg_over_time(load[{window}]) >= {n}", 'absent(load{job="api"})',
                   "flag == 1 unless on (job) load > 50", f"load > {n} and on (job, zone) flag == 1",
                   "count by (job) (flag == 1) > 1", "changes(flag[5m]) > 2",
                   f"vector({n}) > 40", "(flag == 1) * 100 + 0.5", "(vector(time()) % 240 == 0) and on () (load > 0)"]
        for kind, name in names:
            if kind == "alert":
                choices += [f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > 0',
                            f'time() - ALERTS_FOR_STATE{{alertname="{name}"}} >= 60']
            else:
                choices += [f"{name} > {n}", f"delta({name}[5m]) != 0"]
        return self.pick(choices)

    def rule(self, names, number):
        if self.chance(0.3):
            name = f"job:made{number}"
            expression = self.pick(("sum by (job) (load)", "load * 2", "flag == 1",
                                    "rate(steps_total[5m])", "count(load > 20)", "max(load) - min(load)",
                                    f"{self.expression(names)}"))
            names.append(("record", name))
            return {"record": name, "expr": expression, "labels": self.pick(({}, {"from": "rule"}))}
        rule = {"alert": f"A{number}", "expr": self.expression(names), "labels": self.pick(LABELS),
                "annotations": self.pick(ANNOTATIONS)}
        names.append(("alert", rule["alert"]))
        if self.chance(0.7):
            rule["for"] = self.pick(DURATIONS)
        if self.chance(0.4):
            rule["keep_firing_for"] = self.pick(DURATIONS)
        return rule

    def groups(self):
        names, groups, number = [], [], 0
        for g in range(self.random.randint(1, 3)):
            rules = []
            for _ in range(self.random.randint(2, 5)):
                number += 1
                rules.append(self.rule(names, number))
            group = {"name": f"g{g}", "rules": rules}
            if self.chance(0.05):
                group["limit"] = 3
            groups.append(group)
        return groups, names

    def time(self):
        return f"{self.random.randint(0, 40) * 30 + self.pick((0, 0, 17))}s"

    def test(self, names):
        alerts = [{"eval_time": time, "alertname": name, "exp_alerts": []}
                  for kind, name in names if kind == "alert"
                  for time in sorted({self.time() for _ in range(6)})]
        exprs = [{"expr": expr, "eval_time": time, "exp_samples": []}
                 for expr in ["ALERTS", "ALERTS_FOR_STATE", "sum(ALERTS)"] +
                 [name for kind, name in names if kind == "record"]
                 for time in sorted({self.time() for _ in range(2)})]
        return {"interval": self.pick(("15s", "30s", "45s", "1m")), "input_series": self.series(),
                "alert_rule_test": alerts, "promql_expr_test": exprs}


class File:
    """A rule file, its test, and what promtool made of it."""

    def __init__(self, folder, number, generator):
        self.path = f"{folder}/{number}.test.yml"
        groups, names = generator.groups()
        promtool.write(f"{folder}/{number}.rules.yml", {"groups": groups})
        self.head = {"rule_files": [f"{number}.rules.yml"],
                     "evaluation_interval": generator.pick(("30s", "1m", "1m", "45s")),
                     "group_eval_order": [group["name"] for group in groups]}
        self.rules = len(names)
        self.test = generator.test(names)
        self.checks = len(self.test["alert_rule_test"]) + len(self.test["promql_expr_test"])
        self.errors, self.spoilt = [], None
        self.write()

    def write(self):
        promtool.write(self.path, {**self.head, "tests": [self.test]})

    def fill(self, output):
        found = promtool.failures(output, True)
        self.errors = [f for f in found if f[0] == "rule" or isinstance(f.got, str)]
        if self.errors:
            # The alerts until then; promtool stops there.
            found = [f for f in found if f[0] == "alert"]
            self.test["promql_expr_test"] = []
        else:
            # promtool cannot expect NaN.
            nan = [f for f in found if f[0] == "expr" and any(v != v for _, v in f.got)]
            self.test["promql_expr_test"] = [
                case for case in self.test["promql_expr_test"]
                if ("expr", case["expr"], promtool.seconds(case["eval_time"])) not in nan]
        self.test = promtool.expect(self.test, found)
        self.write()

    def spoil(self, generator):
        """Makes one expectation wrong that is not empty; False: there is none."""
        alerts = [case for case in self.test["alert_rule_test"] if case["exp_alerts"]]
        exprs = [case for case in self.test["promql_expr_test"] if case["exp_samples"]]
        if self.errors or not alerts + exprs:
            return False
        case = generator.pick(alerts + exprs)
        if "alertname" in case:
            kind = generator.random.randint(0, 2)
            if kind == 0:
                case["exp_alerts"].pop()
            elif kind == 1:
                case["exp_alerts"][0]["exp_labels"]["job"] = "other"
            else:
                case["exp_alerts"][0]["exp_annotations"]["more"] = "text"
            self.spoilt = ("alert", case["alertname"], promtool.seconds(case["eval_time"]))
        else:
            case["exp_samples"][0]["value"] += generator.pick((1, 1e-9 * (1 + abs(
                case["exp_samples"][0]["value"]))))
            self.spoilt = ("expr", case["expr"], promtool.seconds(case["eval_time"]))
        self.write()
        return True

    def verdict(self, output, unquote):
        """Why the output is not what it should be; None: it is."""
        found = promtool.failures(output, unquote)
        expected = [tuple(f) for f in self.errors] or ([self.spoilt] if self.spoilt else [])
        if sorted(set(map(tuple, found))) != sorted(set(expected)) or ("SUCCESS" in output) == bool(expected):
            return f"{self.path}: expected {expected or 'success'}\n{output}"
        return None


def run_both(files):
    paths = [file.path for file in files]
    _, theirs = promtool.run([promtool.PROMTOOL, "test", "rules", *paths])
    _, ours = promtool.run([promtool.CHESHIRE, "rules", "test", *paths])
    return promtool.by_file(theirs), promtool.by_file(ours)


def compare(files):
    """(checks that both tools agree on, what differs)."""
    theirs, ours = run_both(files)
    passed, failed = 0, []
    for file in files:
        for tool, output, unquote in (("promtool", theirs, True), ("cheshire", ours, False)):
            why = file.verdict(output.get(file.path, "no output"), unquote)
            if why:
                failed.append(f"{tool} {why}")
                break
        else:
            passed += file.checks if not file.spoilt else 1
    return passed, failed


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else SEED
    count = int(sys.argv[2]) if len(sys.argv) > 2 else FILES
    if not promtool.there():
        print(promtool.MISSING)
        return SKIP_STATUS
    generator = Generator(seed)
    with tempfile.TemporaryDirectory() as folder:
        files = [File(folder, number, generator) for number in range(count)]
        _, output = promtool.run([promtool.PROMTOOL, "test", "rules", *(file.path for file in files)])
        for path, text in promtool.by_file(output).items():
            next(file for file in files if file.path == path).fill(text)
        passed, failed = compare(files)
        full = sum(len(case["exp_alerts"]) for f in files for case in f.test["alert_rule_test"])
        spoilt = [file for file in files if generator.chance(0.5) and file.spoil(generator)]
        more, wrong = compare(spoilt)
    failed += wrong
    for failure in failed[:5]:
        print("FAIL", failure[:3000])
    print(f"seed {seed}: {sum(file.rules for file in files)} rules in {count} files, {passed} checks "
          f"agree, {full} alerts expected, {sum(bool(file.errors) for file in files)} files with a rule "
          f"that fails, {more} expectations made wrong")
    print(f"{passed + more} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
