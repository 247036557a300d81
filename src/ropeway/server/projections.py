"""The table of jobs."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, String, Table, update

from ropeway.core.clock import to_text
from ropeway.core.hashing import digest_json
from ropeway.core.ids import Digest, PersonId
from ropeway.ledger import Fact, add, projected, projects
from ropeway.server.events import JobAccepted, JobFinished

job = Table(
    "job",
    projected,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False, unique=True),
    Column("operation", String, nullable=False),
    Column("server", String, nullable=False),
    # Who asked, and with which arguments, as a digest; NULL once they are erased.
    Column("asked", String),
    Column("accepted_at", String, nullable=False),
    Column("finished_at", String),
    Column("succeeded", Boolean),
    Column("outcome", String),
)


def asked_for(actor: PersonId, arguments: Mapping[str, Any]) -> Digest:
    """What tells whether a repeated key repeats the same request."""
    return digest_json([actor, arguments])


@projects(JobAccepted)
def _accept(fact: Fact[JobAccepted], connection: Connection) -> None:
    add(
        connection,
        job,
        id=fact.event.job,
        seq=fact.seq,
        operation=fact.event.operation,
        server=fact.event.server,
        asked=None if fact.event.arguments is None else asked_for(fact.actor, fact.event.arguments),
        accepted_at=to_text(fact.at),
    )


@projects(JobFinished)
def _finish(fact: Fact[JobFinished], connection: Connection) -> None:
    connection.execute(
        update(job)
        .where(job.c.id == fact.event.job)
        .values(finished_at=to_text(fact.at), succeeded=fact.event.succeeded, outcome=fact.event.outcome)
    )
