"""One script of calls about traces, for any server that offers MLflow's API; see `calls`.

Against an empty, running server, such as `mlflow server` when its answers are recorded anew:

    python -m tests.mlflow.trace_calls http://127.0.0.1:5000 > tests/mlflow/recorded_traces.json
"""

import json
import sys
from typing import Any

from tests.mlflow.calls import Call, answers, get, lines, patch, post, remove

THREE = "/api/3.0/mlflow/traces"
BEGAN_NS = 1_700_000_000_000_000_000
FIRST, SECOND, THIRD = (f"{number:032x}" for number in (0xA1, 0xB2, 0xC3))
T1, T2, T3 = (f"tr-{each}" for each in (FIRST, SECOND, THIRD))
AT = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$exp"}}]


def span(trace: str, number: int, name: str, parent: int = 0, **more: Any) -> dict[str, Any]:
    """A span in OTLP's JSON: `number` is its id, and where in the second it stands."""
    attributes = more.pop("attributes", {})
    told = {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "name": name,
        "startTimeUnixNano": str(BEGAN_NS + number * 1_000_000),
        "endTimeUnixNano": str(BEGAN_NS + 100_000_000 - number * 1_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        **more,
    }
    return told | ({"parentSpanId": f"{parent:016x}"} if parent else {})


def export(title: str, *spans: dict[str, Any], experiment: str = "$exp", raw: bytes | None = None) -> Call:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    headers = {"x-mlflow-experiment-id": experiment} if experiment else {}
    return Call(title, "POST", "/v1/traces", None, "", raw or json.dumps(body).encode(), headers)


def start(title: str, trace: str, **more: Any) -> Call:
    info = {
        "trace_id": trace,
        "trace_location": AT[0],
        "request_time": "2023-11-14T22:13:20.001Z",
        "execution_duration": "0.099s",
        "state": "OK",
        **more,
    }
    return post(title, THREE, trace={"trace_info": info})


def search(title: str, where: str = "", saves: str = "", **more: Any) -> Call:
    return post(title, f"{THREE}/search", saves, locations=AT, filter=where, max_results=100, **more)


COMING = [
    post("a place", "experiments/create", "experiment_id=exp", name="traced"),
    post("a run", "runs/create", "run.info.run_id=run", experiment_id="$exp", start_time=5, run_name="r"),
    export(
        "children first",
        span(FIRST, 2, "ask", parent=1, attributes={"mlflow.spanType": "LLM", "model": "gpt-4"}),
        span(FIRST, 3, "fetch", parent=2, attributes={"mlflow.spanType": "TOOL"}, status={"code": 2}),
    ),
    get("before its root", f"{THREE}/{T1}"),
    export("the root", span(FIRST, 1, "chat", attributes={"mlflow.spanInputs": '{"q": "refund?"}'})),
    get("with its root", f"{THREE}/{T1}"),
    get("with its spans", f"{THREE}/get", trace_id=T1),
    export("the root again", span(FIRST, 1, "chat", attributes={"mlflow.spanInputs": '{"q": "refund?"}'})),
    get("no span twice", f"{THREE}/get", trace_id=T1),
    start(
        "told as a whole",
        T1,
        request_preview="in",
        response_preview="out",
        tags={"mlflow.traceName": "chat", "team": "a"},
        trace_metadata={"mlflow.sourceRun": "$run", "mlflow.trace.session": "s1"},
    ),
    start("one without spans", T2, state="ERROR", execution_duration="2s", tags={"team": "b"}),
    start("in no experiment", T3, trace_location=None),
    start(
        "in an unknown experiment",
        T3,
        trace_location={**AT[0], "mlflow_experiment": {"experiment_id": "999"}},
    ),
    post("told nothing", THREE, trace=None),
    export("of two traces", span(SECOND, 1, "b"), span(THIRD, 1, "c", status={"code": 2, "message": "no"})),
    get("the third", f"{THREE}/get", trace_id=T3),
    export("no experiment", span("e" * 32, 9, "x"), experiment=""),
    export("an experiment that is none", span("e" * 32, 9, "x"), experiment="abc"),
    export("an unknown experiment", span("f" * 32, 9, "x"), experiment="999"),
    export("no spans"),
    export("no JSON", raw=b"{"),
    export("an id that is no hex", span("zz", 9, "x")),
    export("a span without an id", {"traceId": FIRST, "name": "x"}),
]
READING = [
    get("an unknown one", f"{THREE}/tr-none"),
    get("an unknown one with spans", f"{THREE}/get", trace_id="tr-none"),
    get("several", f"{THREE}/batchGet", trace_ids=[T3, T1, "tr-none"]),
    get("none", f"{THREE}/batchGet"),
    post("several without spans", f"{THREE}/batchGetInfos", trace_ids=[T1, "tr-none"]),
    get("in version 2", f"traces/{T1}/info"),
]
TAGS = [
    patch("tag", f"traces/{T1}/tags", key="color", value="blue"),
    patch("tag in version 3", f"{THREE}/{T1}/tags", key="k", value="v"),
    patch("tag without a key", f"traces/{T1}/tags", value="v"),
    patch("tag of none", "traces/tr-none/tags", key="k", value="v"),
    patch("a tag that is fixed", f"traces/{T1}/tags", key="mlflow.trace.spansLocation", value="x"),
    patch("a key too long", f"traces/{T1}/tags", key="k" * 251, value="v"),
    remove("untag", f"traces/{T1}/tags", key="k"),
    remove("untag again", f"traces/{T1}/tags", key="k"),
    remove("untag nothing", f"traces/{T1}/tags"),
    post("link", "traces/link-to-run", trace_ids=[T3], run_id="$run"),
    post("link none", "traces/link-to-run", trace_ids=[], run_id="$run"),
    post("link to no run", "traces/link-to-run", trace_ids=[T3], run_id="0" * 32),
    post("link too many", "traces/link-to-run", trace_ids=[T3] * 101, run_id="$run"),
]
FILTERS = {
    "by status": "status = 'ERROR'",
    "by another status": "status != 'ERROR'",
    "by name": "name = 'chat'",
    "by name like": "trace.name LIKE 'ch%'",
    "by name in any case": "name ILIKE 'CHAT'",
    "by pattern": "name RLIKE '^ch.t$'",
    "by one of several names": "name IN ('chat', 'other')",
    "by time": "timestamp_ms >= 1700000000001",
    "by an old word for time": "attributes.timestamp < 1",
    "by duration": "execution_time_ms > 1000",
    "by its end": "end_time_ms <= 1700000000100",
    "by id": f"request_id = '{T1}'",
    "by tag": "tags.team = 'a'",
    "by another tag": "tag.team != 'a'",
    "by tag like": "tags.team LIKE '%b%'",
    "by no tag": "tags.team IS NULL",
    "by any tag": "tags.team IS NOT NULL",
    "by metadata": "metadata.`mlflow.trace.session` = 's1'",
    "by metadata in an old word": "request_metadata.`mlflow.trace.session` RLIKE 's[0-9]'",
    "by run": "run_id = '$run'",
    "by span": "span.name = 'ask'",
    "by type": "span.type IN ('LLM', 'CHAT')",
    "by status of a span": "span.status = 'ERROR'",
    "by one and the same span": "span.name = 'ask' AND span.status = 'ERROR'",
    "by an attribute of a span": "span.attributes.model LIKE '%gpt%'",
    "by text": "trace.text LIKE '%refund%'",
    "by several": "status = 'OK' AND tags.team = 'a' AND execution_time_ms < 1000",
    "or": "status = 'OK' OR status = 'ERROR'",
    "an unknown attribute": "nome = 'x'",
    "an unknown family": "metric.x = 'x'",
    "a number for a status": "status = 1",
    "text unquoted": "name = chat",
    "a list of times": "timestamp_ms IN ('1')",
    "an order of names": "name > 'a'",
    "a tag as a number": "tags.team = 1",
    "an unknown word of a span": "span.kind = 'x'",
    "an order of spans": "span.name > 'x'",
    "a span's text that is equal": "trace.text = 'x'",
    "a prompt that is none": "prompt = 'x'",
    "a prompt like": "prompt LIKE 'x'",
    "an unclear clause": "status",
    "judged by order and text": "feedback.good > 'x'",
    "judged by a number": "feedback.good = 1",
    "an issue without id": "issue.name = 'x'",
}
SEARCH = [
    *[search(title, where) for title, where in FILTERS.items()],
    search("in order", order_by=["execution_time_ms DESC"]),
    search("in order of a tag", order_by=["tags.team DESC", "timestamp_ms ASC"]),
    search("in an order that is none", order_by=["nome"]),
    search("in order of spans", order_by=["span.name"]),
    search("twice in one order", order_by=["status", "status DESC"]),
    post("one a page", f"{THREE}/search", "next_page_token=page", locations=AT, max_results=1),
    post("the next page", f"{THREE}/search", locations=AT, max_results=5, page_token="$page"),
    post("nowhere", f"{THREE}/search", locations=[], max_results=5),
    post("too many", f"{THREE}/search", locations=AT, max_results=501),
    post("a limit of 0", f"{THREE}/search", locations=AT, max_results=0),
    get("in version 2", "traces", experiment_ids=["$exp"], filter="tags.team = 'a'", max_results=5),
    get("in version 2, nowhere", "traces", max_results=5),
]
GOOD = {"assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "ana"}}
JUDGED = [
    post(
        "feedback",
        f"{THREE}/{T1}/assessments",
        "assessment.assessment_id=judged",
        assessment={**GOOD, "trace_id": T1, "feedback": {"value": 0.5}, "rationale": "why"},
    ),
    get("one", f"{THREE}/{T1}/assessments/$judged"),
    patch(
        "another value",
        f"{THREE}/{T1}/assessments/$judged",
        assessment={"feedback": {"value": 0.9}, "rationale": "kept"},
        update_mask="feedback",
    ),
    get("the trace", f"{THREE}/{T1}"),
    search("found by it", "feedback.good > 0.8"),
    search("not found by it", "feedback.good < 0.8"),
    search("by its absence", "feedback.good IS NULL"),
    post("of no trace", f"{THREE}/tr-none/assessments", assessment={**GOOD, "feedback": {"value": 1}}),
    post("of nothing", f"{THREE}/{T1}/assessments", assessment=GOOD),
    remove("taken back", f"{THREE}/{T1}/assessments/$judged"),
    get("gone", f"{THREE}/{T1}/assessments/$judged"),
]
REMOVED = [
    post("by nothing", "traces/delete-traces", experiment_id="$exp"),
    post(
        "by both",
        "traces/delete-traces",
        experiment_id="$exp",
        request_ids=[T1],
        max_timestamp_millis=1,
    ),
    post("none of it", "traces/delete-traces", experiment_id="$exp", max_timestamp_millis=1, max_traces=0),
    post("older than any", "traces/delete-traces", experiment_id="$exp", max_timestamp_millis=1),
    post(
        "the oldest", "traces/delete-traces", experiment_id="$exp", max_timestamp_millis=2**50, max_traces=1
    ),
    post("by id", "traces/delete-traces", experiment_id="$exp", request_ids=[T1, T2, T3, "tr-none"]),
    search("nothing is left"),
]
SCRIPT = {
    "coming": COMING,
    "reading": READING,
    "tags": TAGS,
    "search": SEARCH,
    "judged": JUDGED,
    "removed": REMOVED,
}

if __name__ == "__main__":
    print("{\n" + ",\n".join(lines(answers(sys.argv[1], SCRIPT))) + "\n}")
