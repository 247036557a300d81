"""What was erased here, taken from a remote too. Only when somebody asks: nothing is called unasked."""

from sqlalchemy import select

from ropeway.keeping.erase.events import ErasurePurged
from ropeway.keeping.erase.known import read_plan
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.erase.records import RemotePurge
from ropeway.remotes.remote import open_remote
from ropeway.workspace import Context


def purge(context: Context, remote: str | None) -> RemotePurge:
    """Take from a remote every object that was erased, and what tells of a version by an erased value.

    Raises:
        UnknownRemote, BadRemoteName: it is not declared, or not clear which is meant.
        BackendUnavailable: it could not be done now; repeat it.
    """
    rows = context.read.execute(select(erasure).order_by(erasure.c.seq)).all()
    plans = [read_plan(context, row.listed) for row in rows]
    digests = {each.digest for plan in plans for each in plan.objects}
    events = {each.event for plan in plans for each in plan.payloads}
    opened = open_remote(context.project, context.root, context.store, remote)
    # Afterwards it is read anew: a copy of what it said is a copy of what was erased.
    purged = opened.remove(digests, events)
    done = RemotePurge(
        remote=opened.name,
        erasures=[row.id for row in rows],
        objects=purged.objects,
        packs=purged.packs,
        freed_bytes=purged.freed_bytes,
    )
    context.append(
        ErasurePurged(
            remote=done.remote,
            erasures=done.erasures,
            count=done.objects,
            packs=done.packs,
            freed_bytes=done.freed_bytes,
        )
    )
    return done
