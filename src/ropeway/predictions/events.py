"""What happens to the log of predictions, for ever."""

from collections.abc import Iterable
from datetime import datetime

from ropeway.core.ids import Digest
from ropeway.ledger import Event, event


@event("segment-sealed")
class SegmentSealed(Event, frozen=True, kw_only=True):
    """A segment of the log was closed for good: its records stand in a Parquet object from now on.

    Attributes:
        kind: what its records are: `predictions`, `feedback` or `shadows`.
        replica: the process that wrote it.
        segment: its number there.
        records: how many it has.
        models: the versions that answered in it, as `name@number`.
        environments: where they did.
        first_at: the earliest time that a record tells; None without any readable one.
        last_at: the latest.
        root: of the Merkle tree over the header and the records, salted; the salt stands in the Parquet.
        content: the Parquet.
        torn: the last record was cut off, as a kill leaves it.
        damaged: something else was not as it was written; what is sound was kept.
        unplaced: records behind damage, of which no one knows any more which id they had.
        original: the damaged file as it lay.
    """

    kind: str
    replica: str
    segment: int
    records: int
    models: list[str]
    environments: list[str]
    first_at: datetime | None
    last_at: datetime | None
    root: str
    content: Digest
    torn: bool = False
    damaged: bool = False
    unplaced: int = 0
    original: Digest | None = None

    def subject(self) -> str:
        """The segment."""
        return f"segment:{self.kind}/{self.replica}-{self.segment}"

    def objects(self) -> Iterable[Digest]:
        """The Parquet, and the damaged file where there was one."""
        return [self.content] if self.original is None else [self.content, self.original]


@event("segment-rewritten")
class SegmentRewritten(Event, frozen=True, kw_only=True):
    """Some records of a sealed segment were erased: those that are left stand in another Parquet.

    Attributes:
        kind: as it was sealed.
        replica: likewise.
        segment: likewise.
        records: how many are left.
        erased: how many went.
        root: of the tree over the header and the records that are left, salted anew.
        content: the Parquet.
        replaced: the Parquet that held them all.
        certificate: the erasure that this is part of.
    """

    kind: str
    replica: str
    segment: int
    records: int
    erased: int
    root: str
    content: Digest
    replaced: Digest
    certificate: str

    def subject(self) -> str:
        """The segment."""
        return f"segment:{self.kind}/{self.replica}-{self.segment}"

    def objects(self) -> Iterable[Digest]:
        """The Parquet."""
        return (self.content,)
