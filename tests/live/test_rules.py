# SPDX-License-Identifier: GPL-2.0-only
"""Rule files in a running watch: restarts, reloads, the document's rules, the exported budgets."""

import json
import signal
import socket
import sys
import time
from contextlib import ExitStack
from datetime import datetime

from builtin import STAGES, Planted
from harness import CHESHIRE, ROOT, Process, Skip, config, test, wait_until

QUIET = {"voice": "memory:stage_voice"}
NOTHING = config(QUIET, more="budgets: {}\n")
BIG = "alice_memory_usage_mb > 200"


def rule_text(**alerts):
    """A rule file: NAME=(expression, for) each."""
    lines = ["groups:", "- name: g", "  interval: 1s", "  rules:"]
    for name, (expr, hold) in alerts.items():
        lines += [f"  - alert: {name}", f"    expr: {expr}", f"    for: {hold}"]
    return "\n".join(lines) + "\n"


def of_rules(watch, name, state):
    return [item for item in watch.alerts(name, state) if item[1].get("rule")]


def wait_rule(watch, name, state, timeout_s=15):
    """(arrival, line)"""
    return wait_until(lambda: of_rules(watch, name, state), timeout_s, f"{name} is {state}")[0]


def since(line):
    return datetime.fromisoformat(line["since"].replace("Z", "+00:00")).timestamp()


def big_target(t):
    target = t.target("memory", wait=False)
    target.command("grow 300")
    return target


# --- restarts ---


@test(150, waits=True)
def alerts_of_rules_go_on_after_a_restart(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Now=(BIG, "0s"), Soon=(BIG, "20s")))
    path = t.dir / "state.json"
    args = ("--rules", rules, "--state", path)
    first = t.watch(target.pid, NOTHING, *args)
    began, now = wait_rule(first, "Now", "firing")
    wait_until(lambda: time.monotonic() > began + 7, 15, "seven seconds of waiting are over")
    first.stop()
    waited = first.objects("bye")[0][0] - began
    t.equal(of_rules(first, "Soon", "firing"), [], "alerts after so short a time")
    t.equal(path.stat().st_mode & 0o7777, 0o600, "mode of the state file")
    t.equal([other.name for other in t.dir.glob(".state*")], [], "files left over")

    # Nobody watches: that is no time to wait.
    ended = time.monotonic()
    wait_until(lambda: time.monotonic() > ended + 4, 15, "four seconds without anybody")
    started = time.monotonic()
    second = t.watch(target.pid, NOTHING, *args)
    _, again = wait_rule(second, "Now", "firing")
    t.equal(again["since"], now["since"], "since")
    fired, soon = wait_rule(second, "Soon", "firing", 30)
    t.between(fired - started, 20 - waited - 1.5, 20 - waited + 5.5, "seconds to wait on")
    t.check(since(soon) > since(now) + 20, "the time without anybody counted")
    target.command("free")
    wait_rule(second, "Now", "resolved")
    wait_rule(second, "Soon", "resolved")
    second.stop()
    t.equal(json.loads(path.read_text(encoding="utf-8"))["alerts"], [], "alerts left over")


@test(60)
def a_state_file_is_whole_when_cheshire_is_killed(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Now=(BIG, "0s")))
    path = t.dir / "state.json"
    first = t.watch(target.pid, NOTHING, "--rules", rules, "--state", path)
    _, now = wait_rule(first, "Now", "firing")
    wait_until(path.exists, 15, "the state is written")
    first.signal(signal.SIGKILL)
    t.equal(first.wait(), -signal.SIGKILL, "exit status")
    saved = json.loads(path.read_text(encoding="utf-8"))["alerts"]
    t.equal([(alert["alert"], alert["state"]) for alert in saved], [("Now", "firing")], "saved")
    (t.dir / ".state.json.new").write_text("half", encoding="utf-8")
    second = t.watch(target.pid, NOTHING, "--rules", rules, "--state", path)
    _, again = wait_rule(second, "Now", "firing")
    t.equal(again["since"], now["since"], "since")
    second.stop()
    t.check(not (t.dir / ".state.json.new").exists(), "what was left half-written stays")


