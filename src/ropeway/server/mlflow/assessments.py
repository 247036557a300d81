"""Routes of assessments: what people and programs judged of a trace. Kept as the client's JSON."""

import secrets
from typing import Any

import msgspec

from ropeway.server.mlflow import checks, messages, trace_answers
from ropeway.server.mlflow import trace_messages as asked_for
from ropeway.server.mlflow.answers import Json
from ropeway.server.mlflow.errors import Refusal
from ropeway.tracking.afar.moments import ms_of
from ropeway.tracking.traces import operations as ours
from ropeway.tracking.traces.errors import AssessmentNotFound, TraceNotFound
from ropeway.workspace import Workspace

KINDS = ("feedback", "expectation", "issue")
SOURCES = ("HUMAN", "LLM_JUDGE", "CODE", "SOURCE_TYPE_UNSPECIFIED", "AI_JUDGE")
MAX_ASSESSMENT_BYTES = 100_000
_FIELDS = {
    "assessmentName": "assessment_name",
    **{name: name for name in ("assessment_name", *KINDS, "rationale", "metadata", "valid")},
}


def create(workspace: Workspace, asked: asked_for.ChangeAssessment, trace: str) -> Json:
    """Answer `POST traces/{trace}/assessments`."""
    if asked.assessment is None:
        raise checks.missing("assessment")
    return {"assessment": _keep(workspace, trace, _told(workspace, trace, asked.assessment))}


def get(workspace: Workspace, _asked: messages.Message, trace: str, assessment: str) -> Json:
    """Answer `GET traces/{trace}/assessments/{assessment}`."""
    return {"assessment": _find(workspace, trace, assessment)}


def update(workspace: Workspace, asked: asked_for.ChangeAssessment, trace: str, assessment: str) -> Json:
    """Answer `PATCH traces/{trace}/assessments/{assessment}`."""
    if asked.assessment is None:
        raise checks.missing("assessment")
    checks.required("update_mask", asked.update_mask)
    told = _find(workspace, trace, assessment)
    for path in asked.update_mask.split(","):
        name = _FIELDS.get(path.strip())
        value = None if name is None else getattr(asked.assessment, name)
        if name in KINDS and name not in told:
            raise Refusal(f"Cannot update {name} value on an assessment that is none.")
        if name is not None and value is not None:
            told[name] = value
    told["last_update_time"] = _now(workspace)
    return {"assessment": _keep(workspace, trace, told)}


def delete(workspace: Workspace, _asked: messages.Message, trace: str, assessment: str) -> Json:
    """Answer `DELETE traces/{trace}/assessments/{assessment}`."""
    try:
        ours.unassess_trace(workspace, trace=trace, assessment=assessment)
    except (TraceNotFound, AssessmentNotFound) as error:
        raise _not_there(trace, assessment) from error
    return {}


def keep_all(workspace: Workspace, trace: str, given: list[dict[str, Any]]) -> None:
    """Keep the judgements that come with a trace."""
    for each in given:
        try:
            assessment = msgspec.convert(each, asked_for.Assessment, strict=False)
        except msgspec.ValidationError as error:
            raise Refusal(f"Invalid value for parameter 'assessments' supplied: {error}") from error
        _keep(workspace, trace, _told(workspace, trace, assessment))


def _told(workspace: Workspace, trace: str, given: asked_for.Assessment) -> Json:
    checks.required("assessment_name", given.assessment_name)
    if sum(getattr(given, kind) is not None for kind in KINDS) != 1:
        raise Refusal("Exactly one of `expectation`, `feedback` or `issue` should be specified.")
    if given.source is not None and given.source.source_type not in SOURCES:
        raise checks.invalid("source_type", given.source.source_type[:80])
    now = _now(workspace)
    plain = msgspec.to_builtins(given)
    return {
        **{name: value for name, value in plain.items() if value not in ("", None, {})},
        **{kind: plain[kind] for kind in KINDS if plain[kind] is not None},
        "assessment_id": given.assessment_id[:50] or f"a-{secrets.token_hex(16)}",
        "trace_id": trace,
        "create_time": _time(given.create_time, now),
        "last_update_time": _time(given.last_update_time, now),
        "valid": given.valid is not False,
    }


def _keep(workspace: Workspace, trace: str, told: Json) -> Json:
    said = msgspec.json.encode(told)
    if len(said) > MAX_ASSESSMENT_BYTES:
        raise Refusal(f"An assessment has at most {MAX_ASSESSMENT_BYTES} bytes, got {len(said)}.")
    kind = next(each for each in KINDS if each in told)
    try:
        ours.assess_trace(
            workspace, trace=trace, assessment=told["assessment_id"], kind=kind, said=said.decode()
        )
    except TraceNotFound as error:
        raise Refusal(f"Trace with ID '{trace[:200]}' not found.", "RESOURCE_DOES_NOT_EXIST") from error
    return told


def _find(workspace: Workspace, trace: str, assessment: str) -> Json:
    try:
        known = ours.get_trace_info(workspace, trace=trace).assessments
    except TraceNotFound as error:
        raise _not_there(trace, assessment) from error
    for each in known:
        if each.id == assessment and each.said is not None:
            told: Json = msgspec.json.decode(each.said)
            return told
    raise _not_there(trace, assessment)


def _not_there(trace: str, assessment: str) -> Refusal:
    return Refusal(
        f"Assessment with ID '{assessment[:200]}' not found for trace '{trace[:200]}'",
        "RESOURCE_DOES_NOT_EXIST",
    )


def _now(workspace: Workspace) -> str:
    return trace_answers.moment(ms_of(workspace.clock.now()))


def _time(given: str, now: str) -> str:
    return trace_answers.moment(trace_answers.ms_of_moment(given, "create_time")) if given else now
