# SPDX-License-Identifier: GPL-2.0-only
"""The budget tables of the document, and what an alert on a row of them must look like.

Limits and texts are copied from the document, not from `cheshire config`: where the two differ,
the tests of the rows fail. Limits are in base units.
"""

import time

from harness import Failure

MB, GB, MBIT = 2**20, 2**30, 10**6
RESPOND_WITHIN_S = {"P0": 15 * 60, "P1": 3600, "P2": 24 * 3600, "P3": 7 * 24 * 3600}


class Row:
    """One row: a metric with its statistic, its limits, its text, and what makes it P0."""

    def __init__(self, metric, target, warning, critical, action=None, impact=None, p0=None):
        self.metric = metric
        self.target = target
        self.limits = {"warning": warning, "critical": critical}
        self.action = action
        self.impact = impact
        self.p0 = p0
        self.floor = "P3"
        self.below = False

    def over_percent(self, value):
        over = (value - self.target) / self.target * 100
        return -over if self.below else over

    def priority(self, value, severity):
        """Of the document's "Severity Levels"; critical is at least P2."""
        over = self.over_percent(value)
        urgency = "P1" if over > 50 else "P2" if over > 20 or severity == "critical" else "P3"
        if self.p0 is not None and value > self.p0:
            urgency = "P0"
        return min(urgency, self.floor)


def one_limit(metric, limit, action=None, impact=None, floor="P3", below=False, p0=None):
    """A component's target or a tier's budget: what is beyond it is a warning."""
    row = Row(metric, limit, limit, None, action, impact, p0)
    row.floor = floor
    row.below = below
    return row


TABLES = {
    # 1. CPU usage
    "Average CPU Usage": Row("cpu.usage.average", 20, 30, 50,
                             "Scale resources, optimize algorithms"),
    "Peak CPU Usage": Row("cpu.usage.peak", 60, 80, 95,
                          "Identify bottlenecks, implement throttling"),
    "Voice Processing CPU": Row("cpu.voice", 40, 60, 80, "Optimize STT/TTS pipelines"),
    "Background Tasks CPU": Row("cpu.background", 10, 20, 30,
                                "Defer non-critical operations"),
    # 2. memory
    "Baseline Memory": Row("memory.baseline", 512 * MB, 768 * MB, GB,
                           "Reduce model sizes, optimize caching"),
    "Peak Memory Usage": Row("memory.peak", GB, 1.5 * GB, 2 * GB,
                             "Implement memory pooling, garbage collection", p0=2 * GB),
    "Memory Growth Rate": Row("memory.growth", 5 * MB, 10 * MB, 20 * MB,
                              "Fix memory leaks, optimize data structures"),
    # 3. voice
    "Wake Word Detection": Row("wake_word.latency.p95", 0.1, 0.15, 0.25,
                               impact="Delayed responsiveness"),
    "Speech-to-Text Latency": Row("stt.latency.p95", 0.3, 0.5, 1, impact="Perceived sluggishness"),
    "Intent Processing": Row("intent.latency.p95", 0.2, 0.4, 0.8, impact="Slow understanding"),
    "Response Generation": Row("response.latency.p95", 0.8, 1.2, 2, impact="Frustrating delays"),
    "Text-to-Speech": Row("tts.latency.p95", 0.2, 0.4, 0.6, impact="Robotic interaction"),
    "End-to-End Latency": Row("turn.latency.p95", 1.5, 2.5, 4, impact="Poor user experience",
                              p0=4),
    # 4. system resources
    "Disk I/O Rate": Row("io.disk", 50 * MB, 100 * MB, 200 * MB,
                         impact="Storage wear, performance"),
    "Network Bandwidth": Row("io.network", 10 * MBIT, 20 * MBIT, 50 * MBIT,
                             impact="API rate limits, costs"),
    "File Descriptors": Row("fds.open", 100, 200, 500, impact="System resource exhaustion"),
    "Thread Count": Row("threads.count", 50, 100, 200, impact="Context switching overhead"),
}


# Means, and what takes its time to be burnt, touched or written: on the way up to critical, and
# down again, they may be over the warning only for long enough to be told.
GRADUAL = {"Average CPU Usage", "Peak CPU Usage", "Voice Processing CPU", "Background Tasks CPU",
           "Baseline Memory", "Peak Memory Usage", "Memory Growth Rate", "Network Bandwidth",
           "Disk I/O Rate"}


def steepest(story):
    """Of a way up and down, each step told once, the story without the steps between."""
    if len(story) < 3 or ("firing", "critical") not in story:
        return story
    at = story.index(("firing", "critical"))
    warned = [("firing", "warning")]
    if story[:at] not in ([], warned) or story[at + 1 : -1] not in ([], warned):
        return story
    return [story[at], (story[-1][0], "critical")]


