"""Predictions, feedback and shadows as tables: the same whether sealed or not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.predictions.written import AT, HOUR, answer, answers, say, segments_of

from ropeway.predictions.history import (
    PREDICTIONS_COLUMNS,
    feedback,
    is_empty,
    judged,
    lazy_predictions,
    predictions,
    shadows,
)
from ropeway.predictions.record import FeedbackRecord, ShadowRecord
from ropeway.predictions.seal import seal
from ropeway.predictions.sealed import list_sealed, parquet_of
from ropeway.serving.log import PredictionLog
from ropeway.testing import MINIMAL_PROJECT, make_workspace
from ropeway.workspace import LocalWorkspace


def test_an_answer_is_a_row_with_all_that_was_logged(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home, environment="production", columns={"text": "dropped"}) as log:
        more = {"entity": "c7", "carried": {"id": 3}, "rollout": "r1", "instead_of": "m@2", "run_us": 1}
        wanted = answer(log, 2, row={"text": "x", "size": 1.5}, **more)
    for _ in ("open", "sealed"):
        found = predictions(workspace)
        assert found.columns == list(PREDICTIONS_COLUMNS)
        assert found.row(0, named=True) == {
            "id": wanted,
            "at": AT + 2 * HOUR,
            "model": "m@1",
            "environment": "production",
            "entity": "c7",
            "inputs": '{"size":1.5}',
            "carried": '{"id":3}',
            "prediction": '"yes"',
            "probabilities": '{"no":0.25,"yes":0.75}',
            "latency_us": 2,
            "error": "",
            "rollout": "r1",
            "instead_of": "m@2",
            "run_us": 1,
            "hashed": "[]",
            "dropped": '["text"]',
        }
        assert judged(workspace).select("hashed", "dropped").row(0) == ("[]", '["text"]')
        seal(workspace)


def test_a_model_without_probabilities_has_null_there(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 1, prediction=1.5, probabilities=None)
    for _ in ("open", "sealed"):
        assert predictions(workspace).select("prediction", "probabilities").row(0) == ("1.5", None)
        seal(workspace)


def test_a_window_begins_with_since_and_ends_before_until(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 6, log={"segment_bytes": 500})
    for _ in ("open", "sealed"):
        assert predictions(workspace, since=AT + HOUR, until=AT + 3 * HOUR)["id"].to_list() == ids[1:3]
        assert predictions(workspace, since=AT + 5 * HOUR)["id"].to_list() == ids[5:]
        assert predictions(workspace, until=AT)["id"].to_list() == []
        seal(workspace)


def test_versions_and_environments_are_told_apart(workspace: LocalWorkspace) -> None:
    one = answers(workspace.home, 2)
    two = answers(workspace.home, 2, model="m@2")
    with PredictionLog(workspace.home) as log:
        nowhere = answer(log)
    for _ in ("open", "sealed"):
        assert predictions(workspace, model="m@2")["id"].to_list() == two
        assert sorted(predictions(workspace, environment="production")["id"]) == sorted(one + two)
        assert predictions(workspace, environment="")["id"].to_list() == [nowhere]
        assert predictions(workspace, model="m@2", environment="test").is_empty()
        assert lazy_predictions(workspace, model="m@1").select("id").collect().height == 3
        seal(workspace)


def test_sealed_segments_of_another_time_or_version_are_not_opened(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 3, model="m@2")
    seal(workspace)
    (found,) = list_sealed(workspace.home, "predictions")[0]
    ids = answers(workspace.home, 3)
    parquet_of(workspace.home, found).unlink()
    assert predictions(workspace, model="m@1")["id"].to_list() == ids
    assert predictions(workspace, since=AT + 3 * HOUR).is_empty()
    with pytest.raises(Exception, match="not in the store"):
        predictions(workspace)


def test_answers_before_a_clock_jumped_back_keep_their_times(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home) as log:
        ids = [answer(log, number) for number in (5, 6, 1, 2)]
    for _ in ("open", "sealed"):
        assert predictions(workspace)["id"].to_list() == [ids[2], ids[3], ids[0], ids[1]]
        assert predictions(workspace, until=AT + 3 * HOUR)["id"].to_list() == ids[2:]
        seal(workspace)


def test_answers_of_one_moment_stand_in_the_order_of_their_places(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 50, at=AT, log={"segment_bytes": 700})
    for _ in ("open", "sealed"):
        assert predictions(workspace)["id"].to_list() == ids
        seal(workspace)


def test_the_folder_a_workspace_and_a_call_in_it_are_the_same_source(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 2)
    seal(workspace)
    answers(workspace.home, 2)
    assert predictions(workspace.home).equals(predictions(workspace))
    assert predictions(workspace).height == 4


def test_open_segments_are_read_where_there_is_no_ledger(tmp_path: Path) -> None:
    ids = answers(tmp_path, 2)
    assert predictions(tmp_path)["id"].to_list() == ids
    assert feedback(tmp_path).is_empty()


def test_a_segment_that_cannot_be_read_holds_the_others_up_in_nothing(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 2)
    (workspace.home / "segments" / "predictions" / "00000000-1.seg").write_bytes(b"no segment")
    assert predictions(workspace)["id"].to_list() == ids


def test_what_is_no_record_is_passed_over_and_kept(workspace: LocalWorkspace) -> None:
    with PredictionLog(workspace.home) as log:
        first = answer(log)
        log._predictions.append(b'{"a later release": "wrote this"}')
        last = answer(log, 1)
    for _ in ("open", "sealed"):
        assert predictions(workspace)["id"].to_list() == [first, last]
        seal(workspace)
    assert list_sealed(workspace.home, "predictions")[0][0].records == 3


def test_the_latest_feedback_holds_and_all_of_it_is_counted(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 3)
    say(workspace.home, ids[0], "no", at=AT + HOUR, by="ben")
    say(workspace.home, ids[0], "yes", at=AT, by="ana")
    say(workspace.home, ids[1], "yes", at=AT, by="ana")
    for _ in ("open", "sealed"):
        found = feedback(workspace).sort("truth_at")
        assert found["id"].to_list() == [ids[1], ids[0]]
        assert found.row(1, named=True) == {
            "id": ids[0],
            "truth": '"no"',
            "truth_at": AT + HOUR,
            "by": "ben",
            "note": "",
            "truths": 2,
        }
        seal(workspace)


def test_feedback_of_one_moment_holds_as_it_was_written_last(workspace: LocalWorkspace) -> None:
    (wanted,) = answers(workspace.home, 1)
    with PredictionLog(workspace.home, segment_bytes=300) as log:
        for number in range(20):
            log.add_feedback(FeedbackRecord(id=wanted, value=number, at=AT))
    for _ in ("open", "sealed"):
        assert feedback(workspace)["truth"].to_list() == ["19"]
        seal(workspace)


def test_truth_that_came_later_can_be_left_out(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 2)
    say(workspace.home, ids[0], "no", at=AT + HOUR)
    say(workspace.home, ids[0], "yes", at=AT + 90 * HOUR)
    for _ in ("open", "sealed"):
        assert judged(workspace, until=AT + HOUR)["truth"].to_list() == ['"yes"']
        then = judged(workspace, as_of=AT + 90 * HOUR)
        assert then["truth"].to_list() == ['"no"', None]
        assert then["truths"].to_list() == [1, 0]
        assert judged(workspace, as_of=AT + HOUR)["truth"].to_list() == [None, None]
        assert feedback(workspace, as_of=AT).is_empty()
        seal(workspace)


def test_truth_from_a_clock_that_ran_behind_is_joined(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 1)
    say(workspace.home, ids[0], "no", at=AT - 1000 * HOUR)
    seal(workspace)
    assert judged(workspace, since=AT)["truth"].to_list() == ['"no"']


def test_shadows_are_read_by_rollout_and_time_and_are_no_answers(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 2)
    with PredictionLog(workspace.home) as log:
        for number, rollout in enumerate(("r1", "r2")):
            log.add_shadow(
                ShadowRecord(
                    of=ids[number], at=AT + number * HOUR, model="m@2", prediction="no", rollout=rollout
                )
            )
        log.add_shadow(ShadowRecord(of=ids[0], at=AT + 2 * HOUR, model="m@2", error="bad", rollout="r1"))
    for _ in ("open", "sealed"):
        assert shadows(workspace)["of"].to_list() == [ids[0], ids[1], ids[0]]
        found = shadows(workspace, rollout="r1")
        assert found.select("prediction", "error").rows() == [('"no"', ""), ("null", "bad")]
        assert shadows(workspace, since=AT + HOUR, until=AT + 2 * HOUR)["rollout"].to_list() == ["r2"]
        assert predictions(workspace).height == 2
        seal(workspace)


def test_whether_anything_was_logged_is_known_without_reading_it(workspace: LocalWorkspace) -> None:
    assert is_empty(workspace)
    answers(workspace.home, 1)
    assert not is_empty(workspace)
    seal(workspace)
    assert not is_empty(workspace)
    assert is_empty(workspace, "feedback")


moments = st.integers(0, 3)
said = st.tuples(st.integers(0, 4), st.integers(0, 9), moments, st.sampled_from(["go on", "new", "seal"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(said, max_size=25))
def test_however_feedback_comes_the_latest_holds(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int, int, str]]
) -> None:
    root = tmp_path_factory.mktemp("said")
    with make_workspace(root, toml=MINIMAL_PROJECT) as workspace:
        ids = answers(workspace.home, 5)
        log = PredictionLog(workspace.home, segment_bytes=250)
        expected: dict[str, list[tuple[datetime, tuple[str, int, int], int]]] = {}
        for which, value, moment, then in told:
            at = AT + timedelta(seconds=moment)
            record = FeedbackRecord(id=ids[which], value=value, at=at)
            place = log._feedback.append(json.dumps(_plain(record)).encode())
            expected.setdefault(ids[which], []).append(
                (at, (place.replica, place.segment, place.ordinal), value)
            )
            if then != "go on":
                log.close()
                log = PredictionLog(workspace.home, segment_bytes=250)
            if then == "seal":
                seal(workspace)
        log.close()
        found = {
            row["id"]: (row["truth"], row["truths"]) for row in feedback(workspace).iter_rows(named=True)
        }
        assert found == {each: (str(max(given)[2]), len(given)) for each, given in expected.items()}


def _plain(record: FeedbackRecord) -> dict[str, object]:
    """A record in another writer's form: the spaces of `json.dumps`, and an offset in place of `Z`."""
    at = record.at.astimezone(UTC).isoformat()
    return {"id": record.id, "value": record.value, "at": at, "by": record.by, "note": record.note}


def test_no_file_of_segments_is_left_open(workspace: LocalWorkspace) -> None:
    answers(workspace.home, 2)
    predictions(workspace)
    seal(workspace)
    predictions(workspace)
    held = [Path(path).readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [path for path in held if path.suffix == ".seg" and path.is_relative_to(workspace.home)]
    assert segments_of(workspace.home) == []
