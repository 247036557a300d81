"""The workspace's own operations: reading history, and following it."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import select

from ropeway.core.ids import Digest
from ropeway.ledger import person
from ropeway.ledger.tables import event
from ropeway.store.errors import ObjectMissing
from ropeway.workspace.context import Context
from ropeway.workspace.operation import Limit, operation
from ropeway.workspace.project import Project
from ropeway.workspace.rules import told

FOLLOW_EVERY_S = 0.2


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event, as people read it. `by` is the actor's name, or their id once the name is erased.

    `auth` says how they proved who they are: "none" for a local caller, "token" or "session".
    """

    seq: int
    at: str
    by: str
    verb: str
    subject: str
    body: dict[str, Any]
    auth: str = "none"


@operation("ledger.events", kind="query", permission="ledger:read")
def list_events(
    context: Context,
    *,
    after: int = 0,
    limit: Limit = 100,
    subject: str = "",
    verb: str = "",
    newest: bool = False,
) -> list[HistoryItem]:
    """Events in order, oldest first.

    Args:
        context: the call.
        after: only those with a higher sequence number.
        limit: how many at the most.
        subject: only those whose subject begins so, such as `model:sentiment`.
        verb: only those of this verb.
        newest: take the last `limit` of them rather than the first.
    """
    query = select(event, person.c.name).outerjoin_from(event, person, person.c.id == event.c.actor)
    query = query.where(event.c.seq > after).limit(limit)
    if subject:
        query = query.where(event.c.subject.startswith(subject, autoescape=True))
    if verb:
        query = query.where(event.c.verb == verb)
    rows = context.read.execute(query.order_by(event.c.seq.desc() if newest else event.c.seq)).all()
    records = [msgspec.json.decode(row.record) for row in rows]
    items = [
        HistoryItem(
            seq=row.seq,
            at=row.at,
            by=row.name or row.actor,
            verb=row.verb,
            subject=row.subject,
            body=record["body"],
            auth=record["auth"],
        )
        for row, record in zip(rows, records, strict=True)
    ]
    return items[::-1] if newest else items


@operation("ledger.follow", kind="stream", permission="ledger:read")
def follow_events(context: Context, *, after: int = 0) -> Iterator[HistoryItem]:
    """Events as they happen, from a sequence number on, without end. The cursor is `seq`."""
    while True:
        with context.again() as look:
            items = list_events.function(look, after=after)
        yield from items
        if items:
            after = items[-1].seq
        else:
            time.sleep(FOLLOW_EVERY_S)


@operation("workspace.project", kind="query", permission="project:read")
def show_project(context: Context) -> Project:
    """The project file by which operations here go, but for where alerts are sent to."""
    return told(context.project)


@operation("objects.sizes", kind="query", permission="objects:read")
def object_sizes(context: Context, *, digests: list[Digest]) -> dict[Digest, int]:
    """Those of some objects that the store has, each with its size in bytes; the others are left out."""
    sizes = {}
    for digest in digests:
        try:
            sizes[digest] = context.store.size(digest)
        except ObjectMissing:
            continue
    return sizes
