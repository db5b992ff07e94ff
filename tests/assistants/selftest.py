#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Does the demo assistant do what the tests rely on? selftest.py [ALICE [CORPUS]]

Prints one line a check and "ok" or "FAIL" at the end; exits with 0 or 1.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import STAGES, Truth, percentile, wait_for  # noqa: E402

ALICE = sys.argv[1] if len(sys.argv) > 1 else "build/assistants/alice"
CORPUS = sys.argv[2] if len(sys.argv) > 2 else "build/corpus"
MS = 1_000_000
TIMEOUT_S = 60
failures = []


def check(what, good, detail=""):
    print("  %-4s %s%s" % ("ok" if good else "FAIL", what, "" if good else ": %s" % (detail,)))
    if not good:
        failures.append(what)


class Run:
    """One assistant, from its start to its end."""

    def __init__(self, scratch, *args):
        self.path = os.path.join(scratch, "log")
        self.proc = subprocess.Popen([ALICE, "--audio", CORPUS, "--log", self.path, *args],
                                     stdout=subprocess.PIPE, text=True)
        self.ready_line = self.proc.stdout.readline()

    def end(self):
        try:
            self.proc.wait(TIMEOUT_S)
        finally:
            self.proc.kill()
            self.proc.stdout.close()
        return Truth(self.path)


def run(scratch, *args):
    """Runs it to its end: (exit status, log)."""
    r = Run(scratch, *args)
    log = r.end()
    return r.proc.returncode, log


def status_field(pid, name):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise KeyError(name)


def wait_until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_turns(scratch):
    status, log = run(scratch, "--fast", "--turns", "5", "--log-frames")
    check("five fast turns end by themselves", status == 0, status)
    turns = log.of_type("turn")
    check("five turns are logged", len(turns) == 5, len(turns))
    check("at least 4 of 5 wake", sum(r["outcome"] == "complete" for r in turns) >= 4, turns)
    check("at least 4 of 5 are understood word by word", log.matched()[0] >= 4, turns)
    for stage in STAGES:
        check("every turn has its %s span" % stage, len(log.spans(stage)) == 5)
    end = log.one("end")
    check("the log ends in order", log.records[-1] is end and end["clean"], log.records[-1])
    check("start, ready and one user", log.records[0]["type"] == "start" and log.one("ready")
          and len(log.of_type("user")) == 1)
    frames = log.of_type("frame")
    user = log.one("user")
    check("every wake word frame is logged", len(frames) == user["wake_frames"], len(frames))
    check("frame times sum up", sum(r["end_ns"] - r["start_ns"] for r in frames)
          == user["wake_sum_ns"], user)
    check("as many frames hit as turns woke",
          sum(r["hit"] for r in frames) == user["wake_hits"] == len(log.spans("wake_word")))
    in_order = all(a["end_ns"] <= b["start_ns"] for t in turns for a, b in zip(
        stages_of(log, t), stages_of(log, t)[1:]))
    check("a turn's stages follow each other", in_order)
    check("a turn is from the start of stt to the end of tts", all(
        t["start_ns"] == stages_of(log, t)[1]["start_ns"]
        and t["end_ns"] == stages_of(log, t)[-1]["end_ns"] for t in turns))
    check("speech comes out", all(s["audio_samples"] > s["rate"] / 4 for s in log.spans("tts")))
    cpu = sum(s["cpu_ns"] for s in log.spans())
    check("CPU time of the stages is within the whole", 0 < cpu < end["cpu_ns"])


def stages_of(log, turn):
    return [s for s in log.spans(user=turn["user"]) if s["turn"] == turn["turn"]]


