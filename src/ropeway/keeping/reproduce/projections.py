"""Reproductions, newest last, by run and by model version."""

from sqlalchemy import Column, Connection, Index, Integer, String, Table

from ropeway.keeping.reproduce.events import RunReproduced
from ropeway.ledger import Fact, add
from ropeway.ledger.projections import projects
from ropeway.ledger.tables import projected

reproduction = Table(
    "reproduction",
    projected,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("model", String, nullable=False),
    Column("evidence", String, nullable=False),
    Index("reproduction_run", "run"),
    Index("reproduction_model", "model"),
)


@projects(RunReproduced)
def _reproduced(fact: Fact[RunReproduced], connection: Connection) -> None:
    told = fact.event
    add(connection, reproduction, seq=fact.seq, run=told.run, model=told.model, evidence=told.evidence)
