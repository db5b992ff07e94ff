# SPDX-License-Identifier: GPL-2.0-only
"""Users at once, the tiers that follow from their number, and how alerts are told."""

import socket
import sys
from contextlib import ExitStack
from datetime import datetime

from harness import Process, config, test, wait_until
from test_assistant import CONFIG, Alice, limits_ns, watch_alice

# The probes are not at the assistant's own readings of its clock.
EDGE_NS = 200_000


def most_at_once(intervals):
    """How many (start, end) are open at the same time, at most."""
    edges = sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def open_turns(alice, truth):
    """(start, end, uncertainty) of the complete turns: speech ended .. first audio."""
    spans = {
        stage: {(span["user"], span["turn"]): span for span in truth.spans(stage)}
        for stage in ("stt", "tts")
    }
    turns = []
    for turn in truth.turns(alice.stopped_ns, outcome="complete"):
        first, last = (spans[stage][turn["user"], turn["turn"]] for stage in ("stt", "tts"))
        unsure = EDGE_NS + first["run_delay_ns"] + last["run_delay_ns"]
        turns.append((limits_ns(first)[0], limits_ns(last)[1], unsure))
    return turns


def check_active(t, alice, truth, summary):
    turns = open_turns(alice, truth)
    t.check(len(turns) >= 5, f"only {len(turns)} complete turns")
    low = most_at_once([(a + unsure, b - unsure) for a, b, unsure in turns if b - a > 2 * unsure])
    high = most_at_once([(a - unsure, b + unsure) for a, b, unsure in turns])
    entry = summary.entry("users.active")
    t.check(
        low <= entry["value"] <= high,
        f"users.active is {entry}, {low} to {high} by the log",
    )
    t.equal(entry["quality"], "exact", "quality of users.active")
    t.equal(entry["unit"], "count", "unit of users.active")
    return low, high


@test(90)
def users_active_of_one_user(t):
    alice, truth, summary, _ = watch_alice(t, CONFIG, "--fast", "--turns", 20)
    t.equal(check_active(t, alice, truth, summary), (1, 1), "users by the log")


@test(120)
def users_active_of_eight_users(t):
    """Turns of a second that overlap as they come."""
    alice, truth, summary, _ = watch_alice(
        t, CONFIG, "--users", 8, "--turns", 4, "--pause", "200ms", "--fault", "slow-stt=800ms"
    )
    low, _ = check_active(t, alice, truth, summary)
    t.check(low >= 3, f"only {low} users at once by the log")


@test(120, waits=True)
def users_active_of_rare_short_overlaps(t):
    """Overlaps that no reading once a second would see: turns of 40 ms, one user after the other."""
    alice, truth, summary, _ = watch_alice(
        t, CONFIG, "--fast", "--users", 3, "--turns", 15, "--pause", "700ms"
    )
    check_active(t, alice, truth, summary)


@test(120)
def users_without_key_are_unknown(t):
    text = CONFIG.replace("key: thread", "key: none").replace("      key: arg0\n", "")
    budget = "budgets: { users.active: { warning: 100, for: 0s } }\n"
    _, _, summary, watch = watch_alice(
        t, text + budget, "--fast", "--users", 4, "--turns", 6, "--fault", "slow-intent=150ms"
    )
    told = watch.alerts("users.active", "unknown")
    t.check(told, f"nothing is unknown: {summary.entry('users.active')}")
    t.check("no key" in told[0][1]["reason"], f"reason: {told[0][1]['reason']}")


TIERS = """\
budgets: {}
users:
  hold: 2s
  tiers:
    - up_to: 2
      name: a pair
      action: "Nothing yet"
      budgets: { threads.count: { target: 1, warning: 1, for: 0s } }
    - name: a crowd
      action: "Scale out"
      budgets:
        users.active: { target: 2, warning: 2, for: 0s, alert: Crowd }
        fds.open: { target: 1, warning: 1, for: 0s }
"""


