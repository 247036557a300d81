import threading
from decimal import Decimal

import polars as pl
import pytest

from ropeway.data.add import add
from ropeway.data.assign import assign_split, split_frame
from ropeway.data.errors import BadKeys, ColumnNotFound, SplitFixed
from ropeway.data.key_text import key_text
from ropeway.data.operations import find_split
from ropeway.workspace import Input, open_workspace

ROWS = Input(dataset="notes")
TOML = '[project]\nname = "trial"\n[split]\nsalt = "s"\nnear_duplicates = ["text"]\n'


@pytest.fixture
def workspace(project):
    return project(TOML)


@pytest.fixture
def bring(workspace, tmp_path):
    def write_and_add(frame, key="id"):
        path = tmp_path / "notes.parquet"
        frame.write_parquet(path)
        return add(workspace, path).version

    return write_and_add


def notes(first, last, **changed):
    texts = {
        f"n{number}": f"note {number} speaks of {number * 7} and {number * 13}"
        for number in range(first, last)
    }
    texts.update(changed)
    return pl.DataFrame({"id": list(texts), "text": list(texts.values())})


def part_of(workspace, version):
    record = assign_split(workspace, version, ROWS)
    frame = split_frame(workspace, version, record)
    return dict(frame.select("key", "part").iter_rows())


def test_every_row_gets_its_part_in_the_rows_order(bring, workspace):
    version = bring(notes(0, 500))
    record = assign_split(workspace, version, ROWS)
    frame = split_frame(workspace, version, record)
    assert frame["key"].to_list() == [f"n{number}" for number in range(500)]
    assert set(frame["part"]) == {"train", "tune", "test"}
    assert record.parts == {part: (frame["part"] == part).sum() for part in ("train", "tune", "test")}
    assert (record.rows, record.clusters) == (500, 500)


def test_asking_again_gives_the_same_record(bring, workspace):
    version = bring(notes(0, 50))
    assert assign_split(workspace, version, ROWS) == assign_split(workspace, version, ROWS)


def test_known_keys_keep_their_part_in_later_versions(bring, workspace):
    first = part_of(workspace, bring(notes(0, 300)))
    second = part_of(workspace, bring(notes(100, 500)))
    assert all(second[key] == part for key, part in first.items() if key in second)
    assert len(second) == 400


def test_a_near_duplicate_of_a_row_that_is_gone_follows_it(bring, workspace):
    first = part_of(workspace, bring(notes(0, 200)))
    copies = {
        f"copy{number}": f"Note {number}, speaks of {number * 7} and {number * 13}!" for number in range(200)
    }
    second = part_of(workspace, bring(notes(0, 0, **copies)))
    assert all(second[f"copy{number}"] == first[f"n{number}"] for number in range(200))
    assert find_split(workspace, dataset="notes").followed == 200


def test_keys_that_became_floats_are_the_same_keys(bring, workspace):
    # One missing value on the way makes 1 into 1.0, and every row was drawn a new part: test rows trained.
    numbered = notes(0, 300).with_columns(id=pl.int_range(300))
    first = part_of(workspace, bring(numbered))
    second = part_of(workspace, bring(numbered.with_columns(pl.col("id").cast(pl.Float64))))
    assert second == first
    assert find_split(workspace, dataset="notes").followed == 0


def test_groups_that_became_floats_are_the_same_groups(project, tmp_path):
    workspace = project(TOML.replace('near_duplicates = ["text"]', 'group = "who"'))
    frame = notes(0, 100).with_columns(who=pl.int_range(100) % 20)
    frame.write_parquet(tmp_path / "notes.parquet")
    first = part_of(workspace, add(workspace, tmp_path / "notes.parquet").version)
    later = frame.with_columns(pl.col("who").cast(pl.Float64), id="new" + pl.col("id"))
    later.write_parquet(tmp_path / "notes.parquet")
    second = part_of(workspace, add(workspace, tmp_path / "notes.parquet").version)
    assert all(second[f"new{key}"] == part for key, part in first.items())


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1.0, -2.0, 0.5, None], ["1", "-2", "0.5", None]),
        ([-0.0, 1e18, 1e300], ["0", "1000000000000000000", "1e+300"]),
        ([float("inf"), float("nan")], ["inf", "NaN"]),
        ([Decimal("7.00"), Decimal("7.50"), Decimal(100)], ["7", "7.50", "100"]),
        ([2**40, 3], [str(2**40), "3"]),
        (["1.0", "01"], ["1.0", "01"]),
    ],
)
def test_the_text_of_a_key_does_not_tell_how_it_was_stored(values, texts):
    assert key_text(pl.Series(values)).to_list() == texts


