"""An event, its table and its handler, for tests of the ledger itself."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Column, Float, Integer, String, Table, select

from ropeway.core.ids import PersonId
from ropeway.ledger import Edge, Event, Fact, Ledger, add, event, projected, projects
from ropeway.workspace import rooms

rooms.load_projections()
ANA = PersonId("person_ana")

trial = Table(
    "trial",
    projected,
    Column("number", Integer, primary_key=True),
    Column("note", String),
    Column("amount", Float),
    Column("at", String),
)


@event("trial-held", erasable=("note",))
class TrialHeld(Event, frozen=True, kw_only=True):
    number: int
    note: str | None = None
    amount: float | None = None
    free: dict[str, int | float] = msgspec.field(default_factory=dict)

    def subject(self) -> str:
        return f"trial:{self.number}"

    def edges(self) -> Iterable[Edge]:
        yield Edge("trial:0", "before", self.subject())


@projects(TrialHeld)
def _hold(fact: Fact[TrialHeld], connection) -> None:
    held = fact.event
    at = fact.at.isoformat()
    add(connection, trial, number=held.number, note=held.note, amount=held.amount, at=at)


def hold(ledger: Ledger, *numbers: int, note: str | None = None) -> None:
    with ledger.transaction() as transaction:
        for number in numbers:
            transaction.append(TrialHeld(number=number, note=note), actor=ANA)


def numbers_of(ledger: Ledger) -> list[int]:
    with ledger.reading() as connection:
        return list(connection.execute(select(trial.c.number).order_by(trial.c.number)).scalars())


def facts_of(ledger: Ledger) -> list[Fact]:
    with ledger.reading() as connection:
        return list(ledger.facts(connection))