@test(120, waits=True)
def tiers_follow_the_users(t):
    alice = Alice(
        t, "--fast", "--users", 6, "--turns", 8, "--fault", "slow-stt=400ms"
    )
    watch = t.watch(alice.pid, CONFIG + TIERS)
    # Nobody has spoken: the first tier is in force.
    _, first = watch.wait_alert("threads.count", "firing", 10)
    t.equal(first["tier"], "a pair", "tier of the first alert")
    t.equal(first["action"], "Nothing yet", "action, of the tier")
    t.equal(watch.alerts("fds.open"), [], "alerts of a tier that is not in force")
    alice.go()
    _, over = watch.wait_alert("threads.count", "resolved", 30)
    t.check("users: another tier (a crowd)" in over["reason"], f"reason: {over['reason']}")
    t.equal(over["value"], None, "value of a budget that is not in force")
    _, crowd = watch.wait_alert("users.active", "firing", 5)
    t.check(crowd["value"] >= 3, f"users.active is {crowd['value']}")
    t.equal(crowd["alert"], "Crowd", "alert")
    t.equal(crowd["action"], "Scale out", "action, of the tier")
    t.equal(crowd["cause"], "users", "cause")
    watch.wait_alert("fds.open", "firing", 5)
    truth = alice.truth()
    t.equal(watch.wait(30), 4, "exit code of cheshire")
    t.equal(watch.last_summary().line["tier"], "a crowd", "tier in the summary")
    check_active(t, alice, truth, watch.last_summary())
    states = [line["state"] for _, line in watch.alerts("threads.count")]
    t.equal(states, ["firing", "resolved"], "alerts of the first tier")


# Accepts and keeps; a second port, and a connection of its own, are nobody's users.
SERVER = """
import socket, sys
port, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
own = socket.create_connection(other.getsockname())
print(port.getsockname()[1], other.getsockname()[1], flush=True)
kept = [other.accept()]
while True:
    client = port.accept()[0]
    kept.append(client)
    client.sendall(b"x")
"""

BY_PORT = """\
budgets: {{}}
users:
  port: {port}
  hold: 1s
  tiers:
    - {{ up_to: 3, name: few }}
    - name: many
      budgets: {{ users.connections: {{ target: 3, warning: 3, for: 0s, alert: Full }} }}
"""


@test(120)
def users_by_connections(t):
    server = Process(t, "server", [sys.executable, "-c", SERVER])
    _, (_, line) = server.lines.wait(lambda _: True, 15, "the server's ports")
    port, other = (int(word) for word in line.split())

    def connect(stack, count):
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            t.equal(client.recv(1), b"x", "greeting of the server")

    def connections():
        return watch.summary_now().value("users.connections")

    with ExitStack() as stack:
        connect(stack, 2)
        stack.enter_context(socket.create_connection(("127.0.0.1", other), 10))
        watch = t.watch(server.pid, BY_PORT.format(port=port))
        wait_until(lambda: connections() == 2, 10, "two connections are counted")
        t.equal(watch.last_summary().value("users.active"), 2, "users.active")
        t.equal(watch.last_summary().line["tier"], "few", "tier")
        connect(stack, 3)
        _, alert = watch.wait_alert("users.connections", "firing", 10)
        t.equal(alert["value"], 5, "connections in the alert")
        t.equal(alert["tier"], "many", "tier of the alert")
        t.equal(alert["cause"], "users", "cause")
    # The clients are gone; the server has not closed its ends, and nobody is there any more.
    _, resolved = watch.wait_alert("users.connections", "resolved", 10)
    t.equal(resolved["value"], 0, "connections after all have left")
    summary = watch.stop()
    t.equal(summary.value("users.active"), 5, "the most users of the session")


QUIET = {"work": "steady:stage_work"}


def threads_budgets(count, more=""):
    rows = [
        f"    - {{ target: 0.1, warning: 0.1, for: 0s, alert: Threads {i}{more} }}"
        for i in range(count)
    ]
    return "budgets:\n  threads.count:\n" + "\n".join(rows) + "\n"


@test(90, waits=True)
def a_storm_is_told_bit_by_bit(t):
    target = t.target("steady", "--mode", "command", wait=False)
    text = (
        "alerts: { rate: 6/min, remind: 0s }\n"
        + threads_budgets(9)
        + "  fds.open: { target: 1, warning: 1, p0_above: 1, for: 0s, alert: Urgent }\n"
    )
    watch = t.watch(target.pid, config(QUIET, more=text), "--fail-on", "warning")
    arrival, urgent = watch.wait_alert("fds.open", "firing", 10)
    t.equal(urgent["priority"], "P0", "priority")
    _, note = watch.wait_for("note", 5, lambda line: line["event"] == "alert_storm")
    t.check("10 changes" in note["text"], f"note: {note['text']}")
    told = watch.alerts(state="firing")
    t.equal(len(told), 6, "alerts told at once")
    t.equal(told[0][1]["alert"], "Urgent", "the first alert told")
    now = watch.summary_now().line
    t.equal(now["alerts_firing"], 10, "alerts_firing")
    t.equal(now["alerts_held"], 4, "alerts_held")
    t.equal(len(now["firing"]), 10, "firing in the summary")
    wait_until(lambda: len(watch.alerts(state="firing")) == 8, 30, "two more are told")
    late = watch.alerts(state="firing")[7][0]
    t.between(late - arrival, 18, 22.5, "seconds until the second of those that waited")
    watch.stop(status=3)
    names = [line["alert"] for _, line in watch.alerts(state="firing")]
    t.equal(len(set(names)), len(names), "alerts told twice")


