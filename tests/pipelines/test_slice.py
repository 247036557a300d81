"""Slices: what they read, that they load from a package's bytes, and that versions do not meet."""

# ruff: noqa: E501  small programs as text

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ropeway.pipelines.errors import ColumnMissing, ServedWithoutColumns, StepChangedRows, StepFailed
from ropeway.pipelines.run import pipeline_record, run_pipeline
from ropeway.pipelines.slice import load_slice, read_replay

PIPELINE = """
import polars as pl
from ropeway import fit, step

@step
def doubled(rows, *, times: float = 2.0):
    return rows["x"] * times

@fit
def limit(doubled, target, *, needed: float):
    return {"limit": float(doubled.filter(target == "high").min()) + needed}

@step(serve=True)
def answer(doubled, limit):
    is_high = (doubled >= limit["limit"]).cast(pl.Float64)
    return pl.DataFrame({"low": 1 - is_high, "high": is_high})
"""


def package(workspace, **overrides):
    """What a package would hold: the record's bytes."""
    record = pipeline_record(workspace, run=run_pipeline(workspace, overrides={"needed": 0, **overrides}).run)
    store = workspace.store
    return record, {
        "pipeline": record.pipeline,
        "code": {name: store.read(digest) for name, digest in record.files.items()},
        "artifacts": {name: store.read(each.digest) for name, each in record.slice.artifacts.items()},
        "settings": record.settings,
        "inputs": record.slice.signature.inputs,
    }


def test_a_slice_from_bytes_answers_as_the_run_did(trial):
    workspace = trial(PIPELINE)
    record, parts = package(workspace, times=3)
    rows, answers = read_replay(workspace.store.read(record.slice.replay))
    made = load_slice(**parts)
    assert 5 < rows.height == record.slice.replay_rows <= 32
    assert_frame_equal(made.predict(rows), answers)
    made.close()


def test_two_versions_of_a_slice_live_in_one_process(trial, write):
    workspace = trial(PIPELINE)
    _, old = package(workspace)
    write(workspace, "pipeline.py", PIPELINE.replace('{"low": 1 - is_high', '{"lower": 1 - is_high'))
    _, new = package(workspace)
    one, other = load_slice(**old), load_slice(**new)
    rows = pl.DataFrame({"x": [1.0, 9.0]})
    assert one.predict(rows).columns == ["low", "high"]
    assert other.predict(rows).columns == ["lower", "high"]
    one.close()
    assert other.predict(rows).height == 2
    other.close()


def test_data_files_on_the_serving_path_travel_with_the_slice(trial, write):
    source = PIPELINE.replace(
        'return rows["x"]',
        'with open("plus.txt") as f:\n        plus = float(f.read())\n    return plus + rows["x"]',
    )
    workspace = trial(source, {"plus.txt": "1"})
    record, parts = package(workspace)
    assert sorted(record.files) == ["pipeline.py", "plus.txt"]
    assert sorted(package(workspace)[0].files) == ["pipeline.py", "plus.txt"]
    write(workspace, "plus.txt", "1000")
    made = load_slice(**parts)
    rows, answers = read_replay(workspace.store.read(record.slice.replay))
    assert_frame_equal(made.predict(rows), answers)
    made.close()


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ('rows["x"]', {"x": "Float64"}),
        ('rows["x"] + rows["note"].str.len_chars()', {"x": "Float64", "note": "String"}),
        ("rows.select(pl.selectors.numeric()).sum_horizontal()", {"id": "Int64", "x": "Float64"}),
        ('rows["x"] + 0 * rows["id"]', {"id": "Int64", "x": "Float64"}),
    ],
)
def test_the_signature_is_the_columns_that_were_seen_to_be_read(trial, expression, read):
    record, _ = package(trial(PIPELINE.replace('rows["x"]', f"({expression})")))
    assert record.slice.signature.inputs == read


def test_a_missing_column_is_named_and_others_are_passed_over(trial):
    made = load_slice(**package(trial(PIPELINE))[1])
    with pytest.raises(ColumnMissing, match="lack 'x'"):
        made.predict(pl.DataFrame({"X": [1.0]}))
    assert made.predict(pl.DataFrame({"x": [1.0], "other": ["?"]})).height == 1
    made.close()


def test_a_step_that_drops_rows_of_a_request_is_refused(trial):
    source = PIPELINE.replace(
        'return rows["x"]', 'rows = rows if len(rows) > 5 else rows.head(1)\n    return rows["x"]'
    )
    made = load_slice(**package(trial(source))[1])
    with pytest.raises(StepChangedRows, match="got 3 and gave 1"):
        made.predict(pl.DataFrame({"x": [1.0, 2.0, 3.0]}))
    made.close()


def test_a_step_that_raises_on_a_request_shows_the_users_line(trial):
    source = PIPELINE.replace(
        'return rows["x"]', 'assert rows["x"].max() < 100, "too much"\n    return rows["x"]'
    )
    made = load_slice(**package(trial(source))[1])
    with pytest.raises(StepFailed, match=r"too much[\s\S]*pipeline.py:7 in doubled"):
        made.predict(pl.DataFrame({"x": [1000.0]}))
    made.close()


def test_a_served_step_without_named_columns_is_refused(trial):
    source = PIPELINE.replace(
        'return pl.DataFrame({"low": 1 - is_high, "high": is_high})', "return is_high.to_numpy()"
    )
    with pytest.raises(ServedWithoutColumns, match=r"numpy.ndarray"):
        package(trial(source))


def test_a_second_table_on_the_serving_path_is_pinned(trial, tmp_path):
    from ropeway.data.add import add

    toml = (
        '[project]\nname = "trial"\n[charter]\nmetric = "accuracy"\n'
        '[inputs.rows]\ndataset = "numbers"\nkey = "id"\ntarget = "label"\n[inputs.words]\ndataset = "words"\nkey = "w"\n'
    )
    source = PIPELINE.replace("def doubled(rows, *", "def doubled(rows, words, *").replace(
        'rows["x"]', 'rows["x"] + len(words)'
    )
    workspace = trial(source, toml=toml)
    (tmp_path / "words.csv").write_text("w\na\nb\n")
    add(workspace, tmp_path / "words.csv", name="words")
    record, parts = package(workspace)
    assert sorted(record.slice.artifacts) == ["limit", "words"]
    assert sorted(record.inputs) == ["rows", "words"]
    made = load_slice(**parts)
    rows, answers = read_replay(workspace.store.read(record.slice.replay))
    assert_frame_equal(made.predict(rows), answers)
    made.close()
