"""What can be asked and done to keep a workspace whole."""

from datetime import datetime

from ropeway.core.ids import Digest
from ropeway.keeping import holds
from ropeway.keeping.collect import CollectedNote, Collection, collect, collected
from ropeway.keeping.doctor import Diagnosis, examine
from ropeway.keeping.events import BackupMade, Restored
from ropeway.keeping.fsck import SoundnessReport, check_soundness
from ropeway.keeping.holds import Hold
from ropeway.keeping.in_bucket import Offloaded
from ropeway.keeping.in_bucket import offload as offload_copies
from ropeway.keeping.store_move import MovedStore
from ropeway.keeping.store_move import move_store as carry_store
from ropeway.ledger.database import place_from
from ropeway.ledger.move import MovedLedger, move
from ropeway.workspace import Context, Operation, operation
from ropeway.workspace.place import DATABASE

GRACE = "24h"


@operation("workspace.fsck", kind="job", permission="ledger:read")
def fsck(context: Context, *, share: float = 1.0, day: int | None = None) -> SoundnessReport:
    """Read everything and say what is not sound: events, projections, objects, segments.

    Args:
        context: the call.
        share: which share of the objects to read; the days of `1 / share` days read all of them.
        day: which part of them; today's by default.
    """
    return check_soundness(context, share=share, day=day)


@operation("workspace.rebuild", kind="job", permission="workspace:keep")
def rebuild(context: Context) -> int:
    """Make every table that answers questions again from the events; gives how many events there are."""
    return context.ledger.rebuild()


@operation("workspace.gc", kind="job", permission="workspace:keep")
def gc(context: Context, *, grace: str = GRACE, dry_run: bool = False) -> Collection:
    """Remove the objects that nothing keeps, and put that on record.

    Args:
        context: the call.
        grace: how old an object must be: its event may still be on its way.
        dry_run: only say what would go, and why.
    """
    return collect(context, grace=grace, dry_run=dry_run)


@operation("workspace.offload", kind="job", permission="workspace:keep")
def offload(context: Context) -> Offloaded:
    """Delete copies in the workspace's folder of what its store in a bucket has; reads bring them again."""
    return offload_copies(context)


@operation("workspace.hold", kind="command", permission="workspace:hold")
def place_hold(context: Context, *, subject: str, reason: str) -> Hold:
    """Keep a thing and all that it came from, whatever `[retention]` says.

    Args:
        context: the call.
        subject: what, such as `model:mood@2`.
        reason: why, for those who read it later.
    """
    return holds.place(context, subject, reason)


@operation("workspace.release-hold", kind="command", permission="workspace:hold")
def release_hold(context: Context, *, hold: str, reason: str = "") -> list[Hold]:
    """End a hold, by its id, or all that are on a subject."""
    return holds.release(context, hold, reason)


@operation("workspace.holds", kind="query", permission="ledger:read")
def list_holds(context: Context, *, released: bool = False) -> list[Hold]:
    """The holds, oldest first; those that are over too if asked for."""
    return holds.list_all(context, released=released)


@operation("workspace.collected", kind="query", permission="ledger:read")
def list_collected(context: Context, *, digests: list[Digest]) -> dict[Digest, CollectedNote]:
    """Which of some objects a collection took, when, by whom and by which policy."""
    return collected(context, digests)


@operation("workspace.note-backup", kind="command", permission="workspace:keep")
def note_backup(
    context: Context,
    *,
    backup: str,
    last_seq: int,
    manifest: Digest,
    count: int,
    size_bytes: int,
    place: str,
) -> None:
    """Put on record that a backup was made and read back. The bytes went through the store."""
    context.append(
        BackupMade(
            backup=backup,
            last_seq=last_seq,
            manifest=manifest,
            count=count,
            size_bytes=size_bytes,
            place=place,
        )
    )


@operation("workspace.note-restored", kind="command", permission="workspace:keep")
def note_restored(
    context: Context,
    *,
    backup: str,
    last_seq: int,
    manifest: Digest,
    made_at: datetime,
    replaced_seq: int | None,
    place: str,
) -> None:
    """Put on record that this workspace was made from a backup, as its first event after those in it."""
    context.append(
        Restored(
            backup=backup,
            last_seq=last_seq,
            manifest=manifest,
            made_at=made_at,
            replaced_seq=replaced_seq,
            place=place,
        )
    )


@operation("workspace.doctor", kind="query", permission="ledger:read")
def doctor(context: Context) -> Diagnosis:
    """What could go wrong here, looked at without changing anything."""
    return examine(context)


def _move(context: Context, *, to: str) -> MovedLedger:
    """Move the whole history to another database, verify it there, and use this one no more.

    Args:
        context: the call.
        to: `postgresql://host/database?schema=name`, or `sqlite` for the file in the workspace's folder.
    """
    place = place_from(to, context.home / DATABASE, context.project.project.name)
    return move(context.ledger, place, context.clock)


# Not registered: it is no route, since nobody from elsewhere names the place where a history goes.
move_ledger = Operation("ledger.move", "job", "ledger:move", _move)


def _move_store(context: Context, *, to: str) -> MovedStore:
    """Bring every object to another place, and keep them there from now on.

    Args:
        context: the call.
        to: `s3://BUCKET/PREFIX`, the path of a folder, or `local` for the workspace's own.
    """
    return carry_store(context, to)


# As `move_ledger`: nobody from elsewhere says where the objects go.
move_store = Operation("store.move", "job", "ledger:move", _move_store)
