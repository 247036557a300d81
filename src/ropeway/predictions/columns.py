"""Records as columns, and back byte for byte: what a sealed segment's Parquet holds.

A field that is JSON of any shape (inputs, an answer, a truth) stands as its JSON text. A record whose bytes
its columns do not give again stands in `as_written` as well; one that cannot be read at all, only there.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ropeway.core.ids import PredictionId
from ropeway.predictions.identity import Place
from ropeway.predictions.record import SegmentHeader

if TYPE_CHECKING:
    import polars as pl

AS_WRITTEN = "as_written"
NULLABLE = "probabilities"
"""The one JSON column that is null, and not the text `null`, where there are none."""
LATER: dict[str, dict[str, Any]] = {"predictions": {"instead_of": "", "run_us": 0}}
"""Columns that the Parquet of earlier releases has not, and what they hold there."""
PLACE = ("replica", "segment", "ordinal")

# One object each: msgspec leaves a field out when it holds the very default.
NULL, NO_ITEMS, NO_FIELDS = msgspec.Raw(b"null"), msgspec.Raw(b"[]"), msgspec.Raw(b"{}")
_SHARED = {"null": NULL, "[]": NO_ITEMS, "{}": NO_FIELDS}
_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Answer(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`PredictionRecord`, field by field, with its JSON left as it stands."""

    at: datetime
    model: str
    inputs: msgspec.Raw
    prediction: msgspec.Raw
    probabilities: msgspec.Raw = NULL
    latency_us: _Int
    hashed: msgspec.Raw = NO_ITEMS
    dropped: msgspec.Raw = NO_ITEMS
    entity: str = ""
    carried: msgspec.Raw = NO_FIELDS
    error: str = ""
    rollout: str = ""
    instead_of: str = ""
    run_us: _Int = 0


class _Shadow(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """`ShadowRecord`, likewise."""

    of: str
    at: datetime
    model: str
    prediction: msgspec.Raw = NULL
    probabilities: msgspec.Raw = NULL
    latency_us: _Int = 0
    error: str = ""
    rollout: str = ""


class _Feedback(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`FeedbackRecord`, likewise."""

    id: str
    value: msgspec.Raw
    at: datetime
    by: str = ""
    note: str = ""


class Kind:
    """One kind of record: how it is read, and which columns it has.

    Attributes:
        name: of the kind, and of its folder below `segments`.
        fields: each field of the record and whether it is a moment, JSON, text or a number.
    """

    def __init__(self, name: str, line: type[msgspec.Struct]) -> None:
        self.name = name
        self.line = line
        forms = {datetime: "time", msgspec.Raw: "json", str: "text"}
        self.fields = {field.name: forms.get(field.type, "number") for field in msgspec.structs.fields(line)}
        self._decode = msgspec.json.Decoder(line).decode
        self._encode = msgspec.json.Encoder().encode

    def read(self, record: bytes) -> dict[str, Any] | None:
        """A record's values; None where it is no record of this kind."""
        try:
            line = self._decode(record)
            values: dict[str, Any] = {
                name: str(getattr(line, name), "utf-8") if form == "json" else getattr(line, name)
                for name, form in self.fields.items()
            }
            at = values["at"]
            # Times without a zone are UTC here, as all that the log writes are.
            values["at"] = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        except (msgspec.MsgspecError, UnicodeDecodeError, OverflowError):
            return None
        if values.get(NULLABLE) == "null":
            values[NULLABLE] = None
        return values

    def write(self, values: dict[str, Any]) -> bytes:
        """The record that has these values, as the log writes it."""
        for name, form in self.fields.items():
            if form == "json":
                text = values[name] or "null"
                values[name] = _SHARED.get(text) or msgspec.Raw(text.encode())
        return self._encode(self.line(**values))

    def schema(self) -> dict[str, Any]:
        """The columns and their types: the record's own, then where it lies."""
        import polars as pl

        types = {"time": pl.Datetime("us", "UTC"), "json": pl.String, "text": pl.String, "number": pl.Int64}
        own: dict[str, Any] = {name: types[form] for name, form in self.fields.items()}
        place = {"environment": pl.String, "replica": pl.String, "segment": pl.Int64, "ordinal": pl.Int64}
        if self is PREDICTIONS_KIND:
            own = {"id": pl.String, **own}
        return own | place | {AS_WRITTEN: pl.Binary}

    def read_parquet(self, files: list[Path]) -> "pl.LazyFrame":
        """Sealed records, also those of earlier releases, in the columns of today."""
        import polars as pl

        # A path may hold what looks like a pattern.
        lazy = pl.scan_parquet(files, glob=False, schema=self.schema(), missing_columns="insert")
        missing = LATER.get(self.name, {}).items()
        return lazy.with_columns(pl.col(name).fill_null(default) for name, default in missing)


PREDICTIONS_KIND = Kind("predictions", _Answer)
FEEDBACK_KIND = Kind("feedback", _Feedback)
SHADOWS_KIND = Kind("shadows", _Shadow)
KINDS = {kind.name: kind for kind in (PREDICTIONS_KIND, FEEDBACK_KIND, SHADOWS_KIND)}


def to_frame(
    kind: Kind, header: SegmentHeader, records: Iterable[tuple[int | None, bytes]]
) -> "pl.DataFrame":
    """Records as columns, in their order.

    Args:
        kind: of what they are.
        header: of their segment.
        records: each with its ordinal; None where damage before it leaves that unknown: its id is then one
            that nobody was ever given.
    """
    import polars as pl

    schema = kind.schema()
    columns: dict[str, list[Any]] = {name: [] for name in schema}
    pairs: list[tuple[str, Callable[[Any], None]]] = [(name, columns[name].append) for name in kind.fields]
    for row, (ordinal, record) in enumerate(records):
        values = kind.read(record)
        is_same = False
        for name, append in pairs:
            append(None if values is None else values[name])
        if values is not None:
            is_same = kind.write(values) == record
        columns[AS_WRITTEN].append(None if is_same else record)
        columns["ordinal"].append(ordinal)
        if kind is PREDICTIONS_KIND:
            columns["id"].append(_id_of(header, row, ordinal))
    size = len(columns["ordinal"])
    columns["environment"] = [header.environment] * size
    columns["replica"] = [header.replica] * size
    columns["segment"] = [header.segment] * size
    return pl.DataFrame(columns, schema=schema, strict=True)


def to_records(kind: Kind, frame: "pl.DataFrame") -> list[bytes]:
    """The records, byte for byte as they were written."""
    names = list(kind.fields)
    found = []
    for values in frame.select(*names, AS_WRITTEN).iter_rows():
        as_written: bytes | None = values[-1]
        found.append(kind.write(dict(zip(names, values, strict=False))) if as_written is None else as_written)
    return found


def _id_of(header: SegmentHeader, row: int, ordinal: int | None) -> PredictionId:
    if ordinal is None:
        return PredictionId(f"p-{header.replica}-{header.segment}-?{row}")
    return Place(header.replica, header.segment, ordinal).id()
