"""What can be asked and done to keep a workspace whole."""

from ropeway.keeping.fsck import SoundnessReport, check_soundness
from ropeway.workspace import Context, operation


@operation("workspace.fsck", kind="job", permission="ledger:read")
def fsck(context: Context) -> SoundnessReport:
    """Read everything and say what is not sound: events, projections, objects, segments."""
    return check_soundness(context)
