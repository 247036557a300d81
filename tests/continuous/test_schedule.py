"""When schedules are due, also where the clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from ropeway.continuous.schedule import broken_field, count_due, due_times, in_words, last_due, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0 3 * *", "it has 4 fields"),
        ("0 0 3 * * 1", "it has 6 fields"),
        ("", "it has 0 fields"),
        ("60 3 * * *", "the minute is '60'"),
        ("0 24 * * *", "the hour is '24'"),
        ("0 3 32 * *", "the day of the month is '32'"),
        ("0 3 * 13 *", "the month is '13'"),
        ("0 3 * * MONDAY", "the day of the week is 'MONDAY'"),
        ("*/0 3 * * *", "the minute is '*/0'"),
        ("0 3 30 2 *", "no such day comes: '30' in month '2'"),
    ],
)
def test_what_is_no_cron_is_named_by_its_field(text: str, says: str) -> None:
    found = broken_field(text)
    assert found is not None
    assert found[0] == says


@pytest.mark.parametrize("text", ["0 3 * * 1", "*/15 * * * *", "0 0 L * *", "0 3 29 2 *", "30 2 * JAN SUN"])
def test_sound_schedules_have_no_broken_field(text: str) -> None:
    assert broken_field(text) is None


def test_missed_times_are_one_the_latest() -> None:
    after, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 20, 12, tzinfo=UTC)
    assert last_due("0 3 * * *", zone_of("UTC"), after=after, until=until) == datetime(
        2026, 3, 20, 3, tzinfo=UTC
    )


def test_a_time_is_due_at_its_very_second_and_not_before() -> None:
    due, zone = datetime(2026, 3, 2, 3, tzinfo=UTC), zone_of("UTC")
    after = due - timedelta(hours=1)
    assert last_due("0 3 * * *", zone, after=after, until=due) == due
    assert last_due("0 3 * * *", zone, after=after, until=due - timedelta(seconds=1)) is None
    assert last_due("0 3 * * *", zone, after=due, until=due + timedelta(hours=1)) is None


def test_a_time_that_the_clocks_jump_over_comes_at_the_end_of_the_jump() -> None:
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    times = list(islice(due_times("30 2 * * *", BERLIN, after=after), 2))
    assert [moment.isoformat() for moment in times] == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_a_time_that_clocks_show_twice_comes_once() -> None:
    after = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert count_due("30 2 * * *", BERLIN, after=after, within=timedelta(days=1), most=9) == 1


def test_looking_back_finds_the_same_times_as_looking_forward_over_a_year() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for text in ("30 2 * * *", "15 1-3 * * *", "0 */6 * * 1"):
        previous = start
        for moment in islice(due_times(text, BERLIN, after=start), 300):
            assert last_due(text, BERLIN, after=previous, until=moment) == moment.astimezone(UTC)
            previous = moment.astimezone(UTC)


def test_what_is_no_time_zone_is_none() -> None:
    assert [zone_of(name) for name in ("Mars/Base", "", "../etc", "a\0b")] == [None] * 4


def test_a_schedule_is_said_in_words() -> None:
    assert in_words("0 3 * * 1") == "at 03:00 on Monday"
