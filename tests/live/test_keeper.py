# SPDX-License-Identifier: GPL-2.0-only
"""The session has no privileges; its keeper has few, and does little."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from harness import (
    CHESHIRE,
    TARGETS,
    Skip,
    bpf_ids,
    bpf_ids_alive,
    changed_text_bytes,
    config,
    memory_of,
    test,
    wait_until,
)

# Bits of <linux/capability.h>.
SYS_PTRACE, PERFMON, BPF = 1 << 19, 1 << 38, 1 << 39
KEEPER_CAPS = SYS_PTRACE | PERFMON | BPF | 1 << 2 | 1 << 40
CLOEXEC = 0o2000000
NOBODY = 65534
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
STEADY = ("--duration", 40, "--rate", 50, "--iterations", 0)


def status(pid):
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def keeper_of(watch):
    """The only child that a session has once it said hello."""
    path = Path(f"/proc/{watch.pid}/task/{watch.pid}/children")
    children = path.read_text(encoding="ascii").split()
    return int(children[0]) if len(children) == 1 else 0


def gone(pid):
    try:
        return status(pid)["State"].startswith("Z")
    except FileNotFoundError:
        return True


def descriptors(pid):
    """By number, without those that are closed meanwhile: both open files for a moment."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(entry.name)] = os.readlink(entry)
    return found


def is_inherited(pid, fd):
    """By a program that it would run; one that is closed by now is not."""
    try:
        text = Path(f"/proc/{pid}/fdinfo/{fd}").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return not int(text.split("flags:\t", 1)[1].split()[0], 8) & CLOEXEC


def files_of(pid):
    return [name for fd, name in descriptors(pid).items() if fd > 2 and name.startswith("/")]


def check_confined(t, pid, caps, who):
    fields = status(pid)
    for name in SETS:
        allowed = caps if name in ("CapPrm", "CapEff") else 0
        t.equal(int(fields[name], 16) & ~allowed, 0, f"{name} of the {who} beyond its own")
    t.equal(fields["NoNewPrivs"].strip(), "1", f"NoNewPrivs of the {who}")
    t.equal(fields["Seccomp"].strip(), "2", f"Seccomp of the {who}")
    # A thread's capabilities are its own; one that has ended has none.
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            permitted = int(status(task.name)["CapPrm"], 16)
            t.equal(permitted & ~caps, 0, f"CapPrm of a thread of the {who}")
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    core = next(line.split() for line in limits.splitlines() if line.startswith("Max core"))
    t.equal(core[4:6], ["0", "0"], f"limit of core files of the {who}")
    for fd in descriptors(pid):
        if fd > 2:
            t.check(not is_inherited(pid, fd), f"descriptor {fd} of the {who} is inherited")


@test()
def session_and_keeper_are_confined(t):
    target = t.target("steady", *STEADY)
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    keeper = keeper_of(watch)
    t.check(keeper, "the session has no child")
    check_confined(t, watch.pid, 0, "session")
    check_confined(t, keeper, KEEPER_CAPS, "keeper")
    held = descriptors(keeper)
    t.equal({held[fd] for fd in (0, 1)}, {"/dev/null"}, "standard input and output of the keeper")
    # And, for moments, what it is asked for.
    wait_until(lambda: files_of(keeper) == [f"/proc/{target.pid}"], 5, "one file with the keeper")
    # Of the links only those of probes, which it takes off.
    both = bpf_ids(watch.pid)["link"]
    wait_until(lambda: 0 < len(bpf_ids(keeper)["link"]) < len(both), 5, "links of the keeper")
    t.check(bpf_ids(keeper)["link"] <= both, "the keeper has a link of its own")
    watch.stop()
    wait_until(lambda: gone(keeper), 5, "the keeper's end")


@test()
def keeper_ends_with_a_killed_session(t):
    target = t.target("steady", *STEADY)
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    keeper, ids = keeper_of(watch), bpf_ids(watch.pid)
    programs = bpf_ids(keeper)["prog"]
    t.check(keeper and programs, "the keeper holds no programs")
    watch.signal(signal.SIGKILL)
    watch.wait()
    wait_until(lambda: gone(keeper), 5, "the keeper's end")
    ids["prog"] |= programs
    wait_until(lambda: not bpf_ids_alive(ids), 10, f"programs and links gone: {ids}")
    # A perf event goes after the link of its program, and takes the breakpoint with it.
    wait_until(lambda: not changed_text_bytes(target.pid), 20, "code as it was")
    t.check(target.running(), "the target died")


@test()
def session_goes_on_without_its_keeper(t):
    target = t.target("loader", wait=False)
    stages = {"local": "loader:stage_local", "plugin": "libplugin.so*:stage_plugin"}
    watch = t.watch(target.pid, config(stages))
    target.command("call 10 500")
    os.kill(keeper_of(watch), signal.SIGKILL)
    _, note = watch.wait_for("note", 10, lambda line: line["event"] == "keeper_lost")
    t.equal(note["severity"], "warning", "severity of the note")
    target.command("call 15 500")
    # What would have to be attached now cannot be.
    target.command(f"open {TARGETS / 'libplugin.so'}")
    target.command("plugin 5 500")
    wait_until(
        lambda: watch.summary_now().value("io.disk") is None, 10, "io.disk is unknown"
    )
    summary = watch.summary_now()
    t.equal(summary.count("local"), 25, "local.count")
    t.equal(summary.value("plugin.count"), None, "plugin.count is unknown")
    t.equal(len([1 for _, n in watch.objects("note") if n["event"] == "keeper_lost"]), 1, "notes")
    watch.stop()
    t.equal(changed_text_bytes(target.pid), 0, "bytes of code that differ from the file")
    target.send_line("quit")
    target.finish()


