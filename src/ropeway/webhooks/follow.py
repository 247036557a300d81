"""How far each webhook has been told, and what comes next: the ledger itself is the queue.

Nothing is written down to be sent. A cursor for each webhook says which event was the last of which it took
every message; what came after is read from the ledger when its turn has come.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from ropeway.core.clock import from_text
from ropeway.ledger import Fact, Ledger, keep_latest
from ropeway.ledger.tables import event as events
from ropeway.webhooks.messages import VERBS, told_of
from ropeway.webhooks.projections import webhook as table
from ropeway.webhooks.projections import webhook_progress
from ropeway.webhooks.send import Message, delivery_id

AT_ONCE = 100
"""Events that are looked at before the database is asked for more."""


class Follower(NamedTuple):
    """A webhook that is told what happens, and how far it has come.

    It took every message of the events up to `upto`, and of the one after that the first `parts`.
    """

    webhook: str
    topics: frozenset[str]
    upto: int
    parts: int
    fails: int
    next_at: datetime | None


class Next(NamedTuple):
    """An event, and its messages for one webhook that are still to be sent, each with its place."""

    fact: Fact[Any]
    messages: list[tuple[int, Message]]


def head_of(read: Connection) -> int:
    """The last event that there is."""
    found: int = read.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one()
    return found


def followers(read: Connection) -> list[Follower]:
    """Every webhook that is active."""
    joined = table.outerjoin(webhook_progress, webhook_progress.c.webhook == table.c.id)
    query = select(table, webhook_progress).select_from(joined).where(table.c.is_active)
    return [_follower(row) for row in read.execute(query.order_by(table.c.seq))]


def _follower(row: Any) -> Follower:
    # What it slept through is behind it, and so is what it had half taken.
    is_behind = row.upto is None or row.upto < row.since
    return Follower(
        webhook=row.id,
        topics=frozenset(row.topics.split()),
        upto=row.since if is_behind else row.upto,
        parts=0 if is_behind else row.parts,
        fails=0 if row.fails is None else row.fails,
        next_at=None if not row.fails else from_text(row.next_at),
    )


def upcoming(ledger: Ledger, read: Connection, follower: Follower) -> list[Next]:
    """The next events of which a webhook is told, in their order; nothing where there is none yet."""
    after = follower.upto
    while True:
        query = select(events.c.seq).where((events.c.seq > after) & events.c.verb.in_(VERBS))
        numbers = list(read.execute(query.order_by(events.c.seq).limit(AT_ONCE)).scalars())
        found = [each for number in numbers if (each := _next(ledger, read, follower, number)) is not None]
        if found or len(numbers) < AT_ONCE:
            return found
        after = numbers[-1]


def _next(ledger: Ledger, read: Connection, follower: Follower, number: int) -> Next | None:
    fact = next(ledger.facts(read, after=number - 1, limit=1))
    first = follower.parts if number == follower.upto + 1 else 0
    messages = [
        (
            place,
            Message(
                id=delivery_id(follower.webhook, fact.id, place), topic=each.topic, at=fact.at, data=each.data
            ),
        )
        for place, each in enumerate(told_of(read, fact))
        if place >= first and each.topic in follower.topics
    ]
    return Next(fact, messages) if messages else None


def note(connection: Connection, follower: Follower, *, next_at: str = "", says: str = "") -> None:
    """Write down how far a webhook has come, in a write transaction; nothing of one that is gone by now."""
    if connection.execute(select(table.c.id).where(table.c.id == follower.webhook)).first() is None:
        return
    keep_latest(
        connection,
        webhook_progress,
        webhook=follower.webhook,
        upto=follower.upto,
        parts=follower.parts,
        fails=follower.fails,
        next_at=next_at,
        says=says,
    )
