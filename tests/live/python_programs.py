# SPDX-License-Identifier: GPL-2.0-only
"""Python programs as targets, by the system's interpreter or by another that was fetched."""

import os
import subprocess
from pathlib import Path

from harness import ROOT, Skip, Target, nearest_rank, rank

SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPTS = ROOT / "tests" / "targets" / "python"
EXACT, SAMPLED = "exact", "sampled"
# The clock's interrupt may be late, and what it interrupts is other work of the same thread.
SAMPLED_ERROR_S = 1 / 499 + 1e-3
FETCH_S = 120  # for one version; nothing where it is there already


def cached(version):
    """Whether the interpreter of a version is here without fetching it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (cache / "cheshire" / f"python-{version}" / "python").exists()


def interpreter(version, shared=False):
    """What runs this version; skips where there is none."""
    found = subprocess.run(
        [ROOT / "tests" / "python" / "fetch", version],
        env={**os.environ, "FETCH_S": str(FETCH_S)},
        capture_output=True,
        text=True,
        timeout=FETCH_S + 60,
        check=False,
    ).stdout.strip()
    words = found.split(None, 2)
    if len(words) != 3 or words[1] != "ok":
        raise Skip(found or f"tests/python/fetch says nothing of {version}")
    path = Path(words[2]) / ("python-shared" if shared else "python")
    if not path.exists():
        raise Skip(f"Python {version} is only there without a shared library")
    return path


class PythonTarget(Target):
    """A script of tests/targets/python."""

    def __init__(self, case, script, *args, python=SYSTEM_PYTHON, **options):
        name = options.pop("name", None) or Path(script).stem
        super().__init__(case, python, "-B", SCRIPTS / script, *args, name=name, **options)


def way(watch, stage):
    """How the stage is measured, by hello."""
    return {"watchpoint": EXACT, "sampled": SAMPLED}.get(watch.stage(stage)["way"])


def require_exact(watch, stages):
    """Skips where the machine has no watchpoints for us, in cheshire's own words."""
    for stage in stages:
        if way(watch, stage) != EXACT:
            raise Skip(f"{stage} is not exact here: {watch.stage(stage)['reason']}")


def latency(t, summary, name, took_ns, missed):
    """Percentiles within the error; calls that were missed may be any of them."""
    most = sorted(took_ns)
    for stat, percent in (("p50", 50), ("p95", 95)):
        at, slack = rank(len(most), percent), 1 + missed
        low, high = most[max(at - slack, 0)] / 1e9, most[min(at + slack, len(most) - 1)] / 1e9
        t.between(
            summary.number(f"{name}.latency.{stat}"),
            low * 0.984 - SAMPLED_ERROR_S,
            # Two calls may have become one.
            (high if not missed else 2 * high) * 1.016 + SAMPLED_ERROR_S,
            f"{name}.latency.{stat} (by the target {nearest_rank(most, percent) / 1e9})",
        )


def at_least_most(t, summary, name, took_ns):
    """Never more spans than calls; and few are missed that are apart.  Returns how many."""
    count = summary.count(name)
    t.check(count <= len(took_ns), f"{name}.count: {count} of {len(took_ns)} calls")
    t.exact_enough(count >= 0.7 * len(took_ns), f"{name}.count: {count} of {len(took_ns)} calls")
    return len(took_ns) - count