@test(90, waits=True)
def state_files_that_are_of_no_use(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Now=(BIG, "0s")))
    path = t.dir / "state.json"

    def run_on():
        """One short watch; what it says on stderr."""
        watch = t.watch(target.pid, NOTHING, "--rules", rules, "--state", path)
        _, line = wait_rule(watch, "Now", "firing")
        watch.stop()
        return line, watch.errors()

    line, _ = run_on()
    good = json.loads(path.read_text(encoding="utf-8"))
    hour_ms = 3600 * 1000
    for change, why in (
        ({"saved_ms": good["saved_ms"] - hour_ms, "alerts": []}, "older than an hour"),
        ({"saved_ms": good["saved_ms"] + hour_ms}, "time to come"),
        ({"target": "hatter"}, "another target"),
        ({"format": "other"}, "not a state file of this version"),
        ({"alerts": [*good["alerts"], {}]}, '"group"'),
    ):
        path.write_text(json.dumps({**good, **change}), encoding="utf-8")
        other, errors = run_on()
        t.check("not used" in errors and why in errors, f"{change}: {errors}")
        t.check(since(other) > since(line), f"{change}: state was taken")
    elsewhere = t.write("elsewhere.json", json.dumps(good))
    path.unlink()
    path.symlink_to(elsewhere)
    _, errors = run_on()
    t.check("not a regular file of our own" in errors, f"a link: {errors}")
    t.equal(json.loads(elsewhere.read_text(encoding="utf-8")), good, "what the link leads to")
    t.check(not path.is_symlink(), "the link was not replaced")
    gone = {**good["alerts"][0], "alert": "Gone"}
    gone["labels"] = {"alertname": "Gone"}
    saved = {**json.loads(path.read_text(encoding="utf-8")), "alerts": [gone]}
    path.write_text(json.dumps(saved), encoding="utf-8")
    _, errors = run_on()
    t.check("1 alerts are of rules that are not there any more" in errors, errors)


@test(60)
def a_state_file_that_cannot_be_written(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Now=(BIG, "0s")))
    folder = t.dir / "full"
    folder.mkdir()
    mounted = t.run("mount", "-t", "tmpfs", "-o", "size=4k", "none", folder)
    if mounted.returncode:
        raise Skip(f"no tmpfs: {mounted.stderr.strip()}")
    t.cleanups.append(lambda: t.run("umount", "-l", folder))
    (folder / "all").write_bytes(b"x" * 4096)
    watch = t.watch(target.pid, NOTHING, "--rules", rules, "--state", folder / "state.json")
    wait_rule(watch, "Now", "firing")
    wait_until(lambda: "cannot be written (-ENOSPC)" in watch.errors(), 15, "a full disk is told")
    watch.stop()
    t.equal(watch.errors().count("cannot be written"), 1, "how often it is said")
    t.equal([path.name for path in folder.iterdir()], ["all"], "files there")


@test()
def a_state_file_needs_rules(t):
    done = t.run(CHESHIRE, "watch", "--pid", 1, "--state", t.dir / "x")
    t.equal(done.returncode, 2, "exit code")
    t.check("--state" in done.stderr, done.stderr)


@test(60)
def the_end_of_the_target_is_seen_by_rules(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Big=(BIG, "0s"), Down=("alice_target_up == 0", "0s")))
    path = t.dir / "state.json"
    watch = t.watch(target.pid, NOTHING, "--rules", rules, "--state", path)
    wait_rule(watch, "Big", "firing")
    t.equal(of_rules(watch, "Down", "firing"), [], "alerts of a target that runs")
    target.signal(signal.SIGKILL)
    t.equal(watch.wait(), 4, "exit status")
    t.equal(len(of_rules(watch, "Down", "firing")), 1, "told once")
    # The next process is not down.
    saved = json.loads(path.read_text(encoding="utf-8"))["alerts"]
    t.equal([alert["alert"] for alert in saved], ["Big"], "what goes on")


# --- reloads ---


