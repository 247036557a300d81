"""What a pipeline may see of the data: never a row of the test part, under no name."""

import polars as pl
import pytest
from tests.pipelines.conftest import TOML, numbers

from ropeway.data.add import add
from ropeway.pipelines.errors import InputWithoutKey, TargetMissing
from ropeway.pipelines.inputs import Inputs
from ropeway.pipelines.run import run_pipeline

LABELLED = """
[labels.label]
dataset = "rated"
guide = "g"
snapshot = "numbers"
ratings = "ratings"
item = "key"
"""


def again(dataset: str) -> str:
    return f'[inputs.again]\ndataset = "{dataset}"\nkey = "id"\n'


def test_a_second_input_on_the_same_dataset_gives_train_rows_without_the_target(trial):
    inputs = Inputs(trial(toml=TOML + again("numbers")))
    assert inputs.load("again").equals(inputs.load("rows"))
    assert "label" not in inputs.load("again").columns


def test_the_same_bytes_under_another_name_give_train_rows_only(trial, tmp_path):
    workspace = trial(toml=TOML + again("copy"))
    add(workspace, tmp_path / "numbers.csv", name="copy")
    inputs = Inputs(workspace)
    assert inputs.load("again")["id"].to_list() == inputs.load("rows")["id"].to_list()


def test_what_the_rows_were_labelled_from_gives_train_rows_only(trial, tmp_path):
    workspace = trial(toml=TOML + again("rated") + LABELLED)
    rated = numbers().select(key="id", ratings="label")
    rated.write_csv(tmp_path / "rated.csv")
    add(workspace, tmp_path / "rated.csv", name="rated")
    inputs = Inputs(workspace)
    assert inputs.load("again")["key"].to_list() == inputs.load("rows")["id"].to_list()


def test_what_the_rows_were_labelled_from_is_refused_without_its_key(trial, tmp_path):
    workspace = trial(toml=TOML + again("rated") + LABELLED)
    numbers().select("note", "label").write_csv(tmp_path / "rated.csv")
    add(workspace, tmp_path / "rated.csv", name="rated")
    with pytest.raises(InputWithoutKey, match="has no column 'key'"):
        Inputs(workspace).load("again")


def test_a_dataset_of_its_own_is_given_whole(trial, tmp_path):
    workspace = trial(toml=TOML + again("words"))
    pl.DataFrame({"id": [1, 2], "word": ["a", "b"]}).write_csv(tmp_path / "words.csv")
    add(workspace, tmp_path / "words.csv", name="words")
    assert Inputs(workspace).load("again").height == 2


def test_a_row_without_target_is_refused_before_anything_is_fitted(trial, tmp_path):
    workspace = trial()
    frame = numbers().with_columns(label=pl.when(pl.col("id") < 7).then(None).otherwise("label"))
    frame.write_csv(tmp_path / "numbers.csv")
    add(workspace, tmp_path / "numbers.csv", name="numbers")
    with pytest.raises(TargetMissing, match="missing in 7 rows of numbers@v2: '0', '1', '2', '3', '4', …"):
        run_pipeline(workspace)
