"""Params and tags as they are recorded: short text, numbers and yes or no, each with one way to be read.

A number given as text compares as the number that it is, so that `params.c = 1` finds `c="1"` and `c=1.0`.
"""

import json
import math
import re
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

from ropeway.tracking.errors import PointInvalid, SettingInvalid
from ropeway.tracking.events import Scalar

KEY_LIMIT = 250
TEXT_LIMIT = 10_000
# Beyond this, JSON numbers lose digits (RFC 8785): larger integers are kept as text.
EXACT_INTEGER = 2**53

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def scalars(kind: str, values: Mapping[str, object]) -> dict[str, Scalar]:
    """Params or tags in the form that is recorded.

    Lists, tuples and dicts become JSON text; NaN, infinities and integers beyond ±2^53 become text; None
    becomes `None`.

    Args:
        kind: `param` or `tag`, for the error.
        values: as the user gave them.

    Raises:
        SettingInvalid: a key or a value that has no short form.

    Example:
        >>> scalars("param", {"ngrams": (1, 2), "c": 0.5})
        {'ngrams': '[1, 2]', 'c': 0.5}
    """
    return {check_key(kind, key): _scalar(kind, key, value) for key, value in values.items()}


def check_key(kind: str, key: object) -> str:
    """The key, when it can be one.

    Raises:
        SettingInvalid: it is no text, empty, too long, or holds half a surrogate pair.
    """
    reason = ""
    if not isinstance(key, str):
        reason = f"the key is a {type(key).__name__}"
    elif not key.strip():
        reason = "the key is empty"
    elif len(key) > KEY_LIMIT:
        reason = f"the key has {len(key):,} characters"
    elif not _is_text(key):
        reason = "the key is no valid Unicode text"
    if reason:
        raise SettingInvalid(
            kind, ascii(key), reason, expected=f"text of 1 to {KEY_LIMIT} characters as the key"
        )
    return str(key)


def check_metric(key: str) -> str:
    """The name of a metric, when it can be one.

    Raises:
        PointInvalid: it is empty, too long, or no text.
    """
    try:
        return check_key("metric", key)
    except SettingInvalid as error:
        raise PointInvalid(
            key, str(error.facts.get("reason", "the name is no metric's")), expected=error.expected
        ) from None


def text_of(value: Scalar) -> str:
    """How a value is shown, and compared as text: 1 and 1.0 alike.

    Example:
        >>> text_of(1.0), text_of(True), text_of("0.50")
        ('1', 'true', '0.50')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    # An event that was read back may hold 1 where 1.0 was written: both must give the same row.
    if float(value).is_integer() and abs(value) <= EXACT_INTEGER:
        return str(int(value))
    return repr(float(value))


def number_of(value: Scalar) -> float | None:
    """The number that a value is or spells; None when it is neither.

    Example:
        >>> number_of("1e-3"), number_of(2), number_of("two"), number_of(True)
        (0.001, 2.0, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        spelled = float(value) if len(value) <= KEY_LIMIT and _NUMBER.fullmatch(value) else None
        return None if spelled is None or math.isinf(spelled) else spelled
    return float(value)


def _scalar(kind: str, key: str, value: Any) -> Scalar:
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a number of numpy, torch, …
        value = value.item()
    match value:
        case None:
            return "None"
        case bool():
            return value
        case int():
            return int(value) if abs(value) <= EXACT_INTEGER else _text(kind, key, str(value))
        case float():
            return float(value) if math.isfinite(value) else str(value)
        case str():
            return _text(kind, key, str(value))
        case PathLike():
            return _text(kind, key, str(fspath(value)))
        case list() | tuple() | dict():
            return _text(kind, key, _structure(kind, key, value))
    raise SettingInvalid(
        kind,
        key,
        f"it is a {type(value).__name__}",
        expected="text, a number, true or false, or a list of them",
    )


def _structure(kind: str, key: str, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        reason = f"it is a {type(value).__name__} with something inside that is no text or number"
        raise SettingInvalid(kind, key, reason, expected="lists and dicts of text and numbers") from None


def _text(kind: str, key: str, value: str) -> str:
    if len(value) > TEXT_LIMIT:
        reason = f"it has {len(value):,} characters"
        raise SettingInvalid(kind, key, reason, expected=f"at most {TEXT_LIMIT:,} characters")
    if not _is_text(value):
        raise SettingInvalid(
            kind, key, "it is no valid Unicode text", expected="text without half surrogate pairs"
        )
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
