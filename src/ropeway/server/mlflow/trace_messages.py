"""What MLflow's client sends about traces; decoded as everything else (`messages`)."""

from typing import Any

import msgspec

from ropeway.server.mlflow.messages import Message, Search, Tag


class ExperimentPlace(Message):
    """The experiment that a trace is in."""

    experiment_id: str = ""


class Place(Message):
    """Where traces are; places other than experiments are not here."""

    type: str | int = ""
    mlflow_experiment: ExperimentPlace | None = None


class TraceInfo(Message):
    """A trace without its spans, as version 3 of the API has it."""

    trace_id: str = ""
    client_request_id: str | None = None
    trace_location: Place | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: str | None = None
    execution_duration: str | None = None
    state: str = ""
    trace_metadata: dict[str, str] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    assessments: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Trace(Message):
    """A trace."""

    trace_info: TraceInfo | None = None


class StartTrace(Message):
    """What `POST traces` takes: `trace` in version 3 of the API, the rest in version 2."""

    trace: Trace | None = None
    experiment_id: str = ""
    timestamp_ms: int = 0
    request_metadata: list[Tag] = msgspec.field(default_factory=list)
    tags: list[Tag] = msgspec.field(default_factory=list)


class EndTrace(Message):
    """What `PATCH traces/{trace}` takes, in version 2 of the API."""

    timestamp_ms: int = 0
    status: str = ""
    request_metadata: list[Tag] = msgspec.field(default_factory=list)
    tags: list[Tag] = msgspec.field(default_factory=list)


class SearchTraces(Search):
    """What `traces/search` takes, and in version 2 `GET traces`."""

    locations: list[Place] | None = None
    experiment_ids: list[str] = msgspec.field(default_factory=list)


class GetTrace(Message):
    """What `traces/get` takes."""

    trace_id: str = ""
    allow_partial: bool = False


class SomeTraces(Message):
    """What `traces/batchGet` and its like take."""

    trace_ids: list[str] = msgspec.field(default_factory=list)
    experiment_ids: list[str] | None = None
    run_id: str = ""


class DeleteTraces(Message):
    """What `traces/delete-traces` takes."""

    experiment_id: str = ""
    max_timestamp_millis: int | None = None
    max_traces: int | None = None
    request_ids: list[str] = msgspec.field(default_factory=list)


class TraceTag(Message):
    """A tag of a trace."""

    key: str = ""
    value: str = ""


class Prompt(Message):
    """A version of a prompt."""

    name: str = ""
    version: str = ""


class LinkPrompts(Message):
    """What `traces/link-prompts` takes."""

    trace_id: str = ""
    prompt_versions: list[Prompt] = msgspec.field(default_factory=list)


class Source(Message):
    """Who or what judged."""

    source_type: str = ""
    source_id: str = ""


class Assessment(Message):
    """A judgement of a trace."""

    assessment_id: str = ""
    assessment_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    source: Source | None = None
    create_time: str = ""
    last_update_time: str = ""
    feedback: dict[str, Any] | None = None
    expectation: dict[str, Any] | None = None
    issue: dict[str, Any] | None = None
    rationale: str = ""
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    overrides: str = ""
    valid: bool | None = None


class ChangeAssessment(Message):
    """What the routes of judgements take; `update_mask` names the fields that change."""

    assessment: Assessment | None = None
    update_mask: str = ""
