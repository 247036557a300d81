"""What can be asked and done to keep a workspace whole."""

from ropeway.keeping import holds
from ropeway.keeping.collect import Collection, collect
from ropeway.keeping.fsck import SoundnessReport, check_soundness
from ropeway.keeping.holds import Hold
from ropeway.workspace import Context, operation

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
