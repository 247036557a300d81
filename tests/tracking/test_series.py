"""Columns of points: packed and back bit by bit, joined, ordered, freed of what was said twice."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ropeway.tracking.errors import PointsDamaged
from ropeway.tracking.series import NO_STEP, Series, columns, joined, nothing, pack, unpack
from ropeway.tracking.tips import Tip, later, tips_of

INT64 = st.integers(NO_STEP, 2**63 - 1)
POINTS = st.lists(st.tuples(st.sampled_from(["loss", "acc", "ключ"]), st.floats(), INT64, INT64), max_size=60)


def series_of(points: list[tuple[str, float, int, int]]) -> Series:
    keys, values, times, steps = zip(*points, strict=True) if points else ((), (), (), ())
    return columns(keys, values, times, steps)


def rows(series: Series) -> list[tuple[str, bytes, int, int]]:
    found = zip(series.key.tolist(), series.value, series.at_us.tolist(), series.step.tolist(), strict=True)
    return [(series.keys[place], struct.pack("<d", value), at, step) for place, value, at, step in found]


@settings(max_examples=100, deadline=None)
@given(POINTS, POINTS)
def test_what_is_packed_comes_back_and_joins(first, second):
    whole = joined([unpack(pack(series_of(first))), series_of(second)])
    assert rows(whole) == rows(series_of([*first, *second]))


@settings(max_examples=50, deadline=None)
@given(POINTS)
def test_every_flipped_bit_is_seen(points):
    data = bytearray(pack(series_of([*points, ("loss", 0.5, 1, 2)])))
    for at in range(0, len(data), 3):
        data[at] ^= 4
        with pytest.raises(PointsDamaged, match="cannot be read"):
            unpack(bytes(data))
        data[at] ^= 4


@settings(max_examples=50, deadline=None)
@given(POINTS)
def test_what_was_said_twice_is_there_once_in_its_first_place(points):
    found = rows(series_of([*points, *points]).distinct())
    assert found == list(dict.fromkeys(rows(series_of(points))))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.just("loss"), st.floats(0, 9), st.integers(1, 9), st.integers(0, 9)), min_size=2)
)
def test_summaries_of_parts_make_the_summary_of_the_whole(points):
    parts = [tips_of(series_of(points[:1]))["loss"], tips_of(series_of(points[1:]))["loss"]]
    assert later(*parts) == tips_of(series_of(points))["loss"]


def test_points_are_ordered_by_step_then_time_then_value():
    points = columns(["a"] * 4, [3.0, 2.0, 1.0, 0.0], [9, 5, 5, 1], [1, 1, 1, NO_STEP])
    assert points.ordered().value.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_summary_keeps_infinities_and_knows_no_number():
    nan = columns(["a", "b", "b"], [math.nan, math.inf, -math.inf], [1, 2, 3], [0, 0, 0])
    assert tips_of(nan) == {
        "a": Tip(None, 0, 1, None, None, 1),
        "b": Tip(-math.inf, 0, 3, -math.inf, math.inf, 2),
    }
    assert tips_of(nothing()) == {}


def test_a_sealed_point_takes_few_bytes():
    random, steps = np.random.default_rng(0), np.arange(10_000)
    points = columns(
        ["loss"] * 10_000, random.random(10_000), 1_000 * steps + random.integers(0, 500, 10_000), steps
    )
    assert len(pack(points)) / 10_000 < 12