@test()
def reload_after_the_keeper_ended_is_refused(t):
    target = t.target("steady", *STEADY)
    target.go()
    watch = t.watch(target.pid, config({"work": "steady:stage_work"}))
    os.kill(keeper_of(watch), signal.SIGKILL)
    watch.wait_for("note", 10, lambda line: line["event"] == "keeper_lost")
    t.write("config.yaml", config({"other": "steady:stage_work"}))
    watch.signal(signal.SIGHUP)
    watch.wait_for("note", 10, lambda line: line["event"] == "reload_failed")
    before = watch.summary_now().count("work")
    wait_until(lambda: watch.summary_now().count("work") > before, 10, "work is counted on")
    watch.stop()
    t.check(before > 0, "nothing was counted before")


@test()
def library_deleted_as_soon_as_it_is_mapped(t):
    """map_files leads to it, a name does not."""
    target = t.target("loader", wait=False)
    watch = t.watch(target.pid, config({"plugin": "libplugin.so*:stage_plugin"}))
    copy = t.dir / "libplugin.so"
    shutil.copy(TARGETS / "libplugin.so", copy)
    target.command(f"open {copy}")
    copy.unlink()
    watch.wait_for("note", 10, lambda line: line["event"] == "stage_armed")
    before = watch.summary_now().count("plugin")
    target.command("plugin 40 500")
    t.equal(watch.summary_now().count("plugin"), before + 40, "plugin.count")
    target.send_line("quit")
    target.finish()


# --- fewer privileges to begin with ---


def as_user(uid, caps):
    """A command line under which a program has these capabilities and no other."""
    names = ",".join(f"+{name}" for name in caps)
    sets = f"-all,{names}" if names else "-all"
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    words += [f"--inh-caps={sets}", f"--ambient-caps={sets}"]
    return words + [f"--bounding-set={sets}"]


def started_with(t, uid, caps, target_uid=None):
    """Runs cheshire so on a target of that user's; the summary, once 20 calls are in."""
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    folder = Path("/tmp") / f"cheshire-{os.getpid()}-{t.name}"
    folder.mkdir(mode=0o755)
    t.cleanups.append(lambda: shutil.rmtree(folder))
    for program in (CHESHIRE, TARGETS / "steady"):
        shutil.copy(program, folder)
    (folder / "config.yaml").write_text(config({"work": "steady:stage_work"}), encoding="utf-8")
    options = {} if target_uid is None else {"user": target_uid, "group": target_uid}
    target = t.target(folder / "steady", *STEADY, log=False, **options)
    target.go()
    command = [*as_user(uid, caps), folder / "cheshire", "watch", "--pid", target.pid]
    command += ["--config", folder / "config.yaml", "--output", "json"]
    return target, command


def watches_with(t, uid, caps, target_uid=None):
    _, command = started_with(t, uid, caps, target_uid)
    done = t.run(*command, "--duration", "3s", timeout_s=30)
    t.equal(done.returncode, 0, f"exit code ({done.stderr[-300:]})")
    t.check('"state":"armed"' in done.stdout, f"not armed: {done.stdout[:600]}")
    t.check('"type":"bye"' in done.stdout, "no bye")


THREE = ("bpf", "perfmon", "sys_ptrace")


@test()
def three_capabilities_are_enough_for_root(t):
    watches_with(t, 0, THREE)


@test()
def three_capabilities_are_enough_for_another_user(t):
    watches_with(t, NOBODY, THREE)


@test()
def three_capabilities_and_a_target_of_another_user(t):
    watches_with(t, NOBODY, THREE, target_uid=NOBODY - 1)


@test()
def what_is_missing_is_named(t):
    _, command = started_with(t, NOBODY, THREE)
    at = next(i for i, word in enumerate(command) if "cheshire" in str(word))
    for lacking in THREE:
        kept = [name for name in THREE if name != lacking]
        done = t.run(*as_user(NOBODY, kept), *command[at:], "--duration", "1s", timeout_s=30)
        t.equal(done.returncode, 5, f"exit code without {lacking} ({done.stderr[-300:]})")
        t.check(
            f"missing here: CAP_{lacking.upper()}\n" in done.stderr,
            f"{lacking} is not named: {done.stderr[-300:]}",
        )


# --- people's speech ---

SECRET = "verysecretutterance"


@test()
def secrets_of_the_target_stay_there(t):
    """In its environment, its arguments and its memory: in nothing that cheshire writes or maps."""
    script = (
        "import sys, time\n"
        f"kept = ['{SECRET[:8]}' + '{SECRET[8:]}' + str(i) for i in range(1000)]\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    environment = dict(os.environ, SECRET_OF_ENVIRONMENT=SECRET)
    target = t.target("/usr/bin/python3", "-c", script, SECRET, log=False, wait=False,
                      env=environment)
    stages = {"parse": "python3*:PyUnicode_FromFormat", "late": "python3*:PyNumber_Long"}
    watch = t.watch(target.pid, config(stages), "-vv")
    watch.summary_now()
    keeper = keeper_of(watch)
    for pid in (watch.pid, keeper):
        t.check(SECRET.encode() not in memory_of(pid), f"in the memory of {pid}")
        # What a core would be made by.
        t.check(no_core(t, pid), f"process {pid} can be dumped by its own user")
    watch.stop()
    t.check(SECRET not in watch.out_path.read_text(encoding="utf-8"), "in the output")
    t.check(SECRET not in watch.errors(), "in the log")
    target.send_line("end")


def no_core(t, pid):
    """Its files belong to root and its own user may not trace it; root with all rights may."""
    done = t.run(*as_user(0, ()), "cat", f"/proc/{pid}/maps")
    return done.returncode != 0
