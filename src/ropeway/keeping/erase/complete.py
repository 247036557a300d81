"""Doing what a plan says, to its end: repeated as often as it is cut off, with the plan alone.

The order makes it safe. The plan is on record before the first byte goes. Objects go first, then values, in
one transaction with the events that say so; then the database is written anew, and last stands the event
with the certificate. A kill leaves an erasure that is begun: `ropeway erase finish`, or any
other erasure, ends it.
"""

import shutil
import time
from pathlib import Path

import msgspec
from sqlalchemy import select

from ropeway.core.canonical import canonical
from ropeway.core.clock import from_text
from ropeway.core.ids import EventId, PersonId
from ropeway.keeping.erase.events import ErasureBegun, ErasureFinished
from ropeway.keeping.erase.known import erased_objects, read_plan
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.erase.records import Certificate, Plan
from ropeway.ledger.erasure import empty_answers, erase_payloads, leave_no_trace
from ropeway.ledger.event import TYPES_BY_VERB
from ropeway.ledger.record import Record
from ropeway.ledger.tables import event, event_payload
from ropeway.ledger.tree import root_at, size_of
from ropeway.ledger.upgrade import BACKUPS
from ropeway.store.files import sync_file_system
from ropeway.workspace import Context

JOBS = "job-accepted"
OURS = "erase."
"""The operations whose own arguments name whom it was about."""
CACHE = "cache"
LEFT_OVER_AFTER_S = 3600.0
"""A temporary file that is older belongs to nobody who is still at work."""


def begin(context: Context, plan: Plan, request: str) -> None:
    """Put a plan on record: from here on, what it names may be gone."""
    context.append(
        ErasureBegun(
            erasure=plan.erasure,
            what=plan.what,
            payloads=len(plan.payloads),
            count=len(plan.objects),
            size_bytes=sum(each.size_bytes for each in plan.objects),
            listed=context.store.put(canonical(plan)),
            request=request or None,
        )
    )


def unfinished(context: Context) -> list[str]:
    """The erasures that were begun and are not at their end, oldest first."""
    with context.again() as look:
        query = select(erasure.c.id).where(erasure.c.finished_at.is_(None)).order_by(erasure.c.seq)
        return list(look.read.execute(query).scalars())


def complete(context: Context, name: str) -> Certificate:
    """Bring an erasure to its end, wherever it was cut off. Nobody may have a view of the ledger open here.

    Raises:
        CannotErase: a pack is damaged, and what is in it not known.
    """
    with context.again() as look:
        row = look.read.execute(select(erasure).where(erasure.c.id == name)).one()
        # Now: who erases their own name would be introduced under it again at the end.
        actor = look.actor
    plan = read_plan(context, row.listed)
    _erase_objects(context, plan)
    _erase_values(context, plan, actor)
    left = [leave_no_trace(context.ledger.place), *_remove_copies(context.home)]
    # Before it is certified: what was deleted must not come back when the power goes.
    sync_file_system(context.home)
    plan = msgspec.structs.replace(plan, unreached=[*plan.unreached, *filter(None, left)])
    with context.again() as writing:
        writing.begin()
        size = size_of(writing.read)
        made = Certificate(
            plan=plan,
            begun_seq=row.seq,
            by=row.by,
            begun_at=from_text(row.begun_at),
            finished_at=context.clock.now(),
            tree_size=size,
            tree_root=root_at(writing.read, size).hex(),
        )
        known = writing.read.execute(select(erasure).where(erasure.c.id == name)).one()
        # Another process may have finished it meanwhile; what it did was the same.
        if known.finished_at is None:
            finished = ErasureFinished(erasure=name, certificate=writing.store.put(canonical(made)))
            writing.require(finished.objects())
            writing.begin().append(finished, actor=actor, auth=writing.caller.auth)
            return made
    return msgspec.json.decode(context.store.read(known.certificate), type=Certificate)


def _erase_objects(context: Context, plan: Plan) -> None:
    """Objects with their packs and chunks; and the cache, which may hold anything that was computed."""
    context.store.erased.add({each.digest: plan.erasure for each in plan.objects})
    context.store.remove([each.digest for each in plan.objects], leave_no_trace=True)
    for folder in (context.home / CACHE).glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


def drop_copies(context: Context) -> int:
    """Delete copies here of what was erased on another machine; gives how many there were."""
    if context.store.bucket is None:
        return 0
    with context.again() as look:
        known = erased_objects(look)
    here = [digest for digest in known if context.store.has_copy(digest)]
    if here:
        context.store.remove(here, leave_no_trace=True)
        for folder in (context.home / CACHE).glob("*"):
            shutil.rmtree(folder, ignore_errors=True)
    return len(here)


def _erase_values(context: Context, plan: Plan, actor: PersonId) -> None:
    """Payloads, answers, and every table that was made of them, in one transaction."""
    with context.again() as writing:
        transaction = writing.begin(alone=True)
        wanted = [*(each.event for each in plan.payloads), *_own_traces(writing)]
        erased = erase_payloads(
            transaction, wanted, certificate=plan.erasure, actor=actor, auth=writing.caller.auth
        )
        empty_answers(transaction.connection, plan.answers)
        if erased:
            writing.ledger.remake(transaction)


def _own_traces(context: Context) -> list[EventId]:
    """The jobs by which somebody asked from afar to erase: their arguments say whom."""
    query = (
        select(event.c.id, event.c.record)
        .join(event_payload, event_payload.c.event_id == event.c.id)
        .where(event.c.verb == JOBS)
    )
    rows = context.read.execute(query).all()
    return [EventId(row.id) for row in rows if str(record_of(row.record).body["operation"]).startswith(OURS)]


def record_of(kept: bytes) -> Record:
    """An event's record, of its canonical bytes."""
    return msgspec.json.decode(kept, type=Record)


def erasable_fields(record: Record) -> list[str]:
    """What an event holds apart."""
    return list(TYPES_BY_VERB[record.verb, record.v].erasable)


def _remove_copies(home: Path) -> list[str]:
    """Copies of the database from before upgrades, and what killed writers left; gives what had to stay."""
    for copy in (home / BACKUPS).glob("*.db"):
        copy.unlink(missing_ok=True)
    oldest, young = time.time() - LEFT_OVER_AFTER_S, 0
    for path in (*(home / "tmp").glob("*"), *(home / "uploads").glob("*")):
        try:
            is_old = path.lstat().st_mtime < oldest
        except FileNotFoundError:
            continue
        if not is_old:
            young += 1
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return [f"{young} temporary files of the last hour in .ropeway/tmp: others are at work"] if young else []
