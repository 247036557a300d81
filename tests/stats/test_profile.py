import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.stats.profile import (
    Profile,
    ProfileUnreadable,
    SketchesDiffer,
    Vocabulary,
    kinds_of,
    profile,
)

KINDS = {"age": "number", "town": "category", "said": "text", "ok": "boolean", "at": "time"}


def drawn(rows: int, seed: int = 0) -> pl.DataFrame:
    """Rows of every kind, some values missing."""
    random = np.random.default_rng(seed)
    words = np.array([f"word{number}" for number in range(20_000)])
    ranks = random.zipf(1.4, (rows, 6)).clip(max=len(words)) - 1
    frame = pl.DataFrame(
        {
            "age": random.normal(40, 12, rows),
            "town": words[random.zipf(1.5, rows).clip(max=5000) - 1],
            "said": [" ".join(row) for row in words[ranks]],
            "ok": random.random(rows) < 0.3,
            "at": np.datetime64("2026-01-01", "us") + random.integers(0, 10**12, rows).astype("m8[us]"),
        }
    )
    return frame.with_columns(
        pl.when(pl.Series(random.random(rows) < 0.1)).then(None).otherwise(pl.all()).name.keep()
    )


def figures(seen: Profile) -> dict[str, object]:
    """All of a small profile that is exact."""
    return {
        "rows": seen.rows,
        "tallies": {n: (c.count, c.nulls, c.mistyped, c.absent) for n, c in seen.columns.items()},
        "numbers": {n: [array.tolist() for array in c.weighted()] for n, c in seen.numbers.items()},
        "categories": {n: c.counts() for n, c in seen.categories.items()},
        "texts": {n: (c.words(), c.checked, c.unknown) for n, c in seen.texts.items()},
    }


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 120), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_windows_and_replicas_merge_in_any_order_to_the_profile_of_all_rows(sizes, random):
    frame = drawn(sum(sizes), seed=sum(sizes))
    known = {"said": Vocabulary.of(frame["said"][: len(frame) // 2])}
    ends = np.cumsum(sizes)
    parts = [
        profile(frame[int(end) - size : int(end)], KINDS, known)
        for end, size in zip(ends, sizes, strict=True)
    ]
    random.shuffle(parts)
    merged = Profile.empty(KINDS, known)
    for part in parts:
        merged = merged.merge(part)
    whole = profile(frame, KINDS, known)
    assert figures(merged) == figures(whole)
    for name, sketch in whole.columns.items():
        assert merged.columns[name].distinct == pytest.approx(sketch.distinct, rel=0.05, abs=1)


def test_a_profile_is_read_back_as_it_was():
    seen = profile(drawn(3000), KINDS, {"said": Vocabulary.of(pl.Series(["word1 word2"]))})
    again = Profile.from_bytes(seen.to_bytes())
    assert figures(again) == figures(seen)
    assert (again.kinds, again.vocabularies["said"].identity) == (
        seen.kinds,
        seen.vocabularies["said"].identity,
    )
    assert again.columns["age"].mean == seen.columns["age"].mean


def test_a_window_may_leave_its_vocabulary_to_its_reference():
    reference = profile(drawn(300), KINDS, {"said": Vocabulary.of(drawn(300)["said"])})
    window = reference.like()
    window.update(drawn(100, seed=1))
    short = window.to_bytes(with_vocabularies=False)
    assert len(short) < len(window.to_bytes())
    again = Profile.from_bytes(short, vocabularies=reference.vocabularies)
    again.update(drawn(100, seed=2))
    assert again.columns["said"].oov_rate > 0
    assert Profile.from_bytes(short).merge(again).rows == 300


@pytest.mark.slow
def test_a_profile_does_not_grow_with_its_rows():
    many = drawn(100_000)
    known = {"said": Vocabulary.of(many["said"])}
    small = len(profile(many[:10_000], KINDS, known).to_bytes())
    seen = Profile.empty(KINDS, known)
    for seed in range(10):
        seen.update(drawn(100_000, seed))
    large = len(seen.to_bytes())
    assert seen.rows == 1_000_000
    # Sketches of 10,000 rows are not yet quite full.
    assert large < 1.5 * small
    assert len(seen.merge(seen).merge(seen).to_bytes()) < 1.5 * small


def test_ten_thousand_and_a_million_numbers_take_the_same_memory():
    sizes = [
        len(profile(pl.DataFrame({"x": np.random.default_rng(0).normal(size=rows)})).to_bytes())
        for rows in (10**4, 10**5, 10**6)
    ]
    # 10,000 do not quite fill it; from there on it grows by a few numbers each time that they double.
    assert max(sizes) < 1.5 * min(sizes)
    assert sizes[2] < 1.15 * sizes[1] < 60_000


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None], "number"),
        ([0.5], "number"),
        ([True], "boolean"),
        ([datetime(2026, 1, 1)], "time"),
        (["Oslo", "Rome", "Oslo", "Oslo"], "category"),
        (["New York", "Los Angeles"] * 5, "category"),
        (["c-17", "c-18"], "category"),
        (["what a day", "not my day"], "text"),
        (["今日はいい天気", "また明日ね"], "text"),
        (["x" * 100], "text"),
        ([None], "category"),
        (pl.Series(["a b", "c d"], dtype=pl.Categorical), "category"),
    ],
)
def test_kinds_are_read_from_types_and_of_strings_from_values(values, kind):
    assert kinds_of(pl.DataFrame({"x": values})) == {"x": kind}


