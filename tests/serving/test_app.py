"""The service over real HTTP: what it answers and what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ropeway.predictions.record import feedback_in, find_in

JSON = {"content-type": "application/json"}


def test_one_row_gets_an_id_a_version_a_class_and_probabilities(shared_service: Any) -> None:
    answer = shared_service.predict({"text": "a great day"}).json()
    assert answer["model"] == "mood@1"
    assert answer["prediction"] == "positive"
    assert list(answer["probabilities"]) == ["negative", "neutral", "positive"]
    assert find_in(shared_service.home, answer["id"]).inputs == {"text": "a great day"}


def test_many_rows_get_an_id_each_in_their_order(shared_service: Any) -> None:
    answer = shared_service.predict({"rows": [{"text": "bad"}, {"text": "good"}]}).json()
    assert [each["prediction"] for each in answer["predictions"]] == ["negative", "positive"]
    texts = [find_in(shared_service.home, each["id"]).inputs["text"] for each in answer["predictions"]]
    assert texts == ["bad", "good"]


def test_a_number_is_answered_for_a_model_of_plain_columns(start_service: Callable[..., Any]) -> None:
    service = start_service("sizes@1")
    row = {
        "width": 2,
        "count": 3,
        "is_new": True,
        "made": "2026-01-31",
        "seen": "2026-01-31T10:00:00",
        "kind": "a",
    }
    answer = service.predict(row).json()
    assert answer["prediction"] == 6.0
    assert "probabilities" not in answer
    logged = find_in(service.home, answer["id"])
    assert logged.inputs["made"] == "2026-01-31"
    wrong = service.predict({**row, "count": 400, "made": "soon"})
    assert [each["field"] for each in wrong.json()["error"]["facts"]["fields"]] == ["count", "made"]


def test_a_request_that_does_not_fit_is_told_every_field(shared_service: Any) -> None:
    reply = shared_service.predict({"txt": "x"})
    assert reply.status_code == 422
    error = reply.json()["error"]
    assert error["code"] == "signature-mismatch"
    assert error["facts"]["fields"] == [
        {"field": "text", "expected": "text", "got": "is missing"},
        {"field": "txt", "expected": "only 'text'", "got": "is not in the signature. Did you mean 'text'?"},
    ]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b'{"text": "\xff"}', 400, "malformed-request"),
        (b'{"text": "\\ud800"}', 400, "malformed-request"),
        (b'{"text": "\\ud800", "n": NaN}', 400, "malformed-request"),
        (b"[" * 100_000 + b"]" * 100_000, 400, "malformed-request"),
        (b'{"a":' * 100_000, 400, "malformed-request"),
        (b'{"text": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "malformed-request"),
        (b'{"text": 1' + b"0" * 5_000 + b"}", 400, "malformed-request"),
        (b'{"text": NaN}', 422, "signature-mismatch"),
        (b'{"text": 1e400}', 422, "signature-mismatch"),
        (b'{"text": null}', 422, "signature-mismatch"),
        (b'{"rows": []}', 422, "signature-mismatch"),
        (b"[]", 422, "signature-mismatch"),
    ],
)
def test_a_bad_body_is_refused_with_a_stable_code(
    shared_service: Any, body: bytes, status: int, says: str
) -> None:
    reply = shared_service.client.post("/predict", content=body, headers=JSON)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, says)


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-pickle", "multipart/form-data"])
def test_only_json_is_taken(shared_service: Any, content_type: str) -> None:
    reply = shared_service.client.post("/predict", content=b"{}", headers={"content-type": content_type})
    assert (reply.status_code, reply.json()["error"]["code"]) == (415, "unsupported-content")


@pytest.mark.parametrize("word", ["raise", "exit", "nan", "fewer"])
def test_a_failing_model_is_a_500_without_a_secret_and_the_service_lives(
    shared_service: Any, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    reply = shared_service.predict({"text": word})
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "prediction-failed")
    assert "passwd" not in reply.text
    assert "mood@1" in caplog.text
    assert shared_service.predict({"text": "good"}).status_code == 200


def test_feedback_by_id_is_kept_with_its_history(service: Any) -> None:
    wanted = service.predict({"text": "good"}).json()["id"]
    for value in ("negative", "positive"):
        taken = service.client.post("/feedback", json={"id": wanted, "value": value, "by": "ana"})
        assert (taken.status_code, taken.json()["value"]) == (200, value)
    assert [each.value for each in feedback_in(service.home, wanted)] == ["negative", "positive"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"id": "p-00000000-1-0"}, 404, "unknown-prediction"),
        ({"id": "what"}, 404, "unknown-prediction"),
        ({"id": 3}, 422, "feedback-mismatch"),
        ({"value": "angry"}, 422, "feedback-mismatch"),
        ({"value": None}, 422, "feedback-mismatch"),
        ({"by": 3}, 422, "feedback-mismatch"),
        ({"note": "x" * 3000}, 422, "feedback-mismatch"),
        ({"vlaue": 1}, 422, "feedback-mismatch"),
    ],
)
def test_wrong_feedback_is_refused(
    shared_service: Any, change: dict[str, Any], status: int, code: str
) -> None:
    wanted = shared_service.predict({"text": "good"}).json()["id"]
    reply = shared_service.client.post("/feedback", json={"id": wanted, "value": "positive", **change})
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


def test_health_says_what_answers_and_how_much(service: Any) -> None:
    service.predict({"text": "good"})
    health = service.client.get("/health").json()
    assert (health["status"], health["model"], health["state"]) == ("ok", "mood@1", "current")
    assert (health["predictions"], health["feedback"], health["trouble"]) == (1, 0, None)
    assert service.client.head("/health").status_code == 200


def test_openapi_describes_the_signature_and_its_example_is_answered(shared_service: Any) -> None:
    document = shared_service.client.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["components"]["schemas"]["Row"]["required"] == ["text"]
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    for example in content["examples"].values():
        assert shared_service.predict(example["value"]).status_code == 200


def test_the_docs_page_needs_nothing_from_elsewhere(shared_service: Any) -> None:
    page = shared_service.client.get("/docs")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "default-src 'none'; script-src 'sha256-" in page.headers["content-security-policy"]
    assert shared_service.client.get("/").headers["location"] == "/docs"


def test_unknown_paths_and_methods_are_told_what_there_is(shared_service: Any) -> None:
    lost = shared_service.client.post("/predct", json={})
    assert (lost.status_code, lost.json()["error"]["code"]) == (404, "unknown-path")
    assert "Did you mean '/predict'?" in lost.json()["error"]["what"]
    wrong = shared_service.client.get("/predict")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")


BODY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["text", "rows", "txt", ""]), inner)
    ),
    max_leaves=10,
)
NO_5XX = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@NO_5XX
@given(BODY.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60))
def test_no_body_whatsoever_makes_the_service_fail(shared_service: Any, body: bytes) -> None:
    for path in ("/predict", "/feedback"):
        reply = shared_service.client.post(path, content=body, headers=JSON)
        assert reply.status_code in (200, 400, 404, 422)
        assert reply.status_code == 200 or reply.json()["error"]["code"]
