"""The table that says which profile each version is held against."""

from sqlalchemy import Column, Connection, Integer, PrimaryKeyConstraint, String, Table, delete, insert

from ropeway.core.clock import to_text
from ropeway.ledger import Fact, projected, projects
from ropeway.models.events import ReferenceProfiled

model_reference = Table(
    "model_reference",
    projected,
    Column("name", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("profile", String, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("judged_rows", Integer, nullable=False),
    Column("at", String, nullable=False),
    PrimaryKeyConstraint("name", "number"),
)


@projects(ReferenceProfiled)
def _profile(fact: Fact[ReferenceProfiled], connection: Connection) -> None:
    made = fact.event
    # The latest holds.
    where = (model_reference.c.name == made.name) & (model_reference.c.number == made.number)
    connection.execute(delete(model_reference).where(where))
    connection.execute(
        insert(model_reference).values(
            name=made.name,
            number=made.number,
            profile=made.profile,
            rows=made.rows,
            judged_rows=made.judged_rows,
            at=to_text(fact.at),
        )
    )
