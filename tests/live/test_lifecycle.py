# SPDX-License-Identifier: GPL-2.0-only
"""The target changes its shape, or ends, while it is watched."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import TARGETS, Failure, Target, config, nearest_rank, test, wait_until

LOCAL = "stage_local"
PLUGIN = "stage_plugin"


def armed_count(t, target, watch, stage, command):
    """Calls until the stage counts, which tells that it is armed; returns the count by then."""

    def counted():
        target.command(command)
        summary = watch.summary_now()
        return summary.has(f"{stage}.count") and summary.value(f"{stage}.count")

    return wait_until(counted, 15, f"stage '{stage}' counts")


@test()
def library_opened_later(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"plugin": "libplugin.so*:stage_plugin"}))
    t.check(watch.stage("plugin")["state"] != "armed", "armed before the library is there")
    target.command(f"open {TARGETS / 'libplugin.so'}")
    before = armed_count(t, target, watch, "plugin", "plugin 1 200")
    target.command("plugin 100 2000")
    summary = watch.summary_now()
    t.equal(summary.count("plugin"), before + 100, "plugin.count")
    target.send_line("quit")
    function = target.finish().functions[PLUGIN]
    # Ascending; before the stage was armed there were short calls only.
    seen = function.normal_ns[function.calls - int(before) - 100 :]
    median = nearest_rank(seen, 50) / 1e9
    t.near(summary.number("plugin.latency.p50"), median, "plugin.latency.p50", 0.1)


@test()
def library_closed_and_opened_elsewhere(t):
    target = t.target("loader", wait=False)
    first = target.command(f"open {TARGETS / 'libplugin.so'}")
    watch = t.watch(target.pid, config({"plugin": "libplugin.so*:stage_plugin"}))
    target.command("plugin 30 500")
    t.equal(watch.summary_now().count("plugin"), 30, "plugin.count before dlclose")
    target.command("close")
    second = target.command(f"open {TARGETS / 'libplugin.so'}")
    t.check(first != second, f"loaded at the same address twice: {first}")
    before = armed_count(t, target, watch, "plugin", "plugin 1 200")
    target.command("plugin 50 500")
    t.equal(watch.summary_now().count("plugin"), before + 50, "plugin.count after reopening")
    target.send_line("quit")
    truth = target.finish()
    t.check(truth.functions[PLUGIN].outermost >= before + 50, "the target's own count")


@test()
def exec_of_itself(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 20 1000")
    t.equal(watch.summary_now().count("local"), 20, "local.count before exec")
    second_log = t.dir / "second.log"
    target.send_line(f"exec {TARGETS / 'loader'} {second_log}")
    target.answered, _ = target.lines.wait(
        lambda line: line == "ready", 15, "ready after exec", target.answered + 1
    )
    before = armed_count(t, target, watch, "local", "call 1 200")
    target.command("call 50 1000")
    t.equal(watch.summary_now().count("local"), before + 50, "local.count after exec")
    t.equal(watch.summary_now().abnormal("local"), 0, "local.abnormal")
    target.send_line("quit")
    t.equal(target.wait(), 0, "exit status of the target")


@test()
def exec_of_another_program(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 20 1000")
    target.send_line(f"exec {TARGETS / 'steady'} {t.dir / 'steady.log'}")
    t.equal(target.wait(), 0, "exit status of the target")
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    t.equal(watch.last_summary().count("local"), 20, "local.count")


@test()
def forked_children_are_not_the_target(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("fork 40 500")
    target.send_line("quit")
    truth = target.finish()
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


@test()
def vfork_and_exec_storm(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("storm 200", 30)
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


@test()
def thread_churn(t):
    target = t.target("loader", wait=False)
    # No turns: thousands of threads would open one each, more than are kept.
    stage = {"local": '{ call: "loader:stage_local", turn: no }'}
    watch = t.watch(target.pid, config(stage))
    target.command("churn 3000 300", 30)
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    t.spans(summary, "local", truth.functions[LOCAL])
    t.no_drops(summary)


@test()
def target_exit_code(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 10 500")
    target.send_line("exit 3")
    t.equal(target.wait(), 3, "exit status of the target")
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    bye = watch.bye()
    t.equal(bye["target"]["state"], "exited", "state of the target in bye")
    t.equal(bye["target"]["exit_code"], 3, "exit code in bye")
    t.equal(watch.last_summary().count("local"), 10, "local.count")


@test()
def target_crash_signal(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 10 500")
    target.send_line(f"crash {int(signal.SIGSEGV)}")
    t.equal(target.wait(), -signal.SIGSEGV, "exit status of the target")
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    bye = watch.bye()
    t.equal(bye["target"]["state"], "killed", "state of the target in bye")
    t.equal(bye["target"]["signal"], int(signal.SIGSEGV), "signal in bye")
    firing = watch.alerts("target.up", "firing")
    t.equal(len(firing), 1, "alerts on target.up")
    t.equal(firing[0][1]["priority"], "P0", "priority of the crash")


@test()
def target_killed(t):
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.signal(signal.SIGKILL)
    target.wait()
    t.equal(watch.wait(20), 4, "exit code of cheshire")
    t.equal(watch.bye()["target"]["signal"], 9, "signal in bye")


@test()
def binary_deleted_on_disk(t):
    copy = t.dir / "loader"
    shutil.copy(TARGETS / "loader", copy)
    target = t.target(copy, wait=False)
    target.command("unlink")
    t.check(not copy.exists(), "the binary is still there")
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 60 1000")
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


@test()
def binary_replaced_on_disk(t):
    """Another file under the same name must not be taken for the target's."""
    copy = t.dir / "loader"
    shutil.copy(TARGETS / "loader", copy)
    target = t.target(copy, wait=False)
    shutil.copy(TARGETS / "steady", t.dir / "new")
    os.replace(t.dir / "new", copy)
    watch = t.watch(target.pid, config({"local": "loader:stage_local"}))
    target.command("call 60 1000")
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


