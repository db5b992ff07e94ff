# SPDX-License-Identifier: GPL-2.0-only
"""When an alert comes, when it goes, and what never makes one."""

import signal
import time

from harness import TARGETS, Failure, config, test, wait_until

WORK = {"work": "steady:stage_work"}
FOR_S = 2
WINDOW_S = 2


def budgets(**budget):
    """One budget on work.latency: fires above 100 ms, critically above 500 ms.

    A call of a millisecond or two may wait for a CPU for many times as long.
    """
    fields = {
        "stat": "max",
        "window": f"{WINDOW_S}s",
        "target": "50ms",
        "warning": "100ms",
        "critical": "500ms",
        "for": f"{FOR_S}s",
        "action": '"Look at it"',
        **budget,
    }
    text = ", ".join(f"{key}: {value}" for key, value in fields.items())
    return f"budgets:\n  work.latency: {{ {text} }}\n"


def logged_s(target):
    """Ends the target; the durations of its calls, by its own log."""
    target.send_line("quit")
    return [ns / 1e9 for ns in target.finish().functions["stage_work"].normal_ns]


def call_until(target, command, done, timeout_s, what):
    """Repeats a command until done() has a result; returns the start of the first and that."""
    first = time.monotonic()

    def step():
        target.command(command)
        return done()

    return first, wait_until(step, timeout_s, what)


@test(120)
def breach_fires_and_resolves_in_time(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, more=budgets()))
    target.command("run 300 2000", 20)
    t.equal(watch.alerts(state="firing"), [], "alerts while all is well")

    began, firing = call_until(
        target,
        "run 1 200000",
        lambda: watch.alerts("work.latency.max", "firing"),
        12,
        "the breach fires",
    )
    arrival, alert = firing[0]
    # A tick of one second may pass before the breach is seen, and one until its for: is over. The
    # first call is seen at its end.
    t.between(arrival - began, FOR_S - 0.1, FOR_S + 2.2, "seconds from the breach to its alert")
    t.equal(alert["severity"], "warning", "severity")
    t.equal(alert["limit"], 0.1, "limit")
    t.equal(alert["target"], 0.05, "target")
    t.equal(alert["priority"], "P1", "priority at 300 % over the target and more")
    t.equal(alert["action"], "Look at it", "action")

    ended = time.monotonic()
    _, resolved = call_until(
        target,
        "run 20 1000",
        lambda: watch.alerts("work.latency.max", "resolved"),
        15,
        "the alert resolves",
    )
    t.between(
        resolved[0][0] - ended,
        FOR_S - 0.1,
        WINDOW_S + FOR_S + 2.1,
        "seconds from the end of the breach to the resolution",
    )
    t.equal(len(watch.alerts(state="firing")), 1, "alerts fired")
    watch.stop()
    t.one_of(alert["value"], logged_s(target), "value")


@test(120)
def severity_moves_to_critical(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, more=budgets()))
    call_until(
        target,
        "run 1 200000",
        lambda: watch.alerts("work.latency.max", "firing"),
        12,
        "the warning fires",
    )
    _, firing = call_until(
        target,
        "run 1 800000",
        lambda: len(watch.alerts("work.latency.max", "firing")) == 2
        and watch.alerts("work.latency.max", "firing"),
        12,
        "it becomes critical",
    )
    t.equal([line["severity"] for _, line in firing], ["warning", "critical"], "severities")
    evidence = firing[1][1]["evidence"]
    t.between(len(evidence), 1, 3, "pieces of evidence")
    slowest = evidence[0]
    t.check(slowest["wall_s"] >= 0.8, f"slowest span of the evidence: {slowest['wall_s']}")
    t.near(slowest["wait_s"]["sleep"], slowest["wall_s"], "why it waited", 0.1)
    watch.stop(signal.SIGINT)
    t.one_of(slowest["wall_s"], logged_s(target), "slowest span of the evidence")


@test(120)
def fail_on_exit_codes(t):
    target = t.target("steady", "--mode", "command", wait=False)
    quick = budgets(**{"for": "0s", "window": "1s"})
    warning = t.watch(target.pid, config(WORK, more=quick), "--fail-on", "warning")
    critical = t.watch(target.pid, config(WORK, more=quick), "--fail-on", "critical")
    call_until(
        target,
        "run 1 200000",
        lambda: warning.alerts(state="firing") and critical.alerts(state="firing"),
        12,
        "both watchers fire",
    )
    warning.stop(status=3)
    critical.stop(status=0)
    t.equal(warning.bye()["exit_code"], 3, "exit code in bye")
    last = t.watch(target.pid, config(WORK, more=quick), "--fail-on", "warning", name="last")
    call_until(target, "run 1 200000", lambda: last.alerts(state="firing"), 12, "it fires")
    target.send_line("quit")
    target.finish()
    t.equal(last.wait(20), 4, "the end of the target wins over the violation")


@test(120)
def idle_raises_nothing(t):
    """Nothing happens at all: nothing is late, nothing is unknown, nothing is said."""
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, more=budgets(**{"for": "0s"})), "--duration", "6s")
    t.equal(watch.wait(20), 0, "exit code of cheshire")
    t.equal(watch.alerts(), [], "alerts about an idle target")
    t.equal(watch.last_summary().value("work.count"), 0, "work.count")


