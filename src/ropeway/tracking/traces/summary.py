"""What an export says of its traces: times, state and words, without reading the spans again."""

import json
from typing import Any, NamedTuple

import msgspec

from ropeway.tracking.traces.events import SpanKind, TraceSeen, TraceWords
from ropeway.tracking.traces.spans import Span, plain_text

NAME_TAG = "mlflow.traceName"
TAG_PREFIX = "mlflow.traceTag."
INPUTS, OUTPUTS = "mlflow.spanInputs", "mlflow.spanOutputs"
USER, SESSION = "mlflow.trace.user", "mlflow.trace.session"
SESSION_KEYS = ("session.id", "gen_ai.conversation.id")
PREVIEW_CHARACTERS = 1_000
KEY_CHARACTERS = 250
TAG_CHARACTERS = 8_000
NAME_CHARACTERS = 250
DEEPEST = 100
"""Levels of JSON: as many as OpenTelemetry's own form of a value may have."""


class Summary(NamedTuple):
    """Of each trace of an export what is on record in the clear, and what may be erased."""

    seen: list[TraceSeen]
    words: list[TraceWords]


def summarized(spans: list[Span]) -> Summary:
    """Each trace among some spans, in the order in which they come."""
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace, []).append(span)
    return Summary(
        [_seen(trace, own) for trace, own in by_trace.items()],
        [_words(trace, own) for trace, own in by_trace.items()],
    )


def cut(text: str, limit: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def preview(value: Any) -> str | None:
    """The beginning of what went in or came out; of a conversation, its last message."""
    if value is None:
        return None
    told = json_value(value)
    text = value if isinstance(value, str) and told is not value else None
    text = text or json.dumps(value, ensure_ascii=False, default=str)
    return cut(_last_message(told) or text, PREVIEW_CHARACTERS)


def json_value(value: Any) -> Any:
    """What a text says that is a map or a list in JSON; any other value as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            told = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return value
        return told if is_shallow(told) else value
    return value


def is_shallow(told: Any) -> bool:
    """Whether what was read of JSON nests so little that whoever answers with it can write it again."""
    level: list[Any] = [told] if isinstance(told, dict | list) else []
    for _ in range(DEEPEST):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [each for some in inner for each in some if isinstance(each, dict | list)]
        if not level:
            return True
    return False


def _last_message(told: Any) -> str:
    messages = told.get("messages") if isinstance(told, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    return content if isinstance(content, str) else ""


def _seen(trace: str, spans: list[Span]) -> TraceSeen:
    ended = [span.ended_ns for span in spans if span.ended_ns]
    root = _root(spans)
    return TraceSeen(
        trace=trace,
        spans=len(spans),
        began_ms=min(span.began_ns for span in spans) // 1_000_000,
        ended_ms=max(ended) // 1_000_000 if ended else None,
        state="" if root is None else "error" if root.status == "error" else "ok",
    )


def _words(trace: str, spans: list[Span]) -> TraceWords:
    root = _root(spans)
    kinds = {
        SpanKind(cut(span.name, NAME_CHARACTERS), cut(span.type, NAME_CHARACTERS), span.status)
        for span in spans
    }
    attributes = {} if root is None else root.attributes
    return TraceWords(
        trace=trace,
        name=None if root is None else cut(root.name, NAME_CHARACTERS),
        request=preview(attributes.get(INPUTS)),
        response=preview(attributes.get(OUTPUTS)),
        tags={
            cut(key.removeprefix(TAG_PREFIX), KEY_CHARACTERS): cut(_text(value), TAG_CHARACTERS)
            for key, value in attributes.items()
            if key.startswith(TAG_PREFIX) and key != TAG_PREFIX
        },
        metadata=_who(spans),
        kinds=sorted(kinds, key=lambda each: (each.name, each.type, each.status)),
    )


def _root(spans: list[Span]) -> Span | None:
    return next((span for span in spans if span.parent is None), None)


def _who(spans: list[Span]) -> dict[str, str]:
    """Whose request it was, and of which session: the first span that says so."""
    found: dict[str, str] = {}
    for span in spans:
        for key in SESSION_KEYS:
            if value := span.attributes.get(key):
                found.setdefault(SESSION, cut(_text(value), KEY_CHARACTERS))
        if value := span.attributes.get("user.id"):
            found.setdefault(USER, cut(_text(value), KEY_CHARACTERS))
    return found


def _text(value: Any) -> str:
    told = plain_text(value)
    return told if isinstance(told, str) else msgspec.json.encode(told).decode()
