# SPDX-License-Identifier: GPL-2.0-only
"""Python programs as targets, by the system's interpreter or by another that was fetched."""

import os
import re
import subprocess
from pathlib import Path

from harness import ROOT, Skip, Target

SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPTS = ROOT / "tests" / "targets" / "python"
EXACT, SAMPLED = "exact", "sampled"
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
    words = re.match(r"\w*", watch.stage(stage)["reason"] or "")[0]
    return words if words in (EXACT, SAMPLED) else None


def require_exact(watch, stages):
    """Skips where the machine has no watchpoints for us, in cheshire's own words."""
    for stage in stages:
        if way(watch, stage) != EXACT:
            raise Skip(f"{stage} is not exact here: {watch.stage(stage)['reason']}")
