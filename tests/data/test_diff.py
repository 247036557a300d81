import polars as pl
import pytest

from ropeway.data.add import add
from ropeway.data.diff import diff as diff_versions
from ropeway.data.errors import DatasetNotFound, NotComparable
from ropeway.data.load import resolve
from ropeway.data.operations import diff

ROWS = pl.DataFrame(
    {
        "id": range(400),
        "city": [("Bern", "Rome")[n % 2] for n in range(400)],
        "age": [n % 50 for n in range(400)],
    }
)


@pytest.fixture
def bring(workspace, tmp_path):
    def bring(frame, name="people", ending="csv"):
        path = tmp_path / f"{name}.{ending}"
        frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
        return add(workspace, path, name=name).version

    return bring


def test_rows_are_matched_by_the_contracts_key_wherever_they_stand(workspace, bring):
    bring(ROWS)
    later = ROWS.with_columns(age=pl.when(pl.col("id") < 7).then(99).otherwise(pl.col("age")))
    bring(
        pl.concat([later.slice(10), later.slice(0, 7)]).vstack(
            ROWS.head(2).with_columns(id=pl.col("id") + 900)
        )
    )
    rows = diff(workspace, before="people").rows
    assert (rows.key, rows.same, rows.added, rows.removed, rows.changed) == (["id"], 390, 2, 3, 7)
    assert rows.columns == {"age": 7}
    assert rows.changed_rows[0].after == {"age": 99}
    assert [row["id"] for row in rows.removed_rows] == [7, 8, 9]


def test_columns_that_came_went_or_changed_their_kind_are_named(workspace, bring):
    bring(ROWS)
    bring(ROWS.select("city", "id", lang=pl.lit("en"), age=pl.col("age").cast(pl.String) + " y"))
    columns = diff(workspace, before="people@1", after="people@2").columns
    assert columns.added == {"lang": "text"}
    assert [(each.column, each.before, each.after) for each in columns.retyped] == [
        ("age", "integer", "text")
    ]
    assert columns.reordered


def test_the_same_rows_in_another_file_format_and_order_are_the_same(workspace, bring):
    bring(ROWS)
    bring(ROWS.reverse().with_columns(pl.col("age").cast(pl.Int8)), ending="parquet")
    assert diff(workspace, before="people").is_same


def test_without_a_key_whole_rows_are_counted_as_often_as_they_come(workspace, bring):
    plain = pl.DataFrame({"word": ["a", "a", "b", "c"], "count": [1, 1, 2, 3]})
    bring(plain, name="words")
    bring(pl.DataFrame({"word": ["a", "b", "b", "d"], "count": [1, 2, 2, 4]}), name="words")
    rows = diff(workspace, before="words").rows
    assert (rows.key, rows.same, rows.added, rows.removed) == ([], 2, 2, 2)
    assert {"word": "d", "count": 4} in rows.added_rows


def test_a_distribution_that_moved_is_told_with_its_bars(workspace, bring):
    bring(ROWS)
    bring(ROWS.with_columns(city=pl.lit("Rome")))
    (city, age) = diff(workspace, before="people").distributions
    assert (city.column, city.drifted, city.labels) == ("city", True, ["Rome", "Bern"])
    assert city.after[0] == 1.0
    assert not age.drifted


def test_columns_are_counted_in_as_many_walks_as_memory_needs(workspace, bring):
    bring(ROWS)
    bring(ROWS.with_columns(pl.col("age") + 1, city=pl.lit("Oslo")))
    versions = resolve(workspace, "people@1"), resolve(workspace, "people@2")
    assert diff_versions(workspace, *versions, columns_bytes=1).rows.columns == {"city": 400, "age": 400}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"before": "people", "after": "words"}, "they are of two datasets"),
        ({"before": "people@1"}, "it is the first version"),
        (
            {"before": "people@1", "after": "people@2", "key": ["city"]},
            "the key 'city' comes twice in people@v1",
        ),
        ({"before": "people@1", "after": "people@2", "key": ["nobody"]}, "has no column 'nobody'"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(workspace, bring, asked, said):
    bring(ROWS)
    bring(ROWS.head(200))
    bring(pl.DataFrame({"word": ["a"]}), name="words")
    with pytest.raises(NotComparable, match=said):
        diff(workspace, **asked)


def test_contracts_with_two_keys_are_refused_with_the_way_out(workspace, bring):
    bring(ROWS)
    path = workspace.root / "contracts" / "people.toml"
    path.write_text(path.read_text().replace('unique = ["id"]', 'unique = ["id", "city"]'))
    bring(ROWS.head(10))
    with pytest.raises(NotComparable, match=r"two keys, 'id' and 'id\+city'") as refused:
        diff(workspace, before="people")
    assert "--key id" in refused.value.next_step
    assert diff(workspace, before="people", key=["id"]).rows.removed == 390


def test_an_unknown_version_is_not_found(workspace):
    with pytest.raises(DatasetNotFound, match="people"):
        diff(workspace, before="people@1", after="people@2")
