"""Issuing, listing and revoking tokens: one's own, and with the permission to manage them, anybody's.

Two operations for each, so that the permission of the route is the whole rule. The caller draws the token
(`secrets.draw`) and sends its id and digest: issuing twice with the same ones issues one.
"""

import json
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, select, true

from ropeway.core.clock import to_text
from ropeway.core.duration import parse_duration
from ropeway.ledger import person
from ropeway.members.errors import BadLifetime, BadToken, TokenExists, UnknownPermission, UnknownToken
from ropeway.members.events import TokenIssued, TokenRevoked
from ropeway.members.projections import member, token, token_use
from ropeway.members.reading import Member, require_member
from ropeway.members.roles import Role, permissions_of
from ropeway.members.secrets import DIGEST_FORM, ID_FORM
from ropeway.workspace import Context, operation

USUAL = "90d"
LONGEST = timedelta(days=366)
SHORTEST = timedelta(minutes=1)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it stands, without what opens. `used_at` is the hour of its last use."""

    id: str
    member: str
    label: str | None
    role: Role | None
    read_only: bool
    only: list[str] | None
    issued_at: str
    issued_by: str
    issued_with: str | None
    expires_at: str
    state: str
    used_at: str | None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a token shall be like."""

    token: str
    digest: str
    label: str | None
    role: Role | None
    read_only: bool
    only: list[str] | None
    lasts: str


@operation("tokens.issue", kind="command", permission="tokens:write")
def issue_own(
    context: Context,
    *,
    token: str,
    digest: str,
    label: str | None = None,
    role: Role | None = None,
    read_only: bool = False,
    only: list[str] | None = None,
    lasts: str = USUAL,
) -> Token:
    """Issue a token for yourself. It may do what you may, or less.

    Args:
        context: the call.
        token: its id, just drawn.
        digest: the SHA-256 of the whole token, which nobody here gets to see.
        label: what it is for.
        role: no more than this role may.
        read_only: only what reads.
        only: these permissions at most.
        lasts: how long, such as `30d`.

    Raises:
        UnknownMember: you are none, so there is nobody to issue it for.
        BadToken, BadLifetime, UnknownPermission: that cannot be.
        TokenExists: the id is another token's.
    """
    wish = Wish(
        token=token, digest=digest, label=label, role=role, read_only=read_only, only=only, lasts=lasts
    )
    context.begin()
    return _issue(context, require_member(context.read, context.actor_name), wish)


@operation("tokens.issue-for", kind="command", permission="tokens:manage")
def issue_for(
    context: Context,
    *,
    name: str,
    token: str,
    digest: str,
    label: str | None = None,
    role: Role | None = None,
    read_only: bool = False,
    only: list[str] | None = None,
    lasts: str = USUAL,
) -> Token:
    """Issue a token for a member, as `tokens.issue` does for oneself; who issued it is on record.

    Raises:
        UnknownMember: nobody has that name.
        BadToken, BadLifetime, UnknownPermission: that cannot be.
        TokenExists: the id is another token's.
    """
    wish = Wish(
        token=token, digest=digest, label=label, role=role, read_only=read_only, only=only, lasts=lasts
    )
    context.begin()
    return _issue(context, require_member(context.read, name), wish)


@operation("tokens.list", kind="query", permission="tokens:read")
def list_own_tokens(context: Context) -> list[Token]:
    """Your tokens, the newest first, those that are over too."""
    return _listed(context, _own(context))


@operation("tokens.list-all", kind="query", permission="tokens:manage")
def list_all_tokens(context: Context) -> list[Token]:
    """Everybody's tokens, the newest first."""
    return _listed(context, true())


@operation("tokens.revoke", kind="command", permission="tokens:write")
def revoke_own(
    context: Context, *, token: str, reason: str | None = None, and_issued: bool = False
) -> list[str]:
    """Revoke a token of yours; it opens nothing from the next request on. Gives the ids that were revoked.

    Args:
        context: the call.
        token: its id.
        reason: why; kept with it.
        and_issued: those too that were issued by whoever came with it, and so on.

    Raises:
        UnknownToken: you have none with that id.
    """
    return _revoke(context, token, reason, _own(context), and_issued=and_issued)


