"""Who is at the door: a request becomes a caller with a person, a role and permissions, or is refused.

A project without members is open to whoever reaches the server, which is then on loopback: as its owner
started it, and able to do all but make members and tokens. From the first member on every request needs a
token (`Authorization: Bearer rw_…`) or the cookie of a session. Each is looked up anew in the database, so
that what was revoked, is over or was changed holds at once, whichever process is asked. Members and tokens
change by events alone: where the database can tell in passing that none happened meanwhile (`Watch`), the
answer from before is still true of them, until the token's time is over. Sessions change without.

A stranger gets 401 for every path, whether there is such a route or not; only `/health` answers.
"""

import asyncio
import hashlib
import logging
from collections.abc import Iterable

import msgspec

from ropeway.core.clock import to_text
from ropeway.core.errors import RopewayError
from ropeway.ledger.database import Watch
from ropeway.members.access import Access, by_session, by_token, has_members
from ropeway.members.roles import HEALTH, MANAGING, Role
from ropeway.members.secrets import TOKEN, parse
from ropeway.members.sessions import USE_LENGTH, note_use
from ropeway.server.attempts import Attempts
from ropeway.server.cookies import check_cookie_use, clear_cookie, session_cookie
from ropeway.server.errors import (
    CookieRefused,
    SessionOver,
    SignInRequired,
    TokenRefused,
    TooManyAttempts,
)
from ropeway.server.refusals import RefusalLog
from ropeway.serving.door import Scope
from ropeway.serving.errors import ForeignOrigin, Misdirected
from ropeway.workspace import Caller, LocalWorkspace
from ropeway.workspace.errors import PermissionDenied

logger = logging.getLogger("ropeway.server")

RECHECK_S = 0.5
"""How often it is asked whether the caller of an open stream may still have it."""
MAX_NOTED = 10_000
MAX_RECOGNIZED = 1_000

TOLD = (
    SignInRequired,
    TokenRefused,
    SessionOver,
    TooManyAttempts,
    CookieRefused,
    PermissionDenied,
    ForeignOrigin,
    Misdirected,
)
"""Refusals that are told of: of access, not of what the project's rules say."""

