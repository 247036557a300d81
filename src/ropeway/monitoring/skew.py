"""Training values beside serving values of the same rows, found by a key that requests carry.

Where a request carries the key of a row that the version learnt from, its inputs should be what they were
then. Where they are not, the way from source to request is another one than the way to the training data.
"""

from collections.abc import Sequence

import msgspec
import polars as pl

from ropeway.data.key_text import key_text
from ropeway.monitoring.records import SkewedColumn
from ropeway.monitoring.requests import Requests, read_requests
from ropeway.monitoring.watched import WatchedVersion
from ropeway.workspace import Project

ROWS = "rows"
TOLERANCE = 1e-9
"""Relative: what JSON's decimals and 32-bit floats take from a number is no skew."""
NARROW_TOLERANCE = 1e-6
SHOWN_EXAMPLES = 3
SHOWN_CHARACTERS = 40

_decode = msgspec.json.Decoder().decode


def key_of(project: Project) -> str | None:
    """The column by which rows are known, where requests may bring it."""
    rows = project.inputs.get(ROWS)
    return None if rows is None else rows.key


def skewed_columns(
    watched: WatchedVersion, rows: pl.DataFrame, requests: Requests, key: str | None
) -> list[SkewedColumn]:
    """Columns that differ from the training rows of the same keys, those of the most rows first."""
    pair = paired(watched, rows, requests.frame, key)
    return [] if pair is None else differing(*pair)


def paired(
    watched: WatchedVersion, rows: pl.DataFrame, served: pl.DataFrame, key: str | None
) -> tuple[pl.DataFrame, pl.DataFrame] | None:
    """Training rows and served rows with the same keys, in one order; None where no key was brought."""
    if key is None or (keys := carried_keys(rows, key)) is None:
        return None
    trained = watched.rows
    if trained is None or key not in trained.columns:
        return None
    columns = [name for name in served.columns if name in trained.columns and name != key]
    # A key that a dataset has twice tells no row.
    known = trained.select(columns).with_columns(key_text(trained[key]).alias(_KEY))
    known = known.unique(_KEY, keep="none")
    brought = served.select(columns).with_columns(pl.Series(_KEY, keys, dtype=pl.String))
    both = brought.filter(pl.col(_KEY).is_not_null()).join(known, on=_KEY, how="inner", suffix=_TRAINED)
    if not both.height:
        return None
    left = both.select(pl.col(f"{name}{_TRAINED}").alias(name) for name in columns)
    return left.with_columns(both[_KEY]), both.select(*columns, _KEY)


_KEY = "\0key"
_TRAINED = "\0trained"


def carried_keys(rows: pl.DataFrame, key: str) -> list[str | None] | None:
    """The key of each row as text, from what it carried or from its inputs; None where no row has one."""
    found: list[str | None] = []
    for carried, inputs in zip(rows["carried"], rows["inputs"], strict=True):
        value = None
        for text in (carried, inputs):
            # Most rows carry nothing: only those whose text holds the name are decoded.
            if value is None and text and key in text:
                held = _decode(text)
                value = held.get(key) if isinstance(held, dict) else None
        found.append(None if value is None or isinstance(value, bool | list | dict) else _text(value))
    return found if any(each is not None for each in found) else None


def differing(trained: pl.DataFrame, served: pl.DataFrame) -> list[SkewedColumn]:
    """Columns in which rows of the same keys differ."""
    found = []
    for name in served.columns:
        if name == _KEY:
            continue
        unlike = _unlike(trained[name], served[name])
        if not unlike.any():
            continue
        pairs = zip(
            served[_KEY].filter(unlike).to_list()[:SHOWN_EXAMPLES],
            trained[name].filter(unlike).to_list()[:SHOWN_EXAMPLES],
            served[name].filter(unlike).to_list()[:SHOWN_EXAMPLES],
            strict=True,
        )
        examples = [f"row '{key}' was {_shown(was)} and came as {_shown(came)}" for key, was, came in pairs]
        rows = int(unlike.sum())
        found.append(SkewedColumn(column=name, rows=rows, share=rows / served.height, examples=examples))
    return sorted(found, key=lambda each: (-each.rows, each.column))


def _unlike(trained: pl.Series, served: pl.Series) -> pl.Series:
    if trained.dtype.is_numeric() and served.dtype.is_numeric():
        narrow = pl.Float32 in (trained.dtype, served.dtype)
        left, right = trained.cast(pl.Float64), served.cast(pl.Float64)
        near = (left - right).abs() <= (NARROW_TOLERANCE if narrow else TOLERANCE) * left.abs().clip(1.0)
        same = near | (left.is_nan() & (right.is_null() | right.is_nan()))
    elif isinstance(trained.dtype, pl.Datetime) and isinstance(served.dtype, pl.Datetime):
        # Requests are read to the second, in UTC.
        left, right = (each.cast(pl.Datetime("us")).dt.truncate("1s") for each in (trained, served))
        same = left == right
    elif trained.dtype == served.dtype:
        same = trained == served
    else:
        same = trained.cast(pl.String, strict=False) == served.cast(pl.String, strict=False)
    nothing = trained.is_null() & served.is_null()
    return ~(same.fill_null(value=False) | nothing)


def read_served(watched: WatchedVersion, rows: pl.DataFrame, hidden: Sequence[str]) -> pl.DataFrame:
    """The inputs of some answers, without the columns that the log does not hold as they came."""
    signature = {name: kind for name, kind in watched.signature.items() if name not in hidden}
    return read_requests(rows["inputs"], signature).frame


def _text(value: object) -> str:
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole and isinstance(value, float) else str(value)


def _shown(value: object) -> str:
    text = "nothing" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
