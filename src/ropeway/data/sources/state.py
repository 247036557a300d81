"""How far a source has been read, and what a look at it brings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import polars as pl

from ropeway.core.ids import Digest

Spool = Callable[[], Path]
"""A new file to fetch into, which goes when the pull is over."""
CursorType = Literal["plain", "datetime", "date", "decimal"]


def rows_in_words(frame: pl.DataFrame) -> str:
    """`1 row`, `4,200 rows`."""
    return f"{frame.height:,} {'row' if frame.height == 1 else 'rows'}"


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a source has been read. An object in the store; the events of pulls name it.

    Attributes:
        asked: a digest of what the source is asked by; when that is edited, reading begins anew.
        cursor: the largest value of the cursor's column, as text where it is no number.
        etag: of an address; `last_modified` where it has none.
        digest: of the bytes that came.
        members: of files and buckets, each name with its digest or etag.
    """

    asked: Digest
    cursor: int | float | str | None = None
    cursor_type: CursorType = "plain"
    etag: str | None = None
    last_modified: str | None = None
    digest: Digest | None = None
    members: dict[str, str] = {}

    @property
    def cursor_value(self) -> object:
        """The cursor as the database knows it."""
        match self.cursor_type:
            case "datetime":
                return datetime.fromisoformat(str(self.cursor))
            case "date":
                return date.fromisoformat(str(self.cursor))
            case "decimal":
                return Decimal(str(self.cursor))
            case "plain":
                return self.cursor

    def at(self, value: object) -> "State":
        """The state at a value that the database gave."""
        match value:
            case datetime():
                return self._moved(value.isoformat(), "datetime")
            case date():
                return self._moved(value.isoformat(), "date")
            case Decimal():
                return self._moved(str(value), "decimal")
            case int() | float() | str():
                return self._moved(value, "plain")
            case _:
                raise TypeError(f"a {type(value).__name__} cannot be a cursor")

    def _moved(self, cursor: float | str, kind: CursorType) -> "State":
        return msgspec.structs.replace(self, cursor=cursor, cursor_type=kind)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is new.

    Attributes:
        frame: the rows.
        state: how far the source has been read with them.
        says: in words.
        file: where all that came is one file: its bytes, to be kept as they are.
        form: how they are read.
        digest: of them, when they were read.
    """

    frame: pl.DataFrame
    state: State
    says: str
    file: Path | None = None
    form: str = "parquet"
    digest: Digest | None = None
