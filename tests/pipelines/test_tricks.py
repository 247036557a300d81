"""The cache key holds against code that hides what it depends on: no stale result, or none kept."""

# ruff: noqa: E501  small programs as text

import os
import sqlite3
import sys

import numpy as np
import pytest

from ropeway.pipelines.run import run_pipeline

PIPELINE = """
import os
import time
from pathlib import Path
import numpy as np
import polars as pl
from ropeway import fit, step

HERE = Path(__file__).parent

%s

@fit
def seen(out):
    return {"v": str(out)}

@step(serve=True)
def answer(rows, seen):
    return pl.DataFrame({"low": [0.5] * rows.height, "high": [0.5] * rows.height})
"""


def ending(workspace, step="out"):
    """What a step gave: state, content and why it was not kept."""
    return next(each for each in run_pipeline(workspace).steps if each.step == step)


CODE = {
    "one name from two places": (
        (
            "try:\n    from fast import tok\nexcept ImportError:\n    from slow import tok\n"
            "@step\ndef out(rows):\n    return {'v': tok()}\n"
        ),
        {"fast.py": "def tok():\n    return 1\n", "slow.py": "def tok():\n    return 0\n"},
    ),
    "one local name from two modules": (
        (
            "@step\ndef out(rows):\n    from fast import tok\n    return {'v': tok()}\n"
            "@step\ndef other(rows):\n    from slow import tok\n    return {'v': tok()}\n"
        ),
        {"fast.py": "def tok():\n    return 1\n", "slow.py": "def tok():\n    return 0\n"},
    ),
    "classes found by __subclasses__": (
        "import base, fast\n@step\ndef out(rows):\n    return {'v': [c().run() for c in base.Base.__subclasses__()]}\n",
        {
            "base.py": "class Base: pass\n",
            "fast.py": "import base\nclass A(base.Base):\n    def run(self):\n        return 1\n",
        },
    ),
    "classes found by __init_subclass__": (
        "import base, fast\n@step\ndef out(rows):\n    return {'v': base.REG['A']().run()}\n",
        {
            "base.py": "REG = {}\nclass Base:\n    def __init_subclass__(cls):\n        REG[cls.__name__] = cls\n",
            "fast.py": "import base\nclass A(base.Base):\n    def run(self):\n        return 1\n",
        },
    ),
    "classes kept by a metaclass": (
        "import base, fast\n@step\ndef out(rows):\n    return {'v': base.REG['A']().run()}\n",
        {
            "base.py": "REG = {}\nclass M(type):\n    def __new__(m, n, b, d):\n        REG[n] = c = type.__new__(m, n, b, d)\n        return c\nclass Base(metaclass=M): pass\n",
            "fast.py": "import base\nclass A(base.Base):\n    def run(self):\n        return 1\n",
        },
    ),
    "functions kept by a decorator called like a quiet one": (
        "import base, fast\n@step\ndef out(rows):\n    return {'v': base.REG['a']()}\n",
        {
            "base.py": "REG = {}\ndef check(f):\n    REG[f.__name__] = f\n    return f\n",
            "fast.py": "from base import check\n@check\ndef a():\n    return 1\n",
        },
    ),
}


@pytest.mark.parametrize("trick", CODE)
def test_code_that_is_reached_by_a_trick_makes_a_step_run_again(trial, write, trick):
    body, files = CODE[trick]
    workspace = trial(PIPELINE % body, files)
    first = ending(workspace)
    assert ending(workspace).state == "cached"
    write(workspace, "fast.py", files["fast.py"].replace("return 1", "return 2"))
    again = ending(workspace)
    assert (again.state, again.content != first.content) == ("ran", True)


def _put(name, one, two):
    return lambda root, turn: (root / name).write_text(two if turn else one)


def _put_hidden(root, turn):
    (root / ".words").mkdir(exist_ok=True)
    (root / ".words" / "a.txt").write_text(str(turn))


def _put_database(root, turn):
    with sqlite3.connect(root / "d.db") as base:
        base.execute("create table if not exists t (v)")
        base.execute("delete from t")
        base.execute("insert into t values (?)", (turn,))
    base.close()


def _appear(root, turn):
    if turn:
        (root / "flag").write_text("")


LOOKS = {
    "whether a file is there": ("(HERE / 'flag').exists()", _appear),
    "a file's size": ("os.path.getsize(HERE / 'flag')", _put("flag", "1", "222")),
    "a database": (
        "__import__('sqlite3').connect(HERE / 'd.db').execute('select v from t').fetchall()[0][0]",
        _put_database,
    ),
    "a map of a file's bytes": (
        "int(np.memmap(HERE / 'm.dat', dtype='i8')[0])",
        lambda root, turn: np.array([turn]).tofile(root / "m.dat"),
    ),
    "a file opened to read and write": ("open(HERE / 'w.txt', 'r+').read()", _put("w.txt", "1", "2")),
    "a hidden folder": ("(HERE / '.words' / 'a.txt').read_text()", _put_hidden),
    "a file outside, among the temporary": (
        "(HERE.parent / 'o.txt').read_text()",
        _put("../o.txt", "1", "2"),
    ),
    "a reader by a computed name": (
        "getattr(pl, 'read_' + 'csv')(HERE / 'w.csv').columns",
        _put("w.csv", "a\n1\n", "b\n1\n"),
    ),
    "a variable in a text": (
        "os.path.expandvars('$TRICK')",
        lambda _, turn: os.environ.update(TRICK=str(turn)),
    ),
    "a variable as bytes": (
        "os.environb[b'TRICK']",
        lambda _, turn: os.environ.update(TRICK=str(turn)),
    ),
    "a package's folder that appears": (
        "[each.name for each in (HERE / 'd').glob('*')]",
        lambda root, turn: (root / "d" / str(turn)).mkdir(parents=True),
    ),
}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("what", LOOKS)
def test_what_a_step_looks_at_makes_it_run_again(trial, environment, what):
    look, put = LOOKS[what]
    workspace = trial(PIPELINE % f"@step\ndef out(rows):\n    return {{'v': {look}}}\n")
    put(workspace.root, 0)
    first = ending(workspace)
    put(workspace.root, 1)
    again = ending(workspace)
    assert (again.state, again.content != first.content) == ("ran", True)


