"""What was erased, as the ledger has it: for those who find something missing."""

from datetime import datetime

import msgspec
from sqlalchemy import select

from ropeway.core.clock import from_text
from ropeway.core.errors import Damaged
from ropeway.core.ids import Digest
from ropeway.keeping.erase.projections import erasure
from ropeway.keeping.erase.records import Plan
from ropeway.ledger import person
from ropeway.workspace import Context


class ErasedNote(msgspec.Struct, frozen=True, kw_only=True):
    """Under which certificate an object was erased, since when, and who asked."""

    certificate: str
    at: datetime
    by: str


def erased_objects(context: Context) -> dict[Digest, ErasedNote]:
    """Every object that was, or is about to be, erased; and the store is told of them.

    A workspace that was restored knows it from its ledger only.
    """
    query = select(erasure, person.c.name).outerjoin(person, person.c.id == erasure.c.by)
    known: dict[Digest, ErasedNote] = {}
    for row in context.read.execute(query.order_by(erasure.c.seq.desc())).all():
        note = ErasedNote(certificate=row.id, at=from_text(row.begun_at), by=row.name or row.by)
        try:
            plan = read_plan(context, row.listed)
        except Damaged:
            continue  # fsck names the plan itself
        known |= {each.digest: note for each in plan.objects}
    context.store.erased.add({digest: note.certificate for digest, note in known.items()})
    return known


def read_plan(context: Context, listed: str) -> Plan:
    """What an erasure was to do."""
    return msgspec.json.decode(context.store.read(Digest(listed)), type=Plan)
