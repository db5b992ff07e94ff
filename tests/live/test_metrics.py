# SPDX-License-Identifier: GPL-2.0-only
"""CPU, waits, memory, threads and descriptors against /proc and the target's own clocks."""

import os
from pathlib import Path

from harness import Machine, Summary, config, cpu_seconds, proc_status_kb, test, wait_until

MIB = 1 << 20
VOICE = {"voice": "memory:stage_voice"}


def cpu_s(summary, part):
    """CPU-seconds that cheshire has seen: part is total, voice or background."""
    return summary.number(f"cpu.time.{part}")


@test(120)
def cpu_seconds_by_voice_and_background(t):
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE))
    before = cpu_seconds(target.pid)
    base = watch.summary_now()
    for _ in range(8):
        target.command("voice 400")
        target.command("burn 300")
        target.command("work 150")
        target.command("idle 200")
    after = cpu_seconds(target.pid)
    summary = watch.summary_now()
    used = after - before
    whole = cpu_s(summary, "total") - cpu_s(base, "total")
    voice = cpu_s(summary, "voice") - cpu_s(base, "voice")
    background = cpu_s(summary, "background") - cpu_s(base, "background")
    t.near(whole, used, "CPU-seconds of the target", 0.02, 0.02)
    t.near(voice + background, whole, "voice and background together", 0.001, 1e-3)
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    # The thread's own clock around its stage: what was asked for is less where others got the CPU.
    spoken = sum(line["cpu_ns"] for line in truth.others if line["type"] == "voice") / 1e9
    t.near(voice, spoken, "CPU-seconds with a voice stage in flight", 0.02, 0.02)
    t.near(background, used - spoken, "CPU-seconds without one", 0.02, 0.03)
    t.near(watch.last_summary().number("voice.cpu.sum"), spoken, "voice.cpu.sum")


@test(120)
def cpu_usage_percent(t):
    """One thread that wants half of one CPU: its share of the CPUs that it may use."""
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE, more="", overhead="1%"))
    before = cpu_seconds(target.pid)
    cpus = len(os.sched_getaffinity(target.pid))
    t.equal(watch.hello["cpus"], cpus, "CPUs available to the target")
    target.command("cycle 80 50 50", 30)
    used = cpu_seconds(target.pid) - before
    t.check(used > 3, f"the target used {used} s of CPU time")
    summary = watch.stop()
    share = 100 * used / (summary.overhead()["elapsed_ns"] / 1e9)
    average = summary.number("cpu.usage.average") * cpus
    # The session is a little longer than the seconds that its readings cover.
    t.near(average, share, "average, % of one CPU", 0.04, 2)
    t.between(summary.number("cpu.usage.peak") * cpus, average, 101, "peak, % of one CPU")


WAITS = {
    "stage_lock": "lock",
    "stage_disk": "disk",
    "stage_socket": "network",
    "stage_pipe": "pipe",
    "stage_poll": "poll",
    "stage_epoll": "poll",
    "stage_sleep": "sleep",
    "stage_fault": "page_fault",
    "stage_runqueue": "runqueue",
}
REASONS = (
    *("runqueue", "lock", "disk", "network", "pipe", "poll", "page_fault", "sleep"),
    *("other", "gil"),
)


@test(90)
def waits_by_reason(t):
    data = t.dir / "data"
    with open(data, "wb") as file:
        file.write(os.urandom(MIB) * 16)
        os.fsync(file.fileno())
    target = t.target("waits", "--iterations", 40, "--us", "2000:9000", "--extra", data)
    stages = ["stage_cpu", *WAITS]
    bindings = {stage: f"waits:{stage}" for stage in stages}
    watch = t.watch(target.pid, config(bindings))
    machine = Machine()
    target.go()
    truth = target.finish()
    stolen_s = machine.stolen_s()
    watch.wait(20)
    summary = watch.last_summary()
    for stage in stages:
        least_ns = truth.functions[stage].least_ns
        check_waits(t, summary, stage, truth.waits[stage], least_ns, stolen_s)
        t.spans(summary, stage, truth.functions[stage], latency=False)


# A context switch is the scheduler's work before and after it says so: what the thread's own clock
# counts as its CPU time and we do not, or the other way round.
SWITCH_S = 15e-6


