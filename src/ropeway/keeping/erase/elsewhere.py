"""Copies that nobody can erase from here: what the ledger and the folder know of them, and what to do."""

from sqlalchemy import select

from ropeway.keeping.erase.needles import Needles
from ropeway.keeping.erase.search import files_with
from ropeway.keeping.projections import backup
from ropeway.workspace import Context
from ropeway.workspace.place import DATABASE

SET_ASIDE = ".ropeway-before-restore*"
SPOOLS = ("spool", "segments")
FILES_SHOWN = 20


def copies_elsewhere(context: Context) -> list[str]:
    """Backups and what was set aside, remotes, and the ledger that was left behind by a move."""
    said = []
    query = select(backup).where(backup.c.what == "made").order_by(backup.c.seq)
    for row in context.read.execute(query):
        where = f"in '{row.place}'" if row.place else "at a place that was erased"
        said.append(
            f"the backup {row.id} of {row.at[:10]} {where}: make a new one, then delete that folder; "
            "who restores it, erases again"
        )
    said += [
        f"the workspace that a restore set aside, '{path.name}': delete that folder"
        for path in sorted(context.root.glob(SET_ASIDE))
    ]
    left = context.home / DATABASE
    if context.ledger.place != left and left.exists():
        said.append(f"the ledger that was moved away from '{left.name}': delete that file")
    if context.store.bucket is not None:
        said.append(
            f"copies in .ropeway on other machines that use '{context.store.bucket.where}': ropeway erase "
            "finish there; and earlier versions of blobs, where the bucket keeps such"
        )
    said += [
        f"the remote '{name}', if it was pushed there: ropeway erase purge {name}"
        for name in sorted(context.project.remote)
    ]
    return [
        *said,
        "exports, downloads, restored files and caches of those who work from afar: their owners' to delete",
    ]


def reached_by_hand(context: Context, needles: Needles) -> list[str]:
    """Files that hold it and are not ours to change: the project's own, and open logs, which are written."""
    searched = files_with(context.root, needles, but=[context.home])
    found = [
        f"the file '{path.relative_to(context.root)}' holds it: it is yours to change or delete"
        for path in searched.holding
    ]
    unsearched = [
        f"the file '{path.relative_to(context.root)}' could not be searched ({why}): look into it yourself"
        for path, why in searched.unsearched
    ]
    return [*_few(found), *_few(unsearched), *_open_logs(context, needles)]


def _open_logs(context: Context, needles: Needles) -> list[str]:
    said = []
    for folder in SPOOLS:
        searched = files_with(context.home / folder, needles, but=[])
        said += [
            f"the log '{path.relative_to(context.home)}' is being written and holds it: "
            "repeat this when its run or service has ended"
            for path in searched.holding
        ]
        said += [
            f"the log '{path.relative_to(context.home)}' could not be searched ({why})"
            for path, why in searched.unsearched
        ]
    return said


def _few(lines: list[str]) -> list[str]:
    more = len(lines) - FILES_SHOWN
    return lines if more <= 0 else [*lines[:FILES_SHOWN], f"{more} more files of the project"]
