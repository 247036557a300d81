"""What a hand slips into `data add`: a mistyped key or path, a broken line, rows without a target."""

import pytest

from ropeway.data.add import add
from ropeway.data.errors import ColumnNotFound
from ropeway.data.file_errors import BrokenRow, FileMissing
from ropeway.data.operations import list_datasets

TRAINED = '[project]\nname = "trial"\n[inputs.rows]\ndataset = "people"\ntarget = "mood"\n'


def test_a_mistyped_key_is_named_with_the_right_one(workspace, tmp_path):
    (tmp_path / "wine.csv").write_text("bottle,taste\n1,good\n")
    with pytest.raises(
        ColumnNotFound, match=r"(?s)'dk2' has no column 'botle'. Did you mean 'bottle'.*--key"
    ):
        add(workspace, tmp_path / "wine.csv", name="dk2", key=["botle"])
    assert list_datasets(workspace) == []
    assert not (workspace.root / "contracts").exists()


@pytest.mark.parametrize(("asked", "hint"), [("nothere.csv", False), ("wines.csv", True)])
def test_a_near_miss_is_judged_by_the_files_name_alone(workspace, tmp_path, asked, hint):
    (tmp_path / "wine.csv").write_text("bottle\n1\n")
    with pytest.raises(FileMissing, match="There is no file") as caught:
        add(workspace, tmp_path / asked)
    assert ("Did you mean" in caught.value.what) is hint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a": 1', "Line 2 .* has JSON that breaks off before its end"),
        ('{"a": nope}', "has no JSON from byte 8 on"),
        ("[1]", "has JSON of another kind: array"),
    ],
)
def test_a_line_that_is_no_json_object_says_how(workspace, tmp_path, line, message):
    (tmp_path / "people.jsonl").write_text('{"a": 1}\n' + line + "\n")
    with pytest.raises(BrokenRow, match=message):
        add(workspace, tmp_path / "people.jsonl")


def test_rows_without_the_target_are_remarked_on(project, tmp_path):
    workspace = project(TRAINED)
    (tmp_path / "people.csv").write_text("id,age,mood\n1,30,2\n2,40,\n3,50,\n")
    arrival = add(workspace, tmp_path / "people.csv")
    assert arrival.remarks == ["2 of 3 rows have no 'mood', the target"]
    assert add(workspace, tmp_path / "people.csv").remarks == arrival.remarks


def test_a_missing_target_column_is_remarked_on(project, tmp_path):
    (tmp_path / "people.csv").write_text("id,moods\n1,2\n")
    [remark] = add(project(TRAINED), tmp_path / "people.csv").remarks
    assert remark == "there is no column 'mood', the target in ropeway.toml. Did you mean 'moods'?"