@test(90, waits=True)
def reloaded_rules_go_on(t):
    target = big_target(t)
    rules = t.write(
        "rules.yml", rule_text(Stays=(BIG, "0s"), Waits=(BIG, "12s"), Goes=(BIG, "0s"))
    )
    watch = t.watch(target.pid, NOTHING, "--rules", rules)
    began, _ = wait_rule(watch, "Stays", "firing")
    wait_rule(watch, "Goes", "firing")
    for _ in range(5):
        target.command("voice 5")
    wait_until(lambda: time.monotonic() > began + 4, 15, "some time is over")
    rules.write_text(rule_text(Stays=(BIG, "0s"), New=(BIG, "0s"), Waits=(BIG, "12s")))
    watch.signal(signal.SIGHUP)
    watch.wait_for("note", 15, lambda line: line["event"] == "reload")
    wait_rule(watch, "Goes", "resolved")
    wait_rule(watch, "New", "firing")
    fired, _ = wait_rule(watch, "Waits", "firing", 20)
    t.between(fired - began, 11, 14, "seconds that it was pending")
    t.equal(len(of_rules(watch, "Stays", "firing")), 1, "how often one that goes on is told")
    t.equal(of_rules(watch, "Stays", "resolved"), [], "resolved")
    summary = watch.stop()
    t.equal(summary.count("voice"), 5, "calls, those before the reload too")
    t.equal(summary.line["alerts_firing"], 3, "alerts_firing")
    listed = sorted(line["alert"] for line in summary.line["firing"])
    t.equal(listed, ["New", "Stays", "Waits"], "firing in the summary")


@test(60)
def bad_rules_keep_the_old_ones(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Stays=(BIG, "0s")))
    watch = t.watch(target.pid, NOTHING, "--rules", rules)
    wait_rule(watch, "Stays", "firing")
    rules.write_text(rule_text(Stays=("alice_memory_usage_mb >", "0s"), Two=("nobody > 1", "0s")))
    watch.signal(signal.SIGHUP)
    _, note = watch.wait_for("note", 15, lambda line: line["event"] == "reload_failed")
    t.check("stay in force" in note["text"], note["text"])
    wait_until(lambda: "rules.yml:6:" in watch.errors(), 15, "the mistake is named by its place")
    t.equal(of_rules(watch, "Stays", "resolved"), [], "resolved by a bad file")
    target.command("free")
    wait_rule(watch, "Stays", "resolved")
    t.equal(len(of_rules(watch, "Stays", "firing")), 1, "how often it is told")
    watch.stop()


@test(60)
def rules_that_read_too_much_keep_the_old_ones(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Stays=(BIG, "0s")))
    watch = t.watch(target.pid, NOTHING, "--rules", rules)
    wait_rule(watch, "Stays", "firing")
    windows = (f'alice_cpu_usage_mean_percent{{window="{s}s"}} > 0' for s in range(1, 4200))
    rules.write_text(rule_text(**{f"W{i}": (expr, "0s") for i, expr in enumerate(windows)}))
    watch.signal(signal.SIGHUP)
    _, note = watch.wait_for("note", 30, lambda line: line["event"] == "reload_failed")
    t.check("stay in force" in note["text"], note["text"])
    target.command("free")
    wait_rule(watch, "Stays", "resolved")
    watch.stop()


@test(90, waits=True)
def a_changed_configuration_leaves_no_gap(t):
    target = big_target(t)
    rules = t.write("rules.yml", rule_text(Stays=(BIG, "0s"), Waits=(BIG, "12s")))
    watch = t.watch(target.pid, NOTHING, "--rules", rules)
    began, _ = wait_rule(watch, "Stays", "firing")
    wait_until(lambda: time.monotonic() > began + 4, 15, "some time is over")
    path = t.dir / "config.yaml"
    path.write_text(
        NOTHING.replace("budgets: {}", "budgets: { threads.count: { warning: 1000 } }"),
        encoding="utf-8",
    )
    watch.signal(signal.SIGHUP)
    watch.wait_for("note", 15, lambda line: line["event"] == "reload")
    fired, _ = wait_rule(watch, "Waits", "firing", 20)
    t.between(fired - began, 11, 14, "seconds that it was pending")
    told = [line["state"] for _, line in watch.alerts("Stays")]
    t.equal(told, ["firing"], "what is told of the rule that fires on")
    watch.stop()


# --- the document's rules ---

# The times are those of a test; all else stands as in the document.
SHORTER = {
    "for: 5m": "for: 4s",
    "for: 2m": "for: 4s",
    "for: 1m": "for: 4s",
    "for: 10m": "for: 4s",
    "[1h]": "[30s]",
}


