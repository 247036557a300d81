import math
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.sketches.number import NumberSketch
from ropeway.stats.sketches.quantiles import RANK_ERROR

VALUES = st.lists(
    st.one_of(st.none(), st.floats(allow_subnormal=False), st.integers(-5, 5).map(float)), max_size=80
)


def sketch_of(values: object, kind: str = "number") -> NumberSketch:
    sketch = NumberSketch(kind)  # type: ignore[arg-type]
    sketch.update(values if isinstance(values, pl.Series) else pl.Series(values, dtype=pl.Float64))
    return sketch


@given(VALUES, VALUES)
def test_merging_two_small_sketches_is_sketching_both(first, second):
    merged, whole = sketch_of(first).merge(sketch_of(second)), sketch_of([*first, *second])
    for name in ("count", "nulls", "nans", "infinite", "mistyped", "absent", "distinct"):
        assert getattr(merged, name) == getattr(whole, name)
    assert merged.is_exact
    assert [each.tolist() for each in merged.weighted()] == [each.tolist() for each in whole.weighted()]
    assert merged.count + merged.nulls + merged.nans + merged.infinite == len(first) + len(second)


@given(VALUES)
def test_every_row_is_counted_once_and_only_finite_numbers_are_measured(values):
    sketch = sketch_of(values)
    finite = [value for value in values if value is not None and math.isfinite(value)]
    assert sketch.nulls == values.count(None)
    assert sketch.nans == sum(value != value for value in values if value is not None)
    assert sketch.count == len(finite)
    if finite:
        assert (sketch.min, sketch.max, sketch.distinct) == (min(finite), max(finite), len(set(finite)))
        assert sketch.quantile(0.5) == np.quantile(finite, 0.5, method="inverted_cdf")


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["normal", "exponential", "standard_cauchy"]),
    st.integers(2, 6),
)
def test_ranks_of_merged_sketches_are_within_the_stated_error(seed, family, parts):
    values = getattr(np.random.default_rng(seed), family)(size=60_000)
    merged = sketch_of([])
    for part in np.array_split(values, parts):
        merged = merged.merge(sketch_of(pl.Series(part)))
    points = np.quantile(values, np.linspace(0, 1, 101))
    exact = np.searchsorted(np.sort(values), points, side="right") / len(values)
    # The error is that of 99 sketches in 100; at twice it, none is seen.
    assert np.abs(merged.cdf(points) - exact).max() <= 2 * RANK_ERROR
    assert merged.distinct == pytest.approx(60_000, rel=0.08)
    assert merged.count == merged.weighted()[1].sum() == 60_000


@pytest.mark.parametrize("parts", [2, 3, 5, 8])
def test_merged_numbers_stand_for_all_that_came(parts):
    # The library's own iterator lost nine tenths of them in some merges.
    merged = sketch_of([])
    for part in np.array_split(np.random.default_rng(0).normal(size=60_000), parts):
        merged = merged.merge(sketch_of(pl.Series(part)))
    assert merged.weighted()[1].sum() == 60_000
    assert (merged.weighted()[1] > 0).all()


def test_ends_are_exact_whatever_was_dropped():
    values = np.random.default_rng(1).normal(size=200_000)
    sketch = sketch_of(pl.Series(values))
    assert not sketch.is_exact
    assert (sketch.quantile(0), sketch.quantile(1)) == (values.min(), values.max())


def test_a_histogram_counts_as_numpy_does():
    values = np.random.default_rng(2).normal(size=1500)
    edges = np.linspace(-1, 1, 9)
    assert sketch_of(pl.Series(values)).histogram(edges).tolist() == np.histogram(values, edges)[0].tolist()


def test_the_share_at_or_below_a_point_is_given_in_the_order_of_the_points():
    assert sketch_of([1.0, 2.0, 2.0, 4.0]).cdf([4.0, 2.0, -math.inf, math.inf]).tolist() == [
        1.0,
        0.75,
        0.0,
        1.0,
    ]


def test_a_constant_column_has_no_spread():
    sketch = sketch_of([7.5] * 5000)
    assert (sketch.std, sketch.distinct, sketch.quantile(0.01), sketch.cdf([7.5])[0]) == (0.0, 1, 7.5, 1.0)


@pytest.mark.parametrize("values", [[], [None, None], [math.nan], [math.inf, -math.inf]])
def test_a_column_without_a_finite_number_has_no_figures(values):
    sketch = sketch_of(values)
    assert sketch.is_empty
    assert all(math.isnan(x) for x in (sketch.mean, sketch.std, sketch.min, sketch.max, sketch.quantile(0.5)))
    assert np.isnan(sketch.cdf([0.0])).all()
    assert sketch.histogram([0.0, 1.0]).tolist() == [0]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(["1", None]),
        pl.Series([True, None]),
        pl.Series([date(2026, 1, 1), None]),
        pl.Series([[1], None]),
    ],
    ids=["texts", "booleans", "dates", "lists"],
)
def test_a_column_that_changed_its_type_is_counted_as_that(series):
    sketch = sketch_of(series)
    assert (sketch.mistyped, sketch.nulls, sketch.count) == (1, 1, 0)


def test_a_column_of_nulls_without_a_type_is_null_and_not_mistyped():
    sketch = sketch_of(pl.Series([None, None]))
    assert (sketch.nulls, sketch.mistyped) == (2, 0)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2)])
def test_numbers_may_be_stored_in_any_way(dtype):
    assert sketch_of(pl.Series([1, 2, 6]).cast(dtype)).mean == 3.0


def test_times_are_seconds():
    moment = datetime(2026, 3, 1, 12)
    assert sketch_of(pl.Series([moment]), "time").max == moment.replace(tzinfo=UTC).timestamp()
    assert (
        sketch_of(pl.Series([moment]).cast(pl.Datetime("ms")), "time").max
        == sketch_of(pl.Series([moment]), "time").max
    )
    assert sketch_of(pl.Series([date(1970, 1, 2)]), "time").max == 86_400
    assert sketch_of(pl.Series([time(1)]), "time").max == 3600
    assert sketch_of(pl.Series([timedelta(minutes=1)]), "time").max == 60
    assert sketch_of(pl.Series([1.0]), "time").mistyped == 1


def test_what_is_read_back_goes_on_as_before():
    sketch = sketch_of([1.0, None, math.nan, math.inf])
    again = NumberSketch.from_state(sketch.to_state())
    again.update(pl.Series([2.0]))
    assert (again.count, again.nulls, again.nans, again.infinite, again.mean, again.distinct) == (
        2,
        1,
        1,
        1,
        1.5,
        2,
    )
