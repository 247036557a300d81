"""Segments are let go of in time, so that they can be sealed while the service lives."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ropeway.core.clock import SystemClock
from ropeway.predictions.record import PREDICTIONS, all_predictions
from ropeway.serving.log import PredictionLog
from ropeway.store.segments import is_abandoned, read_segment


class HandClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def add(log: PredictionLog, text: str) -> str:
    return log.add("m@1", {"text": text}, "yes", None, at=log.clock.now(), latency_us=1)


def segments(home: Path) -> list[Path]:
    return sorted((home / PREDICTIONS).glob("*.seg"))


def test_a_segment_that_is_old_is_let_go_of_and_the_next_one_begun(tmp_path: Path) -> None:
    clock = HandClock()
    with PredictionLog(tmp_path, clock=clock, segment_age=timedelta(minutes=5)) as log:
        ids = [add(log, "first")]
        log.rotate()
        assert len(segments(tmp_path)) == 1
        clock.at += timedelta(minutes=5)
        log.rotate()
        log.flush()
        old, new = segments(tmp_path)
        assert (is_abandoned(old), is_abandoned(new)) == (True, False)
        ids.append(add(log, "second"))
        assert (len(read_segment(old).records), len(read_segment(new).records)) == (1, 1)
    assert [each for each, _ in all_predictions(tmp_path)] == ids


def test_an_empty_segment_is_never_old(tmp_path: Path) -> None:
    clock = HandClock()
    with PredictionLog(tmp_path, clock=clock, segment_age=timedelta(minutes=5)) as log:
        log.open()
        clock.at += timedelta(days=400)
        log.rotate()
        assert len(segments(tmp_path)) == 1


def test_a_clock_that_is_set_back_leaves_no_segment_open_for_ever(tmp_path: Path) -> None:
    clock = HandClock()
    with PredictionLog(tmp_path, clock=clock, segment_age=timedelta(microseconds=1)) as log:
        add(log, "x")
        clock.at -= timedelta(days=400)
        log.rotate()
        assert len(segments(tmp_path)) == 2


def test_a_full_segment_is_let_go_of_by_the_next_flush(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, segment_bytes=10) as log:
        add(log, "x")
        log.flush()
        (only,) = segments(tmp_path)
        assert is_abandoned(only)


def test_an_old_segment_stays_open_where_no_other_can_be_begun(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    clock = HandClock()
    with PredictionLog(home, clock=clock, segment_age=timedelta(minutes=5)) as log:
        add(log, "before")
        home.rename(tmp_path / "away")
        clock.at += timedelta(minutes=5)
        log.rotate()
        wanted = add(log, "after")
        (tmp_path / "away").rename(home)
        assert wanted in dict(all_predictions(home))


def test_without_an_age_only_size_counts(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, clock=SystemClock()) as log:
        add(log, "x")
        log.rotate()
        assert len(segments(tmp_path)) == 1


@pytest.mark.parametrize("count", [1, 3])
def test_rotation_keeps_counting(tmp_path: Path, count: int) -> None:
    with PredictionLog(tmp_path, segment_age=timedelta(microseconds=1)) as log:
        for number in range(count):
            add(log, str(number))
            log.rotate()
        assert log.prediction_count == count
        assert len(segments(tmp_path)) == count + 1
