"""How often versions answered, and how well, from the columns of the log."""

from pathlib import Path

from tests.predictions.written import AT, HOUR, answers, say

from ropeway.predictions.record import ShadowRecord
from ropeway.predictions.seal import seal
from ropeway.serving.log import PredictionLog
from ropeway.story.usage import Usage, usage_by_version
from ropeway.workspace import LocalWorkspace


def test_answers_are_counted_by_version_and_judged_by_their_latest_feedback(
    workspace: LocalWorkspace,
) -> None:
    one = answers(workspace.home, 3)
    two = answers(workspace.home, 2, model="m@2", prediction="no")
    say(workspace.home, one[0], "yes", at=AT + HOUR)
    say(workspace.home, one[0], "no", at=AT)
    say(workspace.home, one[1], "no")
    say(workspace.home, two[0], "no")
    for _ in ("open", "sealed"):
        assert usage_by_version(workspace.home) == {
            "m@1": Usage(predictions=3, judged=2, right=1),
            "m@2": Usage(predictions=2, judged=1, right=1),
        }
        seal(workspace)


def test_numbers_are_near_or_far_and_not_right_or_wrong(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 3, prediction=10.0, probabilities=None)
    say(workspace.home, ids[0], 11)
    say(workspace.home, ids[1], 7.0)
    for _ in ("open", "sealed"):
        (usage,) = usage_by_version(workspace.home).values()
        assert usage == Usage(predictions=3, judged=2, measured=2, mean_error=2.0)
        seal(workspace)


def test_truth_values_are_right_or_wrong(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 2, prediction=True, probabilities=None)
    say(workspace.home, ids[0], True)
    say(workspace.home, ids[1], False)
    assert usage_by_version(workspace.home) == {"m@1": Usage(predictions=2, judged=2, right=1)}


def test_what_failed_and_what_nobody_was_given_are_no_answers(workspace: LocalWorkspace) -> None:
    ids = answers(workspace.home, 1)
    answers(workspace.home, 2, error="bad-row", prediction=None, probabilities=None)
    with PredictionLog(workspace.home) as log:
        log.add_shadow(ShadowRecord(of=ids[0], at=AT, model="m@2", prediction="no"))
    assert usage_by_version(workspace.home) == {"m@1": Usage(predictions=1)}


def test_without_any_prediction_there_is_no_use(tmp_path: Path) -> None:
    assert usage_by_version(tmp_path) == {}