@test()
def binary_replaced_while_watched(t):
    """An upgrade on disk: the old program goes on, is measured on, and is looked at again."""
    copy = t.dir / "loader"
    shutil.copy(TARGETS / "loader", copy)
    target = t.target(copy, wait=False)
    watch = t.watch(target.pid, config({"local": "loader:stage_local", "plugin": "libplugin.so*:stage_plugin"}))
    target.command("call 20 1000")
    shutil.copy(TARGETS / "steady", t.dir / "new")
    os.replace(t.dir / "new", copy)
    target.command("call 20 1000")
    target.command(f"open {TARGETS / 'libplugin.so'}")

    def counted():
        target.command("plugin 1 200")
        return (watch.summary_now().value("plugin.count") or 0) > 0

    wait_until(counted, 15, "calls of a library that came after the upgrade count")
    target.command("call 20 1000")
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    t.equal(watch.last_summary().count("local"), 60, "calls of the old program")
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


def child_of(pid, name):
    for path in Path(f"/proc/{pid}/task/{pid}").glob("children"):
        for child in path.read_text(encoding="utf-8").split():
            if Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip() == name:
                return int(child)
    return None


@test()
def other_mount_and_pid_namespaces(t):
    """The target's path exists in its own mount namespace only, and its pid is another there."""
    hidden = t.dir / "hidden"
    hidden.mkdir()
    script = t.write(
        "enter.sh",
        f"set -e\nmount -t tmpfs none {hidden}\ncp {TARGETS / 'loader'} {hidden}/inner\n"
        f'exec {hidden}/inner "$@"\n',
    )
    probe = t.run("unshare", "--mount", "--pid", "--fork", "true")
    if probe.returncode:
        raise Failure(f"unshare does not work here: {probe.stderr}")
    outer = NamespaceTarget(t, script)
    watch = t.watch(outer.inner_pid, config({"local": "inner:stage_local"}))
    outer.command("call 60 1000")
    outer.send_line("quit")
    truth = outer.finish()
    watch.wait(20)
    t.check(not (hidden / "inner").exists(), "the path is visible outside")
    t.spans(watch.last_summary(), "local", truth.functions[LOCAL])


class NamespaceTarget(Target):
    """unshare is what we started; what is watched is its child."""

    def __init__(self, case, script):
        unshare = shutil.which("unshare")
        super().__init__(
            case,
            unshare,
            *("--mount", "--pid", "--fork", "--kill-child", "sh", script),
            wait=False,
            name="inner",
        )
        self.inner_pid = wait_until(lambda: child_of(self.pid, "inner"), 15, "inner process")


@test()
def pid_that_does_not_exist(t):
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = t.run(TARGETS.parent / "cheshire", "watch", "--pid", gone.pid, "--output", "json")
    t.equal(done.returncode, 1, "exit code of cheshire")
    t.check(str(gone.pid) in done.stderr, f"no message names the pid: {done.stderr[:200]}")
