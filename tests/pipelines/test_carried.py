"""What functions carry, what estimators and iterators go through, and what a slice may read once packaged."""

import polars as pl
import pytest

from ropeway.pipelines.errors import ReadsLiveFile, StepChangedInput, StepElsewhere, StepGaveIterator
from ropeway.pipelines.formats import encode
from ropeway.pipelines.packages import package_versions
from ropeway.pipelines.prepare import prepare
from ropeway.pipelines.run import pipeline_record, run_pipeline

HEAD = """
import os
from pathlib import Path
import polars as pl
from ropeway import fit, step
HERE = Path(__file__).parent
"""
ANSWER = """
@step(serve=True)
def answer(rows, seen):
    return pl.DataFrame({"low": [0.5] * rows.height, "high": [0.5] * rows.height})
"""
FACTORY = (
    HEAD
    + """
def make(k):
    def inner(rows):
        return rows["x"] * k
    inner.__name__ = "scaled"
    return step(inner)

scaled = make(FACTOR)

@fit
def seen(scaled):
    return {"v": float(scaled.sum())}
"""
    + ANSWER
)


def outcome(workspace, step):
    return next(each for each in run_pipeline(workspace).steps if each.step == step)


@pytest.mark.parametrize(("one", "two"), [("2", "3"), ("[1][0]", "float('2')")])
def test_a_value_that_a_factory_closes_over_is_in_the_key(trial, write, one, two):
    # Regression: the value came from a file, so that no source told of it.
    source = FACTORY.replace("FACTOR", "float((HERE / 'k.txt').read_text())")
    workspace = trial(source, {"k.txt": str(eval(one))})
    first = outcome(workspace, "scaled")
    assert outcome(workspace, "scaled").state == "cached"
    write(workspace, "k.txt", str(eval(two)))
    assert outcome(workspace, "scaled").content != first.content


def test_two_steps_of_one_factory_have_results_of_their_own(trial):
    # Regression: both had one key, and one got the other's result from the cache.
    source = FACTORY.replace("scaled = make(FACTOR)", "scaled = make(2)\nother = make(3)")
    source = source.replace('inner.__name__ = "scaled"', 'inner.__name__ = "scaled" if k == 2 else "other"')
    workspace = trial(source)
    run_pipeline(workspace, only=["scaled"])
    found = {each.step: each for each in run_pipeline(workspace).steps}
    assert found["other"].state == "ran"
    assert found["other"].content != found["scaled"].content


def test_a_step_that_closes_over_what_has_no_digest_is_not_cached(trial):
    workspace = trial(FACTORY.replace("FACTOR", "2 * Odd()") + "\n", {})
    source = FACTORY.replace("FACTOR", "Odd()").replace('rows["x"] * k', 'rows["x"] * k.n')
    (workspace.root / "pipeline.py").write_text(
        source.replace("def make", "class Odd:\n    n = 2\n\ndef make")
    )
    assert "a value without a digest that it carries (`k`)" in outcome(workspace, "scaled").uncached


def test_a_function_of_another_module_cannot_be_a_step(trial):
    workspace = trial(HEAD + "from os.path import basename\nstep(basename)\n" + ANSWER)
    with pytest.raises(StepElsewhere, match="'basename' is a function of the module 'posixpath'"):
        run_pipeline(workspace)


def test_a_step_that_changes_an_estimator_is_refused(trial):
    # Regression: the figures were of the changed estimator, the package held the one before.
    source = (
        HEAD
        + """
from sklearn.linear_model import LogisticRegression
@fit
def model(rows, target):
    return LogisticRegression().fit(rows.select("x").to_numpy(), target.to_list())
@fit
def seen(model):
    model.intercept_ = model.intercept_ + 100.0
    return {"v": 1.0}
"""
        + ANSWER
    )
    with pytest.raises(StepChangedInput, match="'seen' changed 'model' in place"):
        run_pipeline(trial(source), jobs=1)


