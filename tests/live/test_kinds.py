# SPDX-License-Identifier: GPL-2.0-only
"""Frames, streams and calls as people mean them, on libengine.so, which logs what it really did."""

from harness import (
    ABSOLUTE_ERROR_S,
    RELATIVE_ERROR,
    config,
    nearest_rank,
    test,
    wait_until,
)

LIB = "libengine.so*"
HANDLES = 3
REASONS = (
    *("runqueue", "lock", "disk", "network", "pipe", "poll", "page_fault", "sleep"),
    *("other", "gil"),
)

OWN_HIT = f'{{ frame: {{ probe: "{LIB}:process_frame", handle: arg0, when: "ret != 0" }} }}'
KEYWORD = 'str *(*(arg0 + 8) + 8) == "kws"'
GRAMMAR = 'str *(*(arg0 + 8) + 8) == "ngram"'


def engine(t, stages, *modes, us="900:4000", **options):
    """A target that obeys, and a watcher on it with all stages armed."""
    target = t.target("engine", "--us", us, *modes, wait=False)
    watch = t.watch(target.pid, config(stages, **options))
    for name in stages:
        t.equal(watch.stage(name)["state"], "armed", f"state of stage '{name}' in hello")
    return target, watch


def finish(target, watch):
    """Ends both; returns (truth, last summary)."""
    target.send_line("quit")
    truth = target.finish()
    watch.wait(20)
    return truth, watch.last_summary()


def total_ns(function):
    return sum(function.normal_ns)


def audio(truth, name):
    found = [line for line in truth.others if line["type"] == "audio" and line["name"] == name]
    return found[0]


def check_split(t, truth, summary, stage, name):
    """CPU and waits of a stage are together its wall time, by the target's clock."""
    function = truth.functions[name]
    asked = total_ns(truth.functions[f"{name}.asked"]) / len(function.normal_ns) / 1e9
    mean = total_ns(function) / len(function.normal_ns) / 1e9
    parts = [summary.number(f"{stage}.cpu")]
    parts += [summary.number(f"{stage}.wait.{reason}") for reason in REASONS]
    least = sum(function.least_ns) / len(function.least_ns) / 1e9
    t.between(
        sum(parts),
        min(least, mean * (1 - RELATIVE_ERROR), mean - ABSOLUTE_ERROR_S),
        max(mean * (1 + RELATIVE_ERROR), mean + ABSOLUTE_ERROR_S),
        f"{stage}: CPU and all waits together",
    )
    # Asked for and done, whoever takes the CPU away meanwhile: that only makes the span longer.
    slept = summary.number(f"{stage}.wait.sleep")
    t.exact_enough(parts[0] >= 0.22 * asked, f"{stage}.cpu: {parts[0]} of {asked}, a quarter")
    t.exact_enough(slept >= 0.7 * asked, f"{stage}.wait.sleep: {slept} of {asked}, the rest")


def check_frames(t, summary, stage, frames, hits):
    t.equal(summary.number(f"{stage}.frames"), len(frames.normal_ns), f"{stage}.frames")
    t.equal(summary.count(stage), len(hits.normal_ns), f"{stage}.count is that of the hits")
    t.percentiles(summary, f"{stage}.frame", frames.normal_ns, frames.least_ns)
    t.percentiles(summary, f"{stage}.latency", hits.normal_ns, hits.least_ns)


# --- frames ---


@test()
def frames_that_hit_by_their_own_result(t):
    """All three handles are one stage; every frame that returns 1 is a hit."""
    target, watch = engine(t, {"wake_word": OWN_HIT}, "--mode", "configured")
    target.command("frames 60", 30)
    truth, summary = finish(target, watch)
    keyword, grammar = (truth.functions[f"process_frame.{name}"] for name in ("kws", "ngram"))
    hits = [truth.functions[f"process_frame.{name}.hit"] for name in ("kws", "ngram")]
    t.equal(summary.number("wake_word.frames"), 180, "wake_word.frames")
    t.equal(summary.count("wake_word"), 18, "wake_word.count")
    for metric, parts in (("wake_word.frame", (keyword, grammar)), ("wake_word.latency", hits)):
        t.percentiles(
            summary,
            metric,
            parts[0].normal_ns + parts[1].normal_ns,
            parts[0].least_ns + parts[1].least_ns,
        )
    t.no_drops(summary)


@test()
def frames_that_hit_by_another_function(t):
    """get_hit() tells; asked about another handle than that of the frame, it tells nothing."""
    stage = f"""{{ frame: {{ probe: "{LIB}:process_frame", handle: arg0, where: '{KEYWORD}',
                work: {{ value: arg2, per_second: 16000 }},
                hit: {{ probe: "{LIB}:get_hit", when: "ret != 0", where: '{KEYWORD}' }} }} }}"""
    target, watch = engine(t, {"wake_word": stage}, "--mode", "configured")
    target.command("frames 60", 30)
    truth, summary = finish(target, watch)
    frames = truth.functions["process_frame.kws"]
    check_frames(t, summary, "wake_word", frames, truth.functions["process_frame.kws.hit"])
    t.equal(summary.count("wake_word"), 12, "wake_word.count")
    sound = audio(truth, "process_frame.kws")
    t.near(
        summary.number("wake_word.rtf"), sound["wall_ns"] / sound["audio_ns"], "wake_word.rtf",
        absolute=0,
    )
    mean = total_ns(frames) / len(frames.normal_ns) / 1e9
    t.near(summary.number("wake_word.frame.mean"), mean, "wake_word.frame.mean")
    check_split(t, truth, summary, "wake_word", "process_frame.kws")
    # The second handle's hits, asked for after 53 frames of the first, and the first's after 54 of
    # the third: neither is a hit of those frames.
    t.equal(summary.drops(), {"hit_without_frame": 107}, "hits of the wrong handle")