def test_users(scratch):
    status, log = run(scratch, "--fast", "--turns", "3", "--users", "8", "--handoff")
    check("eight users, handing over, end", status == 0, status)
    check("24 turns", len(log.turns(outcome="complete")) == 24, len(log.of_type("turn")))
    check("several turns at once", log.users_active() >= 2, log.users_active())
    tids = {s["tid"] for s in log.spans("stt")}, {s["tid"] for s in log.spans("tts")}
    check("hearing and answering on threads of their own",
          len(tids[0]) == len(tids[1]) == 8 and not tids[0] & tids[1], tids)
    check("8 users stay below 1.5 GB", log.one("end")["maxrss_bytes"] < 1.5 * 2**30)


def test_engines(scratch):
    status, log = run(scratch, "--fast", "--turns", "3", "--tts", "flite", "--push-to-talk")
    check("flite, push to talk", status == 0 and len(log.turns(outcome="complete")) == 3)
    check("no wake word was listened for", not log.spans("wake_word"))
    check("flite takes longer than espeak-ng would", log.latency("tts")["p50"] > 5 * MS)
    check("the engine's time is within the stage's", all(
        s["start_ns"] <= s["engine_start_ns"] <= s["engine_end_ns"] <= s["end_ns"]
        for s in log.spans("tts") + log.spans("stt")))


def test_stage_faults(scratch):
    slow = {"stt": "slow-stt", "intent": "slow-intent", "response": "slow-response",
            "tts": "slow-tts"}
    args = [a for f in slow.values() for a in ("--fault", f + "=120ms")]
    _, log = run(scratch, "--fast", "--turns", "2", *args)
    for stage, fault in slow.items():
        times = log.durations(stage)
        check("%s slows %s" % (fault, stage), len(times) == 2 and min(times) >= 120 * MS, times)
    check("a slow stage sleeps", all(s["cpu_ns"] < 100 * MS for s in log.spans("intent")))
    _, log = run(scratch, "--fast", "--turns", "2", "--fault", "cpu-intent=80ms")
    check("cpu-intent burns", all(s["cpu_ns"] >= 80 * MS for s in log.spans("intent")))
    _, log = run(scratch, "--fast", "--turns", "2", "--fault", "lock=90ms", "--fault", "gap=70ms")
    check("lock waits", all(85 * MS <= d < 400 * MS for d in log.durations("intent")),
          log.durations("intent"))
    check("gap opens between stt and intent", min(log.gaps("stt", "intent")) >= 70 * MS)
    _, log = run(scratch, "--fast", "--turns", "2", "--fault", "disk=4MB", "--fault", "intent-error")
    check("intent-error fails the stage", not any(s["ok"] for s in log.spans("intent")))
    check("an apology is still spoken", len(log.spans("tts")) == 2)
    _, log = run(scratch, "--fast", "--turns", "2", "--fault", "slow-wake=5ms")
    check("slow-wake slows every frame", all(t["wake_min_ns"] >= 5 * MS for t in log.turns()))
    _, log = run(scratch, "--fast", "--turns", "3", "--fault", "hang-response=400ms")
    times = sorted(log.durations("response"))
    check("hang-response hangs once", times[-1] >= 400 * MS > times[-2], times)


def test_turn_faults(scratch):
    _, log = run(scratch, "--fast", "--turns", "3", "--fault", "no-tts")
    check("no-tts abandons the turn", len(log.turns(outcome="abandoned")) == 3
          and not log.spans("tts"))
    _, log = run(scratch, "--fast", "--turns", "3", "--fault", "barge-in")
    check("barge-in interrupts the turn", len(log.turns(outcome="interrupted")) == 3
          and not log.spans("response"))
    check("who interrupts needs no wake word", len(log.spans("wake_word")) == 1)
    _, log = run(scratch, "--fast", "--turns", "3", "--handoff", "--fault", "overlap", "--fault",
                 "slow-tts=500ms")
    check("overlap: one user has two turns open", log.users_active() == 2, log.users_active())
    _, log = run(scratch, "--fast", "--turns", "4", "--fault", "keep-audio=50%")
    kept = [turn["kept_bytes"] for turn in log.turns()]
    check("keep-audio keeps the sound of every other turn", not any(kept[::2]) and
          all(bytes > 32000 for bytes in kept[1::2]), kept)


