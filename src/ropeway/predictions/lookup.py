"""Single records out of what is sealed, and every record of a kind wherever it stands."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ropeway.predictions.columns import FEEDBACK_KIND, KINDS, PLACE, PREDICTIONS_KIND, to_records
from ropeway.predictions.compact import header_of
from ropeway.predictions.history import scan
from ropeway.predictions.identity import Place
from ropeway.predictions.record import SegmentHeader
from ropeway.predictions.sealed import find_sealed, parquet_of

if TYPE_CHECKING:
    import polars as pl


def look_up(home: Path, place: Place) -> tuple[bytes, SegmentHeader] | None:
    """A prediction's record in the Parquet of its sealed segment, and the segment's header.

    Decodes one group of rows. None where the segment is not sealed, or has no such record.

    Raises:
        ObjectMissing, ObjectDamaged: the Parquet is not there, or not what it was.
    """
    sealed = find_sealed(home, PREDICTIONS_KIND.name, place.replica, place.segment)
    if sealed is None or (place.ordinal >= sealed.records and not sealed.damaged):
        return None
    path = parquet_of(home, sealed)
    rows = PREDICTIONS_KIND.read_parquet([path])
    # Rows stand by their ordinals, but where damage took some.
    found = _with_id(rows.slice(place.ordinal, 1), place)
    if found.is_empty() and sealed.damaged:
        found = _with_id(rows, place)
    if found.is_empty():
        return None
    return to_records(PREDICTIONS_KIND, found)[0], header_of(path)


def said_of(home: Path, prediction: str) -> list[bytes]:
    """The records of feedback on a prediction, oldest first; of the same moment, in the order of places."""
    import polars as pl

    said = scan(home, FEEDBACK_KIND).filter(pl.col("id") == prediction)
    return to_records(FEEDBACK_KIND, said.sort("at", *PLACE).collect())


def every_record(home: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    """Every record of a kind in the order of places, with the id of the prediction that it is or is about."""
    of = "of" if kind == "shadows" else "id"
    frame = scan(home, KINDS[kind]).sort(PLACE).collect()
    return zip(frame[of].to_list(), to_records(KINDS[kind], frame), strict=True)


def _with_id(rows: "pl.LazyFrame", place: Place) -> "pl.DataFrame":
    import polars as pl

    return rows.filter((pl.col("id") == place.id()) & pl.col("at").is_not_null()).collect()
