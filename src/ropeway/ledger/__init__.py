"""Facts, lineage edges and projections. Only this room writes history.

The ledger is the truth: one append-only table of events with a gapless sequence. Every table that answers
questions is a projection, moved in the same transaction as its event and rebuilt by replaying them.
"""

from ropeway.ledger.event import Edge, Event, Fact, event
from ropeway.ledger.journal import Ledger
from ropeway.ledger.projections import projects
from ropeway.ledger.tables import edge, person, projected
from ropeway.ledger.transaction import Transaction
from ropeway.ledger.upsert import add, keep_first, keep_latest

__all__ = [
    "Edge",
    "Event",
    "Fact",
    "Ledger",
    "Transaction",
    "add",
    "edge",
    "event",
    "keep_first",
    "keep_latest",
    "person",
    "projected",
    "projects",
]