def test_an_iterator_that_two_steps_take_is_refused(trial):
    source = (
        HEAD
        + "@step\ndef numbers(rows):\n    return (i for i in range(3))\n"
        + "@step\ndef count(numbers):\n    return {'n': sum(1 for _ in numbers)}\n"
        + "@fit\ndef seen(numbers, count):\n    return {'n': sum(1 for _ in numbers)}\n"
        + ANSWER
    )
    with pytest.raises(StepGaveIterator, match="returned a generator, which can be read only once"):
        run_pipeline(trial(source), jobs=1)


def test_files_that_only_tune_rows_lead_to_count_and_are_packaged(trial, write):
    # Regression: the evaluated slice came from the cache although such a file had changed.
    source = (
        HEAD
        + "@fit\ndef seen(target):\n    return {'v': 1}\n"
        + "@step(serve=True)\ndef answer(rows, seen):\n"
        + "    high = pl.Series([float((HERE / 'lex' / f'{i}.txt').read_text()) for i in rows['id']])\n"
        + "    return pl.DataFrame({'low': 1 - high, 'high': high})\n"
    )
    workspace = trial(source, {f"lex/{row}.txt": str(int(row % 10 >= 5)) for row in range(60)})
    assert run_pipeline(workspace).metrics["accuracy"] == 1.0
    with prepare(workspace, {}) as ready:
        tune = ready.inputs.part("tune")[0]["id"].to_list()
    assert f"lex/{tune[-1]}.txt" in pipeline_record(workspace).files
    for row in tune:
        write(workspace, f"lex/{row}.txt", str(int(row % 10 < 5)))
    assert run_pipeline(workspace).metrics["accuracy"] == 0.0


@pytest.mark.parametrize(
    "reading",
    [
        "float(Path('plus.txt').read_text())",
        "pl.read_csv('plus.csv')['n'].sum()",
        "os.path.getsize('plus.txt')",
    ],
)
def test_a_served_step_that_would_read_the_live_project_is_refused(trial, monkeypatch, reading):
    source = (
        HEAD
        + "@fit\ndef seen(target):\n    return {'v': 1}\n"
        + ANSWER.replace("0.5]", f"0.5 + 0 * {reading}]", 1)
    )
    workspace = trial(source, {"plus.txt": "1", "plus.csv": "n\n1\n"})
    monkeypatch.chdir(workspace.root)
    with pytest.raises(ReadsLiveFile, match="Step 'answer' reads 'plus") as told:
        run_pipeline(workspace)
    assert 'Path(__file__).parent / "plus' in told.value.next_step


@pytest.mark.parametrize(
    "reading", ["float((HERE / 'plus.txt').read_text())", "pl.read_csv(HERE / 'plus.csv')['n'].sum()"]
)
def test_a_served_step_that_reads_beside_its_code_is_packaged(trial, monkeypatch, reading):
    source = (
        HEAD
        + "@fit\ndef seen(target):\n    return {'v': 1}\n"
        + ANSWER.replace("0.5]", f"0.5 + 0 * {reading}]", 1)
    )
    workspace = trial(source, {"plus.txt": "1", "plus.csv": "n\n1\n"})
    monkeypatch.chdir(workspace.root)
    run_pipeline(workspace)
    assert any(name.startswith("plus.") for name in pipeline_record(workspace).files)


def test_a_source_tree_that_a_source_tree_imports_counts(tmp_path, monkeypatch):
    # Regression: only what the project's own modules import counted.
    (tmp_path / "outer_tree.py").write_text("import inner_tree\n")
    (tmp_path / "inner_tree.py").write_text("V = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = package_versions(["outer_tree"])
    (tmp_path / "inner_tree.py").write_text("V = 22\n")
    assert package_versions(["outer_tree"])["inner-tree"] != before["inner-tree"]


def test_numbers_of_128_bits_have_digests_of_their_own():
    # Regression: numpy has no such numbers, and the error of polars reached the user.
    one, other = (pl.Series([2**100 + each, None], dtype=pl.Int128) for each in (0, 1))
    assert encode(one).content != encode(other).content
