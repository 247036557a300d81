"""Exports as they come: read, or refused in words; never anything else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.mlflow.trace_calls import FIRST, span

from ropeway.core.errors import Invalid
from ropeway.tracking.traces.errors import ExportUnreadable, NoSpans, SpansUnusable, TooManySpans
from ropeway.tracking.traces.otlp import MOST_ATTRIBUTES, MOST_SPANS, read_export
from ropeway.tracking.traces.spans import in_order, spans_in
from ropeway.tracking.traces.summary import json_value


def body_of(*spans: dict[str, object]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


SOUND = read_export(body_of(span(FIRST, 1, "chat"), span(FIRST, 2, "ask", 1)), is_json=True).data


def test_both_forms_of_an_export_are_the_same_bytes() -> None:
    request = ExportTraceServiceRequest()
    request.ParseFromString(SOUND)
    assert read_export(request.SerializeToString(), is_json=False).data == SOUND
    assert [each.name for each in spans_in(SOUND)] == ["chat", "ask"]


def test_values_of_attributes_come_back_as_they_were() -> None:
    values = {
        "text": {"stringValue": "ü\n"},
        "yes": {"boolValue": True},
        "whole": {"intValue": "9007199254740993"},
        "part": {"doubleValue": 0.5},
        "bytes": {"bytesValue": "AP8="},
        "list": {"arrayValue": {"values": [{"intValue": "1"}, {}]}},
        "map": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}},
    }
    told = span(FIRST, 1, "x") | {"attributes": [{"key": key, "value": each} for key, each in values.items()]}
    (found,) = spans_in(read_export(body_of(told), is_json=True).data)
    assert found.attributes == {
        "text": "ü\n", "yes": True, "whole": 9007199254740993, "part": 0.5, "bytes": b"\x00\xff",
        "list": [1, None], "map": {"a": "b"},
    }  # fmt: skip


def test_a_span_that_cannot_be_kept_is_left_out_and_told() -> None:
    no_id = {"traceId": FIRST, "name": "x"}
    too_much = span(FIRST, 3, "y", attributes={f"k{number}": "" for number in range(MOST_ATTRIBUTES + 1)})
    found = read_export(body_of(span(FIRST, 1, "chat"), no_id, too_much), is_json=True)
    assert (found.rejected, found.why) == (2, "a span id is not 8 bytes, or all zero")
    assert [each.name for each in spans_in(found.data)] == ["chat"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", NoSpans),
        (b"[]", ExportUnreadable),
        (b"\xff", ExportUnreadable),
        (b'{"resourceSpans":' + b"[" * 100_000, ExportUnreadable),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}', ExportUnreadable),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\\ud800"}]}]}]}', ExportUnreadable),
        (body_of(span("0" * 32, 1, "x")), SpansUnusable),
        (body_of(*[{"name": "x"}] * (MOST_SPANS + 1)), TooManySpans),
    ],
)
def test_junk_is_refused(body: bytes, error: type[Invalid]) -> None:
    with pytest.raises(error, match=r"span|read"):
        read_export(body, is_json=True)


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(ExportUnreadable, match="no such protobuf"):
        read_export(SOUND.replace(b"chat", b"\xff\xfe\xfd\xfc"), is_json=False)


@given(st.integers(0, len(SOUND)), st.integers(0, 255), st.integers(0, len(SOUND) - 1))
def test_damaged_protobuf_is_read_or_refused(length: int, byte: int, place: int) -> None:
    damaged = bytearray(SOUND)
    damaged[place] = byte
    for body in (damaged, damaged[:length]):
        try:
            found = read_export(body, is_json=False)
        except Invalid:
            continue
        in_order(spans_in(found.data))


@settings(max_examples=40)
@given(st.recursive(st.none() | st.text() | st.integers(), lambda each: st.lists(each) | st.dictionaries(
    st.sampled_from(["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "links"]), each
)))  # fmt: skip
def test_any_json_is_read_or_refused(told: object) -> None:
    try:
        read_export(json.dumps(told).encode(), is_json=True)
    except Invalid:
        return


@pytest.mark.parametrize("code", [-5, -1, 3, 2**31 - 1])
def test_a_status_that_there_is_not_says_nothing(code: int) -> None:
    request = ExportTraceServiceRequest()
    request.ParseFromString(SOUND)
    request.resource_spans[0].scope_spans[0].spans[0].status.code = code
    kept = read_export(request.SerializeToString(), is_json=False).data
    assert next(spans_in(kept)).status == "unset"


def test_a_text_that_nests_too_deeply_stays_a_text() -> None:
    deep, shallow = ("[" * many + "]" * many for many in (500, 50))
    assert json_value(deep) == deep
    assert json_value("[" * 100_000) == "[" * 100_000
    assert isinstance(json_value(shallow), list)
