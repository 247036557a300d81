from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ropeway.stats.sketches.category import LG_CATEGORIES, OTHER, CategorySketch
from ropeway.stats.sketches.frequent import LONGEST

WORDS = st.lists(
    st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6)), max_size=60
)


def sketch_of(values: object, kind: str = "category") -> CategorySketch:
    sketch = CategorySketch(kind)  # type: ignore[arg-type]
    sketch.update(values if isinstance(values, pl.Series) else pl.Series(values, dtype=pl.String))
    return sketch


@given(WORDS, WORDS)
def test_merging_two_sketches_of_few_values_is_counting_both(first, second):
    merged = sketch_of(first).merge(sketch_of(second))
    present = [value for value in [*first, *second] if value is not None]
    assert merged.counts() == dict(Counter(present))
    assert (merged.count, merged.nulls) == (len(present), len(first) + len(second) - len(present))
    assert merged.distinct == len(set(present))


@pytest.mark.parametrize("parts", [1, 4])
def test_of_many_values_the_frequent_ones_are_counted_within_the_stated_error(parts):
    values = np.random.default_rng(3).zipf(1.2, 100_000).clip(max=50_000).astype(str)
    merged = sketch_of([])
    for part in np.array_split(values, parts):
        merged = merged.merge(sketch_of(pl.Series(part)))
    counts, exact = merged.counts(), Counter(values.tolist())
    assert sum(counts.values()) == merged.count == 100_000
    allowed = 3.5 / 2**LG_CATEGORIES * 100_000
    assert all(0 <= exact[value] - counts.get(value, 0) <= allowed for value in exact)
    assert counts[OTHER] > 0
    assert merged.distinct == pytest.approx(len(exact), rel=0.08)
    assert merged.top(3) == [(value, counts[value]) for value, _ in exact.most_common(3)]


def test_the_same_rows_give_the_same_counts_and_bytes():
    values = pl.Series(np.random.default_rng(4).integers(0, 9000, 30_000)).cast(pl.String)
    assert sketch_of(values).to_state() == sketch_of(values).to_state()


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "unused", "b"])])
def test_labels_are_counted_by_their_names(dtype):
    assert sketch_of(pl.Series(["b", "a", "b", None], dtype=dtype)).counts() == {"b": 2, "a": 1}


def test_true_and_false_are_counted_by_these_words():
    sketch = sketch_of(pl.Series([True, False, True, None]), "boolean")
    assert (sketch.counts(), sketch.nulls) == ({"true": 2, "false": 1}, 1)
    assert sketch_of(pl.Series(["true"]), "boolean").mistyped == 1


def test_numbers_where_texts_were_learnt_are_another_type():
    sketch = sketch_of(pl.Series([1, 2, None]))
    assert (sketch.mistyped, sketch.nulls, sketch.counts()) == (2, 1, {})


def test_long_values_are_kept_apart_and_short():
    first, second = "x" * 10_000 + "a", "x" * 10_000 + "b"
    counts = sketch_of([first, first, second]).counts()
    assert sorted(counts.values()) == [1, 2]
    assert {len(value) for value in counts} == {LONGEST}


def test_a_constant_column_is_one_value():
    sketch = sketch_of(["same"] * 5000)
    assert (sketch.counts(), sketch.distinct) == ({"same": 5000}, 1)


def test_what_is_read_back_goes_on_as_before():
    again = CategorySketch.from_state(sketch_of(["a", None]).to_state())
    again.update(pl.Series(["a", "ß"]))
    assert (again.counts(), again.nulls, again.distinct) == ({"a": 2, "ß": 1}, 1, 2)
