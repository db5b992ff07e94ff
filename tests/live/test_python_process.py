# SPDX-License-Identifier: GPL-2.0-only
"""What is found in a live CPython, compared with what the process says of itself."""

import ast
import json
import re

from harness import BUILD, CHESHIRE, ROOT, Failure, test, wait_until
from python_programs import SCRIPTS, SYSTEM_PYTHON, PythonTarget, cached, interpreter

LOOK = BUILD / "tests" / "python" / "look"
SHAPES = SCRIPTS / "shapes.py"
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
THREAD = re.compile(r"(?:Current thread|Thread) 0x([0-9a-f]+)")


def interpreters():
    """(name, program): this machine's, and what was fetched already."""
    yield "system", SYSTEM_PYTHON
    for version in VERSIONS:
        for shared in (False, True):
            if not cached(version):
                continue
            path = interpreter(version)
            if shared:
                path = path.with_name("python-shared")
            if path.exists():
                yield f"{version}{'-shared' if shared else ''}", path


class Shapes(PythonTarget):
    """shapes.py, which answers questions."""

    def __init__(self, case, name, python, *args):
        super().__init__(case, "shapes.py", *args, wait=False, log=False, python=python, name=name)

    def ask(self, question):
        start = len(self.lines.items)
        self.send_line(question)
        _, (_, line) = self.lines.wait(lambda line: True, 20, f"an answer to {question}", start)
        return json.loads(line)


