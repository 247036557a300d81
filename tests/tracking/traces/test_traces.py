"""Traces come in pieces, are told as a whole, found, changed and removed."""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.mlflow.trace_calls import FIRST, SECOND, T1, T2, span

from ropeway.keeping.erase.operations import erase_events
from ropeway.keeping.operations import fsck
from ropeway.testing import make_workspace
from ropeway.tracking.errors import MlflowFilterInvalid
from ropeway.tracking.traces import operations as traces
from ropeway.tracking.traces.errors import AmbiguousTrace, BadAssessment, SpansUnusable, TraceNotFound
from ropeway.tracking.traces.otlp import read_export
from ropeway.tracking.traces.records import SpansKept
from ropeway.workspace import LocalWorkspace
from ropeway.workspace.operations import list_events

DEEP = '{"feedback":{"value":' + "[" * 500 + "]" * 500 + "}}"
CHAT = {"mlflow.spanInputs": '{"q": "refund?"}', "mlflow.traceTag.team": "a"}


def send(workspace: LocalWorkspace, *spans: dict[str, Any]) -> SpansKept:
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()
    export = workspace.store.put(read_export(body, is_json=True).data)
    return traces.record_spans(workspace, experiment="0", export=export)


def test_spans_that_come_root_last_are_one_trace(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 3, "fetch", 2), span(FIRST, 2, "ask", 1))
    before = traces.get_trace_info(workspace, trace=T1)
    send(workspace, span(FIRST, 1, "chat", attributes=CHAT, status={"code": 2}))
    found = traces.get_trace(workspace, trace=T1)
    assert (before.state, before.name) == ("in-progress", None)
    assert (found.info.state, found.info.name, found.info.tags) == ("error", "chat", {"team": "a"})
    assert (found.info.began_ms, found.info.duration_ms) == (1_700_000_000_001, 98)
    assert [each.name for each in found.spans] == ["chat", "ask", "fetch"]


def test_an_export_that_comes_twice_is_one_event(workspace: LocalWorkspace) -> None:
    first, again = (send(workspace, span(FIRST, 1, "chat"), span(SECOND, 1, "other")) for _ in range(2))
    assert (first.is_new, again.is_new) == (True, False)
    told = [event for event in list_events(workspace) if event.verb == "spans-recorded"]
    assert len(told) == 1
    assert traces.get_trace_info(workspace, trace=T1).spans == 1


def test_a_span_that_comes_again_is_told_once_as_it_came_last(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "chat"))
    send(workspace, span(FIRST, 1, "chat", status={"code": 1}), span(FIRST, 2, "ask", 1))
    found = traces.get_trace(workspace, trace=T1).spans
    assert [(each.name, each.status) for each in found] == [("chat", "ok"), ("ask", "unset")]


def test_what_is_said_of_the_whole_holds_when_spans_come_later(workspace: LocalWorkspace) -> None:
    told = traces.describe_trace(
        workspace, trace=T1, experiment="0", began_ms=5, duration_ms=7, state="ok", tags={"a": "b"}
    )
    send(workspace, span(FIRST, 1, "chat", attributes=CHAT, status={"code": 2}))
    found = traces.get_trace_info(workspace, trace=T1)
    assert (found.began_ms, found.duration_ms, found.state) == (told.began_ms, 7, "ok")
    assert (found.name, found.tags) == ("chat", {"a": "b", "team": "a"})


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("tags.team LIKE 'a%' AND status = 'OK'", [T1]),
        ("name RLIKE '^o(t|x)her$'", [T2]),
        ("span.name = 'ask' AND span.type = 'LLM'", [T1]),
        ("span.name = 'chat' AND span.type = 'LLM'", []),
        ("span.name = 'chat' AND span.attributes.model = 'gpt'", []),
        ("span.attributes.model = 'gpt' AND tags.team IS NOT NULL", [T1]),
        ("trace.text LIKE '%refund%'", [T1]),
        ("timestamp_ms > 99999999999999999999999999", []),
        (f"request_id IN ('{T2}')", [T2]),
    ],
)
def test_a_filter_lets_through(workspace: LocalWorkspace, where: str, found: list[str]) -> None:
    llm = {"mlflow.spanType": "LLM", "model": "gpt"}
    send(workspace, span(FIRST, 1, "chat", attributes=CHAT), span(FIRST, 2, "ask", 1, attributes=llm))
    send(workspace, span(SECOND, 1, "other"))
    assert [each.id for each in traces.find_traces(workspace, where=where).traces] == found


