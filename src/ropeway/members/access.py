"""Who a token or a session belongs to, now. One question to the database for each request, and no memory.

So a revoked token, one that is over, a role that changed: each holds from the next request on, on every
process that serves this workspace.
"""

import json
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, select

from ropeway.core.ids import PersonId
from ropeway.ledger.tables import event
from ropeway.members.projections import member, session, token
from ropeway.members.roles import Role, narrowed
from ropeway.members.secrets import SESSION, TOKEN, Secret, parse
from ropeway.workspace import Caller

# History never runs backwards, so a clock that was set back does not bring back what was over before.
_LAST_EVENT = select(event.c.at).order_by(event.c.seq.desc()).limit(1).scalar_subquery()

_KNOWN = [
    token.c.id,
    token.c.person,
    token.c.role.label("at_most"),
    token.c.read_only,
    token.c.only,
    token.c.expires_at,
    token.c.revoked_at,
    member.c.name,
    member.c.role,
    _LAST_EVENT.label("last_at"),
]
# Built once: putting a statement together costs more than running it.
_BY_TOKEN = (
    select(*_KNOWN, token.c.digest)
    .join_from(token, member, member.c.person == token.c.person)
    .where(token.c.id == bindparam("id"))
)
_BY_SESSION = (
    select(*_KNOWN, session.c.digest, session.c.expires_at.label("session_expires_at"))
    .join_from(session, token, token.c.id == session.c.token)
    .join(member, member.c.person == token.c.person)
    .where(session.c.id == bindparam("id"))
)
_ANY_MEMBER = select(member.c.person).limit(1)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a recognized caller has, and until when."""

    caller: Caller
    role: Role
    expires_at: str


def has_members(read: Connection) -> bool:
    """Whether this project ever had a member, so that a server must know who is calling."""
    return read.execute(_ANY_MEMBER).first() is not None


def by_token(read: Connection, text: str, now: str) -> Access | None:
    """Whose token this is; None where it is nobody's any more, or never was."""
    return _recognized(read, _BY_TOKEN, parse(text, TOKEN), now)


def by_session(read: Connection, text: str, now: str) -> Access | None:
    """Whose session this is, as `by_token`."""
    return _recognized(read, _BY_SESSION, parse(text, SESSION), now)


def _recognized(read: Connection, query: Select[Any], secret: Secret | None, now: str) -> Access | None:
    if secret is None:
        return None
    row = read.execute(query, {"id": secret.id}).first()
    # Compared even where nothing was found: who asks cannot tell the one from the other by the time it takes.
    if not secret.fits(None if row is None else row.digest) or row is None:
        return None
    now = max(now, row.last_at or now)
    until = min(row.expires_at, getattr(row, "session_expires_at", row.expires_at))
    if row.revoked_at is not None or row.role is None or until <= now:
        return None
    return Access(caller=_caller(row, secret.kind), role=row.role, expires_at=until)


def _caller(row: Row[Any], kind: str) -> Caller:
    only = None if row.only is None else json.loads(row.only)
    return Caller(
        name=row.name or row.person,
        person=PersonId(row.person),
        auth="token" if kind == TOKEN else "session",
        allowed=narrowed(row.role, at_most=row.at_most, read_only=row.read_only, only=only),
        credential=row.id,
    )
