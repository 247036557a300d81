"""Tests that one trace is asked for itself: patterns, what its spans hold, what it was judged to be."""

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ropeway.tracking.errors import MlflowFilterInvalid
from ropeway.tracking.expression import pattern_of
from ropeway.tracking.traces.conditions import STATES, is_told_by_tables
from ropeway.tracking.traces.filter import ATTRIBUTE_OF_SPAN, CONTENT, PROMPTS_TAG, Condition
from ropeway.tracking.traces.recording import SOURCE_RUN
from ropeway.tracking.traces.records import Assessment, TraceInfo
from ropeway.tracking.traces.spans import Span, plain_text
from ropeway.tracking.traces.summary import NAME_TAG

LONGEST_PATTERN = 1_000
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ATTRIBUTES = {"request_id": "id", "client_request_id": "client_request"}


def passes(info: TraceInfo, tests: Sequence[Condition], spans_of: Callable[[], Sequence[Span]]) -> bool:
    """Whether a trace passes all of some tests; those of spans at one and the same span.

    Args:
        info: the trace.
        tests: which.
        spans_of: gives its spans; asked only where a test needs them.

    Raises:
        MlflowFilterInvalid: a pattern or a value cannot be read.
    """
    of_span = [test for test in tests if test.family == "span"]
    if not all(_passes_itself(info, test) for test in tests if test.family != "span"):
        return False
    return not of_span or any(
        all(_holds(test, _of_span(span, test.key)) for test in of_span) for span in spans_of()
    )


def check_patterns(tests: Iterable[Condition]) -> None:
    """Refuse a pattern that cannot be read, even where no trace comes to be asked."""
    for test in tests:
        if test.comparator == "RLIKE":
            _matches(str(test.value), "")
        if test.comparator in ("LIKE", "ILIKE") and not is_told_by_tables(test):
            _check_length(test.comparator, str(test.value))
        if test.key == PROMPTS_TAG and str(test.value).count("/") != 1:
            raise MlflowFilterInvalid(
                f"Invalid prompts filter value '{test.value}'. Expected format: prompt = \"name/version\""
            )


def _passes_itself(info: TraceInfo, test: Condition) -> bool:
    if test.family in ("feedback", "expectation", "issue"):
        return _is_judged(info.assessments, test)
    if test.key == PROMPTS_TAG:
        return str(test.value) in _prompts(info.tags.get(PROMPTS_TAG, ""))
    if test.key == NAME_TAG:
        return _holds(test, info.name)
    if test.family == "tag":
        return _holds(test, info.tags.get(test.key))
    if test.family == "metadata":
        values = [info.metadata.get(test.key), *(info.runs if test.key == SOURCE_RUN else ())]
        return any(_holds(test, value) for value in values)
    value = STATES[info.state] if test.key == "status" else getattr(info, _ATTRIBUTES.get(test.key, "id"))
    return _holds(test, value)


def _of_span(span: Span, key: str) -> str | None:
    if key == CONTENT:
        return msgspec.json.encode(span).decode()
    if key.startswith(ATTRIBUTE_OF_SPAN):
        name = key.removeprefix(ATTRIBUTE_OF_SPAN).strip("`")
        value = plain_text(span.attributes.get(name))
        return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
    return {"name": span.name, "type": span.type, "status": span.status.upper()}[key]


def _holds(test: Condition, value: str | None) -> bool:
    if value is None:
        return test.comparator == "IS NULL"
    wanted = test.value
    match test.comparator:
        case "IS NULL" | "IS NOT NULL":
            return test.comparator == "IS NOT NULL"
        case "IN" | "NOT IN":
            return (value in (wanted or ())) == (test.comparator == "IN")  # type: ignore[operator]
        case "=" | "!=":
            return (value == wanted) == (test.comparator == "=")
        case "RLIKE":
            return _matches(str(wanted), value)
    return pattern_of(str(wanted), is_any_case=test.comparator == "ILIKE").fits(value)


def _matches(pattern: str, value: str) -> bool:
    """Whether a pattern is found in a text, in time that grows with the text alone: it is a stranger's."""
    import polars as pl
    from polars.exceptions import ComputeError

    _check_length("RLIKE", pattern)
    try:
        return bool(pl.Series([value]).str.contains(pattern)[0])
    except ComputeError as error:
        raise MlflowFilterInvalid(f"Invalid regular expression '{pattern[:80]}' of RLIKE") from error


def _check_length(comparator: str, pattern: str) -> None:
    if len(pattern) > LONGEST_PATTERN:
        raise MlflowFilterInvalid(f"A pattern of {comparator} has at most {LONGEST_PATTERN:,} characters")


def _prompts(told: str) -> set[str]:
    """The versions of prompts that a tag names, as name/version."""
    try:
        listed = msgspec.json.decode(told, type=list[dict[str, Any]])
    except (msgspec.DecodeError, RecursionError):
        return set()
    return {f"{each.get('name')}/{each.get('version')}" for each in listed}


def _is_judged(assessments: Sequence[Assessment], test: Condition) -> bool:
    found = [
        value
        for each in assessments
        if each.kind == test.family and each.said is not None
        for name, value in [_said(each)]
        if name == (test.value if test.family == "issue" else test.key)
    ]
    if test.family == "issue" or test.comparator == "IS NOT NULL":
        return bool(found)
    if test.comparator == "IS NULL":
        return not found
    if test.comparator in _ORDERS:
        order = _ORDERS[test.comparator]
        return any(
            order(value, test.value)
            for value in found
            if isinstance(value, int | float) and not isinstance(value, bool)
        )
    texts = [each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in found]
    return any(_holds(test, text) for text in texts)


def _said(assessment: Assessment) -> tuple[str, Any]:
    """The name and the value of a judgement, unless it no longer holds."""
    told = msgspec.json.decode(assessment.said or "{}")
    if told.get("valid") is False:
        return "", None
    return told.get("assessment_name", ""), told.get(assessment.kind, {}).get("value")