def test_columns_of_lists_structs_and_bytes_are_left_out():
    assert kinds_of(pl.DataFrame({"l": [[1]], "s": [{"a": 1}], "b": [b"x"]})) == {}


def test_a_missing_column_is_counted_and_a_further_one_passed_over():
    seen = Profile.empty({"a": "number", "b": "category"})
    seen.update(pl.DataFrame({"a": [1.0, 2.0], "c": [1, 1]}))
    assert (seen.columns["b"].absent, seen.columns["a"].count, list(seen.columns)) == (2, 2, ["a", "b"])


def test_a_column_that_only_one_has_was_absent_in_the_other():
    merged = profile(pl.DataFrame({"a": [1.0]})).merge(profile(pl.DataFrame({"b": ["x", "x"]})))
    assert (merged.columns["a"].absent, merged.columns["b"].absent, merged.rows) == (2, 1, 3)


def test_two_kinds_of_one_column_are_not_merged():
    with pytest.raises(SketchesDiffer, match="column 'a' cannot be merged: one is of kind 'number'"):
        profile(pl.DataFrame({"a": [1.0]})).merge(profile(pl.DataFrame({"a": ["x"]})))
    first, second = (
        profile(pl.DataFrame({"a": ["b c"]}), {"a": "text"}, {"a": Vocabulary.of(pl.Series([word]))})
        for word in "bc"
    )
    with pytest.raises(SketchesDiffer, match=r"column 'a' .* against vocabulary"):
        first.merge(second)


def test_every_row_is_counted_in_every_column_whatever_comes():
    seen = profile(drawn(50), KINDS)
    seen.update(pl.DataFrame({"age": ["x", None], "town": [1, 2], "said": [[1], None], "ok": [1.0, 0.0]}))
    seen.update(pl.DataFrame({"age": [math.nan, math.inf]}))
    for sketch in seen.columns.values():
        counted = sketch.count + sketch.nulls + sketch.mistyped + sketch.absent
        assert counted + getattr(sketch, "nans", 0) + getattr(sketch, "infinite", 0) == seen.rows


def test_no_rows_and_no_columns_are_a_profile_too():
    for frame in (pl.DataFrame(), pl.DataFrame({"a": []}, schema={"a": pl.Float64})):
        assert Profile.from_bytes(profile(frame).to_bytes()).rows == 0
    assert figures(Profile.empty({}).merge(profile(drawn(5), KINDS))) == figures(profile(drawn(5), KINDS))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_profile_are_told(data):
    for junk in (data, b"ropeway-profile/1\n" + data):
        with pytest.raises(ProfileUnreadable, match="These bytes are not a profile"):
            Profile.from_bytes(junk)


def test_a_damaged_or_cut_profile_is_told_before_any_sketch_reads_it():
    data = profile(drawn(100), KINDS).to_bytes()
    for broken in (data[:-1], data[:200], data[:300] + bytes([data[300] ^ 1]) + data[301:]):
        with pytest.raises(ProfileUnreadable, match="damaged or cut off"):
            Profile.from_bytes(broken)


def test_a_later_format_is_named():
    with pytest.raises(ProfileUnreadable, match="their format is '2', and this Ropeway reads '1'"):
        Profile.from_bytes(b"ropeway-profile/2\n" + b"x" * 40)