def check_waits(t, summary: Summary, stage, truth, least_ns, stolen_s):
    """stolen_s: what interrupts and the hypervisor took of all threads meanwhile."""
    spans = truth["spans"]
    wall, cpu, delay = (truth[key] / spans / 1e9 for key in ("wall_ns", "cpu_ns", "run_delay_ns"))
    edge = 60e-6 + SWITCH_S * truth["switches"] / spans
    waits = {reason: summary.number(f"{stage}.wait.{reason}") for reason in REASONS}
    got = summary.number(f"{stage}.cpu")
    expected = WAITS.get(stage, "runqueue")
    # Neither CPU time by the thread's own clock nor waiting: blocked, or stolen. Of what was stolen
    # after the last switch of a span we cannot tell it from CPU time.
    stolen = max(0, min(stolen_s / spans, wall - cpu - delay))
    last = stolen if expected == "runqueue" else stolen / max(1, truth["switches"] / spans)
    t.between(got, cpu * 0.98 - edge, (cpu + last) * 1.02 + edge, f"{stage}.cpu")
    least = sum(least_ns) / spans / 1e9
    t.between(
        got + sum(waits.values()),
        min(least, wall * 0.98) - edge,
        wall * 1.02 + edge,
        f"{stage}: the sum (by the target {wall})",
    )
    # The delay by schedstat is read outside the readings of the clock, and may have some of what
    # came between.
    t.between(
        waits["runqueue"],
        min(wall - cpu, delay) * 0.95 - 150e-6,
        (delay + stolen) * 1.05 + 150e-6,
        f"{stage}.wait.runqueue",
    )
    if expected != "runqueue":
        blocked = wall - cpu - delay
        t.between(
            waits[expected],
            (blocked - stolen) * 0.9 - 250e-6,
            blocked * 1.1 + 250e-6,
            f"{stage}.wait.{expected}",
        )


@test()
def memory_rss_equals_proc(t):
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE))
    for command, megabytes in (("grow 100", 100), ("grow 60", 160), ("free", 0)):
        target.command(command)
        expected = proc_status_kb(target.pid, "VmRSS") * 1024
        t.near(expected, megabytes * MIB, "RSS by /proc", 0, 16 * MIB)
        wait_until(
            lambda: abs(watch.summary_now().number("memory.rss") - expected) <= 256 * 1024,
            15,
            f"memory.rss equals /proc after '{command}': {expected}",
        )
        t.near(watch.summary_now().number("memory.rss"), expected, "memory.rss", 0, 256 * 1024)
    anonymous = proc_status_kb(target.pid, "RssAnon") * 1024
    t.near(watch.summary_now().number("memory.anon"), anonymous, "anonymous", 0, 256 * 1024)


@test()
def memory_spike_of_50_ms_is_the_peak(t):
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE))
    target.command("grow 20")
    target.command("idle 1500")
    target.command("spike 300 50")
    peak = proc_status_kb(target.pid, "VmHWM") * 1024
    t.check(peak > 300 * MIB, f"high-water mark by /proc: {peak}")
    wait_until(
        lambda: watch.summary_now().number("memory.peak") > 300 * MIB,
        15,
        "the spike in memory.peak",
    )
    entry = watch.summary_now().entry("memory.peak")
    t.near(entry["value"], peak, "memory.peak", 0, 512 * 1024)
    t.equal(entry["quality"], "exact", "quality of memory.peak")
    t.check(watch.summary_now().number("memory.rss") < 100 * MIB, "memory.rss has fallen")


@test()
def threads_and_descriptors(t):
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE))
    target.command("threads 25")
    target.command("fds 140")
    threads = len(list(Path(f"/proc/{target.pid}/task").iterdir()))
    fds = len(list(Path(f"/proc/{target.pid}/fd").iterdir()))
    t.between(threads, 26, 26, "threads by /proc")
    t.check(fds >= 140, f"descriptors by /proc: {fds}")
    wait_until(
        lambda: watch.summary_now().number("threads.count") == threads, 15, f"{threads} threads"
    )
    summary = watch.summary_now()
    t.equal(summary.number("threads.count"), threads, "threads.count")
    t.equal(summary.number("fds.open"), fds, "fds.open")


@test(120, waits=True)
def memory_growth_of_a_steady_leak(t):
    """1 MB a second is 3,600 MB an hour; by then the interval must have said so."""
    target = t.target("memory", wait=False)
    watch = t.watch(target.pid, config(VOICE))
    target.command("leak 256 100 250000", 40)
    entry = watch.summary_now().entry("memory.growth")
    t.equal(entry["unit"], "bytes/h", "unit of memory.growth")
    t.near(entry["value"], 3600 * MIB, "memory.growth", 0.15, 0)


@test()
def process_cpu_of_a_stage(t):
    """Worker threads count for process_cpu and not for cpu: here a burner beside the stage."""
    target = t.target("waits", "--mode", "runqueue", "--iterations", 40, "--us", "4000")
    watch = t.watch(target.pid, config({"stage": "waits:stage_runqueue"}))
    target.go()
    truth = target.finish().waits["stage_runqueue"]
    watch.wait(20)
    summary = watch.last_summary()
    t.near(
        summary.number("stage.process_cpu"),
        truth["process_cpu_ns"] / truth["spans"] / 1e9,
        "stage.process_cpu",
        0.05,
        100e-6,
    )
    cpu, beside = (truth[key] / truth["spans"] / 1e9 for key in ("cpu_ns", "run_delay_ns"))
    # What was stolen from its CPU is in the wall time, and not in the thread's clock.
    high = max(cpu, truth["wall_ns"] / truth["spans"] / 1e9 - beside)
    t.between(summary.number("stage.cpu"), 0.98 * cpu, 1.02 * high, "stage.cpu")
