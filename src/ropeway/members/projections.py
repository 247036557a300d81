"""The tables of members and tokens, and two that are no history: sessions, and when a token was last used.

Whoever was ever added has a row, so that a server that once asked who is calling never stops asking.
"""

import json

from sqlalchemy import Boolean, Column, Connection, Index, Integer, String, Table, delete, update

from ropeway.core.clock import to_text
from ropeway.ledger import Fact, add, projected, projects
from ropeway.ledger.tables import recorded
from ropeway.members.events import MemberAdded, MemberRemoved, RoleGranted, TokenIssued, TokenRevoked

member = Table(
    "member",
    projected,
    Column("person", String, primary_key=True),
    Column("name", String),
    # NULL once they were removed.
    Column("role", String),
    Column("since", String, nullable=False),
    Column("seq", Integer, nullable=False),
)

token = Table(
    "token",
    projected,
    Column("id", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("label", String),
    # NULL once it is erased: it then opens nothing.
    Column("digest", String),
    Column("role", String),
    Column("read_only", Boolean, nullable=False),
    # A JSON list, or NULL.
    Column("only", String),
    Column("issued_at", String, nullable=False),
    Column("issued_by", String, nullable=False),
    Column("issued_with", String),
    Column("expires_at", String, nullable=False),
    Column("revoked_at", String),
    Column("seq", Integer, nullable=False),
    Index("token_person", "person"),
    Index("token_issued_with", "issued_with"),
)

# No history. A session that is lost is begun anew; of one that was ended, nothing is worth keeping.
session = Table(
    "session",
    recorded,
    Column("id", String, primary_key=True),
    Column("token", String, nullable=False, index=True),
    Column("digest", String, nullable=False),
    Column("began_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
)

# No history either: the hour in which a token was last used.
token_use = Table(
    "token_use",
    recorded,
    Column("token", String, primary_key=True),
    Column("used_at", String, nullable=False),
)


@projects(MemberAdded)
def _add(fact: Fact[MemberAdded], connection: Connection) -> None:
    added = fact.event
    # Who comes back is the person that they were; their former tokens stay revoked.
    connection.execute(delete(member).where(member.c.person == added.person))
    add(
        connection,
        member,
        person=added.person,
        name=added.name,
        role=added.role,
        since=to_text(fact.at),
        seq=fact.seq,
    )


@projects(RoleGranted)
def _grant(fact: Fact[RoleGranted], connection: Connection) -> None:
    connection.execute(
        update(member).where(member.c.person == fact.event.person).values(role=fact.event.role)
    )


@projects(MemberRemoved)
def _remove(fact: Fact[MemberRemoved], connection: Connection) -> None:
    connection.execute(update(member).where(member.c.person == fact.event.person).values(role=None))
    connection.execute(
        update(token)
        .where((token.c.person == fact.event.person) & token.c.revoked_at.is_(None))
        .values(revoked_at=to_text(fact.at))
    )


@projects(TokenIssued)
def _issue(fact: Fact[TokenIssued], connection: Connection) -> None:
    issued = fact.event
    add(
        connection,
        token,
        id=issued.token,
        person=issued.person,
        label=issued.label,
        digest=issued.digest,
        role=issued.role,
        read_only=issued.read_only,
        only=None if issued.only is None else json.dumps(issued.only),
        issued_at=to_text(fact.at),
        issued_by=fact.actor,
        issued_with=issued.issued_with,
        expires_at=issued.expires_at,
        seq=fact.seq,
    )


@projects(TokenRevoked)
def _revoke(fact: Fact[TokenRevoked], connection: Connection) -> None:
    connection.execute(
        update(token)
        .where((token.c.id == fact.event.token) & token.c.revoked_at.is_(None))
        .values(revoked_at=to_text(fact.at))
    )
