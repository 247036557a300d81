"""The cache key: whatever a step depends on makes it run again, and nothing else does."""

# ruff: noqa: E501  small programs as text

import contextlib
import sys

import pytest

from ropeway.data.add import add
from ropeway.pipelines.run import explain_pipeline, run_pipeline

PIPELINE = """
import os
import polars as pl
from helpers import scale
from ropeway import fit, step

FACTOR = 2.0

@step
def doubled(rows):
    with open("words.txt") as words:
        plus = len(words.read())
    return scale(rows["x"]) * FACTOR + plus + float(os.environ.get("TRIAL_PLUS", "0"))

@step
def aside(rows):
    return rows["note"].str.len_chars()

@fit
def limit(doubled, target, *, shift: float = 0.0):
    return {"limit": float(doubled.filter(target == "high").min()) + shift}

@step(serve=True)
def answer(doubled, limit):
    is_high = (doubled >= limit["limit"]).cast(pl.Float64)
    return pl.DataFrame({"low": 1 - is_high, "high": is_high})

def unused(x):
    return x
"""
HELPERS = "def scale(x):\n    return x\n\ndef unused(x):\n    return x\n"
CACHED = {"doubled": "cached", "aside": "cached", "limit": "cached", "answer": "cached"}


@pytest.fixture
def warm(trial, rerun, environment):
    """The project, run once."""
    workspace = trial(PIPELINE, {"helpers.py": HELPERS, "words.txt": "abc", "other.txt": "x"})
    assert set(rerun(workspace).values()) == {"ran"}
    assert rerun(workspace) == CACHED
    return workspace


def change(workspace, name, old, new):
    path = workspace.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def explained(workspace, step="doubled", **overrides):
    return next(each for each in explain_pipeline(workspace, overrides) if each.step == step)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("pipeline.py", "* FACTOR + plus", "* FACTOR - plus", "code of `doubled` changed"),
        ("pipeline.py", "FACTOR = 2.0", "FACTOR = 3.0", "code of `pipeline.FACTOR` changed"),
        ("helpers.py", "return x", "return x + 1", "code of `helpers.scale` changed"),
        ("words.txt", "abc", "abcd", "file words.txt changed"),
        (
            "pipeline.py",
            "def unused",
            "print('hello')\n\ndef unused",
            "module-level code of `pipeline` changed",
        ),
    ],
)
def test_what_a_step_depends_on_makes_it_run_again(warm, rerun, name, old, new, reason):
    change(warm, name, old, new)
    found = explained(warm)
    assert (found.state, reason in found.reason) == ("will run", True), found
    assert rerun(warm)["doubled"] == "ran"
    assert rerun(warm) == CACHED


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pipeline.py", "def unused(x):\n    return x", "def unused(x):\n    return -x"),
        ("pipeline.py", "FACTOR = 2.0", "# a remark\nFACTOR = 2.0"),
        ("helpers.py", "def unused(x):\n    return x", "def unused(x):\n    return -x"),
        ("helpers.py", "def scale", "\n\n\ndef scale"),
        ("other.txt", "x", "y"),
    ],
)
def test_what_no_step_depends_on_runs_nothing(warm, rerun, name, old, new):
    change(warm, name, old, new)
    assert rerun(warm) == CACHED


def test_steps_beside_a_change_stay_cached(warm, rerun):
    change(warm, "helpers.py", "return x", "return x + 1")
    assert rerun(warm)["aside"] == "cached"


def test_a_step_whose_input_came_out_the_same_stays_cached(warm, rerun):
    change(warm, "pipeline.py", "* FACTOR + plus", "* FACTOR + plus + 0")
    assert rerun(warm) == {**CACHED, "doubled": "ran"}


def test_a_parameter_makes_its_own_step_run_again(warm, rerun):
    assert "parameter shift: 0.0 → 1.0" in explained(warm, "limit", shift="1").reason
    assert rerun(warm, shift="1") == {**CACHED, "limit": "ran", "answer": "ran"}
    assert rerun(warm) == CACHED


def test_an_environment_variable_that_was_read_counts(warm, rerun, environment):
    environment["TRIAL_PLUS"] = "1"
    environment["TRIAL_OTHER"] = "1"
    assert explained(warm).reason == "env TRIAL_PLUS changed"
    assert rerun(warm)["doubled"] == "ran"
    del environment["TRIAL_PLUS"]
    assert rerun(warm) == CACHED


def test_a_file_that_was_looked_for_and_absent_counts_when_it_appears(trial, rerun, write):
    source = PIPELINE.replace(
        'with open("words.txt") as words:\n        plus = len(words.read())', "plus = maybe()"
    )
    helper = (
        "def maybe():\n    try:\n        with open('extra.txt') as file:\n            return len(file.read())\n"
        "    except FileNotFoundError:\n        return 0\n"
    )
    workspace = trial(source + helper, {"helpers.py": HELPERS})
    rerun(workspace)
    write(workspace, "extra.txt", "abc")
    assert explained(workspace).reason == "file extra.txt appeared"
    assert rerun(workspace)["doubled"] == "ran"


def test_a_folder_that_was_listed_counts(trial, rerun, write):
    source = PIPELINE.replace(
        'with open("words.txt") as words:\n        plus = len(words.read())',
        "plus = len(os.listdir(os.path.join(os.path.dirname(__file__), 'words')))",
    )
    workspace = trial(source, {"helpers.py": HELPERS, "words/a.txt": ""})
    rerun(workspace)
    assert rerun(workspace) == CACHED
    write(workspace, "words/b.txt", "")
    assert explained(workspace).reason == "folder words/ changed"


