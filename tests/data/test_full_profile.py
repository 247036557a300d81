import datetime as dt

import numpy as np
import polars as pl
import pytest

from ropeway.data.add import add
from ropeway.data.full_profile import Walked, profile_pieces
from ropeway.data.operations import full_profile

FRAME = pl.DataFrame(
    {
        "id": range(5000),
        "x": np.random.default_rng(0).normal(10, 2, 5000),
        "text": [f"word {n % 7} " * (n % 5 + 1) for n in range(5000)],
        "day": [dt.date(2026, 1, 1) + dt.timedelta(days=n % 31) for n in range(5000)],
        "ok": [n % 4 == 0 for n in range(5000)],
        "tags": [[1, 2, 3][: n % 4] for n in range(5000)],
    }
).with_columns(x=pl.when(pl.col("id") % 10 == 0).then(None).otherwise(pl.col("x")))


@pytest.fixture
def columns():
    rows, columns = profile_pieces(FRAME.iter_slices(700))
    assert rows == 5000
    return {each.name: each for each in columns}


def test_numbers_have_moments_and_quantiles_of_every_row(columns):
    x, truth = columns["x"], FRAME["x"].drop_nulls()
    assert x.nulls == 500
    assert x.values.mean == pytest.approx(truth.mean())
    assert x.values.sd == pytest.approx(truth.std(ddof=0))
    assert x.values.quantiles[3] == pytest.approx(truth.median(), abs=0.1)
    assert sum(x.values.bins) == 4500
    assert columns["id"].distinct == pytest.approx(5000, rel=0.05)


def test_texts_have_lengths_and_frequent_values(columns):
    text = columns["text"]
    assert text.distinct == 35
    assert text.lengths.max == FRAME["text"].str.len_chars().max()
    assert text.top[0].count >= text.top[-1].count > 100


def test_dates_booleans_and_lists_are_told_in_their_own_words(columns):
    assert (columns["day"].first, columns["day"].last) == ("2026-01-01", "2026-01-31")
    assert [(each.value, each.count) for each in columns["ok"].top] == [("false", 3750), ("true", 1250)]
    assert columns["tags"].lengths.max == 3
    assert columns["tags"].values.count == FRAME["tags"].list.len().sum()


@pytest.mark.parametrize("name", FRAME.columns)
def test_two_halves_merge_to_the_whole(name):
    whole, left, right = Walked(name), Walked(name), Walked(name)
    whole.update(FRAME[name])
    left.update(FRAME[name][:2000])
    right.update(FRAME[name][2000:])
    one, both = whole.told(), left.merge(right).told()
    assert (both.nulls, both.kind, both.top) == (one.nulls, one.kind, one.top)
    assert both.distinct == (None if one.distinct is None else pytest.approx(one.distinct, rel=0.03))


def test_a_version_is_profiled_from_what_is_kept(workspace, tmp_path):
    FRAME.write_parquet(tmp_path / "rows.parquet")
    add(workspace, tmp_path / "rows.parquet")
    found = full_profile(workspace, reference="rows")
    assert (found.rows, [each.name for each in found.columns]) == (5000, FRAME.columns)
