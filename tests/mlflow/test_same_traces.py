"""Calls about traces to `mlflow server` (recorded, 3.17.2) and to ours, side by side; differences listed."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.calls import answers
from tests.mlflow.test_same_answers import in_common
from tests.mlflow.trace_calls import SCRIPT
from tests.server.conftest import Server

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "recorded_traces.json").read_text(encoding="utf-8")
)
WORDS = "the same refusal in other words"
SET = "MLflow's text lists a set in no order"
PROTOCOL = "MLflow refuses in the form of its web framework; here in that of OTLP, a google.rpc.Status"
DIFFERENT = {
    "coming: told as a whole": "MLflow's answer lacks the tags that it has just kept",
    "coming: in no experiment": "MLflow answers 500",
    "coming: no experiment": PROTOCOL,
    "coming: an experiment that is none": PROTOCOL,
    "coming: an unknown experiment": PROTOCOL,
    "coming: no JSON": PROTOCOL,
    "coming: an id that is no hex": PROTOCOL,
    "coming: a span without an id": PROTOCOL,
    "tags: tag of none": "MLflow answers 400 with the SQL that failed",
    "tags: link to no run": "MLflow links to a run that is not there",
    "search: by one of several names": "MLflow's grammar takes it and its store does not",
    "search: an unknown attribute": SET,
    "search: an unknown family": SET,
    "search: a number for a status": SET,
    "search: a list of times": SET,
    "search: an order of names": SET,
    "search: an order of spans": SET,
    "search: a span's text that is equal": SET,
    "search: in an order that is none": SET,
    "search: twice in one order": "MLflow answers 500",
    "search: too many": WORDS,
    "judged: of nothing": WORDS,
}
OF_THE_STORE = ("mlflow.trace.infoFinalized", "mlflow.trace.spansLocation", "create_time", "last_update_time")


@pytest.fixture(scope="module")
def ours(mlflow_server: Server) -> dict[str, Any]:
    return answers(mlflow_server.url, SCRIPT)


def test_every_call_was_recorded() -> None:
    titles = [f"{part}: {call.title}" for part, calls in SCRIPT.items() for call in calls]
    assert list(RECORDED) == titles
    assert set(DIFFERENT) <= set(titles)


@pytest.mark.parametrize("part", list(SCRIPT))
def test_the_answers_are_those_of_mlflow(ours: dict[str, Any], part: str) -> None:
    alike = [title for title in RECORDED if title.startswith(f"{part}: ") and title not in DIFFERENT]
    assert {title: comparable(ours[title]) for title in alike} == {
        title: comparable(RECORDED[title]) for title in alike
    }


def test_what_is_refused_in_other_words_is_refused_with_the_same_code(ours: dict[str, Any]) -> None:
    for title, reason in DIFFERENT.items():
        if reason in (WORDS, SET):
            told, theirs = ours[title], RECORDED[title]
            assert [told[0], told[1]["error_code"]] == [theirs[0], theirs[1]["error_code"]], title


def test_nothing_is_answered_with_an_error_of_ours(ours: dict[str, Any]) -> None:
    assert [title for title, told in ours.items() if told[0] == 500] == []


def comparable(told: Any) -> Any:
    """An answer without times of now, and without what MLflow's store tells itself; an empty one is empty."""
    plain = _without(in_common(told))
    return [200, {}] if plain == [200, ""] else plain


def _without(told: Any) -> Any:
    if isinstance(told, dict):
        kept = {key: _without(inner) for key, inner in told.items() if key not in OF_THE_STORE}
        return {key: inner for key, inner in kept.items() if inner or key != "trace_metadata"}
    if isinstance(told, list):
        return [_without(each) for each in told if not _is_of_the_store(each)]
    return told


def _is_of_the_store(each: Any) -> bool:
    return isinstance(each, dict) and each.get("key") in OF_THE_STORE
