"""`traces.json`, as clients before 3.4 put and get it, in both of its forms; the same spans by every way."""

import json
from typing import Any

import pytest
from tests.mlflow.trace_calls import span
from tests.server.conftest import Server
from tests.tracking.traces.test_otlp import body_of

from ropeway.tracking.traces.operations import find_traces, get_trace

FILES = "/api/2.0/mlflow-artifacts/artifacts/0/traces/"
NS = 1_700_000_000_000_000_000
ASKED = {"mlflow.spanInputs": '{"q": "refund?"}', "mlflow.spanType": '"LLM"', "k": "1.5"}
DEEP = "[" * 5_000 + "]" * 5_000
EVENT = {"name": "exception", "attributes": {"exception.type": "ValueError"}}


def old(name: str, number: int, parent: int | None = None, **more: Any) -> dict[str, Any]:
    """A span as the clients of 2.x write it: under an id that the server never hears of."""
    ids = {"span_id": f"0x{number:x}", "trace_id": "f" * 32}
    told = {"name": name, "context": ids, "parent_id": None if parent is None else f"0x{parent:x}"}
    times = {"start_time": NS + number, "end_time": NS + 100, "status_code": "OK", "status_message": ""}
    return {**told, **times, "attributes": ASKED, "events": [{**EVENT, "timestamp": NS + 5}], **more}


def begin(server: Server) -> str:
    asked = {"experiment_id": "0", "timestamp_ms": 1_700_000_000_000}
    told = server.client.post("/api/2.0/mlflow/traces", json=asked).json()
    return str(told["trace_info"]["request_id"])


def put(server: Server, trace: str, told: Any) -> tuple[int, Any]:
    reply = server.client.put(f"{FILES}{trace}/artifacts/traces.json", content=json.dumps(told))
    return reply.status_code, reply.json()


def file_of(server: Server, trace: str) -> Any:
    return server.client.get(f"{FILES}{trace}/artifacts/traces.json").raise_for_status().json()


def test_a_file_of_2_is_spans_like_any_others(mlflow_server: Server) -> None:
    trace = begin(mlflow_server)
    spans = [old("chat", 1), old("ask in 2", 2, parent=1, status_code="ERROR", status_message="no")]
    for _ in range(2):  # sent again, it is the same
        assert put(mlflow_server, trace, {"spans": spans, "request": "", "response": None}) == (200, {})
    found = get_trace(mlflow_server.workspace, trace=trace)
    assert [(each.name, each.status, each.type) for each in found.spans] == [
        ("chat", "ok", "LLM"),
        ("ask in 2", "error", "LLM"),
    ]
    assert (found.spans[0].attributes["k"], found.spans[0].events[0].at_ns) == (1.5, NS + 5)
    where = "span.name = 'ask in 2' AND trace.text LIKE '%refund%'"
    assert [each.id for each in find_traces(mlflow_server.workspace, where=where).traces] == [trace]
    first = file_of(mlflow_server, trace)["spans"][0]
    context = {"span_id": f"{1:016x}", "trace_id": trace.removeprefix("tr-")}
    attributes = {key: json.loads(value) for key, value in first.pop("attributes").items()}
    expected = {key: json.loads(value) for key, value in ASKED.items()} | {"mlflow.traceRequestId": trace}
    assert first == {
        key: value for key, value in (old("chat", 1) | {"context": context}).items() if key != "attributes"
    }
    assert attributes == expected


def test_a_file_of_3_is_too(mlflow_server: Server) -> None:
    trace = begin(mlflow_server)
    told = {
        "trace_id": "//////////8=",
        "span_id": "AAAAAAAAAAE=",
        "parent_span_id": None,
        "name": "chat",
        "start_time_unix_nano": NS,
        "end_time_unix_nano": None,
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "attributes": {
            **ASKED,
            "big": str(2**70),
            "deep": '{"a": [1, true, null, "x"]}',
            "odd": "NaN",
            "deeper": DEEP,
        },
        "events": [{**EVENT, "time_unix_nano": NS}],
    }
    assert put(mlflow_server, trace, {"spans": [told]}) == (200, {})
    kept = get_trace(mlflow_server.workspace, trace=trace).spans[0]
    assert (kept.id, kept.status, kept.message, kept.ended_ns) == (f"{1:016x}", "error", "no", 0)
    assert kept.attributes["deep"] == {"a": [1, True, None, "x"]}
    assert kept.attributes["deeper"] == DEEP
    assert file_of(mlflow_server, trace)["spans"][0]["end_time"] is None


def test_what_came_by_opentelemetry_is_such_a_file(mlflow_server: Server) -> None:
    body = body_of(span("9" * 32, 1, "x", attributes={"mlflow.spanOutputs": '{"a": 1}'}))
    headers = {"x-mlflow-experiment-id": "0", "content-type": "application/json"}
    mlflow_server.client.post("/v1/traces", content=body, headers=headers).raise_for_status()
    told = file_of(mlflow_server, f"tr-{'9' * 32}")
    assert (told["request"], json.loads(told["response"]), told["spans"][0]["name"]) == (None, {"a": 1}, "x")


def nested(depth: int) -> Any:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    "told",
    [
        [], {}, {"spans": 1}, {"spans": [1]}, {"spans": [{}]}, {"spans": [old("x", 0)]},
        {"spans": [old("x", 1, start_time="soon")]}, {"spans": [old("x", 1, attributes=[])]},
        {"spans": [old(1, 1)]}, {"spans": [old("x", 1, events=[{}])]},
        {"spans": [old("x", 1, end_time=2**80)]},
        {"spans": [old("x", 1, events=[{"name": "e", "timestamp": 1, "attributes": {"k": nested(480)}}])]},
        {"spans": [{**old("x", 1), "context": {"span_id": "%", "trace_id": ""}}]},
        {"spans": [old("x", 1), old("y", -1)]},
        {"spans": [old("x", 1, attributes={str(number): "1" for number in range(1_025)})]},
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_and_nothing_is_kept(mlflow_server: Server, told: Any) -> None:
    trace = begin(mlflow_server)
    status, said = put(mlflow_server, trace, told)
    assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), said
    assert get_trace(mlflow_server.workspace, trace=trace).spans == []


def test_of_a_trace_that_nobody_began_there_is_no_file(mlflow_server: Server) -> None:
    nobodys, empty = f"tr-{'8' * 32}", begin(mlflow_server)
    assert put(mlflow_server, nobodys, {"spans": [old("x", 1)]})[0] == 404
    for trace in (nobodys, empty):
        assert mlflow_server.client.get(f"{FILES}{trace}/artifacts/traces.json").status_code == 404
