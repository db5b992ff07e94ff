# SPDX-License-Identifier: GPL-2.0-only
"""Output: the JSON interface, text on a pipe, syslog by a real rsyslogd."""

import os
import re
import shutil
import signal
import stat
from datetime import datetime, timezone

from harness import CHESHIRE, Failure, Process, Skip, Watch, config, test, wait_until

WORK = {"work": "steady:stage_work"}
BUDGET = (
    "budgets:\n  work.latency: { stat: max, window: 2s, target: 50ms, warning: 100ms, "
    'critical: 5s, for: 0s, action: "Look at it", impact: "People wait" }\n'
)

HEAD = {"type": str, "ts": str, "target_id": int, "target_name": str, "pid": int, "process": str}
ALERT = {
    "state": str,
    "alert": str,
    "severity": str,
    "priority": str,
    "metric": str,
    "value": float,
    "unit": str,
    "limit": float,
    "target": float,
    "over_percent": float,
    "worst": float,
    "window_s": float,
    "for_s": float,
    "respond_within_s": float,
    "quality": str,
    "pid": int,
    "process": str,
    "action": str,
    "impact": str,
    "evidence": list,
}
UNITS = {
    "s",
    "bytes",
    "bytes/h",
    "percent",
    "ratio",
    "1/s",
    "bit/s",
    "count",
    "1/h",
}
QUALITIES = {"exact", "sampled", "few", "partial", "unknown"}


def check_keys(t, line, keys):
    for key, kind in keys.items():
        t.check(key in line, f"{line['type']} has no '{key}'")
        value = line[key]
        good = isinstance(value, (int, float)) if kind is float else isinstance(value, kind)
        t.check(good, f"{line['type']}.{key} is {value!r}")


def breach(target, until, timeout_s=30):
    """Once is enough. Between the limits there is room for waits for a CPU."""

    def step():
        target.command("run 1 200000")
        return until()

    return wait_until(step, timeout_s, "the breach is reported")


