"""Pictures as pure functions: scales, ticks, lines, bands, bars, strips."""

import math
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from ropeway.story.report.svg.bars import cut, diverging, pairs, standing
from ropeway.story.report.svg.element import Markup, element, join, picture, text
from ropeway.story.report.svg.frame import Frame, count_axis, grid, limit, power, time_axis
from ropeway.story.report.svg.histogram import histograms
from ropeway.story.report.svg.line import band, dots, line, whiskers
from ropeway.story.report.svg.scale import Linear, Log, Time, around, digits
from ropeway.story.report.svg.strip import LEVELS, Row, level, strip

DAY = datetime(2026, 5, 4, tzinfo=UTC)


def well_formed(*parts):
    """The markup as a tree: an XML parser is strict where a browser is kind."""
    return ET.fromstring(f"<svg>{join(*parts)}</svg>")


def test_a_linear_scale_maps_ends_to_ends_and_keeps_what_lies_beyond():
    scale = Linear(0.0, 10.0, 100.0, 0.0)
    assert [scale(value) for value in (0.0, 5.0, 10.0, -3.0, 99.0)] == [100.0, 50.0, 0.0, 100.0, 0.0]


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


def test_a_logarithmic_scale_takes_nothing_for_its_lowest():
    scale = Log(0.1, 1000.0, 100.0, 0.0)
    assert scale(0.0) == scale(0.1) == 100.0
    assert scale(10.0) == pytest.approx(50.0)
    assert scale.ticks() == pytest.approx([0.1, 1.0, 10.0, 100.0, 1000.0])
    assert len(Log(1e-3, 1e8, 0.0, 1.0).ticks(5)) <= 6


def test_ticks_of_time_are_whole_days_and_few():
    ticks = Time(DAY, DAY + timedelta(days=9), 0.0, 100.0).ticks(5)
    assert ticks[0] == (DAY + timedelta(days=1), "5 May")
    assert len(ticks) <= 6
    assert {moment.hour for moment, _ in ticks} == {0}


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


@pytest.mark.parametrize(
    ("values", "places"),
    [([0.0, 1.0], 0), ([0.1, 0.2], 1), ([0.25, 0.5], 2), ([100.0, 200.0], 0), ([3.0], 0)],
)
def test_digits_are_as_many_as_tell_apart(values, places):
    assert digits(values) == places


def test_a_line_needs_two_points_and_a_band_two_spans():
    assert line([]) == line([(1.0, 1.0)]) == ""
    assert band([(1.0, 0.0, 2.0)]) == ""
    assert 'd="M0.0 1.0L5.0 2.0"' in line([(0.0, 1.0), (5.0, 2.0)])


def test_a_band_goes_out_along_the_top_and_back_along_the_bottom():
    assert 'd="M0.0 8.0L5.0 9.0L5.0 3.0L0.0 2.0Z"' in band([(0.0, 2.0, 8.0), (5.0, 3.0, 9.0)])


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


def test_diverging_bars_go_to_both_sides():
    drawn, _ = diverging([("more", 8.0, "1 %"), ("less", -4.0, "2 %")], 400.0, limit=8.0)
    bars = [child for child in well_formed(drawn) if child.tag == "rect"]
    assert [float(bar.get("x")) >= 200.0 for bar in bars] == [True, False]
    assert float(bars[0].get("width")) == pytest.approx(2 * float(bars[1].get("width")), abs=0.2)


def test_histograms_of_one_bin_and_of_a_constant_are_drawn():
    for edges in ([0.0, 1.0], [5.0, 5.0]):
        drawn = histograms(edges, [1.0], [1.0], 400.0)
        assert "nan" not in drawn.lower()
        well_formed(drawn)


def test_a_strip_shows_gaps_marks_and_levels():
    row = Row(name="text", values=[0.0, None, 0.6], marks=[False, False, True], says=["a", "b", "c"])
    drawn, height = strip([row], ["v0", "v0", "v1"], [(0, "4 May")], width=400.0, top=0.6, name_width=90.0)
    assert height > 0
    for kind in ("cell h0", "cell none", f"cell h{LEVELS}", 'class="mark"', "head v1", "4 May"):
        assert kind in drawn, kind
    well_formed(drawn)


def test_an_empty_strip_is_no_error():
    drawn, _ = strip([], [], [], width=400.0, top=0.3, name_width=90.0)
    assert drawn == ""


def test_levels_stay_within_the_colours():
    assert [level(value, 0.5) for value in (-1.0, 0.0, 0.25, 0.5, 9.0)] == [0, 0, 4, LEVELS, LEVELS]
    assert level(0.0, 0.0) == 0


def test_names_that_are_too_long_are_cut_in_the_middle():
    assert cut("short") == "short"
    assert cut("probability of negative", 12) == "probab\u2026ative"
    assert len(cut("a" * 40)) == 18


def test_powers_are_written_as_people_write_them():
    assert [power(value) for value in (0.01, 1.0, 1000.0, 1e6, 1e-4)] == ["0.01", "1", "1000", "10⁶", "10⁻⁴"]


def test_frames_have_grids_axes_and_limits():
    frame = Frame(400.0, 200.0)
    x, y = Linear(0.0, 50.0, *frame.x), Linear(0.0, 1.0, *frame.y)
    parts = [*grid(frame, y), *count_axis(frame, x, "rows"), *limit(frame, y(0.5), "bar 0.5")]
    parts += time_axis(frame, Time(DAY, DAY + timedelta(days=3), *frame.x))
    said = [each.text for each in well_formed(parts).iter("text")]
    assert {"0.50", "rows", "bar 0.5", "5 May"} <= {*said}


def test_whatever_comes_in_as_a_value_is_escaped_once():
    made = element("text", "<b>", text("a & b"), Markup("<i/>"), title='"<x>"', y=None, x=1.25)
    assert made == '<text title="&quot;&lt;x&gt;&quot;" x="1.2">&lt;b&gt;a &amp; b<i/></text>'


def test_a_picture_scales_and_tells_what_it_shows():
    made = picture(400.0, 120.5, "Title", "says <this>", element("g"))
    tree = ET.fromstring(made)
    assert tree.get("viewBox") == "0 0 400 120.5"
    assert tree.get("role") == "img"
    assert tree.get("aria-label") == "Title. says <this>"
