"""What a whole store that is brought over tells besides: times from elsewhere, and that it was brought."""

from typing import Literal

from ropeway.core.hashing import digest_bytes
from ropeway.core.ids import Digest
from ropeway.tracking.afar.events import StoreBrought, TimesTold
from ropeway.tracking.afar.experiments import find_experiment
from ropeway.tracking.afar.logged_models import require_logged
from ropeway.tracking.afar.runs import check_moment
from ropeway.workspace import Context, operation


@operation("runs.tell-times", kind="command", permission="runs:write")
def tell_times(
    context: Context,
    *,
    thing: Literal["experiment", "logged-model"],
    told: str,
    created_ms: int,
    changed_ms: int,
) -> bool:
    """Note when an experiment or a logged model was made and changed where it comes from.

    Raises:
        ExperimentNotFound, LoggedModelNotFound: there is none.
        BadMoment: no calendar has that time.
    """
    check_moment(created_ms)
    check_moment(changed_ms)
    context.begin()
    if thing == "experiment":
        find_experiment(context.read, told)
    else:
        require_logged(context.read, told, deleted_too=True)
    context.append(TimesTold(thing=thing, id=told, created_ms=created_ms, changed_ms=changed_ms))
    return True


@operation("runs.record-brought", kind="command", permission="runs:write")
def record_brought(context: Context, *, source: str, report: Digest, is_whole: bool) -> bool:
    """Put on record that a store was brought over, with the report of what came and what could not."""
    context.store.size(report)
    context.begin()
    # Without the words: they may be erased.
    store = digest_bytes(source.encode())
    context.append(StoreBrought(store=store, source=source, report=report, is_whole=is_whole))
    return True
