import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.labels.aggregate import aggregate, cut, disputed, item_label
from ropeway.workspace import LabelSet
from ropeway.workspace.tables.labels import Cutoff

CUTOFFS = [Cutoff(label="bad", upto=-0.5), Cutoff(label="flat", below=0.5), Cutoff(label="good")]
MEAN = LabelSet(
    dataset="d", guide="g", snapshot="s", ratings="r", scale="interval", aggregate="mean", cutoffs=CUTOFFS
)
MAJORITY = LabelSet(dataset="d", guide="g", snapshot="s", ratings="r")


def long(**items):
    rows = [(item, None, value) for item, values in items.items() for value in values or [None]]
    return pl.DataFrame(rows, schema=["item", "rater", "value"], orient="row", strict=False)


def labels_of(settings, **items):
    table = aggregate(long(**items), settings)
    return {row["item"]: item_label(row) for row in table.to_dicts()}


def test_the_bounds_of_cutoffs_are_upto_and_below():
    means = pl.DataFrame({"m": [-0.51, -0.5, -0.49, 0.49, 0.5, 3.0, None]})
    assert means.select(cut(pl.col("m"), CUTOFFS)).to_series().to_list() == [
        "bad",
        "bad",
        "flat",
        "flat",
        "good",
        "good",
        None,
    ]


def test_the_mean_is_cut_and_the_share_is_of_single_ratings():
    found = labels_of(MEAN, a=[2.0, 2.0, -1.0, 0.0])["a"]
    assert (found.label, found.mean, found.count, found.share) == ("good", 0.75, 4, 0.5)
    assert found.distribution == {"good": 2, "bad": 1, "flat": 1}
    assert not found.is_tie


def test_a_majority_is_the_most_common_value():
    found = labels_of(MAJORITY, a=["x", "y", "x"], b=["y"])
    assert (found["a"].label, found["a"].share, found["a"].mean) == ("x", pytest.approx(2 / 3), None)
    assert found["b"].label == "y"


def test_a_tied_majority_gives_no_label_and_a_tied_mean_does():
    assert labels_of(MAJORITY, a=["x", "y"])["a"].label is None
    tied = labels_of(MEAN, a=[2.0, -2.0])["a"]
    assert (tied.label, tied.is_tie) == ("flat", True)


def test_numbers_as_classes_are_written_without_a_point():
    assert labels_of(MAJORITY, a=[1.0, 1.0, 2.0])["a"].label == "1"


def test_an_item_without_ratings_has_no_label_and_waits():
    table = aggregate(long(a=[1.0], b=[]), MEAN)
    assert table["item"].to_list() == ["a", "b"]
    assert item_label(table.to_dicts()[1]).label is None
    assert disputed(table, MEAN, [])["item"].to_list() == ["b"]


def test_the_most_disputed_comes_first_and_decided_items_are_gone():
    table = aggregate(
        long(sure=[2.0] * 5, split=[2.0, -2.0, 0.0], tied=[2.0, -2.0], near=[2.0, 2.0, 2.0, 0.0, 0.0, -2.0]),
        MEAN,
    )
    assert disputed(table, MEAN, [])["item"].to_list() == ["split", "tied", "near"]
    assert disputed(table, MEAN, ["tied"])["item"].to_list() == ["split", "near"]


@given(st.lists(st.lists(st.integers(-4, 4), min_size=1, max_size=9), min_size=1, max_size=9))
def test_aggregation_agrees_with_counting_by_hand(ratings):
    table = labels_of(
        MEAN, **{f"i{number}": [float(v) for v in values] for number, values in enumerate(ratings)}
    )
    for number, values in enumerate(ratings):
        found = table[f"i{number}"]
        own = ["bad" if value < 0 else "good" if value > 0 else "flat" for value in values]
        mean = sum(values) / len(values)
        assert found.label == ("bad" if mean <= -0.5 else "flat" if mean < 0.5 else "good")
        assert found.distribution == {label: own.count(label) for label in set(own)}
        assert found.share == max(map(own.count, own)) / len(own)
