"""The same calls to `mlflow server` (recorded, 3.17.2) and to ours, side by side; what differs is listed."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.mlflow.calls import SCRIPT, answers
from tests.server.conftest import Server

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
TITLES = [f"{part}: {call.title}" for part, calls in SCRIPT.items() for call in calls]

WORDS = "the same refusal in other words"
LENIENT = "MLflow takes what is no such value, and passes over it"
DIFFERENT = {
    "experiments: create again": "MLflow's text ends in the SQL that failed",
    "experiments: create with a number for a name": WORDS,
    "experiments: search without a limit": "MLflow refuses; here the limit is 1000",
    "experiments: a filter that is none": "MLflow's text lists a set in no order",
    "experiments: an unknown attribute": "MLflow's text lists a set in no order",
    "experiments: rename the deleted": "MLflow answers 500, which its client sends again; here 409",
    "runs: a value that is a word": WORDS,
    "runs: a value that is yes": "MLflow stores true as 1",
    "runs: a param that is a number": WORDS,
    "runs: batch as no list": WORDS,
    "runs: a status that is none": LENIENT,
    "runs: inputs without a name": LENIENT,
    "runs: a body that is no JSON": "MLflow reads it as an empty request",
    "runs: a body that is a list": "MLflow answers 500",
    "runs: an unknown route": "MLflow answers 404 with a page; here 501 in its shape of errors",
    "search: too many": WORDS,
    "search: a token that is none": WORDS,
    "artifacts: put": "MLflow's body is empty; here {}",
    "artifacts: put another": "MLflow's body is empty; here {}",
    "artifacts: put again": "MLflow's body is empty; here {}",
    "registry: of an unknown model": "MLflow looks at the source first, and refuses its form",
    "registry: a limit too high": WORDS,
    "registry: rename to what is": "MLflow's text ends in the SQL that failed",
    "logged: a version of it": "MLflow wants model_id beside the source, which its client sends",
    "logged: its files": "there is no such version there",
    "pages: data sets, oddly": "MLflow has it under `/ajax-api` alone, and its clients ask here",
    "pages: data sets": "MLflow took a data set without a name",
    "pages: upload": "MLflow's body is empty; here {}",
    "pages: download what is not": WORDS,
    "webhooks: not https": WORDS,
    "webhooks: not an address": WORDS,
}
LARGEST = 1.7976931348623157e308


@pytest.fixture(scope="module")
def ours(mlflow_server: Server) -> dict[str, Any]:
    return answers(mlflow_server.url)


def test_every_call_was_recorded() -> None:
    assert list(RECORDED) == list(dict.fromkeys(TITLES))
    assert set(DIFFERENT) <= set(TITLES)


@pytest.mark.parametrize("part", list(SCRIPT))
def test_the_answers_are_those_of_mlflow(ours: dict[str, Any], part: str) -> None:
    alike = [title for title in RECORDED if title.startswith(f"{part}: ") and title not in DIFFERENT]
    assert {title: ours[title] for title in alike} == {title: in_common(RECORDED[title]) for title in alike}


def test_what_is_refused_in_other_words_is_refused_with_the_same_code(ours: dict[str, Any]) -> None:
    for title, reason in DIFFERENT.items():
        if reason == WORDS:
            told, theirs = ours[title], RECORDED[title]
            assert [told[0], told[1]["error_code"]] == [theirs[0], theirs[1]["error_code"]], title


def test_nothing_is_answered_with_an_error_of_ours(ours: dict[str, Any]) -> None:
    assert [title for title, told in ours.items() if told[0] == 500] == []


def in_common(told: Any) -> Any:
    """MLflow's answer without what ours never has: fields of its platform, the largest number for infinity.

    The metric `x` is the `true` that MLflow took for 1, the data set without a name one that it took too.
    """
    if isinstance(told, dict):
        left_out = ("sqlstate", "error_class", "workspace")
        return {key: in_common(inner) for key, inner in told.items() if key not in left_out}
    if isinstance(told, list):
        return [in_common(each) for each in told if not _was_let_in(each)]
    if isinstance(told, float) and abs(told) == LARGEST:
        return "Infinity" if told > 0 else "-Infinity"
    return told


def _was_let_in(each: Any) -> bool:
    if not isinstance(each, dict):
        return False
    is_true = each.get("key") == "x" and each.get("value") == 1.0
    return is_true or not each.get("dataset", {"name": "d"}).get("name")
