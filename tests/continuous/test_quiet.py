"""Hours in which nothing is begun."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ropeway.continuous.quiet import covers_the_day, is_quiet, quiet_until

UTC_ZONE, PARIS = ZoneInfo("UTC"), ZoneInfo("Europe/Paris")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-02T{text}+00:00")


def test_hours_over_midnight_hold_on_both_sides() -> None:
    hours = ["22:00-06:00"]
    assert [
        is_quiet(at(text), hours, UTC_ZONE) for text in ("21:59", "22:00", "03:00", "05:59", "06:00")
    ] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_hours_are_by_the_clock_on_the_wall() -> None:
    assert is_quiet(at("21:30"), ["22:00-06:00"], PARIS)
    assert not is_quiet(at("05:30"), ["22:00-06:00"], PARIS)


def test_the_end_is_found_over_the_night_in_which_clocks_jump() -> None:
    begin = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert quiet_until(begin, ["22:00-06:00"], PARIS) == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)


def test_the_whole_day_is_covered_only_when_no_minute_is_left() -> None:
    assert covers_the_day(["00:00-12:00", "12:00-00:00"])
    assert covers_the_day(["08:00-08:00"])
    assert not covers_the_day(["00:00-12:00", "12:01-00:00"])
    assert not covers_the_day([])


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 1439),
    st.integers(1, 1438),
)
def test_quiet_hours_end_in_a_minute_that_is_not_quiet(moment: datetime, begin: int, length: int) -> None:
    end = (begin + length) % 1440
    hours = [f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"]
    found = quiet_until(moment, hours, PARIS)
    assert not is_quiet(found, hours, PARIS)
    assert moment <= found <= moment + timedelta(days=1, hours=1)
