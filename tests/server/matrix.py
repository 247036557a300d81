"""The role matrix: every route x who asks x method x spelling of the path, held against `policy.toml`.

The tests go through what matters of it; all of it, a few hundred thousand requests:

    python -m tests.server.matrix

Requests go into the server's own application, which recognizes the caller, finds the route and asks for the
permission as ever; what would then be done is left out.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ropeway.core.clock import to_text
from ropeway.members.access import by_token
from ropeway.members.operations import add_member, issue_for, remove_member, revoke_any
from ropeway.members.secrets import TOKEN, Secret, draw
from ropeway.members.sessions import begin_session
from ropeway.server.app import ServerApp
from ropeway.server.auth import Visitor
from ropeway.serving.door import Receive, Scope, Send, reply
from ropeway.testing import FixedClock, make_workspace
from ropeway.workspace import LocalWorkspace, Operation, rooms
from ropeway.workspace.operation import OPERATIONS

POLICY = tomllib.loads((Path(__file__).parent / "policy.toml").read_text(encoding="utf-8"))
API = "/api/v1/"
ROLES = ("viewer", "contributor", "approver", "operator", "admin")
LET_IN = 299
"""What the application answers once a request is permitted."""

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
OF_KIND = {
    "query": ("GET", "HEAD", "POST"),
    "command": ("POST",),
    "stream": ("GET", "POST"),
    "job": ("POST",),
}
OF_FIXED = {
    "/api/v1/objects": ("PUT",),
    "/api/v1/session": ("POST", "DELETE"),
    "/v1/traces": ("POST",),
}
READING = ("GET", "HEAD")

STRANGERS = ("nothing", "empty", "basic", "malformed", "unknown", "half", "expired", "revoked", "removed")
STRANGERS += ("other project's", "two headers", "session of a revoked token", "a token as cookie")
NARROWED = ("admin at most viewer", "admin read only", "admin only data:read", "admin at most admin")
MEMBERS = (*ROLES, *NARROWED, "session of an operator")


@dataclass(frozen=True)
class Ask:
    """One request of the matrix."""

    route: str
    who: str
    method: str
    path: str
    override: str = ""


class Doorway(ServerApp):
    """The server up to the moment at which a request is permitted."""

    async def _answer(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        self._permitted(visitor, scope)
        await reply(send, LET_IN, b"")


class Cast:
    """A project with a member of each role, and with every kind of credential that there is."""

    def __init__(self, folder: Path) -> None:
        rooms.load_operations()
        self.clock = FixedClock()
        self.workspace = make_workspace(folder / "project", clock=self.clock)
        self.headers: dict[str, list[tuple[bytes, bytes]]] = {}
        for role in reversed(ROLES):
            add_member(self.workspace, name=f"the {role}", role=role)
            self.headers[role] = _bearer(self.issue(f"the {role}"))
        self._narrow()
        self._be_wrong(folder)

    def issue(self, name: str, workspace: LocalWorkspace | None = None, **wish: Any) -> Secret:
        secret = draw(TOKEN)
        issue_for(workspace or self.workspace, name=name, token=secret.id, digest=secret.digest, **wish)
        return secret

    def session(self, name: str) -> tuple[Secret, Secret]:
        """A token and a session that began with it."""
        token = self.issue(name)
        with self.workspace.ledger.reading() as read:
            access = by_token(read, token.text, to_text(self.clock.now()))
        assert access is not None
        return token, begin_session(self.workspace.ledger, access, self.clock)[0]

    def _narrow(self) -> None:
        wishes: list[dict[str, Any]] = [{"role": "viewer"}, {"read_only": True}, {"only": ["data:read"]}]
        for who, wish in zip(NARROWED, [*wishes, {"role": "admin"}], strict=True):
            self.headers[who] = _bearer(self.issue("the admin", **wish))
        self.headers["session of an operator"] = _cookie(self.session("the operator")[1])

    def _be_wrong(self, folder: Path) -> None:
        admin = self.issue("the admin")
        expired, revoked = self.issue("the admin", lasts="1m"), self.issue("the admin")
        over, session_over = self.session("the admin")
        for each in (revoked, over):
            revoke_any(self.workspace, token=each.id)
        add_member(self.workspace, name="gone", role="admin")
        removed = self.issue("gone")
        remove_member(self.workspace, name="gone")
        self.clock.advance(seconds=61)
        with make_workspace(folder / "other", clock=self.clock) as other:
            add_member(other, name="the admin", role="admin")
            foreign = self.issue("the admin", other)
        self.headers |= {
            "nothing": [],
            "empty": [(b"authorization", b"")],
            "basic": [(b"authorization", b"Basic " + admin.text.encode())],
            "malformed": [(b"authorization", b"Bearer rw_../../x")],
            "unknown": _bearer(draw(TOKEN)),
            "half": _bearer(Secret(TOKEN, admin.id, draw(TOKEN).secret)),
            "expired": _bearer(expired),
            "revoked": _bearer(revoked),
            "removed": _bearer(removed),
            "other project's": _bearer(foreign),
            "two headers": _bearer(draw(TOKEN)) + _bearer(admin),
            "session of a revoked token": _cookie(session_over),
            "a token as cookie": _cookie(admin),
        }


def _bearer(secret: Secret) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", b"Bearer " + secret.text.encode())]


def _cookie(secret: Secret) -> list[tuple[bytes, bytes]]:
    own = [(b"origin", b"http://127.0.0.1:7070"), (b"sec-fetch-site", b"same-origin")]
    return [(b"cookie", b"ropeway_session=" + secret.text.encode()), *own]


def spellings(path: str) -> list[str]:
    """Other ways to write a path, some of which a server may take for the same."""
    dotted = path.replace(".", "%2e") if "." in path else path.replace("/", "/%2e/", 1)
    return [
        path,
        f"{path}/",
        path.replace("/", "//", 1),
        path.replace("/api/", "/api//"),
        dotted,
        path.replace("/", "%2f"),
        path.upper(),
        f"{path}%00",
        f"/./{path[1:]}",
        f"/x/..{path}",
        f"{path};a=b",
        path.replace("/api/v1/", "/ajax-api/2.0/"),
    ]


def routes() -> dict[str, str]:
    """The lowest role by route, as the policy has it."""
    return {**POLICY["fixed"], **{f"{API}{name}": role for name, role in POLICY["operations"].items()}}


def concrete(route: str) -> str:
    """A path of a route, with some name where it has one."""
    return route.replace("{digest}", "0" * 64).replace("{job}", "job_x")


def expected(ask: Ask, lowest: dict[str, str], operations: dict[str, Operation[..., Any]]) -> int:
    """What the policy says to a request."""
    is_that_route = _is_of(unquote(ask.path), ask.route)
    if ask.who in STRANGERS:
        is_open = is_that_route and lowest[ask.route] == "anyone" and ask.who == "nothing"
        return _by_method(ask, operations) if is_open else 401
    if not is_that_route:
        return 404
    if _by_method(ask, operations) == 405:
        return 405
    return LET_IN if may(ask.who, ask.route, lowest) else 403


def _is_of(path: str, route: str) -> bool:
    """Whether a path is this route's; where it ends in a name, any name is."""
    folder, brace, _ = route.partition("{")
    if not brace:
        return path == route
    name = path.removeprefix(folder)
    return path.startswith(folder) and name != "" and "/" not in name