def test_a_key_that_is_no_number_is_refused(bring, workspace):
    frame = pl.DataFrame({"id": [1.0, float("nan"), 3.0], "text": ["a", "b", "c"]})
    with pytest.raises(BadKeys, match="missing in row 2"):
        assign_split(workspace, bring(frame), ROWS)


def test_a_key_that_comes_back_keeps_its_part(bring, workspace):
    first = part_of(workspace, bring(notes(0, 100)))
    part_of(workspace, bring(notes(200, 300)))
    third = part_of(workspace, bring(notes(0, 150)))
    assert all(third[key] == part for key, part in first.items())


def test_keys_are_the_same_as_numbers_and_as_words(bring, workspace):
    frame = pl.DataFrame({"id": list(range(100)), "text": [f"{number} is {number}" for number in range(100)]})
    first = part_of(workspace, bring(frame))
    second = part_of(workspace, bring(frame.with_columns(pl.col("id").cast(pl.String))))
    assert {str(key): part for key, part in first.items()} == second


def test_duplicate_keys_are_refused_with_their_rows(bring, workspace):
    version = bring(pl.DataFrame({"id": ["a", "b", "a"], "text": ["x", "y", "z"]}))
    with pytest.raises(BadKeys, match=r"'a' is in rows 1, 3") as caught:
        assign_split(workspace, version, ROWS)
    assert caught.value.code == "bad-keys"


def test_a_missing_key_is_refused(bring, workspace):
    version = bring(pl.DataFrame({"id": ["a", None], "text": ["x", "y"]}))
    with pytest.raises(BadKeys, match="missing in row 2"):
        assign_split(workspace, version, ROWS)


def test_a_list_cannot_be_a_key(bring, workspace):
    version = bring(pl.DataFrame({"id": [[1], [2]], "text": ["x", "y"]}))
    with pytest.raises(BadKeys, match=r"kind list\[integer\]"):
        assign_split(workspace, version, ROWS)


def test_a_column_that_is_not_there_is_named(bring, workspace):
    version = bring(pl.DataFrame({"ids": ["a"], "text": ["x"]}))
    with pytest.raises(ColumnNotFound, match="Did you mean 'ids'"):
        assign_split(workspace, version, ROWS)


def test_a_split_is_never_drawn_again(bring, workspace):
    version = bring(notes(0, 20))
    assign_split(workspace, version, ROWS)
    (workspace.root / "ropeway.toml").write_text(TOML.replace('"s"', '"other"'))
    with pytest.raises(SplitFixed, match="salt = 's' and is never drawn again") as caught:
        assign_split(workspace, version, ROWS)
    assert caught.value.code == "split-fixed"


def test_groups_stay_together_over_versions(project, tmp_path):
    workspace = project(TOML.replace('near_duplicates = ["text"]', 'group = "author"'))

    def bring(first, last):
        numbers = list(range(first, last))
        frame = pl.DataFrame({"id": numbers, "author": [f"a{number % 30}" for number in numbers]})
        frame.write_parquet(tmp_path / "notes.parquet")
        version = add(workspace, tmp_path / "notes.parquet").version
        return frame.with_columns(part=pl.Series(part_of(workspace, version).values()))

    both = pl.concat([bring(0, 200), bring(200, 400)])
    assert both.group_by("author").agg(pl.col("part").n_unique())["part"].to_list() == [1] * 30


def test_two_that_assign_at_once_agree(bring, workspace):
    assign_split(workspace, bring(notes(0, 300)), ROWS)
    first, second = bring(notes(0, 600)), bring(notes(100, 700))
    found, failures = {}, []

    def assign(version):
        try:
            with open_workspace(workspace.root) as other:
                found[version.version] = part_of(other, version)
        except Exception as error:  # noqa: BLE001  a thread's failure, shown below
            failures.append(error)

    threads = [threading.Thread(target=assign, args=(version,)) for version in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    one, other = found[first.version], found[second.version]
    assert all(other[key] == part for key, part in one.items() if key in other)


def test_a_replay_gives_the_same_assignments(bring, workspace):
    part_of(workspace, bring(notes(0, 50)))
    before = find_split(workspace, dataset="notes")
    workspace.ledger.rebuild()
    assert find_split(workspace, dataset="notes") == before