@operation("tokens.revoke-any", kind="command", permission="tokens:manage")
def revoke_any(
    context: Context, *, token: str, reason: str | None = None, and_issued: bool = False
) -> list[str]:
    """Revoke anybody's token, as `tokens.revoke` does one's own.

    Raises:
        UnknownToken: there is none with that id.
    """
    return _revoke(context, token, reason, true(), and_issued=and_issued)


def _issue(context: Context, owner: Member, wish: Wish) -> Token:
    lasts = _check(wish)
    same = (token.c.id == wish.token) & (token.c.digest == wish.digest) & (token.c.person == owner.person)
    if context.read.execute(select(token.c.id).where(token.c.id == wish.token)).first() is not None:
        issued = _listed(context, same)
        if not issued:
            raise TokenExists(wish.token)
        return issued[0]
    context.append(
        TokenIssued(
            token=wish.token,
            person=owner.person,
            label=wish.label,
            digest=wish.digest,
            role=wish.role,
            read_only=wish.read_only,
            only=None if wish.only is None else sorted(set(wish.only)),
            expires_at=to_text(context.clock.now() + lasts),
            issued_with=context.caller.credential or None,
        )
    )
    return _listed(context, same)[0]


def _check(wish: Wish) -> timedelta:
    """How long it lasts, once all that is wished for can be."""
    if not ID_FORM.fullmatch(wish.token):
        raise BadToken("id")
    if not DIGEST_FORM.fullmatch(wish.digest):
        raise BadToken("digest")
    every = permissions_of("admin")
    for permission in wish.only or []:
        if permission not in every:
            raise UnknownPermission(permission, every)
    try:
        lasts = parse_duration(wish.lasts)
    except ValueError as error:
        raise BadLifetime(wish.lasts, "that is no length of time") from error
    if not SHORTEST <= lasts <= LONGEST:
        raise BadLifetime(wish.lasts, "at least a minute, and at most 366 days")
    return lasts


def _own(context: Context) -> ColumnElement[bool]:
    if context.caller.person is not None:
        return token.c.person == context.caller.person
    mine = select(member.c.person).where(member.c.name == context.actor_name)
    return token.c.person.in_(mine)


def _listed(context: Context, where: ColumnElement[bool]) -> list[Token]:
    query = (
        select(token, member.c.name.label("owner"), person.c.name.label("issuer"), token_use.c.used_at)
        .join_from(token, member, member.c.person == token.c.person)
        .outerjoin(person, person.c.id == token.c.issued_by)
        .outerjoin(token_use, token_use.c.token == token.c.id)
        .where(where)
        .order_by(token.c.seq.desc())
    )
    now = to_text(context.clock.now())
    return [_token(row, now) for row in context.read.execute(query)]


def _token(row: Row[Any], now: str) -> Token:
    over = "expired" if row.expires_at <= now else "live"
    return Token(
        id=row.id,
        member=row.owner or row.person,
        label=row.label,
        role=row.role,
        read_only=row.read_only,
        only=None if row.only is None else json.loads(row.only),
        issued_at=row.issued_at,
        issued_by=row.issuer or row.issued_by,
        issued_with=row.issued_with,
        expires_at=row.expires_at,
        state=over if row.revoked_at is None else "revoked",
        used_at=row.used_at,
    )


def _revoke(
    context: Context,
    id: str,  # noqa: A002  a token's
    reason: str | None,
    where: ColumnElement[bool],
    *,
    and_issued: bool,
) -> list[str]:
    context.begin()
    known = context.read.execute(select(token.c.id, token.c.person).where(where)).all()
    if id not in {row.id for row in known}:
        raise UnknownToken(id[:80], [row.id for row in known])
    revoked: list[str] = []
    todo = [id]
    while todo:
        each = todo.pop()
        row = context.read.execute(select(token.c.revoked_at).where(token.c.id == each)).one()
        if row.revoked_at is None:
            context.append(TokenRevoked(token=each, reason=reason))
            revoked.append(each)
        if and_issued:
            todo += context.read.execute(select(token.c.id).where(token.c.issued_with == each)).scalars()
    return revoked
