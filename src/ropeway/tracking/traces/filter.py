"""MLflow's filters and orders of traces: which fields there are, and what may be compared how.

How a text falls into clauses is as everywhere (`tracking.mlflow_filter`); what a clause means to the database
is in `conditions`, and to one trace in `asking`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ropeway.tracking.errors import FilterTooLarge, MlflowFilterInvalid
from ropeway.tracking.mlflow_fields import NUMBER_COMPARATORS
from ropeway.tracking.mlflow_filter import (
    ORDER_LIMIT,
    Clause,
    Token,
    clauses_in,
    order_in,
    shown_set,
    texts_in,
    unquoted,
)
from ropeway.tracking.traces.recording import SOURCE_RUN
from ropeway.tracking.traces.summary import NAME_TAG

Family = Literal["attribute", "tag", "metadata", "span", "feedback", "expectation", "issue"]
FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("tag", "tags"), "tag"),
    **dict.fromkeys(("metadata", "request_metadata"), "metadata"),
    **dict.fromkeys(("attribute", "attributes", "trace"), "attribute"),
    "span": "span",
    "feedback": "feedback",
    "expectation": "expectation",
    "issue": "issue",
}
NUMBERS = {
    "timestamp": "timestamp_ms",
    "timestamp_ms": "timestamp_ms",
    "execution_time": "execution_time_ms",
    "execution_time_ms": "execution_time_ms",
    "end_time": "end_time_ms",
    "end_time_ms": "end_time_ms",
}
ATTRIBUTES = {*NUMBERS, "request_id", "status", "client_request_id", "name", "run_id", "prompt", "text"}
ORDERED = {*NUMBERS, "experiment_id", "status", "request_id", "name", "run_id"}
LISTED = {"name", "status", "request_id", "run_id", "client_request_id"}
PROMPTS_TAG = "mlflow.linkedPrompts"
CONTENT = "content"
SPAN_KEYS = ("name", "status", "type")
ATTRIBUTE_OF_SPAN = "attributes."
# Words for what is a tag, a piece of metadata, or of the spans: whatever family they were said of.
_MEANT: dict[str, tuple[Family, str]] = {
    "name": ("tag", NAME_TAG),
    "prompt": ("tag", PROMPTS_TAG),
    "run_id": ("metadata", SOURCE_RUN),
    "text": ("span", CONTENT),
}
_TEXT = {"=", "!=", "LIKE", "ILIKE", "RLIKE"}
_LIST = {"IN", "NOT IN"}
_NULL = {"IS NULL", "IS NOT NULL"}
_ORDER = {">", ">=", "<", "<="}
COMPARATORS: dict[Family, set[str]] = {
    "attribute": _TEXT | _LIST,
    "tag": _TEXT | _NULL,
    "metadata": _TEXT | _NULL,
    "span": _TEXT | _LIST,
    "feedback": _TEXT | _NULL | _ORDER,
    "expectation": _TEXT | _NULL | _ORDER,
    "issue": {"="},
}
_NAMES: dict[Family, str] = {"metadata": "request_metadata"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; all of a filter have to hold. A list where one of several is meant, None for NULL."""

    family: Family
    key: str
    comparator: str
    value: str | float | tuple[str, ...] | None


def parse_filter(text: str) -> list[Condition]:
    """Read a filter of traces as MLflow does; an empty one has no tests.

    Raises:
        MlflowFilterInvalid: MLflow would refuse it.
        FilterTooLarge: too long, or too many clauses.

    Example:
        >>> parse_filter("execution_time_ms > 100")[0].key
        'execution_time_ms'
    """
    return [_condition_in(clause) for clause in clauses_in(text)]


def parse_order(keys: Sequence[str]) -> list[tuple[Family, str, bool]]:
    """Read `order_by`: family, key, and whether the highest comes first.

    Raises:
        MlflowFilterInvalid: MLflow would refuse it.
        FilterTooLarge: too many keys.
    """
    if len(keys) > ORDER_LIMIT:
        raise FilterTooLarge("fields to order by", len(keys), ORDER_LIMIT)
    found: list[tuple[Family, str, bool]] = []
    for text in keys:
        name, is_descending = order_in(text)
        family, key = _meant(*_field(name, ORDERED))
        if family not in ("attribute", "tag", "metadata"):
            raise MlflowFilterInvalid(f"Invalid identifier type '{family}'")
        found.append((family, key, is_descending))
    if len({each[:2] for each in found}) < len(found):
        raise MlflowFilterInvalid(f"`order_by` contains duplicate fields: {list(keys)}")
    return found


def _condition_in(clause: Clause) -> Condition:
    family, key = _field(clause.field, ATTRIBUTES)
    value = None if clause.value is None else _value(family, key, clause.comparator, clause.value)
    family, key = _meant(family, key)
    _check(family, key, clause.comparator)
    if isinstance(value, tuple) != (clause.comparator in _LIST):
        raise MlflowFilterInvalid(f"Invalid comparator '{clause.comparator}' before this value")
    return Condition(family, key, clause.comparator, value)


