#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Budgets exported as rules: both tools accept them, and they mean what the budgets mean.

Several configurations go through `cheshire export rules`. What comes out is checked by both tools,
and run by both over series whose alerts follow from the documented hysteresis: it fires when the
limit has been crossed for `for`, and is over when the value has been below 95 % of the limit, or
where it should be, for `for`.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import promtool

SKIP_STATUS = 77
DEMO = promtool.ROOT / "tests" / "assistants" / "demo.yaml"
STAGES = "stages: { stt: { call: 'a:b' }, tts: { call: 'a:c' } }\n"

# name: (configuration, how many alerts; at least, from 10 on)
CONFIGURATIONS = {
    "built in": (None, 60),
    "none": ("budgets: {}\n", 0),
    "one": ("target: { name: hatter }\nbudgets: { threads.count: { warning: 10, for: 1m } }\n", 1),
    "stages": (STAGES + """\
budgets:
  stt.latency: { stat: p95, window: 90s, target: 300ms, warning: 500ms, critical: 1s, for: 10s }
  tts.error_rate: { window: 15m, warning: 5%, min_count: 20 }
  turn.gap.stt.tts: { stat: max, window: 1m, critical: 2s }
  turn.latency: { warning: 2s, min_count: 5 }
""", 5),
    "demo": (DEMO.read_text(encoding="utf-8"), 10),
    "names": ("""\
budgets:
  fds.open: { warning: 10, alert: 'a "b" \\ {{ .c }} %', action: '{{', impact: "two\\nlines" }
""", 1),
    "tiers": ("""\
budgets: {}
users:
  hold: 30s
  tiers:
    - { up_to: 2, name: "a {{ few }}", budgets: { threads.count: { warning: 10 } } }
    - { up_to: 5, name: some, budgets: { threads.count: { warning: 20 } } }
    - { name: many, budgets: { users.active: { warning: 8 } } }
""", 3),
}

HYSTERESIS = """\
budgets:
  threads.count: { stat: now, target: 90, warning: 100, critical: 200, for: 30s, alert: Threads }
  fds.open: { stat: now, target: 99, warning: 100, for: 0s, alert: Descriptors }
  cpu.usage: { stat: average, window: 1m, warning: 50%, for: 30s, alert: CPU }
"""
TIERS = """\
budgets: {}
users:
  hold: 30s
  tiers:
    - { up_to: 2, name: few, budgets: { threads.count: { stat: now, warning: 10, for: 0s } } }
    - { up_to: 5, name: some, budgets: { threads.count: { stat: now, warning: 20, for: 0s } } }
    - { name: many, budgets: { threads.count: { stat: now, warning: 22, for: 0s } } }
"""
USERS = 'alice_users_active_max{window="1m"}'
FIRING = 'count by (alertname, severity, tier) (ALERTS{alertstate="firing"})'


def exported(folder, name, text):
    """The path of the exported file."""
    command = [promtool.CHESHIRE, "export", "rules"]
    if text is not None:
        config = Path(folder) / f"{name}.yaml"
        config.write_text(text, encoding="utf-8")
        command += ["--config", config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
    path = Path(folder) / f"{name}.rules.yml"
    path.write_text(done.stdout, encoding="utf-8")
    return path


def check_configuration(folder, name):
    text, least = CONFIGURATIONS[name]
    path = exported(folder, name.replace(" ", "_"), text)
    for tool in (promtool.PROMTOOL, promtool.CHESHIRE):
        verb = ["check", "rules"] if tool == promtool.PROMTOOL else ["rules", "check"]
        status, output = promtool.run([tool, *verb, path])
        if status or "duplicate" in output:
            return output
        found = len(re.findall(r"^  - alert:", path.read_text(encoding="utf-8"), re.M))
        if found < least or (least < 10 and found != least):
            return f"{found} alerts, not {least}"
    return None


def expectations(alerts):
    """[(time in s, {(alert, severity[, tier]), ...})] as tests of the alerts that fire."""
    return [{"expr": FIRING, "eval_time": f"{at}s",
             "exp_samples": [{"labels": promtool.label_text(
                 dict(zip(("alertname", "severity", "tier"), alert))), "value": 1}
                 for alert in sorted(firing)]}
            for at, firing in alerts]


def check_series(folder, name, text, series, alerts):
    path = exported(folder, name, text)
    test = Path(folder) / f"{name}.test.yml"
    promtool.write(test, {
        "rule_files": [str(path)],
        "evaluation_interval": "1s",
        "tests": [{"interval": "10s",
                   "input_series": [{"series": s, "values": v} for s, v in series.items()],
                   "promql_expr_test": expectations(alerts)}]})
    for command in ([promtool.PROMTOOL, "test", "rules", test],
                    [promtool.CHESHIRE, "rules", "test", test]):
        status, output = promtool.run(command)
        if status:
            return output
    return None


def hysteresis(folder):
    """Samples every 10 s, evaluated every second. `ax3` are four values."""
    warning, critical, cpu = ("Threads", "warning"), ("Threads", "critical"), ("CPU", "warning")
    return check_series(folder, "hysteresis", HYSTERESIS, {
        # From 20 s over the warning, 96 % of it at 60 s, 94 % from 80 s; the critical limit from
        # 140 s, 191 from 180 s (95 % is 190), 189 from 220 s, 90 (where it should be) from 260 s.
        "alice_threads_count": "50 50 110x3 96 96 94x5 250x3 191x3 189x3 90x9",
        # 96 is over 95 % of the limit, but where it should be.
        "alice_fds_open": "0 101 99.5 99 101 96 0x30",
        'alice_cpu_usage_mean_percent{window="1m"}': "10 60 60 10 60x30",
    }, [
        (10, {("Descriptors", "warning")}),
        (20, {("Descriptors", "warning")}),
        (30, set()),
        (40, {("Descriptors", "warning")}),
        (49, {("Descriptors", "warning")}),
        (50, {warning}),
        (69, {warning}),
        (70, {warning, cpu}),
        (109, {warning, cpu}),
        (110, {cpu}),
        (169, {cpu}),
        (170, {cpu, warning, critical}),
        (249, {cpu, warning, critical}),
        (250, {cpu, warning}),
        (289, {cpu, warning}),
        (290, {cpu}),
    ])


def tiers(folder):
    """The first tier without users; a higher one at once, a lower one after 30 s."""
    few, some, many = ({("Threads count now", "warning", name)} for name in ("few", "some", "many"))
    return check_series(folder, "tiers", TIERS, {
        "alice_threads_count": "15x5 25x40",
        USERS: "_ _ 1x3 4x3 1x9 7x3 1x20",
    }, [(0, few), (59, few), (60, some), (120, some), (121, few), (199, few), (200, many),
        (260, many), (261, few), (300, few)])


def main():
    if not promtool.there():
        print(promtool.MISSING)
        return SKIP_STATUS
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        checks = [(name, lambda n=name: check_configuration(folder, n)) for name in CONFIGURATIONS]
        checks += [("hysteresis", lambda: hysteresis(folder)), ("tiers", lambda: tiers(folder))]
        for name, check in checks:
            why = check()
            print(f"{'FAIL' if why else 'ok'} {name}" + (f": {why}" if why else ""))
            passed += not why
            failed += bool(why)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
