"""Every route against the written policy, for everybody, in every way: and that a slip would be noticed."""

from collections.abc import Iterator
from typing import get_args

import httpx
import pytest
from tests.server.conftest import Server
from tests.server.matrix import (
    LET_IN,
    ROLES,
    Cast,
    Doorway,
    concrete,
    differences,
    fair_asks,
    may,
    own_asks,
    routes,
)

from ropeway.cli import members as cli
from ropeway.members import roles
from ropeway.server.auth import Visitor
from ropeway.server.routes import make_routes
from ropeway.serving.door import Receive, Scope, Send, reply
from ropeway.workspace import Context, Operation, rooms
from ropeway.workspace.operation import OPERATIONS


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    made = Cast(tmp_path_factory.mktemp("cast"))
    yield made
    made.workspace.close()


rooms.load_operations()


def ours() -> dict[str, Operation[..., object]]:
    return {name: each for name, each in OPERATIONS.items() if each.__module__.startswith("ropeway.")}


def test_the_policy_names_every_route_and_no_other() -> None:
    assert set(routes()) == set(make_routes(ours().values()))


def test_every_permission_of_a_route_belongs_to_some_role() -> None:
    assert roles.ungranted(route.permission for route in make_routes(ours().values()).values()) == []


def test_no_role_has_a_permission_that_no_route_asks_for() -> None:
    asked = {route.permission for route in make_routes(ours().values()).values()}
    assert roles.permissions_of("admin") - asked == set()


def test_the_roles_are_the_same_wherever_they_are_written() -> None:
    assert cli.ROLES == get_args(roles.Role) == roles.ROLES == ROLES


def test_every_route_answers_everybody_as_the_policy_says(cast: Cast) -> None:
    count, found = differences(Doorway(cast.workspace, ours().values()), cast, fair_asks(ours()))
    assert found[:20] == []
    assert count > 40 * len(routes())


def test_over_real_http_too(cast: Cast) -> None:
    server = Server(cast.workspace)
    try:
        wrong = [
            f"{route} as {who}: {got}"
            for route in routes()
            for who in (*ROLES, "nothing")
            if route != "/health"
            if (got := asked(server.client, cast, route, who))
            != (who != "nothing" and may(who, route, routes()))
        ]
    finally:
        server.stop()
    assert wrong == []


def asked(client: httpx.Client, cast: Cast, route: str, who: str) -> bool:
    """Whether a request gets past the permission: to its body, which is refused, or to an answer."""
    own = {"/api/v1/objects": "PUT", "/v1/traces": "POST"}
    method = own.get(route, "POST" if route.startswith("/api/v1/") else "GET")
    if "{" in route or route == "/api/v1/me":
        method = "GET"
    client.cookies.clear()  # signing in sets one
    headers = {name.decode(): value.decode() for name, value in cast.headers[who]}
    reply = client.request(
        method, concrete(route), headers={**headers, "content-type": "text/plain"}, content=b"x"
    )
    assert reply.status_code in (200, 400, 401, 403, 404, 415), (route, reply.text)
    assert (reply.status_code == 401) == (who == "nothing"), route
    return reply.status_code not in (401, 403)


def nothing(context: Context) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("name", "permission", "kind"),
    [("models.promote", "models:read", "command"), ("data.list", "data:write", "query")],
)
def test_an_operation_under_a_wrong_permission_is_reported(
    cast: Cast, name: str, permission: str, kind: str
) -> None:
    slipped = Operation(name, kind, permission, nothing)
    app = Doorway(cast.workspace, {**ours(), name: slipped}.values())
    _, found = differences(app, cast, own_asks(ours(), ROLES))
    assert found
    assert all(f" /api/v1/{name} " in each for each in found)


def test_a_role_that_has_too_much_is_reported(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(roles.ADDS, "contributor", (*roles.ADDS["contributor"], "models:approve"))
    _, found = differences(Doorway(cast.workspace, ours().values()), cast, own_asks(ours(), ROLES))
    assert {each.partition(" as ")[2].partition(":")[0] for each in found} == {"contributor"}


class Careless(Doorway):
    """A server that forgets to ask for the permission."""

    async def _answer(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        self._find(scope["path"])
        await reply(send, LET_IN, b"")


def test_a_server_that_forgets_to_ask_is_reported(cast: Cast) -> None:
    _, found = differences(Careless(cast.workspace, ours().values()), cast, own_asks(ours(), ("viewer",)))
    assert len(found) > len(routes()) / 3


def test_a_server_that_takes_what_is_over_is_reported(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ropeway.members.access.max", lambda *_: "", raising=False)
    app = Doorway(cast.workspace, ours().values())
    _, found = differences(app, cast, own_asks(ours(), ("expired", "revoked")))
    assert {each.partition(" as ")[2].partition(":")[0] for each in found} == {"expired"}
