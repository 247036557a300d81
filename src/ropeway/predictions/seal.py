"""Sealing: a segment that nobody writes any more becomes Parquet and one event, and its file goes.

In this order, so that a kill at any point loses nothing and counts nothing twice: the Parquet is kept, the
event is recorded, and only what is recorded and found again in the Parquet, record by record, is removed.
"""

from ropeway.predictions.draft import Left, Sealed, remove_recorded
from ropeway.predictions.operations import seal_batch
from ropeway.workspace import Workspace

__all__ = ["Left", "Sealed", "seal"]


def seal(workspace: Workspace) -> Sealed:
    """Seal every segment whose writer is gone or went on to the next one, and remove their files.

    Idempotent, and safe from several processes at once. Killed anywhere, nothing is lost or doubled: the
    next call goes on. A segment that cannot be read, or that is not what was sealed, is named and stays.

    Raises:
        OutOfSpace, DiskFull: the disk is full; what is not sealed yet stays as it is.
    """
    done = Sealed(is_done=False)
    while not done.is_done:
        done = done.and_then(seal_batch(workspace))
    named = {each.segment for each in done.left}
    unremoved = [each for each in remove_recorded(workspace.home) if each.segment not in named]
    return Sealed(segments=done.segments, records=done.records, left=[*done.left, *unremoved])
