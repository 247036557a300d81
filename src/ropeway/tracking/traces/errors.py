"""What can go wrong with traces.

Invalid  └── ExportUnreadable · NoSpans · TooManySpans · SpansUnusable · BadTraceId ·
             BadAssessment · AmbiguousTrace
NotFound └── TraceNotFound · AssessmentNotFound
"""

from collections.abc import Iterable

from ropeway.core.errors import Invalid, NotFound

SHOWN = 80


class ExportUnreadable(Invalid):
    """Bytes that are no export of spans."""

    code = "export-unreadable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The spans cannot be read: {why[:200]}.",
            expected="an ExportTraceServiceRequest of OpenTelemetry, in protobuf or JSON",
            next_step="send what an OTLP exporter over HTTP sends",
        )


class NoSpans(Invalid):
    """An export without spans."""

    code = "no-spans"

    def __init__(self) -> None:
        super().__init__(
            "There are no spans in it.", expected="at least one span", next_step="send nothing instead"
        )


class SpansUnusable(Invalid):
    """An export of which no span can be kept."""

    code = "spans-unusable"

    def __init__(self, count: int, why: str) -> None:
        super().__init__(
            f"None of its {count} spans can be kept: {why}.",
            expected="ids of 16 bytes for a trace and 8 for a span, not all zero",
            next_step="look at what makes the ids",
        )


class TooManySpans(Invalid):
    """An export with more spans than one may have."""

    code = "too-many-spans"

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(
            f"It has {count:,} spans.",
            expected=f"at most {limit:,} in one export",
            next_step="let the exporter send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)",
        )


class BadTraceId(Invalid):
    """A name that no trace has."""

    code = "bad-trace-id"

    def __init__(self, trace: str) -> None:
        super().__init__(
            f"No trace is called {trace[:SHOWN]!a}.",
            expected="letters, digits and ._:- , at most 200 characters",
            next_step="use the id that the client gave it, such as tr-0af7651916cd43dd8448eb211c80319c",
        )


class BadAssessment(Invalid):
    """A judgement that nobody could read."""

    code = "bad-assessment"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The assessment cannot be kept: {why}.",
            expected="an object in JSON with one of feedback, expectation, issue",
            next_step='send one such as {"assessment_name": "good", "feedback": {"value": true}}',
        )


class AmbiguousTrace(Invalid):
    """Several traces' ids begin so."""

    code = "ambiguous-trace"

    def __init__(self, ref: str, found: Iterable[str]) -> None:
        super().__init__(
            f"Several traces begin with '{ref[:SHOWN]}'.",
            expected="one of " + ", ".join(found),
            next_step="give more of the id",
        )


class TraceNotFound(NotFound):
    """No trace has this id."""

    code = "trace-not-found"

    def __init__(self, trace: str, known: Iterable[str] = ()) -> None:
        super().__init__("trace", trace[:SHOWN], known, next_step="ropeway traces   lists them")


class AssessmentNotFound(NotFound):
    """A trace has no such assessment."""

    code = "assessment-not-found"

    def __init__(self, trace: str, assessment: str) -> None:
        super().__init__(f"assessment of {trace[:SHOWN]}", assessment[:SHOWN])