def test_a_file_opened_by_native_code_counts(trial, rerun, write):
    source = PIPELINE.replace(
        'with open("words.txt") as words:\n        plus = len(words.read())',
        "plus = pl.read_csv(os.path.join(os.path.dirname(__file__), 'table.csv'))['n'].sum()",
    )
    workspace = trial(source, {"helpers.py": HELPERS, "table.csv": "n\n1\n"})
    rerun(workspace)
    assert rerun(workspace) == CACHED
    write(workspace, "table.csv", "n\n2\n")
    assert explained(workspace).reason == "file table.csv changed"
    assert rerun(workspace)["doubled"] == "ran"


def test_what_a_module_read_while_it_was_imported_counts(trial, rerun, write):
    helpers = (
        "with open('words.txt') as words:\n    PLUS = len(words.read())\ndef scale(x):\n    return x + PLUS\n"
    )
    workspace = trial(PIPELINE, {"helpers.py": helpers, "words.txt": "abc"})
    rerun(workspace)
    write(workspace, "words.txt", "abcd")
    assert rerun(workspace)["aside"] == "ran"


def test_a_package_of_another_version_counts(trial, rerun, write, tmp_path, monkeypatch):
    site = tmp_path / "site"
    (site / "pocket").mkdir(parents=True)
    (site / "pocket" / "__init__.py").write_text("X = 1\n")
    (site / "pocket-1.8.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(site))
    workspace = trial("import pocket\n" + PIPELINE, {"helpers.py": HELPERS, "words.txt": "abc"})
    rerun(workspace)
    assert rerun(workspace) == CACHED
    (site / "pocket-1.8.dist-info").rename(site / "pocket-1.9.dist-info")
    assert explained(workspace).reason == "package pocket 1.8 → 1.9"
    assert rerun(workspace)["doubled"] == "ran"
    sys.modules.pop("pocket", None)


def test_another_version_of_the_data_makes_steps_run_again(warm, rerun, tmp_path):
    source = tmp_path / "numbers.csv"
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines, "900,3.0,n900,low"]) + "\n")
    add(warm, source, name="numbers")
    assert explained(warm).reason == "input `rows` changed"
    assert set(rerun(warm).values()) <= {"ran", "cached"}
    assert rerun(warm) == CACHED


def test_going_back_finds_the_old_result(warm, rerun):
    change(warm, "words.txt", "abc", "abcd")
    rerun(warm)
    change(warm, "words.txt", "abcd", "abc")
    assert rerun(warm) == CACHED


IMPURE = {
    "clock": "import time\n    t = time.time()",
    "unseeded random (random.random,": "import random\n    t = random.random()",
    "unseeded random (numpy.random.rand,": "import numpy\n    t = numpy.random.rand()",
    "unseeded random (random's global state)": "import random\n    t = getattr(random, 'random')()",
    "unseeded random (numpy.random's global state)": "import numpy\n    t = getattr(numpy.random, 'rand')()",
    "network": (
        "import socket\n    s = socket.socket()\n    s.settimeout(0.1)\n    try:\n        s.connect(('127.0.0.1', 9))\n"
        "    except OSError:\n        pass\n    s.close()"
    ),
    "another program": "import subprocess\n    subprocess.run(['true'])",
}


@pytest.mark.parametrize("what", IMPURE)
def test_an_impure_step_is_not_cached_and_says_why(trial, rerun, what):
    source = PIPELINE.replace('return rows["note"]', f'{IMPURE[what]}\n    return rows["note"]')
    workspace = trial(source, {"helpers.py": HELPERS, "words.txt": "abc"})
    # Steps that ran beside one that draws may be in doubt the first time; from then on it runs alone.
    rerun(workspace)
    rerun(workspace)
    result = run_pipeline(workspace)
    found = {outcome.step: outcome for outcome in result.steps}
    assert {name: outcome.state for name, outcome in found.items()} == {**CACHED, "aside": "ran"}
    assert what in found["aside"].uncached
    assert "pure=True" in found["aside"].uncached


def test_an_impure_step_that_says_it_is_pure_is_cached(trial, rerun):
    source = PIPELINE.replace('return rows["note"]', f'{IMPURE["clock"]}\n    return rows["note"]')
    source = source.replace("@step\ndef aside", "@step(pure=True)\ndef aside")
    workspace = trial(source, {"helpers.py": HELPERS, "words.txt": "abc"})
    rerun(workspace)
    assert rerun(workspace) == CACHED


def test_a_file_whose_name_cannot_be_told_is_not_cached(trial, rerun):
    source = PIPELINE.replace('return rows["note"]', 'pl.read_csv("tab" + "le.csv")\n    return rows["note"]')
    workspace = trial(source, {"helpers.py": HELPERS, "words.txt": "abc", "table.csv": "n\n1\n"})
    with contextlib.chdir(workspace.root):
        rerun(workspace)
        outcome = next(each for each in run_pipeline(workspace).steps if each.step == "aside")
    assert outcome.state == "ran"
    assert "a file that cannot be told from the source (read_csv() at pipeline.py" in outcome.uncached


def test_a_value_without_a_safe_format_is_not_cached_and_says_why(trial, rerun):
    source = PIPELINE.replace('return rows["note"].str.len_chars()', "return lambda: 1")
    workspace = trial(source, {"helpers.py": HELPERS, "words.txt": "abc"})
    rerun(workspace)
    outcome = next(each for each in run_pipeline(workspace).steps if each.step == "aside")
    assert (outcome.state, "has no safe format" in outcome.uncached) == ("ran", True)