class Look:
    """What src/python says of a process."""

    def __init__(self, t, pid):
        done = t.run(LOOK, str(pid))
        if done.returncode:
            raise Failure(f"look: {done.returncode} {done.stdout[-500:]} {done.stderr[-500:]}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.runtime = lines[0]
        self.functions = [line for line in lines if line["type"] == "function"]
        self.threads = {line["thread_id"]: line for line in lines if line["type"] == "thread"}


def last(qualname):
    return qualname.rpartition(".")[2]


def check_functions(t, name, look, truth):
    exact = int(look.runtime["version"].split(".")[1]) >= 11
    named = {code: (file, qualname, line) for code, _, file, qualname, line in truth}
    found = {f["code"]: f for f in look.functions}
    t.check(len(found) == len(look.functions), f"{name}: each code object once")
    t.check(len(named) > 500, f"{name}: {len(named)} functions are enough for a test")
    missing = [named[code] for code in named if code not in found]
    t.equal(missing, [], f"{name}: functions that were not found")
    made = {function: code for code, function, *_ in truth}
    for f in look.functions:
        if f["code"] in named:
            t.equal(made.get(f["function"]), f["code"], f"{name}: code of {f['qualname']}")
        if f["code"] not in named:
            continue
        file, qualname, line = named[f["code"]]
        t.equal((f["file"], f["line"]), (file, line), f"{name}: place of {qualname}")
        # To 3.10 only functions have qualified names: those that share code have different ones,
        # and what wraps another has the other's.
        if exact or (file == str(SHAPES) and last(qualname) == last(f["qualname"])):
            t.equal(f["qualname"], qualname, f"{name}: name at {file}:{line}")


def functions_at_rest(t, shapes):
    """Of a look between two answers that are the same."""

    def look():
        before = shapes.ask("functions")
        seen = Look(t, shapes.pid)
        return sorted(before) == sorted(shapes.ask("functions")) and (before, seen)

    return wait_until(look, 30, "functions that stay")


@test(180, waits=True)
def python_functions_of_the_process(t):
    for name, python in interpreters():
        shapes = Shapes(t, name, python)
        truth, look = functions_at_rest(t, shapes)
        t.equal(look.runtime["partial"], False, f"{name}: {look.runtime['why']}")
        t.equal(look.runtime["current"], 1, f"{name}: thread states")
        t.equal(look.runtime["gil"], True, f"{name}: the GIL")
        check_functions(t, name, look, truth)
        shapes.end()


def faulthandler_stacks(text):
    """{thread id: [(file, line, name)]}, innermost first."""
    stacks, frames = {}, None
    for line in text.splitlines():
        thread, frame = THREAD.match(line), FRAME.match(line)
        if thread:
            frames = stacks.setdefault(int(thread[1], 16), [])
        elif frame:
            frames.append((frame[1], int(frame[2]), frame[3].rpartition(".")[2]))
    return stacks


def settled(t, shapes):
    """The stacks when the asyncio loop and all others sleep: what two looks have in common."""

    def look():
        before = faulthandler_stacks(shapes.ask("stacks"))
        seen = Look(t, shapes.pid)
        after = faulthandler_stacks(shapes.ask("stacks"))
        return before == after and len(before) == 5 and (before, seen)

    return wait_until(look, 30, "five threads that sleep")


@test(180, waits=True)
def python_stacks_of_the_process(t):
    for name, python in interpreters():
        shapes = Shapes(t, name, python)
        truth, look = settled(t, shapes)
        main = None
        for thread, frames in truth.items():
            seen = look.threads[thread]
            got = [
                (frame["file"], frame["line"], frame["qualname"].rpartition(".")[2])
                for frame in seen["frames"]
            ]
            t.equal(seen["partial"], False, f"{name}: whole stack")
            if frames[0][2] == "stacks":
                main = thread  # answers the question, so it is elsewhere when it is looked at
            else:
                t.equal(got, frames, f"{name}: stack of thread {thread:#x}")
        t.check(main is not None, f"{name}: the main thread is in what faulthandler writes")
        t.equal(look.threads[main]["tid"], shapes.pid, f"{name}: the main thread's tid")
        shapes.end()


def source_functions(path):
    """{(qualified name, first line)} of a source file, by its syntax tree."""
    found = set()

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            name = getattr(child, "name", None)
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                line = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                found.add((prefix + name, line))
                visit(child, f"{prefix}{name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                visit(child, f"{prefix}{name}.")
            else:
                visit(child, prefix)

    visit(ast.parse(path.read_text(encoding="utf-8")), "")
    return found


def listed(t, pid, pattern):
    done = t.run(CHESHIRE, "stages", "--pid", str(pid), *([pattern] if pattern else []))
    t.equal(done.returncode, 0, f"stages: {done.stderr}")
    found = re.findall(r"python:shapes\.py:(\S+)  (\S+):(\d+)", done.stdout)
    for _, path, _ in found:
        t.equal(path, str(SHAPES), "its path")
    return [(name, int(line)) for name, _, line in found], done


@test(60, waits=True)
def python_functions_are_listed(t):
    expected = sorted(source_functions(SHAPES))
    shapes = Shapes(t, "shapes", SYSTEM_PYTHON)
    for pattern in (None, "python:shapes.py:*", "python:targets/python/shapes.py:*"):
        found, _ = listed(t, shapes.pid, pattern)
        t.equal(sorted(found), expected, f"functions by {pattern}")
    found, _ = listed(t, shapes.pid, "python:shapes.py:Session.*")
    t.equal(sorted(name for name, _ in found),
            sorted(name for name, _ in expected if name.startswith("Session.")), "of a class")
    done = t.run(CHESHIRE, "stages", "--pid", str(shapes.pid))
    t.check("<lambda>" not in done.stdout, "what has no name of its own is not listed")


@test(60, waits=True)
def python_functions_while_they_change(t):
    expected = sorted(source_functions(SHAPES))
    shapes = Shapes(t, "shapes", SYSTEM_PYTHON, "--churn")
    whole = 0
    for _ in range(10):
        found, done = listed(t, shapes.pid, "python:shapes.py:*")
        # Nothing that is not there, and nothing lost without a word.
        t.equal(sorted(set(found) - set(expected)), [], "functions that are not in the file")
        t.equal(len(found), len(set(found)), "each of them once")
        if "not all Python functions" not in done.stderr:
            whole += 1
            t.equal(sorted(found), expected, "functions")
    t.check(whole > 0, "the list was read whole at least once")
    t.check(shapes.running(), "the target is alive")


CHECKED = """\
target: {{ name: alice }}
stages:
  stt: {{ call: "python:shapes.py:Session.reply" }}
  tts: {{ call: "python:shapes.py:Session.replies" }}
  nlu: {{ call: "python:{path}/shapes.py:outer.<locals>.never_made" }}
  wait: {{ call: "python:shapes.py:wait" }}
  many: {{ call: "python:shapes.py:Session.*" }}
"""


@test(60, waits=True)
def python_stages_are_checked(t):
    shapes = Shapes(t, "shapes", SYSTEM_PYTHON)
    path = t.write("checked.yaml", CHECKED.format(path=SCRIPTS.relative_to(ROOT)))
    done = t.run(CHESHIRE, "check", "--pid", str(shapes.pid), "--config", path, "--output", "json")
    t.equal(done.returncode, 0, f"check: {done.stderr}")
    said = json.loads(done.stdout)
    stages = {stage["stage"]: stage for stage in said["stages"]}
    for name, good in (("stt", True), ("tts", False), ("nlu", True), ("wait", True)):
        t.equal(stages[name]["can_be_watched"], good, name)
        t.equal(stages[name]["functions"], int(good), f"{name}: functions")
    t.check(stages["stt"]["reason"].startswith("exact"), stages["stt"]["reason"])
    t.check("coroutine" in stages["wait"]["reason"], stages["wait"]["reason"])
    t.check("debug registers" in stages["many"]["reason"], stages["many"]["reason"])
    t.check("near: shapes.py:Session.reply" in stages["tts"]["reason"], stages["tts"]["reason"])
    version = t.run(SYSTEM_PYTHON, "-c", "import platform; print(platform.python_version())")
    t.equal(said["python"]["version"], version.stdout.strip(), "its version")