@test(120, waits=True)
def the_four_rules_of_the_document(t):
    """As a file they load as they are; so that they fire in a test, a copy with shorter times.

    tests/rules/good/alice.test.yml runs the file itself, over its own times.
    """
    verbatim = ROOT / "tests" / "rules" / "alice.rules.yml"
    done = t.run(CHESHIRE, "check", "--rules", verbatim)
    t.equal(done.returncode, 0, f"exit code of check: {done.stderr}")
    t.check("increase" in done.stderr, f"no warning of the gauge's increase: {done.stderr}")
    text = verbatim.read_text(encoding="utf-8")
    for old, new in SHORTER.items():
        t.equal(text.count(old), 1, f"how often '{old}' stands in the file")
        text = text.replace(old, new)
    rules = t.write("rules.yml", text)
    faults = ["burn-thread=99%", "hold=1100MB", "slow-stt=2700ms"]
    alice = Planted(t, "--fast", "--push-to-talk", "--pause", "200ms", preferred=True, cpu=0)
    settings = "target: { name: alice }\nlimits: { overhead: 50%, records: 5000/s }\n"
    watch = t.watch(alice.pid, settings + STAGES + "budgets: {}\n", "--rules", rules)
    alice.go()
    alice.turns(3)
    t.equal(watch.alerts(), [], "alerts while all is well")
    for fault in faults:
        alice.plant(fault)
    expected = {
        "CPUUsageHigh": ("warning", "Alice CPU usage exceeds budget", 50),
        "MemoryUsageHigh": ("critical", "Alice memory usage exceeds budget", 1024),
        "VoiceLatencyHigh": ("warning", "Voice response latency exceeds SLA", 2500),
        "MemoryLeakDetected": ("critical", "Potential memory leak detected", 20),
    }
    for name, (severity, summary, limit) in expected.items():
        _, line = wait_rule(watch, name, "firing", 40)
        t.equal(line["severity"], severity, f"severity of {name}")
        t.equal(line["annotations"]["summary"], summary, f"summary of {name}")
        t.check(line["value"] > limit, f"{name}: {line['value']} is not over {limit}")
    for fault in faults:
        alice.lift(fault)
    for name in ("CPUUsageHigh", "MemoryUsageHigh"):
        wait_rule(watch, name, "resolved", 20)
    for name in expected:
        t.equal(len(of_rules(watch, name, "firing")), 1, f"how often {name} is told")
    watch.stop()


# --- exported budgets ---

BUDGETS = """\
budgets:
  memory.rss: { target: 50MB, warning: 200MB, critical: 500MB, for: 2s, alert: Memory }
  memory.peak: { window: 8s, target: 50MB, warning: 250MB, for: 0s, alert: Peak }
  threads.count: { stat: now, target: 10, warning: 20, critical: 60, for: 1s, alert: Threads }
  fds.open: { target: 20, warning: 40, critical: 100, for: 3s, alert: Descriptors }
  cpu.usage: { stat: average, window: 4s, target: 2%, warning: 5%, critical: 15%, for: 1s, alert: CPU }
  voice.latency: { stat: p95, window: 30s, target: 30ms, warning: 60ms, critical: 200ms, for: 1s,
    alert: Voice }
alerts: { rate: 1000/min }
"""


def crossings(lines, told):
    """{(alert, severity): [(arrival, True or False)]} from the lines of alerts."""
    seen = {}
    for arrival, line in lines:
        for severity, active in told(line).items():
            changes = seen.setdefault((line["alert"], severity), [(0, False)])
            if changes[-1][1] != active:
                changes.append((arrival, active))
    return {key: changes[1:] for key, changes in seen.items() if changes[1:]}


def of_budget(line):
    """One alert whose severity moves: over the critical limit is over the warning too."""
    firing = line["state"] == "firing"
    return {
        "warning": firing,
        "critical": firing and line["severity"] == "critical",
    }


def of_exported(line):
    return {line["severity"]: line["state"] == "firing"}