def _field(name: str, attributes: set[str]) -> tuple[Family, str]:
    said, dot, key = name.partition(".")
    if not dot:
        said, key = "attribute", name
    said = unquoted(said, "`")
    if said not in FAMILIES:
        raise MlflowFilterInvalid(f"Invalid entity type '{said}'. Valid values are {shown_set(FAMILIES)}")
    family, key = FAMILIES[said], unquoted(key, "'\"`")
    if family == "attribute" and key not in attributes:
        raise MlflowFilterInvalid(
            f"Invalid attribute key '{key}' specified. Valid keys are '{shown_set(attributes)}'"
        )
    return family, key


def _meant(family: Family, key: str) -> tuple[Family, str]:
    if family != "span" and key.lower() in _MEANT:
        return _MEANT[key.lower()]
    return family, NUMBERS.get(key, key)


def _value(family: Family, key: str, comparator: str, token: Token) -> str | float | tuple[str, ...]:
    if token.kind == "list" and family in ("attribute", "tag", "span"):
        if family == "attribute" and key not in LISTED:
            raise MlflowFilterInvalid(
                f"Only attributes in {shown_set(LISTED)} supports comparison with a list of quoted string "
                "values."
            )
        return texts_in(token.text)
    if token.kind == "number" and family == "attribute":
        if key not in NUMBERS:
            raise MlflowFilterInvalid(
                f"Only the '{shown_set(NUMBERS)}' attributes support comparison with numeric values."
            )
        return _number(token.text)
    if family in ("feedback", "expectation"):
        return _judged(family, comparator, token)
    if token.kind == "text" or (token.kind == "name" and token.text[:1] == '"' == token.text[-1:]):
        text = token.text[1:-1]
        return _number(text) if family == "attribute" and key in NUMBERS else text
    if token.kind == "name" and not token.is_word("NULL"):
        raise MlflowFilterInvalid(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{token.text}. Use either single or double quotes."
        )
    if family == "attribute":
        raise MlflowFilterInvalid(
            f"Expected a quoted string value or a list of quoted string values for attributes. "
            f"Got value {token.text}"
        )
    raise _no_text(family, token)


def _judged(family: Family, comparator: str, token: Token) -> str | float:
    """What a judgement is compared with: a number where it is more or less, else text."""
    is_order = comparator in _ORDER
    if is_order and token.kind != "number":
        raise MlflowFilterInvalid(
            f"Expected a numeric value for {family} when using comparator '{comparator}'. "
            f"Got value {token.text}"
        )
    if is_order:
        return _number(token.text)
    if token.kind != "text":
        raise _no_text(family, token)
    return token.text[1:-1]


def _number(text: str) -> float:
    if not re.fullmatch(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        raise MlflowFilterInvalid(f"Expected a numeric value. Got value {text[:80]}")
    # What no database's integer holds is still more than any of them.
    return int(text) if re.fullmatch(r"-?\d{1,18}", text) else float(text)


def _no_text(family: Family, token: Token) -> MlflowFilterInvalid:
    name = _NAMES.get(family, family)
    return MlflowFilterInvalid(
        f"Expected a quoted string value for {name} (e.g. 'my-value'). Got value {token.text}"
    )


def _check(family: Family, key: str, comparator: str) -> None:
    if family == "span":
        _check_span(key, comparator)
    elif family == "issue" and key != "id":
        raise MlflowFilterInvalid(f"Invalid issue attribute '{key}'. Supported attributes: id")
    elif family in ("feedback", "expectation") and not key:
        raise MlflowFilterInvalid("Assessment field name cannot be empty")
    elif key == PROMPTS_TAG and comparator != "=":
        raise MlflowFilterInvalid(
            f"Invalid comparator '{comparator}' for prompts filter. "
            "Only '=' is supported with format: prompt = \"name/version\""
        )
    else:
        is_number = family == "attribute" and key in NUMBERS
        allowed = {*NUMBER_COMPARATORS} if is_number else COMPARATORS[family]
        # A name is a tag, but may be one of a list.
        extra = _LIST if key in (NAME_TAG, SOURCE_RUN) else set()
        if comparator not in allowed | extra:
            raise MlflowFilterInvalid(f"Invalid comparator '{comparator}' not one of '{shown_set(allowed)}'")


def _check_span(key: str, comparator: str) -> None:
    if key == ATTRIBUTE_OF_SPAN:
        raise MlflowFilterInvalid("Span attribute name cannot be empty after 'attributes.'")
    allowed = {"LIKE", "ILIKE"} if key == CONTENT else COMPARATORS["span"]
    if key not in (*SPAN_KEYS, CONTENT) and not key.startswith(ATTRIBUTE_OF_SPAN):
        raise MlflowFilterInvalid(
            f"Invalid span attribute '{key}'. Supported attributes: {', '.join(SPAN_KEYS)}, "
            "attributes.<attribute_name>."
        )
    if comparator not in allowed:
        raise MlflowFilterInvalid(f"span.{key} comparator '{comparator}' not one of '{shown_set(allowed)}'")