@test()
def handles_told_apart_by_a_string(t):
    """One function serves two stages; the type's name, behind two pointers, says which."""
    stages = {
        "wake_word": f"""{{ frame: {{ probe: "{LIB}:process_frame", handle: arg0,
                         where: '{KEYWORD}', when: "ret != 0" }} }}""",
        "hearing": f"""{{ frame: {{ probe: "{LIB}:process_frame", handle: arg0,
                       where: '{GRAMMAR}', when: "ret != 0" }} }}""",
    }
    target, watch = engine(t, stages, "--mode", "configured")
    target.command("frames 40", 30)
    truth, summary = finish(target, watch)
    for stage, name in (("wake_word", "kws"), ("hearing", "ngram")):
        frames, hits = (truth.functions[f"process_frame.{name}{end}"] for end in ("", ".hit"))
        check_frames(t, summary, stage, frames, hits)
    t.no_drops(summary)


CLASSES = f"""classes:
  wake: [ {{ probe: "{LIB}:set_keyword", handle: arg0 }} ]
  grammar: [ {{ probe: "{LIB}:set_grammar", handle: arg0 }} ]
"""
BY_CLASS = {
    "wake_word": f"""{{ frame: {{ probe: "{LIB}:process_frame",
                     handle: {{ from: arg0, class: wake }}, when: "ret != 0" }} }}""",
}


@test()
def handles_of_a_class_learnt_after_the_attach(t):
    target, watch = engine(t, BY_CLASS, more=CLASSES)
    target.command("configure")
    target.command("frames 40", 30)
    truth, summary = finish(target, watch)
    frames, hits = (truth.functions[f"process_frame.kws{end}"] for end in ("", ".hit"))
    check_frames(t, summary, "wake_word", frames, hits)
    t.no_drops(summary)


@test()
def handles_configured_before_the_attach_have_no_class(t):
    """Nothing is guessed: they are no frames of the stage, and how many there were is said."""
    target, watch = engine(t, BY_CLASS, "--mode", "configured", more=CLASSES)
    target.command("frames 20", 30)
    t.equal(watch.summary_now().drops(), {"unknown_class.wake_word": 60}, "drops")
    t.equal(watch.summary_now().value("wake_word.frames"), 0, "wake_word.frames")
    target.command("configure")
    target.command("frames 10", 30)
    _, summary = finish(target, watch)
    t.equal(summary.number("wake_word.frames"), 20, "wake_word.frames once configured again")
    t.equal(summary.drops(), {"unknown_class.wake_word": 60}, "drops")


# --- streams ---


def stream(more=""):
    return (
        f'{{ stream: {{ from: "{LIB}:begin_stream@entry", '
        f'to: {{ probe: "{LIB}:next_chunk@return", where: "i32 ret > 0" }}, key: arg0{more} }} }}'
    )


def check_stream(t, truth, summary, latency):
    ends = {end: truth.functions[f"begin_stream.{end}"] for end in ("first", "total")}
    ends["latency"] = ends["first" if latency == "first" else "total"]
    for end, function in ends.items():
        t.percentiles(summary, f"tts.{end}", function.normal_ns, function.least_ns)
    t.equal(summary.count("tts"), len(ends["total"].normal_ns), "tts.count")


@test()
def stream_ends_with_the_next_of_its_handle(t):
    target, watch = engine(t, {"tts": stream(", gap: 60s")})
    target.command("streams 50 5 same", 30)
    wait_until(lambda: watch.summary_now().count("tts") >= 49, 15, "all but one are over")
    t.equal(watch.summary_now().count("tts"), 49, "tts.count while the last is open")
    truth, summary = finish(target, watch)
    check_stream(t, truth, summary, "last")
    check_split(t, truth, summary, "tts", "begin_stream.total")
    t.no_drops(summary)


@test()
def stream_ends_after_its_gap(t):
    """Every stream on a handle of its own: nothing else ends them."""
    target, watch = engine(t, {"tts": stream(", gap: 500ms, latency: first")})
    target.command("streams 40 3 fresh", 30)
    wait_until(lambda: watch.summary_now().count("tts") == 40, 15, "all streams are over")
    truth, summary = finish(target, watch)
    check_stream(t, truth, summary, "first")
    t.no_drops(summary)


