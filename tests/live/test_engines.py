# SPDX-License-Identifier: GPL-2.0-only
"""Stages in real libraries: libpq, flite, and whatever the demo assistant stands on."""

from harness import CHESHIRE, config, test, wait_until
from servers import Postgres


@test(90)
def libpq_queries(t):
    """PQexec succeeds only by a tail jump to the function that waits for the server."""
    server = Postgres(t)
    target = t.target(
        "pq", "--extra", server.connection(), "--iterations", 70, "--us", "1000:50000"
    )
    watch = t.watch(target.pid, config({"query": "libpq.so*:PQexec"}))
    t.equal(watch.stage("query")["state"], "armed", "state of stage 'query' in hello")
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.equal(truth.functions["PQexec"].outermost, 210, "queries of the target")
    t.spans(watch.last_summary(), "query", truth.functions["PQexec"])
    server.stop()


@test(90)
def libpq_query_of_50_ms(t):
    server = Postgres(t)
    target = t.target(
        "pq", "--extra", server.connection(), "--iterations", 20, "--us", "50000"
    )
    watch = t.watch(target.pid, config({"query": "libpq.so*:PQexec"}))
    target.go()
    truth = target.finish()
    watch.wait(20)
    summary = watch.last_summary()
    t.spans(summary, "query", truth.functions["PQexec"])
    slowest = summary.number("query.latency.max")
    t.check(slowest >= 0.05, f"select pg_sleep(0.05) took {slowest} s")
    server.stop()


@test(60)
def flite_speech(t):
    target = t.target("flite", "--iterations", 60)
    watch = t.watch(target.pid, config({"tts": "libflite.so*:flite_text_to_wave"}))
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "tts", truth.functions["flite_text_to_wave"])


@test(60)
def flite_recognised_without_configuration(t):
    target = t.target("flite", "--iterations", 60)
    watch = t.watch(target.pid)
    t.check("flite" in watch.hello["engines"], f"engines: {watch.hello['engines']}")
    target.go()
    truth = target.finish()
    watch.wait(20)
    t.spans(watch.last_summary(), "tts", truth.functions["flite_text_to_wave"])


@test()
def nothing_known_is_still_watched(t):
    """No engine, no configuration: CPU, memory and resources, and what to write."""
    target = t.target("steady", "--rate", 100, "--iterations", 0, "--duration", 20)
    target.go()
    watch = t.watch(target.pid)
    t.equal(watch.hello["engines"], [], "engines")
    t.equal(watch.hello["stages"], [], "stages")
    wait_until(lambda: "stages:" in watch.errors(), 15, "lines of YAML to start from")
    wait_until(lambda: watch.summary_now().value("cpu.usage.average") is not None, 15, "cpu.usage")
    summary = watch.stop()
    for metric in ("memory.rss", "threads.count", "fds.open", "cpu.usage.average"):
        t.check(summary.number(metric) > 0, f"{metric} is {summary.value(metric)}")


@test()
def stages_lists_what_can_be_probed(t):
    target = t.target("steady", "--mode", "command", wait=False)
    done = t.run(CHESHIRE, "stages", "--pid", target.pid, "stage_*")
    t.equal(done.returncode, 0, f"exit code: {done.stderr[:300]}")
    t.check("stage_work" in done.stdout, f"stage_work is not listed: {done.stdout[:300]}")
    t.check("hot_function" not in done.stdout, "what does not match is listed")
    done = t.run(CHESHIRE, "stages", "--pid", target.pid, "no_such_*")
    t.check("no function" in done.stderr, f"nothing is said of no match: {done.stderr!r}")
    # What is suggested can be used as it stands.
    done = t.run(CHESHIRE, "stages", "--pid", target.pid)
    begin = done.stdout.index("\nstages:\n")
    path = t.write("suggested.yaml", done.stdout[begin:])
    done = t.run(CHESHIRE, "check", "--config", path)
    t.equal(done.returncode, 0, f"check of what is suggested: {done.stderr[:300]}")
