"""What the ledger says about one thing: its events in order, and its neighbours by lineage edges."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from ropeway.core.clock import from_text
from ropeway.ledger import edge, person
from ropeway.ledger.tables import event, event_payload

ERASED = "erased"
"""Stands where a person's name or another erasable value is gone."""


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


def subjects(connection: Connection, kind: str) -> list[str]:
    """The ids of all things of a kind that events are about, oldest first."""
    rows = connection.execute(
        select(event.c.subject)
        .where(event.c.subject.startswith(f"{kind}:", autoescape=True))
        .order_by(event.c.seq)
    ).scalars()
    return list(dict.fromkeys(subject.removeprefix(f"{kind}:") for subject in rows))


def last(happenings: Iterable[Happening], verb: str) -> Happening | None:
    """The newest of a verb."""
    found = [happening for happening in happenings if happening.verb == verb]
    return found[-1] if found else None


def _happenings(connection: Connection, condition: Any) -> list[Happening]:
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