STRANGER = Caller(name="", allowed=frozenset({HEALTH}))


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: `role` and `expires_at` where it is a member, who came with a token or a session."""

    caller: Caller
    role: Role | None = None
    expires_at: str | None = None

    @property
    def is_stranger(self) -> bool:
        """Whether nobody knows them, where one must be known."""
        return self.caller is STRANGER


class Gatekeeper:
    """Recognizes callers. For one event loop.

    Args:
        workspace: whose members they are.
        permissions: those of all routes, which a caller has where there are no members.
    """

    def __init__(self, workspace: LocalWorkspace, permissions: Iterable[str]) -> None:
        self._workspace = workspace
        self._watch = workspace.ledger.watch()
        self._mark: str | None = None
        self._recognized: dict[bytes, Visitor] = {}
        self._open = Visitor(
            caller=Caller(name=workspace.actor_name, allowed=frozenset(permissions) - MANAGING)
        )
        self._attempts = Attempts()
        self._refusals = RefusalLog(workspace.home, workspace.clock)
        self._noted: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def recognize(self, scope: Scope) -> Visitor:
        """Who sends a request.

        Raises:
            TokenRefused, SessionOver: what they show opens nothing, or not any more.
            TooManyAttempts: the same, once too often.
            CookieRefused: a browser sent its cookie, and does not say for which page.
        """
        bearer, cookie = _shown(scope)
        # A file answers in less than it takes to hand the question to a thread; a server may take its time.
        if self._watch is None:
            visitor = await asyncio.to_thread(self._look_up, bearer, cookie)
        elif cookie is not None:
            visitor = self._look_up(bearer, cookie)
        else:
            visitor = self._recall(self._watch, bearer)
        if visitor is None:
            wait_s = self._attempts.wrong(_address(scope))
            if wait_s is not None:
                raise TooManyAttempts(wait_s)
            raise TokenRefused if bearer is not None else SessionOver(clear_cookie(scope))
        if visitor.caller.auth == "session":
            check_cookie_use(scope)
        if visitor.caller.credential:
            self._note(visitor.caller.credential)
        return visitor

    async def until_over(self, scope: Scope, permission: str) -> None:
        """Return once the sender of a request may no longer have what they were let in for."""
        bearer, cookie = _shown(scope)
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                visitor = await asyncio.to_thread(self._look_up, bearer, cookie)
            except RopewayError:
                # Who cannot be asked about may not go on; they will come again.
                return
            if visitor is None or not visitor.caller.may(permission):
                return

    def tell(self, scope: Scope, error: RopewayError, by: str) -> None:
        """Write down that a request was refused, unless its sender's are too many to be told one by one."""
        address = _address(scope)
        if not isinstance(error, TOLD) or not self._attempts.tells(address):
            return
        bearer, _ = _shown(scope)
        shown = None if bearer is None else parse(bearer, TOKEN)
        self._refusals.tell(
            code=error.code,
            address=address,
            method=scope["method"],
            path=scope["path"],
            by=by,
            token="" if shown is None else shown.id,
        )

    def close(self) -> None:
        """Let go of the database."""
        if self._watch is not None:
            self._watch.close()

    def _recall(self, watch: Watch, bearer: str | None) -> Visitor | None:
        """As `_look_up` of a token or of nothing, from before where no event has happened since."""
        # First: what happens while one is looked up must end what was found then.
        mark = watch.mark()
        if mark is None or mark != self._mark:
            self._recognized.clear()
        self._mark = mark
        shown = _fingerprint(bearer)
        known = self._recognized.get(shown)
        if known is not None and not self._is_over(known):
            return known
        visitor = self._look_up(bearer, None)
        # Whom nobody knows is looked up each time.
        if mark is not None and visitor is not None and not visitor.is_stranger:
            if len(self._recognized) >= MAX_RECOGNIZED:
                self._recognized.clear()
            self._recognized[shown] = visitor
        return visitor

    def _is_over(self, visitor: Visitor) -> bool:
        return visitor.expires_at is not None and visitor.expires_at <= to_text(self._workspace.clock.now())

    def _look_up(self, bearer: str | None, cookie: str | None) -> Visitor | None:
        """Who shows this, in one question where it is right; None where it is wrong."""
        now = to_text(self._workspace.clock.now())
        access: Access | None = None
        with self._workspace.ledger.reading() as read:
            if bearer is not None:
                access = by_token(read, bearer, now)
            elif cookie is not None:
                access = by_session(read, cookie, now)
            if access is not None:
                return Visitor(caller=access.caller, role=access.role, expires_at=access.expires_at)
            if not has_members(read):
                return self._open
        return None if bearer is not None or cookie is not None else Visitor(caller=STRANGER)

    def _note(self, token: str) -> None:
        """Let the hour of a token's last use be written, once an hour and beside the request."""
        hour = to_text(self._workspace.clock.now())[:USE_LENGTH]
        if self._noted.get(token) == hour:
            return
        if len(self._noted) >= MAX_NOTED:
            self._noted.clear()
        self._noted[token] = hour
        task = asyncio.create_task(self._note_down(token, hour))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _note_down(self, token: str, hour: str) -> None:
        try:
            await asyncio.to_thread(note_use, self._workspace.ledger, token, hour)
        except RopewayError as error:
            # Nobody's request depends on it: it is noted at a later one.
            logger.warning("the use of a token could not be noted: %s", error.code)
            self._noted.pop(token, None)


def _shown(scope: Scope) -> tuple[str | None, str | None]:
    """The token and the session that a request shows; "" stands for what cannot be one.

    A token goes before a cookie, and is not made up for by it.
    """
    given = [bytes(value) for name, value in scope["headers"] if name == b"authorization"]
    if not given:
        return None, session_cookie(scope)
    scheme, _, text = given[0].decode("latin-1").partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        return "", None
    return text.strip(), None


def _fingerprint(bearer: str | None) -> bytes:
    """What stands in memory for a token, which itself is not kept; nothing for none."""
    return b"" if bearer is None else hashlib.sha256(bearer.encode("utf-8", "surrogatepass")).digest()


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
