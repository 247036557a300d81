"""Pictures of awkward data: nothing, one point, a constant, very long and very short spans."""

import math
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from ropeway.story.report.svg.bars import cut, pairs, standing
from ropeway.story.report.svg.element import join
from ropeway.story.report.svg.frame import Frame, count_axis, grid, limit, time_axis
from ropeway.story.report.svg.histogram import histograms
from ropeway.story.report.svg.line import dots, whiskers
from ropeway.story.report.svg.scale import Linear, Time, around
from ropeway.story.report.svg.strip import strip

DAY = datetime(2026, 5, 4, tzinfo=UTC)


def well_formed(*parts):
    """The markup as a tree: an XML parser is strict where a browser is kind."""
    return ET.fromstring(f"<svg>{join(*parts)}</svg>")


def test_a_scale_of_one_value_divides_by_nothing():
    assert Linear(3.0, 3.0, 0.0, 100.0)(3.0) == 0.0
    assert all(math.isfinite(tick) for tick in Linear(3.0, 3.0, 0.0, 100.0).ticks())


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.38, 0.71, [0.4, 0.5, 0.6, 0.7]),
        (0.0, 1000.0, [0.0, 250.0, 500.0, 750.0, 1000.0]),
        (-0.02, 0.02, [-0.02, -0.01, 0.0, 0.01, 0.02]),
    ],
)
def test_ticks_are_round(low, high, ticks):
    assert Linear(low, high, 0.0, 100.0).ticks() == ticks


def test_ticks_are_never_many_however_small_or_large_the_span():
    for span in (1e-9, 0.003, 7.0, 123_456.0, 1e12):
        assert 2 <= len(Linear(0.0, span, 0.0, 100.0).ticks()) <= 7


def test_ticks_of_hours_are_hours():
    assert [label for _, label in Time(DAY, DAY + timedelta(hours=6), 0.0, 1.0).ticks(4)] == [
        "00:00",
        "02:00",
        "04:00",
        "06:00",
    ]


def test_ticks_of_years_stay_few():
    assert len(Time(DAY, DAY + timedelta(days=4000), 0.0, 1.0).ticks(8)) <= 9


def test_around_leaves_air_and_spans_something():
    low, high = around([0.5, 0.6])
    assert low < 0.5 < 0.6 < high
    low, high = around([0.5], least=0.2)
    assert high - low >= 0.2
    low, high = around([0.5])
    assert low < high


def test_one_point_is_a_dot_with_whiskers():
    tree = well_formed(dots([(1.0, 2.0)]), whiskers([(1.0, 0.0, 4.0)]))
    assert [child.tag for child in tree] == ["circle", "line"]


def test_bars_have_a_width_however_narrow_they_are():
    tree = well_formed(standing([(0.0, 0.2, 10.0), (0.2, 0.2, 50.0)], 40.0))
    assert all(float(bar.get("width")) >= 0.5 and float(bar.get("height")) >= 0 for bar in tree)


def test_pairs_of_nothing_but_zeros_are_drawn():
    drawn, height = pairs(["a", "b"], [0.0, 0.0], [0.0, 0.0], 400.0)
    assert height > 0
    assert "nan" not in drawn.lower()
    well_formed(drawn)


def test_histograms_of_one_bin_and_of_a_constant_are_drawn():
    for edges in ([0.0, 1.0], [5.0, 5.0]):
        drawn = histograms(edges, [1.0], [1.0], 400.0)
        assert "nan" not in drawn.lower()
        well_formed(drawn)


def test_an_empty_strip_is_no_error():
    drawn, _ = strip([], [], [], width=400.0, top=0.3, name_width=90.0)
    assert drawn == ""


def test_names_that_are_too_long_are_cut_in_the_middle():
    assert cut("short") == "short"
    assert cut("probability of negative", 12) == "probab\u2026ative"
    assert len(cut("a" * 40)) == 18


def test_frames_have_grids_axes_and_limits():
    frame = Frame(400.0, 200.0)
    x, y = Linear(0.0, 50.0, *frame.x), Linear(0.0, 1.0, *frame.y)
    parts = [*grid(frame, y), *count_axis(frame, x, "rows"), *limit(frame, y(0.5), "bar 0.5")]
    parts += time_axis(frame, Time(DAY, DAY + timedelta(days=3), *frame.x))
    said = [each.text for each in well_formed(parts).iter("text")]
    assert {"0.50", "rows", "bar 0.5", "5 May"} <= {*said}