@test(200, waits=True)
def exported_budgets_agree(t):
    """The budgets and the same ones as exported rules, on the same faults."""
    target = t.target("memory", wait=False)
    settings = config(QUIET, more=BUDGETS)
    written = t.write("budgets.yaml", settings)
    done = t.run(CHESHIRE, "export", "rules", "--config", written)
    t.equal(done.returncode, 0, f"exit code of export: {done.stderr}")
    rules = t.write("rules.yml", done.stdout)
    watch = t.watch(target.pid, settings, "--rules", rules)

    def firing(name, severity):
        lines = [line for _, line in watch.alerts(name) if not line.get("rule")]
        return lines and lines[-1]["state"] == "firing" and lines[-1]["severity"] == severity

    def resolved(name):
        lines = [line for _, line in watch.alerts(name) if not line.get("rule")]
        return lines and lines[-1]["state"] == "resolved"

    def until(what, condition, command=None):
        def look():
            if command:
                target.command(command)
            return condition()

        wait_until(look, 25, what)

    for command, name, severity in (
        ("grow 300", "Memory", "warning"), ("threads 40", "Threads", "warning"),
        ("grow 300", "Memory", "critical"), ("fds 60", "Descriptors", "warning"),
        ("threads 40", "Threads", "critical"), ("fds 60", "Descriptors", "critical"),
    ):
        target.command(command)
        until(f"{name} is {severity}", lambda: firing(name, severity))
    until("CPU is critical", lambda: firing("CPU", "critical"), "burn 400")
    target.command("free")
    until("Memory is over", lambda: resolved("Memory"))
    until("Peak is over", lambda: resolved("Peak"))
    until("CPU is over", lambda: resolved("CPU"))
    until("Voice is critical", lambda: firing("Voice", "critical"), "work 250")
    for _ in range(60):
        target.command("work 1")
    until("Voice is over", lambda: resolved("Voice"), "work 1")
    time_left = time.monotonic() + 3
    wait_until(lambda: time.monotonic() > time_left, 10, "the rules had their time too")
    watch.stop()
    budgets = crossings([a for a in watch.alerts() if not a[1].get("rule")], of_budget)
    exported = crossings([a for a in watch.alerts() if a[1].get("rule")], of_exported)
    t.check(len(budgets) >= 10, f"only {sorted(budgets)} changed")
    t.equal(sorted(exported), sorted(budgets), "alerts that changed")
    for key, changes in budgets.items():
        others = exported[key]
        t.equal([on for _, on in others], [on for _, on in changes], f"changes of {key}")
        for (ours, _), (theirs, _) in zip(changes, others):
            t.between(theirs - ours, -2, 2, f"seconds from the budget to the rule of {key}")



# Accepts, greets and keeps.
SERVER = """
import socket
port = socket.create_server(("127.0.0.1", 0))
print(port.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(port.accept()[0])
    kept[-1].sendall(b"x")
"""

TIERS = """\
target: {{ name: alice }}
budgets: {{}}
users:
  port: {port}
  hold: 1s
  tiers:
    - {{ up_to: 3, name: few, budgets: {{ threads.count: {{ warning: 0.5, for: 0s, alert: Few }} }} }}
    - name: many
      budgets: {{ users.connections: {{ target: 3, warning: 3, for: 0s, alert: Many }} }}
"""


@test(60)
def exported_tiers_agree(t):
    """The users are connections: those of a tier come and go with it, in rules as in budgets."""
    server = Process(t, "server", [sys.executable, "-c", SERVER])
    _, (_, line) = server.lines.wait(lambda _: True, 15, "the server's ports")
    port = int(line)
    settings = TIERS.format(port=port)
    written = t.write("tiers.yaml", settings)
    done = t.run(CHESHIRE, "export", "rules", "--config", written)
    t.equal(done.returncode, 0, f"exit code of export: {done.stderr}")
    watch = t.watch(server.pid, settings, "--rules", t.write("rules.yml", done.stdout))

    def states(name):
        """Of the budget and of the rule."""
        told = watch.alerts(name)
        return [
            next((line["state"] for _, line in reversed(told) if bool(line.get("rule")) == rule), "")
            for rule in (False, True)
        ]

    few, many = "Few", "Many"
    wait_until(lambda: states(few) == ["firing"] * 2, 15, "the first tier, without users")
    with ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            t.equal(client.recv(1), b"x", "greeting of the server")
        wait_until(lambda: states(many) == ["firing"] * 2, 15, "the second tier")
        wait_until(lambda: states(few) == ["resolved"] * 2, 15, "the first tier is left")
    watch.stop()
    for name in (few, many):
        ours, theirs = (
            [arrival for arrival, line in watch.alerts(name) if bool(line.get("rule")) == rule]
            for rule in (False, True)
        )
        t.equal(len(theirs), len(ours), f"changes of {name}")
        for a, b in zip(ours, theirs):
            t.between(b - a, -2, 2, f"seconds from the budget to the rule of {name}")