# 5. concurrent users: CPU, memory, response time, strategy
for users, cpu, memory, response, strategy in (
    ("1-5 users", 30, 768 * MB, 1, "Single-instance optimization"),
    ("5-15 users", 50, 1.2 * GB, 1.5, "Connection pooling, caching"),
    ("15-30 users", 70, 1.8 * GB, 2, "Horizontal scaling preparation"),
    ("30+ users", None, None, 2, "Multi-instance deployment"),
):
    if cpu:
        TABLES[f"CPU Budget of {users}"] = one_limit("cpu.usage.average", cpu, strategy)
        TABLES[f"Memory Budget of {users}"] = one_limit("memory.rss", memory, strategy, p0=2 * GB)
    TABLES[f"Response Time SLA of {users}"] = one_limit(
        "turn.latency.p95", response, strategy, p0=4)
TABLES["Scale Out"] = one_limit("users.active", 30, "Multi-instance deployment")


def check_alert(t, rows, line, milder=False):
    """Everything that an alert carries, against its row. milder: it was critical before."""
    name = line["alert"]
    row = rows[name]
    what = f"{name} {line['severity']}: "
    t.check(line["metric"].startswith(row.metric), what + f"metric {line['metric']}")
    t.equal(line["target"], row.target, what + "target")
    t.equal(line["limit"], row.limits[line["severity"]], what + "limit")
    t.equal(line["action"], row.action, what + "action")
    t.equal(line["impact"], row.impact, what + "impact")
    if line["state"] != "firing":
        return
    beyond = line["value"] < line["limit"] if row.below else line["value"] > line["limit"]
    # What was critical is not until it is well inside, and may be inside the warning by then.
    t.check(beyond or milder, what + f"fires at {line['value']}")
    t.equal(line["priority"], row.priority(line["value"], line["severity"]),
            what + f"priority of {line['value']}")
    t.equal(line["respond_within_s"], RESPOND_WITHIN_S[line["priority"]], what + "response time")
    over = row.over_percent(line["value"])
    t.check(abs(line["over_percent"] - over) < 1e-6 * max(1, abs(over)), what + "over_percent")


# --- several targets at once ---


def until(condition, timeout_s, what):
    """To be used with `yield from`: goes on when the condition holds."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"not within {timeout_s:g} s: {what}")
        yield


def run_together(*scripts):
    """Runs generators, a step of each in turn, until the last has ended."""
    running = list(scripts)
    while running:
        for script in list(running):
            try:
                next(script)
            except StopIteration:
                running.remove(script)
        time.sleep(0.02)


def one_after_the_other(*scripts):
    for script in scripts:
        yield from script


class Rig:
    """A target under watch whose faults are planted and lifted one group after another."""

    def __init__(self, t, target, watch, rows):
        self.t = t
        self.target = target
        self.watch = watch
        self.rows = rows
        self.also = set()  # alerts that any fault of the script may explain

    def since(self, start):
        """[(alert, state, severity, line)] that were told from that line on."""
        alerts = [line for _, line in self.watch.objects("alert")[start:]]
        return [(line["alert"], line["state"], line["severity"], line) for line in alerts]

    def phase(self, faults, expected, also=(), timeout_s=30, once=False):
        """Plants the faults, waits for exactly the alerts expected, lifts them, waits for the end.

        expected: {alert: severity}, or {alert: (severity, priority)}. also: alerts that the same
        fault may explain, as well as it may not. once: the faults are over by themselves.
        """
        start = len(self.watch.objects("alert"))
        wanted = {name: sort if isinstance(sort, tuple) else (sort, None)
                  for name, sort in expected.items()}
        for fault in faults:
            self.target.plant(fault)
        for name, (severity, priority) in wanted.items():
            yield from until(
                lambda name=name, severity=severity: any(
                    got[:3] == (name, "firing", severity) for got in self.since(start)),
                timeout_s, f"{name} {severity} because of {faults}; told: {self.told(start)}")
        for fault in faults:
            if not once:
                self.target.lift(fault)
        yield from until(lambda: not self.open(start), timeout_s + 60,
                         f"the end of {self.open(start)} after {faults}")
        self.judge(start, wanted, also, faults)

    def open(self, start):
        """Alerts that have not been resolved."""
        last = {name: state for name, state, _, _ in self.since(start)}
        return sorted(name for name, state in last.items() if state != "resolved")

    def told(self, start):
        return [got[:3] + (got[3]["value"],) for got in self.since(start)]

    def judge(self, start, wanted, also, faults):
        told = self.since(start)
        names = {got[0] for got in told}
        what = f"because of {faults}; told: {self.told(start)}"
        unexplained = names - set(wanted) - set(also) - self.also
        self.t.equal(sorted(unexplained), [], f"alerts that are not explained {what}")
        self.t.equal(sorted(set(wanted) - names), [], f"alerts that are missing {what}")
        for name, (severity, priority) in wanted.items():
            mine = [got for got in told if got[0] == name]
            story = [got[1:3] for got in mine]
            if name in GRADUAL:
                story = steepest(story)
            self.t.equal(story, [("firing", severity), ("resolved", severity)], f"{name} {what}")
            if priority:
                worst = [got[3] for got in mine if got[1:3] == ("firing", severity)][0]
                self.t.equal(worst["priority"], priority, f"priority of {name} {what}")
        last = {}
        for name, state, severity, line in told:
            if name in self.rows:
                check_alert(self.t, self.rows, line, milder=last.get(name) == "critical")
            last[name] = severity
