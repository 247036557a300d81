"""The two ends of sealing a segment: drafting its event, and removing its file once that is recorded.

A sealer holds the lock that the segment's writer held, so a living writer's segment is never touched.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from ropeway.core.errors import Damaged
from ropeway.predictions.columns import KINDS, Kind
from ropeway.predictions.compact import compact, unpack
from ropeway.predictions.errors import SealBroken
from ropeway.predictions.events import SegmentSealed
from ropeway.predictions.sealed import find_sealed, list_sealed
from ropeway.predictions.segments import Lying, open_segments, place_of, read_lying
from ropeway.store import Store
from ropeway.store.errors import OutOfSpace

BATCH = 50
"""Segments of one write transaction: a kill makes as many be compacted anew at most."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that was left as it lies, and why."""

    segment: str
    why: str


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealing did.

    Attributes:
        segments: how many were sealed.
        records: how many records they have.
        left: segments that cannot be sealed, or that are sealed but are not removed.
        is_done: whether nothing more was found that could be sealed.
    """

    segments: int = 0
    records: int = 0
    left: list[Left] = []
    is_done: bool = True

    def and_then(self, later: "Sealed") -> "Sealed":
        """Both as one; what was left is what the later one left."""
        return Sealed(
            segments=self.segments + later.segments,
            records=self.records + later.records,
            left=later.left,
            is_done=later.is_done,
        )


class Batch(msgspec.Struct, kw_only=True):
    """Segments that are kept as Parquet and wait for their events."""

    drafts: list[SegmentSealed]
    left: list[Left]
    is_done: bool = True


def draft_batch(home: Path, store: Store, held: ExitStack) -> Batch:
    """Compact the next segments that nobody writes, and keep each one's Parquet.

    Args:
        home: the workspace's folder.
        store: where the Parquet goes.
        held: keeps their locks, so that no other sealer does the same meanwhile.

    Raises:
        OutOfSpace: the disk is full, and nothing could be kept; the segments stay.
    """
    batch = Batch(drafts=[], left=[])
    for kind in KINDS.values():
        recorded = list_sealed(home, kind.name)[1]
        for path in open_segments(home, kind.name):
            if path.name in recorded or not held.enter_context(_locked(path)):
                continue
            if len(batch.drafts) == BATCH:
                batch.is_done = False
                return batch
            try:
                lying = read_lying(path)
            except Damaged as error:
                batch.left.append(Left(segment=path.name, why=error.what))
                continue
            if not lying.records and not lying.damaged:
                path.unlink()
                continue
            try:
                batch.drafts.append(_draft(kind, path, lying, store))
            except OutOfSpace:
                if not batch.drafts:
                    raise
                # What is kept already is recorded first: kept anew each time, it would fill the disk.
                batch.is_done = False
                return batch
    return batch


def remove_recorded(home: Path) -> list[Left]:
    """Remove the files of sealed segments, each after a look that its Parquet has the same records.

    Returns:
        Those that stay since the Parquet is hurt or has others: the file is then the last copy.
    """
    left = []
    for kind in KINDS.values():
        paths = open_segments(home, kind.name)
        if not paths:
            continue
        recorded = list_sealed(home, kind.name)[1]
        for path in paths:
            if path.name not in recorded:
                continue
            with _locked(path) as is_ours:
                if not is_ours:
                    continue
                try:
                    check_same(home, kind, path)
                except Damaged as error:
                    left.append(Left(segment=path.name, why=error.what))
                else:
                    path.unlink()
    return left


def check_same(home: Path, kind: Kind, path: Path) -> None:
    """Hold a sealed segment's file against its Parquet.

    Raises:
        SealBroken: they do not hold the same, or not what was sealed.
        Damaged: one of them cannot be read.
    """
    sealed = find_sealed(home, kind.name, *place_of(path))
    assert sealed is not None, "only a recorded segment is looked at"
    lying, unpacked = read_lying(path), unpack(home, sealed)
    if unpacked.header != lying.header_bytes or unpacked.records != [record for _, record in lying.records]:
        raise SealBroken(kind.name, path.name)


def _draft(kind: Kind, path: Path, lying: Lying, store: Store) -> SegmentSealed:
    compacted = compact(kind, lying)
    frame, header = compacted.frame, lying.header
    times = frame["at"].drop_nulls()
    span: tuple[Any, Any] = (times.min(), times.max()) if len(times) else (None, None)
    models = frame["model"].drop_nulls().unique().sort().to_list() if "model" in frame.columns else []
    return SegmentSealed(
        kind=kind.name,
        replica=header.replica,
        segment=header.segment,
        records=len(lying.records),
        models=models,
        environments=[header.environment] if header.environment else [],
        first_at=span[0],
        last_at=span[1],
        root=compacted.root,
        content=store.put(compacted.parquet),
        torn=lying.torn,
        damaged=lying.damaged,
        unplaced=sum(ordinal is None for ordinal, _ in lying.records),
        original=store.put_file(path) if lying.damaged else None,
    )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether the lock of a segment is ours while the block runs; not while its writer or a sealer has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _try_lock(descriptor) and _is_at(path, descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the file still stands there: another sealer may have removed it before we had the lock."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False