def _by_method(ask: Ask, operations: dict[str, Operation[..., Any]]) -> int:
    return LET_IN if ask.method in _own_methods(ask.route, operations) else 405


def _own_methods(route: str, operations: dict[str, Operation[..., Any]]) -> tuple[str, ...]:
    operation = operations.get(route.removeprefix(API))
    return OF_FIXED.get(route, READING) if operation is None else OF_KIND[operation.kind]


def may(who: str, route: str, lowest: dict[str, str]) -> bool:
    """Whether a member may use a route, by the policy alone."""
    least = lowest[route]
    name = route.removeprefix(API)
    reads = least in ("anyone", "viewer") and name not in POLICY["narrowed"]["never"]
    match who:
        case "admin at most viewer" | "admin read only":
            return reads
        case "admin only data:read":
            return name in POLICY["narrowed"]["data-read"] or route in POLICY["narrowed"]["always"]
        case "admin at most admin":
            return name not in POLICY["narrowed"]["never"]
    role = who.removeprefix("session of an ")
    return least == "anyone" or ROLES.index(role) >= ROLES.index(least)


def differences(app: ServerApp, cast: Cast, asks: Iterable[Ask]) -> tuple[int, list[str]]:
    """How many requests were sent, and each whose answer is not what the policy says."""
    lowest, found, count = routes(), [], 0
    operations = {
        route.operation.name: route.operation for route in app.routes.values() if route.operation is not None
    }

    async def go() -> None:
        nonlocal count
        for count, ask in enumerate(asks, start=1):
            got, wanted = await send(app, cast, ask, count), expected(ask, lowest, operations)
            if got != wanted:
                found.append(f"{ask.method} {ask.path} as {ask.who}: {got}, and the policy says {wanted}")

    asyncio.run(go())
    return count, found


async def send(app: ServerApp, cast: Cast, ask: Ask, number: int) -> int:
    """The status that a request gets. Each comes from an address of its own, so that none is throttled."""
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def take(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"host", b"127.0.0.1:7070"), *cast.headers[ask.who]]
    if ask.override:
        headers += [(b"x-http-method-override", ask.override.encode()), (b"x-original-url", b"/health")]
    scope = {
        "type": "http",
        "method": ask.method,
        "path": unquote(ask.path),
        "query_string": b"",
        "headers": headers,
        "client": (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 1),
    }
    await app(scope, receive, take)
    return status


def every_ask() -> Iterator[Ask]:
    """All of it."""
    for route, who, method in itertools.product(routes(), (*STRANGERS, *MEMBERS), METHODS):
        for path in spellings(concrete(route)):
            yield Ask(route, who, method, path)
        yield Ask(route, who, method, concrete(route), override="GET")


def fair_asks(operations: dict[str, Operation[..., Any]]) -> Iterator[Ask]:
    """What the tests go through: each route and caller by its own method, and the rest more thinly."""
    yield from own_asks(operations, (*STRANGERS, *MEMBERS))
    for number, route in enumerate(routes()):
        path = concrete(route)
        own = _own_methods(route, operations)[-1]
        for method, who in itertools.product(METHODS, ("nothing", "viewer")):
            yield Ask(route, who, method, path)
        # Each spelling with every fourth route.
        for who in ("nothing", "viewer"):
            for spelt in spellings(path)[1 + number % 4 :: 4]:
                yield Ask(route, who, own, spelt)
            yield Ask(route, who, "GET", path, override=own)


def own_asks(operations: dict[str, Operation[..., Any]], who: Iterable[str]) -> Iterator[Ask]:
    """Each route as it is meant to be asked, by each of these."""
    for route, each in itertools.product(routes(), list(who)):
        yield Ask(route, each, _own_methods(route, operations)[-1], concrete(route))


def main() -> None:
    """Go through all of it, and say what differs."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cast = Cast(Path(folder))
        app = Doorway(cast.workspace, OPERATIONS.values())
        count, found = differences(app, cast, every_ask())
        cast.workspace.close()
    seconds = round(time.monotonic() - started, 1)
    json.dump({"routes": len(routes()), "requests": count, "differences": found, "s": seconds}, sys.stdout)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
