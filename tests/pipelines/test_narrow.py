"""Which code a step is found to depend on."""

# ruff: noqa: E501  small programs as text

import pytest

from ropeway.pipelines.narrow import CodeMap

STEP = "def clean(rows):\n    return helper(rows)\n\ndef helper(rows):\n    return rows[LIMIT]\n\nLIMIT = 3\n"


def reach(files: dict[str, str], function: str = "clean"):
    def find(name: str):
        tail = name.replace(".", "/")
        for path, is_package in ((f"{tail}.py", False), (f"{tail}/__init__.py", True)):
            if path in files:
                return path, is_package
        return None

    made = CodeMap(
        ("pipeline", "pipeline.py"),
        find,
        lambda path: files[path].encode(),
        lambda: [n for n in files if n[-3:] == ".py"],
    )
    found = made.reach("pipeline", function)
    return {str(part): digest for part, digest in found.parts.items()} | made.extra, found.impure, found.reads


def parts(files: dict[str, str]):
    return reach(files)[0]


UNRELATED = {
    "a comment": STEP.replace("    return helper", "    # why not\n    return helper"),
    "layout": STEP.replace("\n\n", "\n\n\n\n"),
    "another function": STEP + "def other(x):\n    return x + 1\n",
    "another step": STEP + "from ropeway import step\n@step\ndef other(rows):\n    return rows\n",
    "another constant": STEP + "OTHER = [1, 2]\n",
    "a class nobody uses": STEP + "class Other:\n    x = 1\n",
    "a docstring of the module": '"""Words."""\n' + STEP,
}
RELATED = {
    "the function": STEP.replace("helper(rows)", "helper(rows) + 1", 1),
    "a function that it calls": STEP.replace("rows[LIMIT]", "rows[LIMIT + 1]"),
    "a constant": STEP.replace("LIMIT = 3", "LIMIT = 4"),
    "a statement at module level": STEP + "print('side effect')\n",
    "a function registered elsewhere": STEP + "@register\ndef other(x): ...\n",
    "a name bound twice": STEP + "def helper(rows):\n    return 0\n",
    "a name bound under a condition": STEP + "if True:\n    LIMIT = 5\n",
    "a global statement": STEP + "def other():\n    global LIMIT\n    LIMIT = 9\n",
}


@pytest.mark.parametrize("change", UNRELATED)
def test_what_a_step_does_not_reach_does_not_count(change):
    assert parts({"pipeline.py": UNRELATED[change]}) == parts({"pipeline.py": STEP})


@pytest.mark.parametrize("change", RELATED)
def test_what_a_step_reaches_counts(change):
    assert parts({"pipeline.py": RELATED[change]}) != parts({"pipeline.py": STEP})


TWO = {
    "pipeline.py": "import helpers\nfrom tools.text import norm as n\ndef clean(rows):\n    return helpers.f(n(rows))\n",
    "helpers.py": "def f(x):\n    return g(x)\ndef g(x):\n    return x\ndef unused(x):\n    return x\n",
    "tools/__init__.py": "",
    "tools/text.py": "from .deep import base\ndef norm(x):\n    return base(x)\ndef unused(x):\n    return x\n",
    "tools/deep.py": "def base(x):\n    return x\n",
}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("helpers.py", "return g(x)", "return g(g(x))"),
        ("helpers.py", "def g(x):\n    return x", "def g(x):\n    return -x"),
        ("tools/text.py", "return base(x)", "return base(base(x))"),
        ("tools/deep.py", "return x", "return -x"),
        ("tools/__init__.py", "", "import os\nos.environ['A'] = '1'"),
    ],
)
def test_definitions_are_followed_through_imports(file, old, new):
    assert parts({**TWO, file: TWO[file].replace(old, new, 1)}) != parts(TWO)


@pytest.mark.parametrize("file", ["helpers.py", "tools/text.py"])
def test_unused_definitions_of_imported_modules_do_not_count(file):
    changed = TWO[file].replace("def unused(x):\n    return x", "def unused(x):\n    return -x")
    assert parts({**TWO, file: changed}) == parts(TWO)


@pytest.mark.parametrize(
    "trick",
    [
        "def clean(rows):\n    return globals()['helper'](rows)\n",
        "def clean(rows):\n    return eval('helper(rows)')\n",
        "from helpers import *\ndef clean(rows):\n    return helper(rows)\n",
        "import helpers\ndef clean(rows):\n    return getattr(helpers, 'hel' + 'per')(rows)\n",
        "import importlib\ndef clean(rows):\n    return importlib.import_module('helpers').helper(rows)\n",
    ],
)
def test_tricks_make_whole_modules_count(trick):
    files = {"pipeline.py": trick + "def helper(rows): ...\n", "helpers.py": "def helper(x):\n    return x\n"}
    if "helpers" not in trick:
        files["pipeline.py"] = trick + "def helper(rows):\n    return 1\n"
        changed = {**files, "pipeline.py": trick + "def helper(rows):\n    return 2\n"}
    else:
        changed = {**files, "helpers.py": "def helper(x):\n    return -x\n"}
    assert parts(files) != parts(changed)


def test_modules_that_import_each_other_come_to_an_end():
    files = {
        "pipeline.py": "from a import x\ndef clean(rows):\n    return x\n",
        "a.py": "from b import x\n",
        "b.py": "from a import x\n",
    }
    assert parts(files)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import time\ndef clean(rows):\n    return time.time()\n", "clock"),
        ("from datetime import datetime as d\ndef clean(rows):\n    return d.now()\n", "clock"),
        ("import uuid\ndef clean(rows):\n    return uuid.uuid4()\n", "random"),
        ("import numpy as np\ndef clean(rows):\n    return np.random.default_rng().random()\n", "random"),
        ("import numpy as np\ndef clean(rows):\n    return np.random.default_rng(None)\n", "random"),
        ("import secrets\ndef clean(rows):\n    return secrets.token_hex()\n", "random"),
        ("def clean(rows):\n    return rows.sample(3)\n", "random"),
        (
            "import time\ndef helper():\n    return time.time()\ndef clean(rows):\n    return helper()\n",
            "clock",
        ),
    ],
)
def test_clock_and_unseeded_random_are_seen(body, says):
    impure = reach({"pipeline.py": body})[1]
    assert impure
    assert all(says in reason for reason in impure)


@pytest.mark.parametrize(
    "body",
    [
        "import numpy as np\ndef clean(rows):\n    return np.random.default_rng(0).random()\n",
        "def clean(rows):\n    return rows.sample(3, seed=1)\n",
        "import time\ndef other():\n    return time.time()\ndef clean(rows):\n    return rows\n",
    ],
)
def test_seeded_random_and_unreached_clocks_are_pure(body):
    assert not reach({"pipeline.py": body})[1]


def test_files_of_native_readers_are_told_from_literals_and_constants():
    body = "import polars as pl\nWORDS = 'words.csv'\ndef clean(rows):\n    return pl.read_csv(WORDS), pl.scan_csv('b.csv')\n"
    reads = reach({"pipeline.py": body})[2]
    assert {texts for _, texts in reads} == {frozenset({"words.csv"}), frozenset({"b.csv"})}
