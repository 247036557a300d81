"""What is logged, and how it is found again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ropeway.core.ids import PredictionId
from ropeway.predictions.errors import UnknownPrediction
from ropeway.predictions.record import PREDICTIONS, all_predictions, feedback_in, find_in
from ropeway.serving.errors import FeedbackMismatch, LogUnavailable
from ropeway.serving.feedback import append_feedback, give_feedback
from ropeway.serving.log import PredictionLog

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLASSES = {"no": 0.25, "yes": 0.75}


def add(log: PredictionLog, row: dict[str, Any], **more: Any) -> PredictionId:
    given = {"prediction": "yes", "probabilities": CLASSES, **more}
    return log.add("m@1", row, given["prediction"], given["probabilities"], at=AT, latency_us=7)


def test_an_answer_is_found_by_its_id_with_all_that_was_known(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, model="m", environment="production") as log:
        add(log, {"text": "first"})
        wanted = add(log, {"text": "second"})
    found = find_in(tmp_path, wanted)
    assert (found.inputs, found.prediction, found.probabilities) == ({"text": "second"}, "yes", CLASSES)
    assert (found.model, found.environment, found.at, found.latency_us) == ("m@1", "production", AT, 7)


def test_columns_are_kept_hashed_or_dropped_as_the_project_says(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, columns={"name": "hashed", "secret": "dropped"}) as log:
        wanted = add(log, {"text": "t", "name": "Ana", "secret": "s3cr3t"})
        found = find_in(tmp_path, wanted)
        assert found.inputs == {"text": "t", "name": log.columns.hash("Ana")}
    assert (found.hashed, found.dropped) == (["name"], ["secret"])
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*.seg"))
    assert b"s3cr3t" not in raw
    assert b"Ana" not in raw


def test_a_full_segment_is_sealed_and_the_next_one_begun(tmp_path: Path) -> None:
    with PredictionLog(tmp_path, segment_bytes=2_000) as log:
        ids = [add(log, {"text": f"row {index}"}) for index in range(40)]
    assert len(list((tmp_path / PREDICTIONS).iterdir())) > 2
    assert [find_in(tmp_path, each).inputs["text"] for each in ids] == [f"row {index}" for index in range(40)]
    assert sorted(each for each, _ in all_predictions(tmp_path)) == sorted(ids)


def test_an_answer_that_cannot_be_logged_is_an_error_and_the_log_recovers(tmp_path: Path) -> None:
    with PredictionLog(tmp_path) as log:
        (tmp_path / "segments").write_text("a file where the folder should be")
        with pytest.raises(LogUnavailable, match="cannot be written"):
            add(log, {"text": "x"})
        (tmp_path / "segments").unlink()
        assert find_in(tmp_path, add(log, {"text": "y"})).inputs == {"text": "y"}


def test_a_workspace_that_is_gone_is_not_made_anew_but_an_open_segment_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with PredictionLog(home) as log:
        log.open()
        add(log, {"text": "before"})
        home.rename(tmp_path / "away")
        log.flush()
        wanted = add(log, {"text": "x"})
        with pytest.raises(UnknownPrediction, match="no prediction"):
            give_feedback(log, wanted, "yes")
        assert not home.exists()
        (tmp_path / "away").rename(home)
        assert find_in(home, wanted).inputs == {"text": "x"}
    home.rename(tmp_path / "away")
    with PredictionLog(home) as log, pytest.raises(LogUnavailable, match="folder is gone"):
        add(log, {"text": "y"})


@pytest.mark.parametrize("unknown", ["nonsense", "p-00000000-1-0", "../../etc/passwd"])
def test_an_unknown_id_is_said_to_be_so(tmp_path: Path, unknown: str) -> None:
    with pytest.raises(UnknownPrediction, match="no prediction"):
        find_in(tmp_path, unknown)


def test_feedback_keeps_its_history_and_the_latest_holds(tmp_path: Path) -> None:
    with PredictionLog(tmp_path) as log:
        wanted = add(log, {"text": "x"})
        give_feedback(log, wanted, "yes", by="ana")
        give_feedback(log, wanted, "no", by="ben", note="irony")
    append_feedback(tmp_path, wanted, "yes", by="carl")
    said = feedback_in(tmp_path, wanted)
    assert [(each.value, each.by) for each in said] == [("yes", "ana"), ("no", "ben"), ("yes", "carl")]


@pytest.mark.parametrize("value", ["maybe", 1, None, True, ["yes"], {"a": 1}])
def test_feedback_must_be_one_of_the_classes(tmp_path: Path, value: Any) -> None:
    with PredictionLog(tmp_path) as log:
        wanted = add(log, {"text": "x"})
        with pytest.raises(FeedbackMismatch, match="value"):
            give_feedback(log, wanted, value)
    assert feedback_in(tmp_path, wanted) == []


@pytest.mark.parametrize("value", ["1", None, True, float("nan"), float("inf"), 10**400])
def test_feedback_on_a_number_must_be_a_finite_number(tmp_path: Path, value: Any) -> None:
    with PredictionLog(tmp_path) as log:
        wanted = add(log, {"text": "x"}, prediction=1.5, probabilities=None)
        with pytest.raises(FeedbackMismatch, match="value"):
            give_feedback(log, wanted, value)
        assert give_feedback(log, wanted, 10**30).value == 1e30