def test_process_faults(scratch):
    r = Run(scratch, "--turns", "0", "--duration", "2s", "--fault", "threads=40@0.4s-1.4s",
            "--fault", "fds=60@0.4s-1.4s", "--fault", "spike=64MB@0.5s-1s",
            "--fault", "burn-thread=50%@0.4s-1.4s", "--fault", "leak=8MB@0.4s-1.4s")
    pid = r.proc.pid
    threads, fds = status_field(pid, "Threads"), len(os.listdir("/proc/%d/fd" % pid))
    check("threads start", wait_until(lambda: status_field(pid, "Threads") >= threads + 40))
    check("descriptors open", wait_until(
        lambda: len(os.listdir("/proc/%d/fd" % pid)) >= fds + 60))
    check("threads end", wait_until(lambda: status_field(pid, "Threads") <= threads + 1))
    log = r.end()
    check("faults begin and end on time", all(
        abs((at - log.one("ready")["at_ns"]) / MS - want) < 150
        for _, start, end in log.faults("fds") for at, want in ((start, 400), (end, 1400))))
    check("burn-thread burns half a CPU", 380 * MS < log.one("burnt")["cpu_ns"] < 620 * MS,
          log.one("burnt"))
    check("leak leaks 8 MB in a second", 6 << 20 < log.one("leaked")["bytes"] < 10 << 20)
    spike = log.one("spike")
    check("spike holds for 50 ms", 50 * MS <= spike["end_ns"] - spike["start_ns"] < 150 * MS)
    check("idle means no turn", not log.of_type("turn") and not log.one("user")["wake_hits"])
    frames = log.one("user")["wake_frames"]
    check("an idle assistant listens at 50 frames a second", 80 <= frames <= 102, frames)


