"""Routes of traces: told as a whole, found, read, tagged, linked, removed. Spans come in by `otlp`."""

import secrets
from typing import Any

import msgspec

from ropeway.server.mlflow import answers, checks, messages, trace_answers
from ropeway.server.mlflow import trace_messages as asked_for
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.assessments import keep_all
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar.errors import ExperimentNotFound, TagNotThere
from ropeway.tracking.errors import RunNotFound
from ropeway.tracking.traces import operations as ours
from ropeway.tracking.traces.errors import TraceNotFound
from ropeway.tracking.traces.filter import PROMPTS_TAG
from ropeway.tracking.traces.records import TraceInfo, WholeTrace
from ropeway.tracking.traces.summary import (
    KEY_CHARACTERS,
    PREVIEW_CHARACTERS,
    TAG_CHARACTERS,
    cut,
    is_shallow,
)
from ropeway.workspace import Workspace

MAX_TRACES = 500
MAX_LINKED = 100
MAX_METADATA = 250
BLOCKED = {trace_answers.SPANS_PLACE, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"}
SIZES = "mlflow.trace.sizeStats"
FINALIZED = "mlflow.trace.infoFinalized"


def start(workspace: Workspace, asked: asked_for.StartTrace) -> Json:
    """Answer `POST traces`, in both versions."""
    if asked.trace is None and (asked.experiment_id or asked.timestamp_ms):
        return _start_2(workspace, asked)
    if asked.trace is None or asked.trace.trace_info is None:
        raise checks.missing("trace")
    info = asked.trace.trace_info
    duration = info.execution_duration
    state = trace_answers.OUR_STATES.get(info.state) or trace_answers.STATE_NUMBERS.get(info.state)
    if state is None and info.state:
        raise checks.invalid("state", info.state[:80])
    checks.required("trace_id", info.trace_id)
    told = _described(
        workspace,
        trace=info.trace_id,
        experiment=_place(info.trace_location),
        began_ms=trace_answers.ms_of_moment(info.request_time or "1970-01-01T00:00:00Z", "request_time"),
        duration_ms=None if duration is None else trace_answers.ms_of_seconds(duration, "execution_duration"),
        state=state or "unknown",
        client_request=info.client_request_id,
        request=_cut(info.request_preview),
        response=_cut(info.response_preview),
        tags=_tags(info.tags),
        metadata=_metadata(info.trace_metadata),
    )
    if info.assessments:
        keep_all(workspace, info.trace_id, info.assessments)
        told = ours.get_trace_info(workspace, trace=info.trace_id)
    return {"trace": {"trace_info": trace_answers.trace_info(told)}}


def _described(workspace: Workspace, *, experiment: str, **told: Any) -> TraceInfo:
    try:
        return ours.describe_trace(workspace, experiment=experiment, **told)
    except ExperimentNotFound as error:
        raise checks.no_experiment(experiment) from error


def _start_2(workspace: Workspace, asked: asked_for.StartTrace) -> Json:
    told = _described(
        workspace,
        trace=f"tr-{secrets.token_hex(16)}",
        experiment=checks.check_experiment_id(asked.experiment_id),
        began_ms=asked.timestamp_ms,
        state="in-progress",
        tags=_tags(_words(asked.tags)),
        metadata=_metadata(_words(asked.request_metadata)),
    )
    return {"trace_info": trace_answers.trace_info_2(told)}


def end_2(workspace: Workspace, asked: asked_for.EndTrace, trace: str) -> Json:
    """Answer `PATCH traces/{trace}`."""
    known = _known(trace, lambda: ours.get_trace_info(workspace, trace=trace))
    told = ours.describe_trace(
        workspace,
        trace=trace,
        experiment=known.experiment,
        began_ms=known.began_ms,
        duration_ms=max(0, asked.timestamp_ms - known.began_ms),
        state=trace_answers.OUR_STATES.get(asked.status)
        or trace_answers.STATE_NUMBERS.get(asked.status, "unknown"),
        client_request=known.client_request,
        tags=_tags(_words(asked.tags)),
        metadata={**known.metadata, **_metadata(_words(asked.request_metadata))},
    )
    return {"trace_info": trace_answers.trace_info_2(told)}


def get_info(workspace: Workspace, _asked: messages.Message, trace: str) -> Json:
    """Answer `GET traces/{trace}`."""
    found = _known(trace, lambda: ours.get_trace_info(workspace, trace=trace))
    return {"trace": {"trace_info": trace_answers.trace_info(found)}}


def get_info_2(workspace: Workspace, _asked: messages.Message, trace: str) -> Json:
    """Answer `GET traces/{trace}/info`."""
    found = _known(trace, lambda: ours.get_trace_info(workspace, trace=trace))
    return {"trace_info": trace_answers.trace_info_2(found)}


def get_whole(workspace: Workspace, asked: asked_for.GetTrace) -> Json:
    """Answer `GET traces/get`."""
    checks.required("trace_id", asked.trace_id)
    try:
        found = ours.get_trace(workspace, trace=asked.trace_id)
    except TraceNotFound as error:
        said = f"Trace with ID {asked.trace_id[:200]} is not found."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
    if not asked.allow_partial and not _is_whole(found):
        said = f"Trace with ID {asked.trace_id[:200]} is not fully exported yet, please try again later."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST")
    return {"trace": trace_answers.whole_trace(found)}


def get_some(workspace: Workspace, asked: asked_for.SomeTraces) -> Json:
    """Answer `GET traces/batchGet`: those that are here as a whole."""
    found = [each for each in _some(workspace, asked, with_spans=True) if each.spans and _is_whole(each)]
    return {"traces": [trace_answers.whole_trace(each) for each in found]} if found else {}


def get_some_infos(workspace: Workspace, asked: asked_for.SomeTraces) -> Json:
    """Answer `POST traces/batchGetInfos`."""
    found = _some(workspace, asked, with_spans=False)
    return {"trace_infos": [trace_answers.trace_info(each.info) for each in found]} if found else {}


def search(workspace: Workspace, asked: asked_for.SearchTraces) -> Json:
    """Answer `POST traces/search`."""
    if asked.locations is None:
        raise checks.missing("locations")
    if not asked.locations:
        return {}
    found, after = _found(workspace, asked, [_place(each) for each in asked.locations])
    return answers.page("traces", [trace_answers.trace_info(each) for each in found], after)


def search_2(workspace: Workspace, asked: asked_for.SearchTraces) -> Json:
    """Answer `GET traces`."""
    if not asked.experiment_ids:
        raise checks.missing("experiment_ids")
    experiments = [checks.check_experiment_id(each) for each in asked.experiment_ids]
    found, after = _found(workspace, asked, experiments)
    return answers.page("traces", [trace_answers.trace_info_2(each) for each in found], after)


def set_tag(workspace: Workspace, asked: asked_for.TraceTag, trace: str) -> Json:
    """Answer `PATCH traces/{trace}/tags`."""
    _check_tag(asked.key, "set")
    checks.check_key(asked.key, "key", "tag")
    checks.check_length("key", asked.key, KEY_CHARACTERS)
    tags = {asked.key: asked.value[:TAG_CHARACTERS]}
    _known(trace, lambda: ours.change_trace(workspace, trace=trace, tags=tags))
    return {}


def delete_tag(workspace: Workspace, asked: asked_for.TraceTag, trace: str) -> Json:
    """Answer `DELETE traces/{trace}/tags`."""
    _check_tag(asked.key, "deleted")
    try:
        _known(trace, lambda: ours.change_trace(workspace, trace=trace, untagged=[asked.key]))
    except TagNotThere as error:
        said = f"No trace tag with key '{asked.key[:250]}' for trace with ID '{trace[:200]}'"
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
    return {}


def delete(workspace: Workspace, asked: asked_for.DeleteTraces) -> Json:
    """Answer `POST traces/delete-traces`."""
    checks.required("experiment_id", asked.experiment_id)
    until, limit = asked.max_timestamp_millis, asked.max_traces
    if until is None and not asked.request_ids:
        raise Refusal("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if until is not None and asked.request_ids:
        raise Refusal("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if asked.request_ids and limit is not None:
        raise Refusal("`max_traces` can't be specified if `trace_ids` is specified.")
    if limit is not None and limit <= 0:
        raise Refusal(f"`max_traces` must be a positive integer, received {limit}.")
    removed = ours.remove_traces(
        workspace,
        experiment=checks.check_experiment_id(asked.experiment_id),
        traces=asked.request_ids,
        until_ms=until,
        limit=limit,
    )
    return {"traces_deleted": removed}


def link_to_run(workspace: Workspace, asked: asked_for.SomeTraces) -> Json:
    """Answer `POST traces/link-to-run`."""
    checks.required("run_id", asked.run_id)
    if not asked.trace_ids:
        return {}
    if len(asked.trace_ids) > MAX_LINKED:
        raise Refusal(
            f"Cannot link more than {MAX_LINKED} traces to a run in a single request. Provided "
            f"{len(asked.trace_ids)} traces."
        )
    try:
        ours.link_traces(workspace, run=asked.run_id, traces=asked.trace_ids)
    except RunNotFound as error:
        raise Refusal(f"Run with id={asked.run_id[:200]} not found", "RESOURCE_DOES_NOT_EXIST") from error
    return {}


def link_prompts(workspace: Workspace, asked: asked_for.LinkPrompts) -> Json:
    """Answer `POST traces/link-prompts`: the versions stand in a tag, as the client's own do."""
    checks.required("trace_id", asked.trace_id)
    if not asked.prompt_versions:
        raise checks.missing("prompt_versions")
    known = _known(asked.trace_id, lambda: ours.get_trace_info(workspace, trace=asked.trace_id))
    try:
        linked = msgspec.json.decode(known.tags.get(PROMPTS_TAG, "[]"), type=list[dict[str, Any]])
    except (msgspec.DecodeError, RecursionError):
        linked = []
    linked = [each for each in linked if is_shallow(each)]
    fresh = [{"name": each.name, "version": each.version} for each in asked.prompt_versions]
    linked += [each for each in fresh if each not in linked]
    tags = {PROMPTS_TAG: msgspec.json.encode(linked).decode()}
    ours.change_trace(workspace, trace=asked.trace_id, tags=tags)
    return {}


def _found(
    workspace: Workspace, asked: asked_for.SearchTraces, experiments: list[str]
) -> tuple[list[TraceInfo], int | None]:
    page = ours.find_traces(
        workspace,
        experiments=experiments,
        where=asked.filter,
        sort=asked.order_by,
        limit=checks.check_max_results(asked.max_results, 100, MAX_TRACES),
        after=answers.offset_of(asked.page_token),
    )
    return page.traces, page.after


def _some(workspace: Workspace, asked: asked_for.SomeTraces, *, with_spans: bool) -> list[WholeTrace]:
    if not asked.trace_ids:
        raise checks.missing("trace_ids")
    if len(asked.trace_ids) > MAX_TRACES:
        raise Refusal(f"At most {MAX_TRACES} traces are given at once. Got {len(asked.trace_ids)}.")
    found = ours.get_some_traces(workspace, traces=asked.trace_ids, with_spans=with_spans)
    within = asked.experiment_ids
    return [each for each in found if within is None or each.info.experiment in within]


def _is_whole(found: WholeTrace) -> bool:
    """Whether all spans have come that the client counted."""
    try:
        counted = msgspec.json.decode(found.info.metadata.get(SIZES, "{}")).get("num_spans", 0)
    except (msgspec.DecodeError, AttributeError, RecursionError):
        return True
    return not isinstance(counted, int) or len(found.spans) >= counted


def _place(place: asked_for.Place | None) -> str:
    if place is None or place.mlflow_experiment is None:
        raise Refusal("Traces are kept in experiments: `mlflow_experiment` must be specified.")
    return checks.check_experiment_id(place.mlflow_experiment.experiment_id)


def _words(pairs: list[messages.Tag]) -> dict[str, str]:
    return {each.key: each.value for each in pairs}


def _tags(given: dict[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in given.items() if key not in (*BLOCKED, trace_answers.ARTIFACTS)}
    return {key[:KEY_CHARACTERS]: value[:TAG_CHARACTERS] for key, value in kept.items()}


def _metadata(given: dict[str, str]) -> dict[str, str]:
    return {key[:MAX_METADATA]: cut(value, MAX_METADATA) for key, value in given.items() if key != FINALIZED}


def _cut(text: str | None) -> str | None:
    return None if text is None else cut(text, PREVIEW_CHARACTERS)


def _check_tag(key: str, done: str) -> None:
    checks.required("key", key)
    if key in BLOCKED and not (done == "deleted" and key == "mlflow.trace.archivalFailure"):
        raise Refusal(f"Tag '{key}' is immutable and cannot be {done} on a trace.")


def _known(trace: str, act: Any) -> Any:
    try:
        return act()
    except TraceNotFound as error:
        said = f"Trace with ID '{trace[:200]}' not found."
        raise Refusal(said, "RESOURCE_DOES_NOT_EXIST") from error
