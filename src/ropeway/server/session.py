"""Signing in and out, and who one is: the three paths that are about the caller and no operation."""

import asyncio

import msgspec

from ropeway.core.clock import from_text
from ropeway.members.access import Access
from ropeway.members.secrets import SESSION, parse
from ropeway.members.sessions import begin_session, end_session
from ropeway.server.auth import Visitor
from ropeway.server.cookies import clear_cookie, session_cookie, set_cookie
from ropeway.server.errors import NoMembers, SignInRequired
from ropeway.serving.door import JSON_HEADERS, Scope, Send, reply
from ropeway.workspace import LocalWorkspace


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who the caller is to this server. `role` is null where the project has no members."""

    name: str
    person: str | None
    role: str | None
    auth: str
    token: str | None
    expires_at: str | None
    permissions: list[str]


def about(visitor: Visitor) -> Me:
    """What a visitor is told of themselves."""
    caller = visitor.caller
    return Me(
        name=caller.name,
        person=caller.person,
        role=visitor.role,
        auth=caller.auth,
        token=caller.credential or None,
        expires_at=visitor.expires_at,
        permissions=sorted(caller.allowed or ()),
    )


async def give_me(visitor: Visitor, send: Send) -> None:
    """Answer who the caller is."""
    await reply(send, 200, msgspec.json.encode(about(visitor)))


async def sign_in(workspace: LocalWorkspace, visitor: Visitor, scope: Scope, send: Send) -> None:
    """Exchange the token that the request carries for a session's cookie.

    Raises:
        NoMembers: nobody needs to sign in here.
        SignInRequired: it carries a session, and no token.
    """
    if visitor.role is None or visitor.expires_at is None:
        raise NoMembers
    if visitor.caller.auth != "token":
        raise SignInRequired
    access = Access(caller=visitor.caller, role=visitor.role, expires_at=visitor.expires_at)
    secret, until = await asyncio.to_thread(begin_session, workspace.ledger, access, workspace.clock)
    cookie = set_cookie(scope, secret.text, workspace.clock.now(), from_text(until))
    said = msgspec.structs.replace(about(visitor), auth="session", expires_at=until)
    await reply(send, 200, msgspec.json.encode(said), [*JSON_HEADERS, cookie])


async def sign_out(workspace: LocalWorkspace, scope: Scope, send: Send) -> None:
    """End the session that the request carries, and take its cookie back."""
    secret = parse(session_cookie(scope) or "", SESSION)
    if secret is not None:
        await asyncio.to_thread(end_session, workspace.ledger, secret.id)
    await reply(send, 200, b'{"signed_out":true}', [*JSON_HEADERS, clear_cookie(scope)])