def test_control(scratch):
    path = os.path.join(scratch, "log")
    held = 64 << 20
    with subprocess.Popen([ALICE, "--audio", CORPUS, "--log", path, "--turns", "0", "--control"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proc:
        def say(line):
            proc.stdin.write(line + "\n")
            proc.stdin.flush()
            return proc.stdout.readline().strip()

        proc.stdout.readline()
        before = status_field(proc.pid, "VmRSS")
        check("a fault begins when it is told to", say("begin hold=%dB" % held) == "done")
        check("hold holds", wait_until(
            lambda: status_field(proc.pid, "VmRSS") * 1024 >= before * 1024 + held))
        check("a fault ends when it is told to", say("end hold") == "done")
        check("and gives back", wait_until(
            lambda: status_field(proc.pid, "VmRSS") * 1024 < before * 1024 + held // 2))
        check("disk-write begins", say("begin disk-write=5MB") == "done")
        written = wait_for(path, "written")[0]["bytes"]
        check("disk-write writes", written == 5 << 20, written)
        for line in ("begin nonsense", "end nonsense", "end hold", "begin hold@3s", "hold"):
            check("'%s' is refused" % line, say(line).startswith("refused: "))
        proc.send_signal(signal.SIGTERM)
        proc.wait(TIMEOUT_S)
    log = Truth(path)
    check("the log has both ends of it", [end is not None for _, _, end in log.faults("hold")]
          == [True], log.faults())


def test_audio(scratch):
    first = {}
    for mode in ("whole", "stream"):
        _, log = run(scratch, "--fast", "--turns", "2", "--tts-mode", mode,
                     "--fault", "slow-chunk=20ms")
        spans = log.spans("tts")
        first[mode] = min((s["first_audio_ns"] - s["start_ns"]) / MS for s in spans)
        pieces = min(s["audio_samples"] / s["rate"] for s in spans) / 0.2
        check("%s: every piece takes its time" % mode, all(
            s["end_ns"] - s["start_ns"] >= pieces * 20 * MS for s in spans))
    check("streaming plays the first piece at once", 20 <= first["stream"] < 60, first)
    check("the whole answer is made first otherwise", first["whole"] >= 5 * 20, first)
    _, log = run(scratch, "--fast", "--turns", "2", "--frame", "200ms", "--log-frames")
    check("long frames wake it too", len(log.spans("wake_word")) == 2)
    frames = len(log.of_type("frame"))
    check("and are fewer", 4 <= frames <= 30, frames)


def test_errors(scratch):
    for stage in ("stt", "intent", "response", "tts"):
        _, log = run(scratch, "--fast", "--turns", "2", "--fault", stage + "-error")
        wrong = [s["stage"] for s in log.spans() if not s["ok"]]
        check("%s-error fails its stage only" % stage, wrong == [stage] * 2, wrong)


def sleeps(pid):
    """True if the user's thread, which never waits in a fast run, sleeps for a while."""
    for tid in os.listdir("/proc/%d/task" % pid):
        for _ in range(5):
            with open("/proc/%d/task/%s/stat" % (pid, tid), encoding="ascii") as f:
                if not f.read().split(" ", 1)[1].startswith("(user-0) S"):
                    break
            time.sleep(0.02)
        else:
            return True
    return False


def test_ends(scratch):
    for how, args in (("in a turn", ("--turns", "100")), ("idle", ("--turns", "0")),
                      ("in a hang", ("--fast", "--turns", "9", "--fault", "hang-intent=60s"))):
        r = Run(scratch, *args)
        wait_for(r.path, "ready")
        if how == "in a hang":
            check("the user's thread hangs", wait_until(lambda pid=r.proc.pid: sleeps(pid)))
        start = time.monotonic()
        r.proc.send_signal(signal.SIGTERM)
        log = r.end()
        took = time.monotonic() - start
        check("SIGTERM %s ends it at once" % how, r.proc.returncode == 0 and took < 0.5, took)
        check("... and the log is whole", log.records[-1]["type"] == "end", log.records[-1])
        if how == "in a turn":
            check("... with the turn that was cut short",
                  log.of_type("turn")[-1]["outcome"] == "unfinished", log.of_type("turn")[-1:])
    status, _ = run(scratch, "--turns", "0", "--fault", "crash@0.3s")
    check("crash is a SIGSEGV", status == -signal.SIGSEGV, status)
    status, _ = run(scratch, "--turns", "0", "--fault", "exit=7@0.3s")
    check("exit=7 exits with 7", status == 7, status)
    r = Run(scratch, "--turns", "0", "--duration", "1s", "--fault", "mic-stop@0.2s-0.8s")
    frames = r.end().one("user")["wake_frames"]
    check("mic-stop stops the frames", 10 <= frames <= 25, frames)


def test_pace(scratch):
    _, log = run(scratch, "--turns", "1", "--log-frames")
    starts = [r["start_ns"] for r in log.frames()]
    gaps = [b - a for a, b in zip(starts, starts[1:])]
    check("in real time a frame comes every 20 ms", 19 * MS < percentile(gaps, 50) < 21 * MS)


def test_usage():
    for args in (("--users", "9"), ("--fault", "nonsense"), ("--fault", "leak=3@1s"), ("--pause", "3"),
                 ("--fault", "leak@9s-3s"), ("extra",), ("--fault", "overlap"), ("--frame", "600ms"),
                 ("--tts", "flite", "--tts-mode", "stream")):
        p = subprocess.run([ALICE, *args], capture_output=True, text=True, check=False, timeout=10)
        check("%s is refused" % " ".join(args), p.returncode == 2 and p.stderr, p)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        for test in (test_turns, test_users, test_engines, test_stage_faults, test_turn_faults,
                     test_process_faults, test_control, test_audio, test_errors, test_ends, test_pace):
            test(scratch)
    test_usage()
    print("FAIL: %s" % "; ".join(failures) if failures else "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