def test_pages_go_on_where_they_ended_even_where_each_trace_is_asked(workspace: LocalWorkspace) -> None:
    send(workspace, *[span(f"{number:032x}", 1, f"n{number % 2}") for number in range(1, 8)])
    found, after = [], 0
    while after is not None:
        page = traces.find_traces(workspace, where="name RLIKE 'n1'", limit=2, after=after)
        found, after = found + [each.id for each in page.traces], page.after
    assert found == [f"tr-{number:032x}" for number in (1, 3, 5, 7)]


def test_a_pattern_that_backtracks_is_no_trap(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "a" * 200))
    assert traces.find_traces(workspace, where="name RLIKE '(a+)+b'").traces == []
    assert traces.find_traces(workspace, where=f"trace.text LIKE '{'%a' * 30}%b%c%d%q'").traces == []
    with pytest.raises(MlflowFilterInvalid, match="at most 1,000 characters"):
        traces.find_traces(workspace, where=f"trace.text ILIKE '%{'_' * 1_000}'")
    with pytest.raises(MlflowFilterInvalid, match="Invalid regular expression"):
        traces.find_traces(workspace, where="name RLIKE '('")


def test_a_removed_trace_is_told_no_more_and_its_export_stays(workspace: LocalWorkspace) -> None:
    kept = send(workspace, span(FIRST, 1, "chat"), span(SECOND, 1, "other"))
    assert traces.remove_traces(workspace, experiment="0", traces=[T1, "tr-none"]) == 1
    with pytest.raises(TraceNotFound, match=T1):
        traces.get_trace(workspace, trace=T1)
    assert [each.name for each in traces.get_trace(workspace, trace=T2).spans] == ["other"]
    assert workspace.store.has(kept.export)
    assert fsck(workspace).findings == []


def test_words_of_a_trace_can_be_erased(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "secret name", attributes=CHAT))
    seq = next(event.seq for event in list_events(workspace) if event.verb == "spans-recorded")
    erase_events(workspace, events=[str(seq)])
    found = traces.get_trace(workspace, trace=T1)
    told = found.info
    assert (told.name, told.request, told.tags, told.state) == (None, None, {}, "ok")
    assert found.spans == []
    assert fsck(workspace).findings == []


def test_a_person_names_a_trace_by_its_beginning(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "chat"), span("a" * 32, 1, "later"))
    assert traces.resolve_trace(workspace, ref="aaa") == "tr-" + "a" * 32
    assert traces.resolve_trace(workspace, ref="latest") in (T1, "tr-" + "a" * 32)
    send(workspace, span("a" * 31 + "b", 1, "x"))
    with pytest.raises(AmbiguousTrace, match="Several traces begin with 'aaa'"):
        traces.resolve_trace(workspace, ref="aaa")


@pytest.mark.sqlite("a ledger that was kept is a file of SQLite")
def test_a_ledger_that_was_kept_says_of_its_traces_what_it_said(tmp_path: Path) -> None:
    kept = Path(__file__).parents[2] / "golden" / "format-3-traces"
    (tmp_path / ".ropeway").mkdir()
    shutil.copyfile(kept / "ledger.db", tmp_path / ".ropeway" / "ledger.db")
    with make_workspace(tmp_path) as opened:
        assert msgspec.json.decode((kept / "traces.json").read_bytes()) == msgspec.to_builtins(
            traces.find_traces(opened).traces
        )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("feedback", "no JSON"),
        ("feedback", "[]"),
        ("feedback", '{"feedback":1}'),
        ("odd", "{}"),
        ("feedback", DEEP),
    ],
)
def test_a_judgement_that_nobody_could_read_is_refused(
    workspace: LocalWorkspace, kind: str, said: str
) -> None:
    send(workspace, span(FIRST, 1, "chat"))
    with pytest.raises(BadAssessment, match="cannot be kept"):
        traces.assess_trace(workspace, trace=T1, assessment="a", kind=kind, said=said)
    assert traces.get_trace_info(workspace, trace=T1).assessments == []


def test_spans_that_nobody_checked_are_checked_when_they_are_recorded(workspace: LocalWorkspace) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"1" * 5000, span_id=b"1" * 8)
    export = workspace.store.put(request.SerializeToString())
    with pytest.raises(SpansUnusable, match="16 bytes"):
        traces.record_spans(workspace, experiment="0", export=export)


def test_traces_are_removed_by_a_time_and_a_number_beyond_all(workspace: LocalWorkspace) -> None:
    send(workspace, span(FIRST, 1, "chat"))
    removed = [
        traces.remove_traces(workspace, experiment="0", until_ms=until, limit=10**30)
        for until in (-(10**30), 10**30)
    ]
    assert removed == [0, 1]
