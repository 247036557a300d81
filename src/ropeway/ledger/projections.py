"""How events move the tables that answer questions, and how those tables are made anew.

A handler is a pure function of its fact and the tables: no clock, no randomness, no files. So replaying all
events into empty tables gives the same rows; a test holds that.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from ropeway.core.hashing import digest_bytes
from ropeway.ledger.event import Event, Fact
from ropeway.ledger.making import statements
from ropeway.ledger.people import PersonIntroduced
from ropeway.ledger.tables import edge, person, projected
from ropeway.ledger.upsert import add, keep_first

E = TypeVar("E", bound=Event)
Handler = Callable[[Fact[Any], Connection], None]

_handlers: dict[type[Event], list[Handler]] = defaultdict(list)


def projects(
    cls: type[E],
) -> Callable[[Callable[[Fact[E], Connection], None]], Callable[[Fact[E], Connection], None]]:
    """Register a handler for one event class. It runs in the transaction that appends the event."""

    def register(handler: Callable[[Fact[E], Connection], None]) -> Callable[[Fact[E], Connection], None]:
        names = [f"{known.__module__}.{known.__qualname__}" for known in _handlers[cls]]
        if f"{handler.__module__}.{handler.__qualname__}" not in names or handler.__name__ == "_":
            _handlers[cls].append(handler)
        return handler

    return register


def apply(fact: Fact[Any], connection: Connection) -> None:
    """Move every projection, and draw the event's edges."""
    drawn = [
        {"upstream": each.upstream, "relation": each.relation, "downstream": each.downstream, "seq": fact.seq}
        for each in fact.event.edges()
    ]
    keep_first(connection, edge, *drawn)
    for handler in _handlers[type(fact.event)]:
        handler(fact, connection)


def shape() -> str:
    """A digest of the projections' shape: when it changes, they are rebuilt."""
    parts: list[str] = []
    for table in projected.sorted_tables:
        parts.extend(statements(table))
        parts.append(f"revision {table.info.get('revision', 0)}")
    return digest_bytes("\n".join(parts).encode())


def projected_rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every projection's rows, sorted: what a replay must give again."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in projected.sorted_tables
    }


@projects(PersonIntroduced)
def _introduce(fact: Fact[PersonIntroduced], connection: Connection) -> None:
    add(connection, person, id=fact.event.person, name=fact.event.name, seq=fact.seq)