@test(120)
def built_in_budgets_say_nothing_about_idle(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, None, "--duration", "5s")
    t.equal(watch.wait(20), 0, "exit code of cheshire")
    t.equal(watch.alerts(), [], "alerts about an idle target")


@test(120)
def shed_stage_is_unknown_once(t):
    """Quiet in the trial, a torrent later: it is taken off, and said so one time."""
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, "1%", budgets()))
    t.equal(watch.stage("work")["state"], "armed", "state of stage 'work' in hello")
    target.command("run 20 1000")
    _, unknown = call_until(
        target,
        "run 20000 0",
        lambda: watch.alerts("work.latency.max", "unknown"),
        20,
        "the shed stage's budget is unknown",
    )
    alert = unknown[0][1]
    t.check(alert["reason"], "the reason is not said")
    notes = [line for _, line in watch.objects("note") if line.get("stage") == "work"]
    t.equal(len(notes), 1, f"notes on the shed stage: {notes}")
    started = time.monotonic()
    call_until(target, "run 20 1000", lambda: time.monotonic() - started > 5, 12, "five seconds")
    summary = watch.stop()
    t.equal(len(watch.alerts("work.latency.max")), 1, "alerts about the budget")
    t.equal(summary.value("work.latency.p95"), None, "work.latency.p95")


@test(120)
def firing_alert_turns_unknown_not_resolved(t):
    target = t.target("steady", "--mode", "command", wait=False)
    quick = budgets(**{"for": "0s"})
    watch = t.watch(target.pid, config(WORK, "1%", quick))
    call_until(target, "run 1 200000", lambda: watch.alerts(state="firing"), 12, "it fires")
    call_until(target, "run 20000 0", lambda: watch.alerts(state="unknown"), 20, "it is unknown")
    watch.stop()
    states = [line["state"] for _, line in watch.alerts("work.latency.max")]
    t.equal(states, ["firing", "unknown"], "states of the alert")


@test(120, waits=True)
def hang_is_not_responsive(t):
    target = t.target("steady", "--mode", "command", wait=False)
    stage = {"work": '{ call: "steady:stage_work", hang: 1s }'}
    watch = t.watch(target.pid, config(stage))
    target.send_line("run 1 6000000")
    sent = time.monotonic()
    arrival, alert = watch.wait_alert("target.responsive", "firing", 10)
    t.between(arrival - sent, 0.9, 4, "seconds from the start of the call to the alert")
    t.equal(alert["priority"], "P0", "priority of a hang")
    _, resolved = watch.wait_alert("target.responsive", "resolved", 15)
    t.equal(resolved["state"], "resolved", "state when the call is over")
    watch.stop()


@test(120)
def cpu_budget_fires(t):
    target = t.target("memory", wait=False)
    more = (
        "budgets:\n  cpu.usage: { stat: average, window: 3s, target: 0.5%, warning: 1%, "
        "critical: 2%, for: 1s }\n"
    )
    watch = t.watch(target.pid, config({"voice": "memory:stage_voice"}, more=more))
    _, firing = call_until(
        target, "burn 200", lambda: watch.alerts("cpu.usage.average", "firing"), 12, "it fires"
    )
    t.equal(firing[0][1]["unit"], "percent", "unit")
    watch.stop()


@test(120)
def reload_by_sighup(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, more=budgets(**{"for": "0s"})))
    path = t.dir / "config.yaml"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("warning: 100ms", "warning: ten"), encoding="utf-8")
    watch.signal(signal.SIGHUP)
    wait_until(lambda: "config.yaml:" in watch.errors(), 15, "the mistake in the new file is named")
    _, first = call_until(
        target, "run 1 200000", lambda: watch.alerts(state="firing"), 12, "the old one still fires"
    )
    t.equal(first[0][1]["limit"], 0.1, "limit")
    path.write_text(good.replace("warning: 100ms", "warning: 150ms"), encoding="utf-8")
    watch.signal(signal.SIGHUP)
    watch.wait_for("note", 15, lambda line: line["event"] == "reload")
    _, second = call_until(
        target,
        "run 1 200000",
        lambda: [line for _, line in watch.alerts(state="firing") if line["limit"] == 0.15],
        15,
        "the new limit fires",
    )
    if not second:
        raise Failure("no alert with the new limit")
    t.equal(watch.running(), True, "cheshire runs on")
    watch.stop()


@test()
def one_run_of_given_length(t):
    target = t.target("steady", "--rate", 50, "--iterations", 0, "--duration", 30)
    target.go()
    watch = t.watch(
        target.pid, config(WORK), "--duration", "3s", "--summary-interval", "1s"
    )
    began = time.monotonic()
    t.equal(watch.wait(20), 0, "exit code of cheshire")
    # It began before its hello was read here, which takes a busy machine a while.
    t.between(time.monotonic() - began, 0.5, 4.5, "seconds of a --duration of 3 s")
    t.between(len(watch.objects("summary")), 3, 4, "summaries at an interval of 1 s")
    t.equal(watch.bye()["reason"], "duration", "reason in bye")
    t.check((TARGETS / "steady").exists(), "target is built")