@test()
def json_interface(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = t.watch(target.pid, config(WORK, more=BUDGET))
    target.command("run 30 1000")
    breach(target, lambda: watch.alerts(state="firing"))
    watch.stop()
    kinds = [line["type"] for _, line in watch.objects()]
    t.equal(kinds[0], "hello", "first object")
    t.equal(kinds[-2:], ["summary", "bye"], "last objects")
    for _, line in watch.objects():
        check_keys(t, line, HEAD)
        t.equal(line["pid"], target.pid, f"pid of {line['type']}")
        t.equal(line["process"], "steady", f"process of {line['type']}")
        t.equal(line["target_name"], "alice", f"target_name of {line['type']}")
        when = datetime.strptime(line["ts"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        age = datetime.now(timezone.utc) - when
        t.between(age.total_seconds(), -1, 60, f"age of {line['type']} by its ts")
        t.check(re.search(r"\.\d{3}Z$", line["ts"]), f"milliseconds in {line['ts']}")
    for _, line in watch.alerts(state="firing"):
        check_keys(t, line, ALERT)
        t.equal(line["unit"], "s", "unit of a latency")
        t.equal(line["respond_within_s"], 3600, "respond_within_s of P1")
    check_summary(t, watch)


def check_summary(t, watch):
    summary = watch.last_summary()
    for metric, entry in summary.metrics.items():
        t.equal(sorted(entry), ["n", "quality", "unit", "value"], f"keys of {metric}")
        t.check(entry["unit"] in UNITS, f"unit of {metric}: {entry['unit']}")
        t.check(entry["quality"] in QUALITIES, f"quality of {metric}: {entry['quality']}")
        t.check(
            entry["value"] is None or isinstance(entry["value"], (int, float)),
            f"value of {metric}: {entry['value']}",
        )
    for stat_name in ("p50", "p95", "p99", "max", "mean"):
        t.check(summary.has(f"work.latency.{stat_name}"), f"no work.latency.{stat_name}")
    overhead = summary.overhead()
    for key in ("probe_ns", "tracepoint_ns", "own_cpu_ns", "own_rss_bytes", "loop_max_ns"):
        t.check(overhead[key] > 0, f"overhead.{key} is {overhead[key]}")
    t.equal(watch.bye()["exit_code"], 0, "exit code in bye")


@test()
def text_on_a_pipe_has_no_colour(t):
    target = t.target("steady", "--mode", "command", wait=False)
    watch = Watch(t, target.pid, config(WORK, more=BUDGET), output="text")
    watch.lines.wait(lambda line: "work" in line, 40, "the stage in the text")
    breach(
        target,
        lambda: any("warning" in line.lower() for _, line in list(watch.lines.items)),
    )
    watch.signal(signal.SIGTERM)
    t.equal(watch.wait(), 0, "exit code of cheshire")
    text = watch.out_path.read_text(encoding="utf-8")
    t.check("\x1b" not in text, "escape sequences on a pipe")
    t.check("Look at it" in text, "the action is not shown")
    t.check(re.search(r"\b[2-9]\d\d(\.\d+)? ms|\b[1-4]\.\d+ s\b", text), f"the value is not shown: {text[-500:]}")


@test()
def closed_reader_does_not_kill(t):
    """`cheshire watch | head -1`: what nobody reads is dropped; alerts to syslog would go on."""
    target = t.target("steady", "--mode", "command", wait=False)
    path = t.write("config.yaml", config(WORK, more=BUDGET))
    script = f"{CHESHIRE} watch --pid {target.pid} --config {path} --output json --duration 3s"
    done = t.run("sh", "-c", f"({script}; echo status $? >&2) | head -n 1")
    t.check("status 0" in done.stderr, f"it ended with {done.stderr[-200:]}")
    t.check('"hello"' in done.stdout, f"first line: {done.stdout[:100]}")


@test()
def hostile_names_are_escaped(t):
    """The target names itself; a terminal or a parser must not be steered by it."""
    name = 'ev"il\x1b[2J\\'
    copy = t.dir / name
    shutil.copy(CHESHIRE.parent / "targets" / "steady", copy)
    target = t.target(copy, "--mode", "command", wait=False, name="evil")
    watch = t.watch(target.pid, config({"work": "ev*:stage_work"}))
    target.command("run 5 500")
    watch.stop()
    t.equal(len(watch.objects("bye")), 1, "every line is JSON")
    t.check("\x1b" not in watch.out_path.read_text(encoding="utf-8"), "raw escape in JSON")
    text = Watch(
        t, target.pid, config({"work": "ev*:stage_work"}), "--duration", "1s", output="text"
    )
    t.equal(text.wait(), 0, "exit code of cheshire")
    t.check("\x1b" not in text.out_path.read_text(encoding="utf-8"), "raw escape in text")
    t.check("\x1b" not in text.errors(), "raw escape in the log")


# syslog(3) and cheshire write to /dev/log, which the host may be using: cheshire runs in a mount
# namespace of its own with a small /dev, where /dev/log is the socket of our rsyslogd.
ENTER = """\
set -e
mkdir {dir}/dev
mount --rbind /dev {dir}/dev
mount -t tmpfs none /dev
for node in null zero full random urandom tty; do
	touch /dev/$node
	mount --bind {dir}/dev/$node /dev/$node
done
ln -s /proc/self/fd /dev/fd
ln -s {dir}/log.sock /dev/log
exec "$@"
"""
RSYSLOG = """\
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{dir}/log.sock" CreatePath="on")
template(name="plain" type="string"
         string="%syslogfacility-text%.%syslogseverity-text% %syslogtag%%msg%\\n")
*.* action(type="omfile" file="{dir}/messages" template="plain")
"""


def start_rsyslog(t):
    daemon = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
    if not os.path.exists(daemon):
        raise Skip("rsyslogd is not installed")
    path = t.write("rsyslog.conf", RSYSLOG.format(dir=t.dir))
    process = Process(t, "rsyslogd", [daemon, "-n", "-f", path, "-i", t.dir / "rsyslogd.pid"])
    socket = t.dir / "log.sock"
    wait_until(
        lambda: socket.exists() and stat.S_ISSOCK(socket.stat().st_mode) or not process.running(),
        10,
        "rsyslogd listens",
    )
    if not process.running():
        raise Failure(f"rsyslogd ended: {process.errors()[-300:]}")
    return process


@test(120)
def syslog_alerts_reach_rsyslog(t):
    start_rsyslog(t)
    target = t.target("steady", "--mode", "command", wait=False)
    script = t.write("enter.sh", ENTER.format(dir=t.dir))
    path = t.write("config.yaml", config(WORK, more=BUDGET))
    watch = Process(
        t,
        "watch-syslog",
        ["unshare", "--mount", "sh", script, CHESHIRE, "watch", "--pid", target.pid]
        + ["--config", path, "--output", "json", "--syslog=local3"],
    )
    watch.lines.wait(lambda line: '"hello"' in line, 40, "hello")
    messages = t.dir / "messages"

    def written(pattern):
        text = messages.read_text(encoding="utf-8") if messages.exists() else ""
        return [line for line in text.splitlines() if re.search(pattern, line)]

    firing = breach(target, lambda: written(r"cheshire\[\d+\]:\s*firing"))
    t.equal(len(firing), 1, "lines about the alert")
    t.check(firing[0].startswith("local3.warn"), f"facility and severity: {firing[0]}")
    t.check("cheshire[" in firing[0], f"tag: {firing[0]}")
    t.check("Look at it" in firing[0], f"action: {firing[0]}")

    def calm():
        target.command("run 5 1000")
        return written(r"cheshire\[\d+\]:\s*resolved")

    t.equal(len(wait_until(calm, 30, "the resolution is logged")), 1, "lines about the resolution")
    watch.signal(signal.SIGTERM)
    t.equal(watch.wait(), 0, "exit code of cheshire")
