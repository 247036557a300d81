"""What the ledger says about one thing: its events in order, and its neighbours by lineage edges."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from ropeway.core.clock import from_text
from ropeway.ledger import edge, person
from ropeway.ledger.tables import event, event_payload

ERASED = "erased"
"""Stands where a person's name or another erasable value is gone."""
AFTER_ALL = "\U0010ffff"
"""Sorts after every character that a reference has."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One event about a thing; `body` holds its erasable values too, as far as they are still there."""

    seq: int
    at: datetime
    by: str
    verb: str
    subject: str
    body: dict[str, Any]
    auth: str = "none"


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a lineage edge, seen from the other."""

    ref: str
    relation: str
    seq: int


def about(connection: Connection, ref: str) -> list[Happening]:
    """Every event whose subject is `ref`, oldest first."""
    return _happenings(connection, event.c.subject == ref)


def of_verbs(connection: Connection, verbs: Sequence[str]) -> list[Happening]:
    """Every event of these verbs, oldest first."""
    return _happenings(connection, event.c.verb.in_(verbs))


def upstream(connection: Connection, ref: str) -> list[Neighbour]:
    """What it came from, in the order in which that was recorded."""
    rows = connection.execute(select(edge).where(edge.c.downstream == ref).order_by(edge.c.seq)).all()
    return [Neighbour(ref=row.upstream, relation=row.relation, seq=row.seq) for row in rows]


def downstream(connection: Connection, ref: str) -> list[Neighbour]:
    """What came of it, in the order in which that was recorded."""
    rows = connection.execute(select(edge).where(edge.c.upstream == ref).order_by(edge.c.seq)).all()
    return [Neighbour(ref=row.downstream, relation=row.relation, seq=row.seq) for row in rows]


def subjects(connection: Connection, beginning: str, *, limit: int | None = None) -> list[str]:
    """The references that events are about and that begin like this, in the order of the alphabet."""
    found = select(event.c.subject).where(*_begins(beginning)).distinct().order_by(event.c.subject)
    return list(connection.execute(found.limit(limit)).scalars())


def is_any(connection: Connection, beginning: str) -> bool:
    """Whether any event is about something whose reference begins like this."""
    found = select(event.c.subject).where(*_begins(beginning)).limit(1)
    return connection.execute(found).first() is not None


def _begins(beginning: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # A range, which the index answers; a pattern would read them all.
    return event.c.subject >= beginning, event.c.subject < beginning + AFTER_ALL


def last(happenings: Iterable[Happening], verb: str) -> Happening | None:
    """The newest of a verb."""
    found = [happening for happening in happenings if happening.verb == verb]
    return found[-1] if found else None


def _happenings(connection: Connection, condition: ColumnElement[bool]) -> list[Happening]:
    rows = connection.execute(
        select(event.c.record, event_payload.c.value, person.c.name)
        .select_from(event)
        .outerjoin(event_payload, event_payload.c.event_id == event.c.id)
        .outerjoin(person, person.c.id == event.c.actor)
        .where(condition)
        .order_by(event.c.seq)
    ).all()
    return [_happening(row.record, row.value, row.name) for row in rows]


def _happening(record: bytes, payload: bytes | None, name: str | None) -> Happening:
    known = msgspec.json.decode(record)
    body = known["body"] | (msgspec.json.decode(payload) if payload else {})
    return Happening(
        seq=known["seq"],
        at=from_text(known["at"]),
        by=name or ERASED,
        verb=known["verb"],
        subject=known["subject"],
        body=body,
        auth=known["auth"],
    )