@test()
def stream_ends_with_the_next_stage(t):
    stages = {
        "tts": stream(", gap: 60s"),
        "response": f'{{ call: {{ probe: "{LIB}:parse_text", key: arg0 }} }}',
    }
    target, watch = engine(t, stages, more="turn: { key: value }\n")
    target.command("streams 40 4 stage", 30)
    wait_until(lambda: watch.summary_now().count("tts") == 40, 15, "all streams are over")
    truth, summary = finish(target, watch)
    check_stream(t, truth, summary, "last")
    t.equal(summary.count("response"), 40, "response.count")
    t.no_drops(summary)


@test()
def stream_without_output_is_no_sample(t):
    target, watch = engine(t, {"tts": stream(", gap: 60s")})
    target.command("streams 1 0 same")
    target.command("streams 20 2 same", 30)
    _, summary = finish(target, watch)
    t.equal(summary.count("tts"), 20, "tts.count")
    t.equal(summary.number("tts.abnormal"), 1, "tts.abnormal: the one without output")


# --- calls ---


@test()
def error_rate_is_exact(t):
    stage = f'{{ call: {{ probe: "{LIB}:parse_text", error: "ret < 0" }} }}'
    target, watch = engine(t, {"intent": stage})
    target.command("parse 101", 30)
    truth, summary = finish(target, watch)
    wanted = truth.functions["parse_text.error"].calls / truth.functions["parse_text"].calls
    t.equal(truth.functions["parse_text.error"].calls, 14, "errors of the target")
    t.near(summary.number("intent.error_rate"), wanted, "intent.error_rate", 1e-9, 0)
    t.spans(summary, "intent", truth.functions["parse_text"])
    check_split(t, truth, summary, "intent", "parse_text")
    t.no_drops(summary)


@test()
def timeout_rate_is_exact(t):
    """A span within 100 us of the timeout by the target's clock may be either."""
    stage = f'{{ call: "{LIB}:parse_text", timeout: 6ms }}'
    target, watch = engine(t, {"intent": stage})
    target.command("slow 100", 30)
    truth, summary = finish(target, watch)
    durations = truth.functions["parse_text"].normal_ns
    low, high = (sum(ns > 6e6 + edge for ns in durations) / 100 for edge in (1e5, -1e5))
    t.check(low >= 0.2, f"timeouts of the target: {low}")
    t.between(summary.number("intent.timeout_rate"), low - 1e-9, high + 1e-9, "timeout_rate")
    t.no_drops(summary)


@test()
def rtf_by_a_struct_result(t):
    """Samples and rate are i32 fields of a struct behind a pointer in the result."""
    stage = f"""{{ call: {{ probe: "{LIB}:make_answer", work: {{ value: "*(*(ret + 8) + 12)",
                type: i32, per_second: "*(*(ret + 8) + 8)" }} }} }}"""
    target, watch = engine(t, {"tts": stage})
    target.command("answer 80", 30)
    truth, summary = finish(target, watch)
    sound = audio(truth, "make_answer")
    t.near(
        summary.number("tts.rtf"), sound["wall_ns"] / sound["audio_ns"], "tts.rtf", absolute=0
    )
    t.spans(summary, "tts", truth.functions["make_answer"])
    t.no_drops(summary)


def check_eight(t, key):
    """Four sessions at once on one thread: only the argument tells their turns apart."""
    stages = {
        "stt": f'{{ call: {{ probe: "{LIB}:hear_eight", key: {key} }} }}',
        "tts": f'{{ call: {{ probe: "{LIB}:speak_eight", key: {key} }} }}',
    }
    target, watch = engine(t, stages, more="turn: { key: value, idle: 5s }\n")
    target.command("eight 15", 30)
    truth, summary = finish(target, watch)
    for stage, name in (("stt", "hear_eight"), ("tts", "speak_eight")):
        t.spans(summary, stage, truth.functions[name])
    t.equal(summary.number("turn.outcome.complete"), 60, "turn.outcome.complete")
    turn = truth.functions["turn"]
    t.percentiles(summary, "turn.latency", turn.normal_ns, turn.least_ns)
    t.no_drops(summary)


@test()
def turns_keyed_by_the_first_argument(t):
    check_eight(t, "arg0")


@test()
def turns_keyed_by_an_argument_on_the_stack(t):
    check_eight(t, "arg6")


@test()
def where_by_an_argument_on_the_stack(t):
    """At the return as well: the eighth argument is read where it was at the entry."""
    stages = {
        "third": f'{{ call: {{ probe: "{LIB}:hear_eight", where: "arg6 == 3" }} }}',
        "long": f'{{ call: {{ probe: "{LIB}:speak_eight", error: "arg7 > 2000" }} }}',
    }
    target, watch = engine(t, stages)
    target.command("eight 20", 30)
    truth, summary = finish(target, watch)
    t.spans(summary, "third", truth.functions["hear_eight.3"])
    ordered = sorted(truth.functions["speak_eight"].normal_ns)
    rate = summary.number("long.error_rate")
    # It sleeps and burns what it is asked for: those asked for more than 2 ms took longer.
    t.check(0 < rate < 1, f"long.error_rate is {rate}")
    t.check(nearest_rank(ordered, 100 * (1 - rate) + 1e-6) > 2e6, "calls in error took over 2 ms")
    t.no_drops(summary)
