"""How time is cut into windows."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ropeway.monitoring.observe import start_of
from ropeway.monitoring.windows import window_of, windows_between

MOMENTS = [
    datetime(2026, 5, 6, 13, 20, 1, 5, UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(1970, 1, 5, tzinfo=UTC),
    datetime(1901, 3, 4, 5, tzinfo=UTC),
    datetime(2262, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize(
    "length", [timedelta(seconds=1), timedelta(hours=6), timedelta(days=1), timedelta(weeks=1)]
)
def test_a_window_holds_its_moment_whichever_way_it_is_computed(length: timedelta) -> None:
    frame = pl.DataFrame({"at": pl.Series(MOMENTS, dtype=pl.Datetime("us", "UTC"))})
    starts = frame.select(start_of(length)).to_series().to_list()
    windows = [window_of(moment, length) for moment in MOMENTS]
    assert [window.start for window in windows] == starts
    assert all(window.start <= moment < window.end for window, moment in zip(windows, MOMENTS, strict=True))


def test_days_begin_at_midnight_and_weeks_on_mondays() -> None:
    assert window_of(MOMENTS[0], timedelta(days=1)).start == datetime(2026, 5, 6, tzinfo=UTC)
    assert window_of(MOMENTS[0], timedelta(weeks=1)).start == datetime(2026, 5, 4, tzinfo=UTC)


def test_windows_between_counts_whole_ones_and_never_less_than_none() -> None:
    day = timedelta(days=1)
    monday, thursday = datetime(2026, 5, 4, 9, tzinfo=UTC), datetime(2026, 5, 7, 1, tzinfo=UTC)
    assert windows_between(monday, thursday, day) == 2
    assert windows_between(monday, monday, day) == windows_between(thursday, monday, day) == 0
