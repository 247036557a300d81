"""The sealed log of predictions: which of its records are the subject's, and the log without them."""

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from ropeway.core.errors import Damaged
from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.records import UnsearchedObject
from ropeway.keeping.erase.subject import Subject
from ropeway.predictions.columns import FEEDBACK_KIND, PREDICTIONS_KIND, SHADOWS_KIND
from ropeway.predictions.events import SegmentRewritten
from ropeway.predictions.rewrite import records_of, rewrite
from ropeway.predictions.sealed import SealedSegment, list_sealed
from ropeway.workspace import Context

ANSWERS = ((SHADOWS_KIND.name, "of"), (FEEDBACK_KIND.name, "id"))
"""What is said of a prediction goes with it: which column names that."""


class Rewriting(NamedTuple):
    """A segment that holds records of the subject's."""

    sealed: SealedSegment
    unwanted: pl.Series

    @property
    def says(self) -> str:
        """For people."""
        name = f"{self.sealed.kind}/{self.sealed.replica}-{self.sealed.segment}"
        return f"{name}: {self.unwanted.sum()} of {self.sealed.records} records"

    def make(self, context: Context, erasure: str) -> SegmentRewritten:
        """Keep the others; gives the event."""
        return rewrite(context.home, context.store, self.sealed, self.unwanted, certificate=erasure)


def rewritings(
    context: Context,
    subject: Subject,
    needles: Needles,
    models: frozenset[str],
    unsearched: list[UnsearchedObject],
) -> Iterator[Rewriting]:
    """Every sealed segment with records of the subject's.

    A record is theirs when it holds a text that is theirs alone, or, of a model that learnt from their rows,
    when the request brought the key. A segment that cannot be read is added to `unsearched`.
    """
    gone: set[str] = set()
    for sealed, frame in _segments(context, PREDICTIONS_KIND.name, unsearched):
        unwanted = _texts(frame, needles) | _keys(frame, subject, models)
        if unwanted.any():
            gone |= set(frame.filter(unwanted)["id"])
            yield Rewriting(sealed, unwanted)
    for kind, column in ANSWERS:
        for sealed, frame in _segments(context, kind, unsearched):
            unwanted = _texts(frame, needles) | frame[column].is_in(sorted(gone)).fill_null(value=False)
            if unwanted.any():
                yield Rewriting(sealed, unwanted)


def _segments(
    context: Context, kind: str, unsearched: list[UnsearchedObject]
) -> Iterator[tuple[SealedSegment, pl.DataFrame]]:
    for sealed in list_sealed(context.home, kind)[0]:
        try:
            frame = records_of(context.home, sealed)
        except (Damaged, pl.exceptions.PolarsError, OSError):
            name = f"{kind}/{sealed.replica}-{sealed.segment}"
            why = f"{sealed.records} records of the log {name}, which is damaged or not there: ropeway fsck"
            unsearched.append(UnsearchedObject(digest=sealed.content, size_bytes=0, why=why))
        else:
            yield sealed, frame


def _texts(frame: pl.DataFrame, needles: Needles) -> pl.Series:
    """By the texts, in whatever column they stand."""
    binary = [name for name, dtype in frame.schema.items() if dtype == pl.Binary]
    lines = frame.drop(binary).write_ndjson().splitlines()
    found = [needles.are_in(line.encode()) or needles.are_in(_plain(line)) for line in lines]
    mask = pl.Series(values=found or [False] * frame.height, dtype=pl.Boolean)
    for name in binary:
        mask |= pl.Series(values=[each is not None and needles.are_in(each) for each in frame[name]])
    return mask


def _plain(line: str) -> bytes:
    """A line of JSON whose texts are JSON themselves, with the outer escapes taken off."""
    return line.replace('\\"', '"').replace("\\\\", "\\").encode()


def _keys(frame: pl.DataFrame, subject: Subject, models: frozenset[str]) -> pl.Series:
    """By the key, of models that learnt from the rows: as input, carried beside it, or as entity."""
    path = f"$['{subject.column}']"
    values = sorted(subject.values | {f"{value}.0" for value in subject.values})
    found = (
        pl.col("inputs").str.json_path_match(path).is_in(values)
        | pl.col("carried").str.json_path_match(path).is_in(values)
        | pl.col("entity").is_in(values)
    ).fill_null(value=False)
    return frame.select(found & pl.col("model").is_in(sorted(models)).fill_null(value=False)).to_series()