@test(120, waits=True)
def what_fires_is_told_again(t):
    target = t.target("steady", "--mode", "command", wait=False)
    text = "alerts: { remind: 3s }\n" + threads_budgets(1, ", p0_above: 0.5")
    watch = t.watch(target.pid, config(QUIET, more=text))
    wait_until(lambda: len(watch.alerts(state="firing")) >= 3, 20, "it is told again twice")
    (first, alert), (second, again), (third, _) = watch.alerts(state="firing")[:3]
    t.equal([alert["reminder"], again["reminder"]], [False, True], "reminder")
    t.equal(again["since"], alert["since"], "since")
    since = datetime.fromisoformat(alert["since"].replace("Z", "+00:00")).timestamp()
    told = datetime.fromisoformat(alert["ts"].replace("Z", "+00:00")).timestamp()
    t.between(told - since, -0.01, 0.5, "seconds from since to the alert")
    # With the tick at which it is due, which may be the next one, and how late that reaches us.
    t.between(second - first, 2.5, 5, "seconds to the first reminder")
    t.between(third - second, 2.5, 5, "seconds to the second reminder")
    t.equal(again["group"], alert["group"], "group")
    for key in ("respond_within_s", "response"):
        t.equal(again[key], alert[key], key)
    t.equal(alert["respond_within_s"], 900, "respond_within_s of P0")
    t.equal(alert["response"], "Emergency scaling, immediate rollback if needed", "response")
    t.equal(alert["action"], None, "action of a budget without")
    t.equal(alert["impact"], None, "impact of a budget without")
    summary = watch.stop()
    t.equal([line["alert"] for line in summary.line["firing"]], ["Threads 0"], "firing at the end")
    t.equal(summary.line["alerts_fired"], 1, "alerts_fired")


SLOW = """\
budgets:
  stt.latency: { stat: p95, window: 10s, target: 100ms, warning: 200ms, for: 0s }
  turn.latency: { stat: p95, window: 10s, target: 100ms, warning: 200ms, for: 0s }
  stt.wait.sleep: { window: 10s, target: 100ms, warning: 200ms, for: 0s }
  intent.latency: { stat: p95, window: 10s, target: 100ms, warning: 200ms, for: 0s }
  threads.count: { target: 1, warning: 1, for: 0s }
"""


@test(90, waits=True)
def one_slow_stage_is_one_group(t):
    _, _, _, watch = watch_alice(
        t, CONFIG + SLOW, "--fast", "--turns", 12, "--fault", "slow-stt=600ms"
    )
    first = {}
    for _, line in watch.alerts(state="firing"):
        first.setdefault(line["metric"], line)
    of_stt = [first[id] for id in ("stt.latency.p95", "turn.latency.p95", "stt.wait.sleep")]
    t.equal({line["cause"] for line in of_stt}, {"stage:stt"}, "causes")
    t.equal(len({line["group"] for line in of_stt}), 1, "groups of the slow stage")
    t.check("intent.latency.p95" not in first, "intent is not slow")
    threads = first["threads.count"]
    t.equal(threads["cause"], "threads", "cause of the threads")
    t.check(threads["group"] != of_stt[0]["group"], "the threads are another matter")


@test(90, waits=True)
def a_slow_gap_is_a_group_of_its_own(t):
    gap = "  turn.gap.stt.intent: { stat: p95, window: 10s, warning: 200ms, for: 0s }\n"
    _, _, _, watch = watch_alice(t, CONFIG + SLOW + gap, "--fast", "--turns", 12, "--fault", "gap=600ms")
    causes = {
        line["metric"]: (line["cause"], line["group"])
        for _, line in watch.alerts(state="firing")
    }
    t.equal(causes["turn.latency.p95"][0], "gap:stt-intent", "cause of the slow turns")
    t.equal(
        causes["turn.latency.p95"], causes["turn.gap.stt.intent.p95"], "cause and group of the gap"
    )
