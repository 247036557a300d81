"""A prediction by its id, and what was said of it, once its segment is sealed."""

from pathlib import Path

import pytest
from tests.predictions.test_segments import hurt
from tests.predictions.written import AT, HOUR, answer, answers, say, segments_of

from ropeway.ledger.errors import LedgerDamaged
from ropeway.predictions.errors import UnknownPrediction
from ropeway.predictions.operations import find_prediction, list_feedback
from ropeway.predictions.record import all_feedback, all_predictions, feedback_in, find_in
from ropeway.predictions.seal import seal
from ropeway.predictions.segments import read_lying
from ropeway.serving.errors import FeedbackMismatch
from ropeway.serving.feedback import append_feedback, give_feedback
from ropeway.serving.log import PredictionLog
from ropeway.store.errors import ObjectMissing
from ropeway.workspace import LocalWorkspace


def test_a_prediction_is_found_as_before_it_was_sealed(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 30, entity="c7", carried={"id": 3}, log={"segment_bytes": 2_000})
    before = [find_in(workspace.home, each) for each in ids]
    seal(workspace)
    assert [find_in(workspace.home, each) for each in ids] == before
    assert find_prediction(workspace, prediction=ids[7]) == before[7]


def test_a_prediction_far_into_a_large_segment_is_found(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home) as log:
        ids = [answer(log, at=AT, row={"n": number}) for number in range(20_000)]
    seal(workspace)
    for number in (0, 8_191, 8_192, 19_999):
        assert find_in(workspace.home, ids[number]).inputs == {"n": number}


def test_ids_behind_damage_mean_what_they_meant(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 6)
    (path,) = segments_of(workspace.home)
    hurt(path, read_lying(path).records[2][1])
    seal(workspace)
    assert [find_in(workspace.home, ids[number]).latency_us for number in (0, 1, 3, 4, 5)] == [0, 1, 3, 4, 5]
    with pytest.raises(UnknownPrediction, match="no prediction"):
        find_in(workspace.home, ids[2])


def test_an_id_that_was_lost_means_nothing_rather_than_another(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 6)
    (path,) = segments_of(workspace.home)
    hurt(path, read_lying(path).records[2][1], length_too=True)
    seal(workspace)
    assert find_in(workspace.home, ids[1]).latency_us == 1
    for lost in ids[2:]:
        with pytest.raises(UnknownPrediction, match="no prediction"):
            find_in(workspace.home, lost)


def test_an_ordinal_or_a_segment_that_is_not_there_is_unknown(workspace: LocalWorkspace) -> None:
    (wanted,) = answers(workspace.home, 1)
    seal(workspace)
    head = wanted.rpartition("-")[0]
    for unknown in (f"{head}-1", f"{head}-zzzz", "p-00000000-1-0"):
        with pytest.raises(UnknownPrediction, match="no prediction"):
            find_in(workspace.home, unknown)


def test_feedback_on_a_sealed_prediction_is_checked_and_kept(workspace: LocalWorkspace) -> None:
    (wanted,) = answers(workspace.home, 1)
    seal(workspace)
    with PredictionLog(workspace.home) as log:
        give_feedback(log, wanted, "no", by="ana")
        with pytest.raises(FeedbackMismatch, match="value"):
            give_feedback(log, wanted, "maybe")
    seal(workspace)
    append_feedback(workspace.home, wanted, "yes", by="ben")
    said = list_feedback(workspace, prediction=wanted)
    assert [(each.value, each.by) for each in said] == [("no", "ana"), ("yes", "ben")]


def test_feedback_is_told_oldest_first_wherever_it_stands(workspace: LocalWorkspace) -> None:
    (wanted,) = answers(workspace.home, 1)
    say(workspace.home, wanted, "b", at=AT + HOUR)
    seal(workspace)
    say(workspace.home, wanted, "a", at=AT)
    say(workspace.home, "p-00000000-1-0", "z", at=AT)
    assert [each.value for each in feedback_in(workspace.home, wanted)] == ["a", "b"]
    assert sorted(each.value for each in all_feedback(workspace.home)) == ["a", "b", "z"]


def test_all_predictions_are_read_back_as_records(workspace: LocalWorkspace) -> None:
    first = answers(workspace.home, 2)
    seal(workspace)
    second = answers(workspace.home, 2, error="bad-row", prediction=None, probabilities=None)
    found = dict(all_predictions(workspace.home))
    assert sorted(found) == sorted(first + second)
    assert found[second[0]].error == "bad-row"


def test_a_prediction_whose_parquet_is_gone_is_not_called_unknown(workspace: LocalWorkspace) -> None:
    (wanted,) = answers(workspace.home, 1)
    seal(workspace)
    for path in (workspace.home / "objects").rglob("*"):
        if path.is_file():
            path.unlink()
    with pytest.raises(ObjectMissing, match="not in the store"):
        find_in(workspace.home, wanted)


def test_a_ledger_that_is_none_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"something else" * 100)
    with pytest.raises(LedgerDamaged, match="not a database"):
        find_in(tmp_path, "p-00000000-1-0")


def test_looking_leaves_a_folder_without_a_ledger_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownPrediction, match="no prediction"):
        find_in(tmp_path / "gone", "p-00000000-1-0")
    assert list(tmp_path.iterdir()) == []
