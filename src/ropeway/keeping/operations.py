"""What can be asked and done to keep a workspace whole."""

from ropeway.keeping.fsck import SoundnessReport, check_soundness
from ropeway.ledger.database import place_from
from ropeway.ledger.move import MovedLedger, move
from ropeway.workspace import Context, operation
from ropeway.workspace.place import DATABASE


@operation("workspace.fsck", kind="job", permission="ledger:read")
def fsck(context: Context) -> SoundnessReport:
    """Read everything and say what is not sound: events, projections, objects, segments."""
    return check_soundness(context)


@operation("ledger.move", kind="job", permission="ledger:move")
def move_ledger(context: Context, *, to: str) -> MovedLedger:
    """Move the whole history to another database, verify it there, and use this one no more.

    Args:
        context: the call.
        to: `postgresql://host/database?schema=name`, or `sqlite` for the file in the workspace's folder.
    """
    place = place_from(to, context.home / DATABASE, context.project.project.name)
    return move(context.ledger, place, context.clock)