def test_a_module_that_two_steps_import_late_counts_for_both(trial, write):
    body = "".join(
        f"@step\ndef {name}(rows):\n    import helper\n    return {{'v': helper.LEX}}\n"
        for name in ("first", "out")
    )
    workspace = trial(
        PIPELINE % body,
        {"helper.py": "with open('lex.txt') as file:\n    LEX = file.read()\n", "lex.txt": "1"},
    )
    ending(workspace)
    write(workspace, "lex.txt", "2")
    assert {each.step: each.state for each in run_pipeline(workspace).steps}["out"] == "ran"
    assert ending(workspace).state == "cached"


IMPURE = {
    "default_rng without": "int(np.random.default_rng(seed).integers(10**9))",
    "default_rng": "int((lambda make: make())(np.random.default_rng).integers(10**9))",
    "a generator of numpy": "int(np.random.RandomState(seed).randint(10**9))",
    "random.Random without": "__import__('random').Random(seed).random()",
    "clock (time.time_ns": "getattr(time, 'time_ns')()",
    "clock (numpy.datetime64": "str(np.datetime64('now', 'us'))",
    "clock (time.clock_gettime": "time.clock_gettime(0)",
    "clock (time.time)": "__import__('email.utils').utils.formatdate(None)",
    "hash() of this process": "hash('a')",
    "os.getpid": "os.getpid()",
    ".sample() without": "pl.Series(range(1000)).sample(3, seed=seed).to_list()",
    "cannot be told": "[each.columns for each in map(pl.read_csv, [HERE / 'numbers.txt'])]",
    "another process": "__import__('multiprocessing').get_context('spawn') and os.times() and 1",
    "/proc/uptime": "Path('/proc/uptime').read_text()",
}  # fmt: skip


@pytest.mark.parametrize("why", IMPURE)
def test_what_no_two_runs_share_keeps_a_step_from_the_cache(trial, why):
    body = f"@step\ndef out(rows, *, seed: int | None = None):\n    return {{'v': {IMPURE[why]}}}\n"
    if "process" in why and "hash" not in why:
        body = "import multiprocessing\n" + body.replace("__import__('multiprocessing')", "multiprocessing")
    workspace = trial(PIPELINE % body, {"numbers.txt": "a\n1\n"})
    assert why in ending(workspace).uncached


@pytest.mark.parametrize(
    "seeded",
    [
        "int(np.random.RandomState(seed).randint(10**9))",
        "int(np.random.default_rng(seed).integers(10**9))",
        "__import__('random').Random(seed).random()",
        "pl.Series(range(1000)).sample(3, seed=seed).to_list()",
        "__import__('copy').deepcopy(np.random.RandomState(seed)).randint(9) * 1.0",
        "time.strftime('%Y', time.gmtime(0)) if not seed else os.path.realpath(__file__)[:0]",
    ],
)
def test_generators_with_a_seed_are_kept(trial, seeded):
    workspace = trial(PIPELINE % f"@step\ndef out(rows, *, seed: int = 7):\n    return {{'v': {seeded}}}\n")
    if "strftime" not in seeded:
        assert ending(workspace).uncached == ""


def test_a_program_that_runs_while_modules_are_read_keeps_every_step_from_the_cache(trial):
    body = "import subprocess\nV = subprocess.check_output(['true'])\n@step\ndef out(rows):\n    return {'v': V}\n"
    workspace = trial(PIPELINE % body)
    assert "another program, while modules were read" in ending(workspace).uncached


def test_a_module_that_seeds_the_generators_keeps_nothing_from_the_cache(trial):
    body = "np.random.seed(3)\n@step\ndef out(rows):\n    return {'v': 1}\n"
    assert ending(trial(PIPELINE % body)).uncached == ""


@pytest.mark.parametrize("place", ["import drawing_library\n", ""])
def test_what_a_library_draws_while_it_is_loaded_leaves_steps_cached(trial, tmp_path, monkeypatch, place):
    (tmp_path / "drawing_library.py").write_text("import random\nX = random.random()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("drawing_library", None)
    body = place + "@step\ndef out(rows):\n    import drawing_library\n    return {'v': 1}\n"
    assert ending(trial(PIPELINE % body)).uncached == ""


def test_a_scratch_folder_of_its_own_leaves_a_step_cached(trial):
    body = (
        "import tempfile\n@step\ndef out(rows):\n    with tempfile.TemporaryDirectory() as made:\n"
        "        Path(made, 'a.txt').write_text('x')\n"
        "        return {'v': [Path(made, each).read_text() for each in os.listdir(made)]}\n"
    )
    workspace = trial(PIPELINE % body)
    ending(workspace)
    assert ending(workspace).state == "cached"


def test_a_package_nested_in_folders_without_init_is_found(trial, write):
    body = "from pkg.sub.mod import f\n@step\ndef out(rows):\n    return {'v': f()}\n"
    workspace = trial(PIPELINE % body, {"pkg/sub/mod.py": "def f():\n    return 1\n"})
    ending(workspace)
    write(workspace, "pkg/sub/mod.py", "def f():\n    return 2\n")
    assert ending(workspace).state == "ran"
